"""Which route a path is, and that it is read from the right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.oci import blobs, manifests, referrers, routes, tags, uploads
from openecr.oci.error_response import Refused
from openecr.oci.routes import ROUTES, find

DIGEST = "sha256:" + "a" * 64
UPLOAD = "1c0a7a0e-7a3f-4c44-9f4e-6f2f3d3b0f0e"

NAMES = st.from_regex(
    r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}", fullmatch=True
) | st.lists(
    st.sampled_from(["blobs", "manifests", "tags", "list", "uploads", "referrers", "v2", "_catalog", "a"]),
    min_size=1,
    max_size=6,
).map("/".join)
REFERENCES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True) | st.just(DIGEST)


def found(method: str, path: str) -> tuple[object, str | None, str]:
    match = find(method, path)
    return match.route.function, match.name, match.reference


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "", (routes.ping, None, "")),
        ("HEAD", "", (routes.ping, None, "")),
        ("GET", "_catalog", (tags.catalog, None, "")),
        ("GET", "_oci/ext/discover", (routes.extensions, None, "")),
        ("GET", "app/manifests/1.0", (manifests.get, "app", "1.0")),
        ("HEAD", f"team/app/manifests/{DIGEST}", (manifests.head, "team/app", DIGEST)),
        ("PUT", "team/app/manifests/1.0", (manifests.put, "team/app", "1.0")),
        ("DELETE", "app/manifests/1.0", (manifests.delete, "app", "1.0")),
        ("POST", "app/blobs/uploads/", (uploads.start, "app", "")),
        ("POST", "app/blobs/uploads", (uploads.start, "app", "")),
        ("GET", f"app/blobs/uploads/{UPLOAD}", (uploads.status, "app", UPLOAD)),
        ("PATCH", f"app/blobs/uploads/{UPLOAD}", (uploads.append, "app", UPLOAD)),
        ("PUT", f"app/blobs/uploads/{UPLOAD}", (uploads.complete, "app", UPLOAD)),
        ("DELETE", f"app/blobs/uploads/{UPLOAD}", (uploads.cancel, "app", UPLOAD)),
        ("GET", f"app/blobs/{DIGEST}", (blobs.get, "app", DIGEST)),
        ("HEAD", f"app/blobs/{DIGEST}", (blobs.head, "app", DIGEST)),
        ("DELETE", f"app/blobs/{DIGEST}", (blobs.delete, "app", DIGEST)),
        ("GET", "app/tags/list", (tags.list_tags, "app", "")),
        ("GET", f"app/referrers/{DIGEST}", (referrers.list_referrers, "app", DIGEST)),
    ],
)
def test_every_route_is_found(method, path, expected):
    assert found(method, path) == expected


def test_the_table_names_each_method_and_pattern_once():
    assert len({(method, pattern) for method, pattern, _ in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "blobs/manifests/1", (manifests.get, "blobs", "1")),
        ("GET", "manifests/manifests/manifests", (manifests.get, "manifests", "manifests")),
        ("GET", "a/manifests/b/manifests/c", (manifests.get, "a/manifests/b", "c")),
        ("GET", "a/tags/list/tags/list", (tags.list_tags, "a/tags/list", "")),
        ("GET", f"a/blobs/uploads/blobs/{DIGEST}", (blobs.get, "a/blobs/uploads", DIGEST)),
        ("POST", "a/blobs/uploads/blobs/uploads/", (uploads.start, "a/blobs/uploads", "")),
        ("PUT", "a/blobs/uploads/manifests/uploads", (manifests.put, "a/blobs/uploads", "uploads")),
        ("GET", "v2/v2/manifests/v2", (manifests.get, "v2/v2", "v2")),
        ("GET", "_catalog/tags/list", (tags.list_tags, "_catalog", "")),
    ],
)
def test_a_name_may_hold_the_words_of_the_routes(method, path, expected):
    assert found(method, path) == expected


@given(NAMES, REFERENCES)
def test_whatever_the_name_its_manifests_are_found(name, reference):
    assert found("GET", f"{name}/manifests/{reference}") == (manifests.get, name, reference)


@given(NAMES)
def test_whatever_the_name_its_uploads_and_tags_are_found(name):
    assert found("POST", f"{name}/blobs/uploads/") == (uploads.start, name, "")
    assert found("PATCH", f"{name}/blobs/uploads/{UPLOAD}") == (uploads.append, name, UPLOAD)
    assert found("GET", f"{name}/tags/list") == (tags.list_tags, name, "")


@pytest.mark.parametrize(
    "path",
    [
        "app",
        "app/",
        "app/manifests",
        "app/manifests/",
        "app/manifests/1.0/",
        "app/manifests/a/b",
        "app/tags",
        "app/tags/list/",
        "app/referrers/",
        "app/blobs/",
        f"app/blobs/uploads/{UPLOAD}/",
        "_oci/ext",
        "_catalog/",
        "/",
        "app/MANIFESTS/1.0",
        "app/m%61nifests/1.0",
    ],
)
def test_what_is_no_route_is_not_found(path):
    with pytest.raises(Refused) as refused:
        find("GET", path)
    response = refused.value.response
    assert (response.status, response.headers["Content-Type"], response.body) == (
        404,
        "text/plain; charset=utf-8",
        b"404 page not found\n",
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "app/manifests/1.0", "GET, HEAD, PUT, DELETE"),
        ("GET", "app/blobs/uploads/", "POST"),
        ("POST", f"app/blobs/uploads/{UPLOAD}", "GET, PATCH, PUT, DELETE"),
        ("PUT", f"app/blobs/{DIGEST}", "GET, HEAD, DELETE"),
        ("DELETE", "app/tags/list", "GET"),
        ("POST", "_catalog", "GET"),
        ("DELETE", "", "GET, HEAD"),
        ("get", "app/tags/list", "GET"),
    ],
)
def test_a_route_of_other_methods_is_unsupported(method, path, allowed):
    with pytest.raises(Refused) as refused:
        find(method, path)
    response = refused.value.response
    assert response.status == 405
    assert response.headers["Allow"] == allowed
    assert response.body == (
        b'{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}\n'
    )


def test_an_encoded_digest_is_decoded_once():
    assert found("GET", f"app/blobs/{DIGEST.replace(':', '%3A')}") == (blobs.get, "app", DIGEST)
    assert found("GET", "app/manifests/sha256%253Aab")[2] == "sha256%3Aab"


def test_an_encoded_slash_moves_no_border():
    assert found("GET", "team%2Fapp/manifests/1.0") == (manifests.get, "team/app", "1.0")
    assert found("GET", "app/manifests/a%2Fb") == (manifests.get, "app", "a/b")
    assert found("GET", f"app/blobs/uploads%2F{UPLOAD}") == (blobs.get, "app", f"uploads/{UPLOAD}")


@given(st.text(max_size=60), st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]))
def test_every_path_has_a_route_or_a_refusal(path, method):
    try:
        match = find(method, path)
    except Refused as refused:
        assert refused.response.status in (404, 405)
    else:
        assert match.name is None or match.name.isprintable()
        assert match.reference.isprintable()


def test_a_long_path_is_judged_in_time_that_grows_with_its_length_only():
    path = "a/manifests/" * 5_000
    with pytest.raises(Refused):
        find("GET", path)
