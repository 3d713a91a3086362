"""A registry hashes and gives out bytes as they are: nothing is inflated, nothing is compressed."""

import gzip
import os
import zlib

import pytest

from tests.builders import OCI_MANIFEST, a_layer, an_image, sha256
from tests.oci.wire import credentials, send

PLAIN = b"0" * 5_000_000
PACKED = gzip.compress(PLAIN, mtime=0)
CODINGS = ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x-nonsense"]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("way", ["post", "patch", "put", "chunks"])
def test_a_layer_is_hashed_as_it_was_sent(server, docker, repository, way, coding):
    """A bomb of 5 MB in 5 KB stays one of 5 KB."""
    assert len(PACKED) < 6_000
    digest = sha256(PACKED)
    headers = credentials(docker) | {"Content-Encoding": coding}
    if way == "post":
        target = docker.path(repository, f"blobs/uploads/?digest={digest}")
        done = send(server, "POST", target, headers, PACKED)
    else:
        location = docker.start_upload(repository).headers["Location"]
        body, target = PACKED, f"{location}?digest={digest}"
        if way == "patch":
            part = send(server, "PATCH", location, headers, PACKED)
            assert part.headers["Range"] == f"0-{len(PACKED) - 1}"
            body = b""
        elif way == "chunks":
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PACKED), PACKED)
        done = send(server, "PUT", target, headers, body)
    assert (done.status, done.headers["Docker-Content-Digest"]) == (201, digest)
    got = send(server, "GET", docker.path(repository, f"blobs/{digest}"), credentials(docker))
    assert (got.headers["Content-Length"], got.body) == (str(len(PACKED)), PACKED)
    assert docker.head_blob(repository, sha256(PLAIN)).status == 404


def test_the_digest_of_what_was_packed_is_not_the_layer_s(server, docker, repository):
    target = docker.path(repository, f"blobs/uploads/?digest={sha256(PLAIN)}")
    refused = send(server, "POST", target, credentials(docker) | {"Content-Encoding": "gzip"}, PACKED)
    assert (refused.status, refused.error) == (400, "BLOB_UPLOAD_INVALID")
    assert send(server, "POST", target, credentials(docker), PLAIN).status == 201


def test_bytes_that_cannot_be_unpacked_are_a_layer_like_any_other(server, docker, repository):
    content = b"\x1f\x8b" + os.urandom(1_000)
    target = docker.path(repository, f"blobs/uploads/?digest={sha256(content)}")
    headers = credentials(docker) | {"Content-Encoding": "gzip"}
    assert send(server, "POST", target, headers, content).status == 201
    assert docker.get_blob(repository, sha256(content)).body == content


def test_a_packed_manifest_is_none(server, docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    path = docker.path(repository, "manifests/1.0")
    headers = credentials(docker) | {"Content-Type": OCI_MANIFEST}
    for coding, body in (("gzip", gzip.compress(image.content)), ("deflate", zlib.compress(image.content))):
        refused = send(server, "PUT", path, headers | {"Content-Encoding": coding}, body)
        assert (refused.status, refused.error) == (405, "UNSUPPORTED")
    assert docker.get_manifest(repository, "1.0").status == 404
    assert send(server, "PUT", path, headers | {"Content-Encoding": "gzip"}, image.content).status == 201
    assert docker.get_manifest(repository, "1.0").body == image.content


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "deflate, gzip;q=1.0, *;q=0.5", "br, zstd", "*", "identity;q=0", "gzip, identity;q=0", ""],
)
def test_no_answer_is_ever_compressed(server, docker, repository, accepted):
    image = an_image(layers=[a_layer(b"a" * 200_000)], annotations={"long": "b" * 100_000})
    docker.push(repository, image, "1.0")
    wanted = credentials(docker) | {"Accept-Encoding": accepted}
    for path, expected in (
        (docker.path(repository, f"blobs/{image.blobs[1].digest}"), image.blobs[1].content),
        (docker.path(repository, "manifests/1.0"), image.content),
        (docker.path(repository, "tags/list"), None),
        (docker.path(repository, f"referrers/{image.digest}"), None),
        (docker.path("no/where", "tags/list"), None),
        ("/v2/_catalog", None),
        ("/token/", None),
    ):
        for method in ("GET", "HEAD") if expected else ("GET",):
            answer = send(server, method, path, wanted)
            assert not {"Content-Encoding", "Vary", "Transfer-Encoding"} & set(answer.headers), path
            if method == "GET":
                assert answer.headers["Content-Length"] == str(len(answer.body))
            if expected:
                assert answer.headers["Content-Length"] == str(len(expected))
                assert answer.body == (expected if method == "GET" else b"")
