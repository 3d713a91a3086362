"""Layers read whole and in part, and deleted."""

import pytest

from tests.builders import a_layer, an_image, sha256
from tests.oci.wire import credentials, send

UNKNOWN = "sha256:" + "0" * 64
BLOB_UNKNOWN = b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}\n'
TEN = b"0123456789"
BEYOND = 2**64


@pytest.fixture
def ten(docker, repository):
    """A layer of ten bytes: its path."""
    docker.push_blob(repository, a_layer(TEN))
    return docker.path(repository, f"blobs/{sha256(TEN)}")


def test_a_layer_is_read_whole(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    docker.push_blob(repository, layer)
    got, head = docker.get_blob(repository, layer.digest), docker.head_blob(repository, layer.digest)
    assert (got.status, got.body) == (200, layer.content)
    assert (head.status, head.body) == (200, b"")
    for answer in (got, head):
        assert {
            name: each for name, each in answer.headers.items() if name not in ("Date", "Connection")
        } == {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(layer.content)),
            "Docker-Content-Digest": layer.digest,
            "Accept-Ranges": "bytes",
            "Docker-Distribution-Api-Version": "registry/2.0",
        }


def test_a_layer_nobody_pushed_is_unknown(registry):
    docker, repository = registry.docker, registry.repository
    got, head = docker.get_blob(repository, UNKNOWN), docker.head_blob(repository, UNKNOWN)
    assert (got.status, got.headers["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert got.body == BLOB_UNKNOWN
    assert (head.status, head.body) == (404, b"")
    assert docker.get_blob(repository, UNKNOWN, Range="bytes=0-1").status == 404


def test_a_layer_is_one_of_its_repository_alone(registry):
    docker, layer = registry.docker, a_layer()
    registry.api.create_repository(repositoryName="other")
    docker.push_blob("other", layer)
    assert docker.get_blob(registry.repository, layer.digest).body == BLOB_UNKNOWN
    assert docker.head_blob(registry.repository, layer.digest).status == 404
    assert docker.get_blob("no/where", layer.digest).error == "NAME_UNKNOWN"
    assert docker.head_blob("no/where", layer.digest).status == 404
    assert docker.get_blob("other", layer.digest).body == layer.content


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "A" * 64, "latest"])
def test_what_is_no_digest_names_no_layer(docker, repository, digest):
    refused = docker.get_blob(repository, digest)
    assert (refused.status, refused.error) == (400, "DIGEST_INVALID")
    assert refused.message == (
        "Invalid parameter at 'layerDigest' failed to satisfy constraint: 'must satisfy regular expression "
        "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''"
    )
    head = docker.head_blob(repository, digest)
    assert (head.status, head.body) == (400, b"")


# Ranges.


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 9)),
        ("bytes=2-5", (2, 5)),
        ("bytes=9-", (9, 9)),
        ("bytes=9-9", (9, 9)),
        ("bytes=5-99", (5, 9)),
        (f"bytes=5-{BEYOND}", (5, 9)),
        ("bytes=5-" + "9" * 100, (5, 9)),
        ("bytes=-1", (9, 9)),
        ("bytes=-4", (6, 9)),
        ("bytes=-10", (0, 9)),
        (f"bytes=-{BEYOND}", (0, 9)),
        ("bytes=000-001", (0, 1)),
        ("Bytes=2-5", (2, 5)),
        ("bytes= 2-5 ", (2, 5)),
        ("  bytes=2-5", (2, 5)),
    ],
)
def test_a_range_is_cut_out(server, docker, ten, range_, expected):
    first, last = expected
    part = send(server, "GET", ten, credentials(docker) | {"Range": range_})
    assert (part.status, part.body) == (206, TEN[first : last + 1])
    assert part.headers["Content-Range"] == f"bytes {first}-{last}/10"
    assert part.headers["Content-Length"] == str(last - first + 1)
    assert part.headers["Docker-Content-Digest"] == sha256(TEN)


@pytest.mark.parametrize(
    "range_",
    ["bytes=10-", "bytes=10-11", f"bytes={BEYOND}-", "bytes=5-2", "bytes=99-98", "bytes=-0", "bytes=-000"],
)
def test_a_range_without_a_byte_is_refused_and_told_the_size(docker, ten, range_):
    refused = docker.ask("GET", ten, Range=range_)
    assert (refused.status, refused.error) == (416, "RANGE_INVALID")
    assert refused.headers["Content-Range"] == "bytes */10"
    assert docker.ask("GET", ten).body == TEN


def test_what_is_no_single_range_is_ignored(server, docker, ten):
    for range_ in (
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes =1-2",
        "bytes:1-2",
        "bytes=1-2-3",
        "bytes=1.0-2.0",
        "bytes=0x1-0x2",
        "bytes=٢-٥",
        "bytes=0-1,3-4",
        "bytes=0-1, -1",
        "bytes=" + ",".join(["0-0"] * 100),
        "bytes=" + ",".join(["0-0"] * 4_000),
        "bytes=0-" + "9" * 10_000,
        "bits=0-1",
        "0-1",
        "bytes=0-1;",
    ):
        answer = send(server, "GET", ten, credentials(docker) | {"Range": range_})
        assert (answer.status, answer.body) == (200, TEN), range_
        assert answer.headers["Content-Length"] == "10"
        assert "Content-Range" not in answer.headers


def test_more_ranges_than_fit_a_header_are_refused(server, docker, ten):
    range_ = "bytes=" + ",".join(["0-0"] * 10_000)
    answer = send(server, "GET", ten, credentials(docker) | {"Range": range_})
    assert answer.status == 431


def test_a_range_of_a_head_is_ignored(docker, ten):
    head = docker.ask("HEAD", ten, Range="bytes=2-5")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "10", b"")


def test_no_condition_keeps_a_layer_back(docker, ten):
    """There are no validators: what one names is as good as changed."""
    for header in ("If_None_Match", "If_Match", "If_Modified_Since"):
        assert docker.ask("GET", ten, **{header: f'"{sha256(TEN)}"'}).body == TEN
    resumed = docker.ask("GET", ten, Range="bytes=2-5", If_Range=f'"{sha256(TEN)}"')
    assert (resumed.status, resumed.body) == (200, TEN)


def test_the_empty_layer_has_no_ranges(docker, repository):
    docker.push_blob(repository, a_layer(b""))
    for range_ in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        refused = docker.get_blob(repository, sha256(b""), Range=range_)
        assert (refused.status, refused.headers["Content-Range"]) == (416, "bytes */0")


@pytest.mark.parametrize("size", [(64 << 10) - 1, 64 << 10, (64 << 10) + 1, (3 << 20) + 1])
def test_a_layer_of_any_size_comes_back_whole_and_in_parts(docker, repository, size):
    """Small files are sent in one piece with their head, others by sendfile."""
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    layer = a_layer(content)
    docker.push_blob(repository, layer)
    assert docker.get_blob(repository, layer.digest).body == content
    middle = size // 2
    parts = [f"0-{middle - 1}", f"{middle}-{middle}", f"{middle + 1}-"]
    answers = [docker.get_blob(repository, layer.digest, Range=f"bytes={part}") for part in parts]
    assert {answer.status for answer in answers} == {206}
    assert b"".join(answer.body for answer in answers) == content


# Deletion.


def test_a_layer_no_image_uses_is_deleted(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    docker.push_blob(repository, layer)
    deleted = docker.delete_blob(repository, layer.digest)
    assert (deleted.status, deleted.headers["Content-Length"], deleted.body) == (202, "0", b"")
    assert docker.head_blob(repository, layer.digest).status == 404
    again = docker.delete_blob(repository, layer.digest)
    assert (again.status, again.error) == (404, "BLOB_UNKNOWN")
    assert docker.push_blob(repository, layer).status == 201
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_a_layer_an_image_uses_stays(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    docker.push(repository, image, "1.0")
    for blob in image.blobs:
        refused = docker.delete_blob(repository, blob.digest)
        assert (refused.status, refused.error) == (405, "UNSUPPORTED")
        assert docker.get_blob(repository, blob.digest).body == blob.content
    assert docker.delete_manifest(repository, image.digest).status == 202
    assert docker.delete_blob(repository, image.blobs[0].digest).status == 202


def test_a_layer_deleted_here_stays_elsewhere(ecr, docker, repository):
    layer = a_layer()
    ecr.create_repository(repositoryName="other")
    for name in (repository, "other"):
        docker.push_blob(name, layer)
    assert docker.delete_blob(repository, layer.digest).status == 202
    assert docker.head_blob(repository, layer.digest).status == 404
    assert docker.get_blob("other", layer.digest).body == layer.content
