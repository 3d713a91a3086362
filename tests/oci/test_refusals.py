"""What is refused before any operation is asked: the gate of these tests opens to nobody."""

import orjson
import pytest

from openecr.errors import ServerException, ServiceUnavailable
from tests.oci.asking import ACCOUNT, ALIAS, DEFAULT_ACCOUNT, PUBLIC_HOST, Desk, a_request, basic, bearer

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(response) -> tuple[int, str, str]:
    (error,) = orjson.loads(response.body)["errors"]
    return response.status, error["code"], error["message"]


def not_there(name: str, registry_id: str) -> tuple[int, str, str]:
    message = f"The repository with name '{name}' does not exist in the registry with id '{registry_id}'"
    return 404, "NAME_UNKNOWN", message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("UPPER/manifests/1", "UPPER"),
        ("manifests/1", ""),
        ("a..b/manifests/1", "a..b"),
        ("a/../b/manifests/1", "a/../b"),
        ("%2e%2e%2f%2e%2e%2fetc/manifests/1", "../../etc"),
        ("a//b/manifests/1", "a//b"),
        ("a/manifests/manifests/", None),
        ("a%00b/manifests/1", "a�b"),
        ("a%c0%afb/manifests/1", "a��b"),
        ("a%5cb/manifests/1", "a\\b"),
        ("a*/manifests/1", "a*"),
        ("caf%c3%a9/manifests/1", "café"),
        ("-a/blobs/uploads/x", "-a"),
        ("x" * 257 + "/tags/list", "x" * 257),
    ],
)
def test_what_is_no_name_is_no_repository(desk, path, name):
    response = desk.ask(a_request(path=f"/v2/{path}", headers=basic(desk.token())))
    if name is None:
        assert (response.status, response.body) == (404, b"404 page not found\n")
    else:
        assert refused(response) == not_there(name, ACCOUNT)


def test_a_public_repository_is_unknown_by_its_alias(desk):
    headers = bearer(desk.token("anonymous"))
    for host, prefix in ((PUBLIC_HOST, ""), ("localhost:3270", "public.ecr.aws/")):
        request = a_request(path=f"/v2/{prefix}{ALIAS}/a__b/manifests/1", host=host, headers=headers)
        assert refused(desk.ask(request)) == not_there("a__b", ALIAS)


def test_on_the_public_host_a_name_without_an_alias_is_no_repository(desk):
    request = a_request(
        path="/v2/1abc/app/manifests/1", host=PUBLIC_HOST, headers=bearer(desk.token("public"))
    )
    assert refused(desk.ask(request)) == not_there("1abc/app", "")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("reference", "code"),
    [("sha256:baddigeststring", "DIGEST_INVALID"), ("-x", "TAG_INVALID"), ("a%2Bb", "TAG_INVALID")],
)
def test_a_malformed_reference_is_a_bad_request(desk, method, reference, code):
    response = desk.ask(a_request(method, f"/v2/app/manifests/{reference}", headers=basic(desk.token())))
    assert refused(response)[:2] == (400, code)


def test_head_of_a_malformed_reference_has_no_body(desk):
    response = desk.ask(a_request("HEAD", "/v2/app/manifests/a+b", headers=basic(desk.token())))
    assert (response.status, response.body) == (400, None)


@pytest.mark.parametrize("digest", ["sha256:abc", "blake3:" + "a" * 64, "uploadss", DIGEST.upper()])
@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "blobs/{}", ""),
        ("DELETE", "blobs/{}", ""),
        ("GET", "referrers/{}", ""),
        ("POST", "blobs/uploads/", "mount={}"),
        ("POST", "blobs/uploads/", "digest={}"),
        ("PUT", "blobs/uploads/1", "digest={}"),
    ],
)
def test_a_malformed_digest_is_a_bad_request(desk, method, path, query, digest):
    request = a_request(
        method, f"/v2/app/{path.format(digest)}", query=query.format(digest), headers=basic(desk.token())
    )
    assert refused(desk.ask(request))[:2] == (400, "DIGEST_INVALID")


def test_an_upload_cannot_be_closed_without_a_digest(desk):
    request = a_request("PUT", "/v2/app/blobs/uploads/1", headers=basic(desk.token()))
    assert refused(desk.ask(request))[:2] == (400, "DIGEST_INVALID")


def test_an_unknown_digest_algorithm_is_a_bad_request(desk):
    request = a_request(
        "POST", "/v2/app/blobs/uploads/", query="digest-algorithm=md5", headers=basic(desk.token())
    )
    assert refused(desk.ask(request)) == (
        400,
        "DIGEST_INVALID",
        "The digest algorithm is not one of sha256, sha512.",
    )


def test_a_chunk_must_be_as_long_as_its_range(desk):
    headers = basic(desk.token()) | {"Content-Range": "0-9"}
    request = a_request("PATCH", "/v2/app/blobs/uploads/1", body=b"123456789", headers=headers)
    assert refused(desk.ask(request))[:2] == (400, "SIZE_INVALID")


@pytest.mark.parametrize("query", ["n=", "n=-1", "n=a", "n=1.5", "n=+5", "n=" + "9" * 5_000, "n=٥"])
@pytest.mark.parametrize("path", ["app/tags/list", "_catalog"])
def test_what_is_no_number_counts_nothing(desk, path, query):
    request = a_request(path=f"/v2/{path}", query=query, headers=basic(desk.token()))
    assert refused(desk.ask(request)) == (
        400,
        "PAGINATION_NUMBER_INVALID",
        "invalid number of results requested",
    )


def test_there_is_no_catalog_of_all_public_registries(desk):
    for host, path in ((PUBLIC_HOST, "/v2/_catalog"), ("localhost:3270", "/v2/public.ecr.aws/_catalog")):
        request = a_request(path=path, host=host, headers=bearer(desk.token("public")))
        assert refused(desk.ask(request))[:2] == (405, "UNSUPPORTED")


def test_more_tags_at_once_than_can_be_pushed_are_refused(desk):
    tags = "&".join(f"tag=t{at}" for at in range(101))
    request = a_request("PUT", f"/v2/app/manifests/{DIGEST}", query=tags, headers=basic(desk.token()))
    assert refused(desk.ask(request))[:2] == (414, "TAG_INVALID")


def test_one_bad_tag_among_several_is_refused(desk):
    request = a_request(
        "PUT", f"/v2/app/manifests/{DIGEST}", query="tag=ok&tag=-no", headers=basic(desk.token())
    )
    assert refused(desk.ask(request))[:2] == (400, "TAG_INVALID")


def test_a_path_that_is_no_route_is_none_for_those_who_may_come_in(desk):
    response = desk.ask(a_request(path="/v2/app/nothing", headers=basic(desk.token())))
    assert (response.status, response.body) == (404, b"404 page not found\n")


def test_there_are_no_extensions(desk):
    response = desk.ask(a_request(path="/v2/_oci/ext/discover", headers=basic(desk.token())))
    assert (response.status, response.body) == (200, b'{"extensions":[]}\n')


def test_every_answer_says_which_api_it_is_of(desk):
    for headers in ({}, basic(desk.token()), basic("wrong")):
        for path in ("/v2/", "/v2/nothing", "/v2/UPPER/manifests/1", "/token/"):
            response = desk.ask(a_request(path=path, headers=headers))
            assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_fault_of_the_server_is_told_in_the_front_s_form(desk):
    response = desk.front.refuse(a_request(), ServerException())
    assert refused(response)[:2] == (500, "UNKNOWN")
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert desk.front.refuse(a_request("HEAD"), ServiceUnavailable()).body is None


def test_in_development_a_plain_address_means_the_default_registry():
    desk = Desk(dev=True)
    response = desk.ask(a_request(path="/v2/UPPER/manifests/1", headers=basic("x")))
    assert refused(response) == not_there("UPPER", DEFAULT_ACCOUNT)
