"""Names that are none: refused by the grammar, never a fault of ours, and never a file anywhere else."""

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import a_layer, an_image
from tests.depth import examples
from tests.oci.wire import credentials, send

DIGEST = "sha256:" + "0" * 64
UPLOAD = "00000000-0000-4000-8000-000000000000"
HEX = "0" * 60

# As they stand in the target of a request: bytes, for a client of ours would mend them.
TRAVERSALS = [
    b"..",
    b"../..",
    b"../../../../etc/passwd",
    b"%2e%2e",
    b"%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    b"%2E%2E/%2E%2E",
    b"..%2f..",
    b"..%5c..%5cetc",
    b"%252e%252e%252f",
    b"..;/",
    b".",
    b"...",
    b"a/../b",
    b"a/./b",
    b"a//b",
    b"/a",
    b"//",
    b"%2fetc%2fpasswd",
    b"~root",
    b"C:%5cWindows",
    b"a\\..\\b",
]
ENCODINGS = [
    b"a%00b",
    b"%00",
    b"a%00/manifests",
    b"a%0d%0aX-Injected:%201",
    b"a%0ab",
    b"a%09b",
    b"a%20b",
    b"a%7fb",
    b"%c0%ae%c0%ae%c0%af",  # overlong dots and slash
    b"%e0%80%ae",
    b"%f0%80%80%ae",
    b"%ff%fe",
    b"%ed%a0%80",  # half a surrogate pair
    b"caf%c3%a9",  # composed
    b"cafe%cc%81",  # decomposed
    b"%e2%80%aeppa",  # right to left
    b"%ef%bc%8e%ef%bc%8e%ef%bc%8f",  # full-width dots and slash
    b"%ef%bb%bfapp",
    b"%",
    b"%2",
    b"%zz",
    b"%u002e",
    b"a%2",
]
SHAPES = [
    b"App",
    b"APP",
    b"a..b",
    b"a__b___c",
    b"-a",
    b"a-",
    b".a",
    b"a.",
    b"_a",
    b"a/",
    b"a/-b",
    b"a@b",
    b"a:b",
    b"a*b",
    b"a?b",
    b"a'b",
    b'a"b',
    b"a;b",
    b"a|b",
    b"$(id)",
    b"%24%7bjndi%7d",
    b"a" * 257,
    b"a/" * 128 + b"aa",
    b"a" * 4_000,
    b"0" * 12 + b".dkr.ecr.us-east-1",
]
NAMES = TRAVERSALS + ENCODINGS + SHAPES
ROUTES = [
    ("GET", b"/v2/%s/manifests/1.0", b""),
    ("HEAD", b"/v2/%s/manifests/1.0", b""),
    ("PUT", b"/v2/%s/manifests/1.0", b"{}"),
    ("DELETE", b"/v2/%s/manifests/1.0", b""),
    ("GET", b"/v2/%s/tags/list", b""),
    ("GET", b"/v2/%%s/blobs/%s" % DIGEST.encode(), b""),
    ("DELETE", b"/v2/%%s/blobs/%s" % DIGEST.encode(), b""),
    ("POST", b"/v2/%s/blobs/uploads/", b""),
    ("POST", b"/v2/%%s/blobs/uploads/?digest=%s" % DIGEST.encode(), b"x"),
    ("PATCH", b"/v2/%%s/blobs/uploads/%s" % UPLOAD.encode(), b"x"),
    ("PUT", b"/v2/%%s/blobs/uploads/%s?digest=%s" % (UPLOAD.encode(), DIGEST.encode()), b"x"),
    ("GET", b"/v2/%%s/referrers/%s" % DIGEST.encode(), b""),
]


def files(folder: Path):
    """All that lies in a folder, and how large each file is, but for the database and the audit log."""
    return {
        str(path.relative_to(folder)): path.stat().st_size if stat.S_ISREG(path.stat().st_mode) else None
        for path in folder.rglob("*")
        if not path.name.startswith(("metadata.db", "audit"))
    }


def is_refused(answer) -> bool:
    """Whether it is told to be the client's fault, in words that end like ours."""
    return 400 <= answer.status < 500 and (not answer.body or answer.body.endswith(b"\n"))


@pytest.fixture
def ask(server, docker):
    def ask(method, target, body=b"", **headers):
        return send(server, method, target, credentials(docker) | headers, body)

    return ask


@pytest.fixture
def untouched(tmp_path, docker, repository):
    """Nothing new lies in the folder of the test when it is over, nor beside it."""
    image = an_image()
    docker.push(repository, image, "1.0")
    before = files(tmp_path)
    assert len(image.blobs[0].content) in before.values()  # it is here that things are stored
    beside = set(tmp_path.parent.iterdir())
    yield
    assert files(tmp_path) == before
    assert set(tmp_path.parent.iterdir()) <= beside
    assert docker.get_manifest(repository, "1.0").status == 200


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("method", "target", "body"), ROUTES, ids=lambda value: str(value)[:40])
def test_what_is_no_name_of_a_repository_is_none(ask, method, target, body):
    for name in NAMES:
        answer = ask(method, target % name, body)
        assert is_refused(answer), (name, answer)
        if method != "HEAD" and answer.headers["Content-Type"].startswith("application/json"):
            assert answer.error in ("NAME_UNKNOWN", "DENIED"), (name, answer)


@pytest.mark.usefixtures("untouched")
def test_what_is_no_tag_is_none(ask, repository):
    for tag in (*TRAVERSALS, *ENCODINGS, b"x" * 129, b"-a", b".a", b"a+b", b"a@b", b"a*", b"x" * 4_000):
        path = b"/v2/%s/manifests/%s" % (repository.encode(), tag)
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert is_refused(ask(method, path, b"{}" if method == "PUT" else b"")), (method, tag)


@pytest.mark.usefixtures("untouched")
def test_what_is_no_digest_is_none(ask, repository):
    name = repository.encode()
    for text in (
        *[b"sha256:" + each for each in (*TRAVERSALS, *ENCODINGS)],
        b"sha256:" + b"0" * 63,
        b"sha256:" + b"0" * 65,
        b"sha256:" + b"A" * 64,
        b"sha256:" + b"g" * 64,
        b"SHA256:" + b"0" * 64,
        b"sha256%3a" + HEX.encode() + b"%2e%2e",
        b"sha256:" + HEX.encode() + b"/../",
        b"sha256::" + b"0" * 64,
        b"sha512:" + b"0" * 64,
        b"sha256+x:" + b"0" * 64,
        b"md5:" + b"0" * 32,
        b":",
        b"sha256:" + b"%EF%BC%90" * 64,  # full-width zeros
        b"sha256:" + b"0" * 4_000,
    ):
        for method, target in (
            ("GET", b"/v2/%s/blobs/%s"),
            ("HEAD", b"/v2/%s/blobs/%s"),
            ("DELETE", b"/v2/%s/blobs/%s"),
            ("GET", b"/v2/%s/manifests/%s"),
            ("PUT", b"/v2/%s/manifests/%s"),
            ("GET", b"/v2/%s/referrers/%s"),
            ("POST", b"/v2/%s/blobs/uploads/?mount=%s"),
            ("POST", b"/v2/%s/blobs/uploads/?digest=%s"),
        ):
            assert is_refused(ask(method, target % (name, text))), (method, target, text)


@pytest.mark.usefixtures("untouched")
def test_what_is_no_upload_is_none(ask, repository):
    name = repository.encode()
    for upload in (*TRAVERSALS, *ENCODINGS, b"x" * 4_000, UPLOAD.encode() + b"%00", UPLOAD.encode() + b"/.."):
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            target = b"/v2/%s/blobs/uploads/%s?digest=%s" % (name, upload, DIGEST.encode())
            assert is_refused(ask(method, target, b"x" if method == "PATCH" else b"")), (method, upload)


@pytest.mark.usefixtures("untouched")
def test_what_is_no_path_is_refused_before_anything_looks_at_it(ask):
    for target in (
        b"/v2/caf\xc3\xa9/manifests/1.0",
        b"/v2/a\xff/manifests/1.0",
        b"/v2/a\x00b/manifests/1.0",
        b"/v2/a\x01b/manifests/1.0",
        b"/v2/a b/manifests/1.0",
        b"v2/a/manifests/1.0",
        b"*",
        b"http://localhost/v2/a/manifests/1.0",
        b"/v2/" + b"a" * 20_000,
    ):
        assert is_refused(ask("GET", target)), target


@pytest.mark.usefixtures("untouched")
def test_no_header_of_an_answer_can_be_made_by_a_name(ask, repository):
    for path in (
        "/v2/a%0d%0aX-Injected:%201/manifests/1.0",
        f"/v2/{repository}/manifests/a%0d%0aX-Injected:%201",
        f"/v2/{repository}/tags/list?n=1&last=%0d%0aX-Injected:%201&ns=%0d%0aX-Injected:%201",
        f"/v2/{repository}/referrers/{DIGEST}?artifactType=%0d%0aX-Injected:%201",
    ):
        assert "X-Injected" not in ask("GET", path).headers
    answer = ask("GET", "/v2/", Authorization="", Host='evil"%0d%0aX')
    assert (answer.status, "WWW-Authenticate" in answer.headers) == (400, False)


def test_a_name_has_256_characters_at_most(ecr, docker):
    longest = "a" * 100 + "/" + "b" * 155
    assert len(longest) == 256
    ecr.create_repository(repositoryName=longest)
    assert docker.push(longest, an_image(), "1.0").status == 201
    too_long = docker.start_upload(longest + "b")
    assert (too_long.status, too_long.error) == (404, "NAME_UNKNOWN")


def test_a_public_name_has_205_characters_at_most_and_its_own_grammar(public):
    longest = "a" * 205
    public.api.create_repository(repositoryName=longest)
    assert public.docker.push(longest, an_image(), "1.0").status == 201
    for name in (longest + "a", "a__b", "a--b"):
        refused = public.docker.start_upload(name)
        assert (refused.status, refused.error) == (404, "NAME_UNKNOWN")


def test_a_name_may_hold_the_words_of_the_routes(ecr, docker):
    for name in ("blobs/uploads", "manifests/manifests", "tags/list", "v2/v2", "token/x", "referrers"):
        ecr.create_repository(repositoryName=name)
        image = an_image()
        assert docker.push(name, image, "latest").status == 201
        assert docker.get_manifest(name, "latest").body == image.content
        assert docker.get_blob(name, image.blobs[0].digest).status == 200
        assert docker.tags(name).json == {"name": name, "tags": ["latest"]}
        assert docker.referrers(name, image.digest).status == 200


def test_a_name_may_be_percent_encoded(ask, docker, repository):
    layer = a_layer()
    docker.push_blob(repository, layer)
    for name in (repository.replace("/", "%2F"), "%74" + repository[1:]):
        assert ask("GET", f"/v2/{name}/blobs/{layer.digest}").body == layer.content


@settings(
    max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(ROUTES),
    st.lists(
        st.sampled_from(
            [
                b"..",
                b"/",
                b"%2f",
                b"%2e",
                b"%00",
                b"%",
                b"a",
                b"team",
                b"app",
                b":",
                b"sha256",
                b"\\",
                b"%c0%af",
            ]
        )
        | st.binary(min_size=1, max_size=3).map(lambda raw: b"".join(b"%%%02x" % byte for byte in raw)),
        min_size=1,
        max_size=8,
    ).map(b"".join),
)
def test_whatever_stands_for_a_name_is_refused(untouched, ask, route, name):
    method, target, body = route
    assert is_refused(ask(method, target % name, body))
