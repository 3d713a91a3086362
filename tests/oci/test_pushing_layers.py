"""The ways in which a layer comes in, and what each step is answered."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.builders import Blob, a_layer, sha256, sha512
from tests.oci.asking import a_request
from tests.oci.wire import Connection, credentials, send

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
VOLATILE = {"Date", "Connection"}
API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
UNKNOWN = "sha256:" + "0" * 64


def said(answer):
    """The headers of an answer, but for those of the connection."""
    return {name: value for name, value in answer.headers.items() if name not in VOLATILE}


def created(docker, repository, digest):
    return {
        "Location": docker.path(repository, f"blobs/{digest}"),
        "Docker-Content-Digest": digest,
        "Content-Length": "0",
    } | API_VERSION


def progress(location, range_):
    return {
        "Location": location,
        "Range": range_,
        "Docker-Upload-UUID": location.rpartition("/")[2],
    } | API_VERSION


# The ways.


def test_a_layer_comes_in_by_post_and_put(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    begun = docker.start_upload(repository)
    location = begun.headers["Location"]
    assert re.fullmatch(re.escape(docker.path(repository, "blobs/uploads/")) + UUID, location)
    assert (begun.status, begun.body) == (202, b"")
    assert said(begun) == progress(location, "0-0") | {"Content-Length": "0"}

    done = docker.finish_upload(location, layer.digest, layer.content)
    assert (done.status, done.body) == (201, b"")
    assert said(done) == created(docker, repository, layer.digest)
    assert docker.ask("GET", done.headers["Location"]).body == layer.content


def test_a_layer_comes_in_by_a_single_post(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    done = docker.start_upload(repository, f"digest={layer.digest}", body=layer.content)
    assert done.status == 201
    assert said(done) == created(docker, repository, layer.digest)
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_a_layer_comes_in_by_chunks_and_the_last_may_ride_in_the_put(docker, repository):
    layer = a_layer(b"first,second,last")
    location = docker.start_upload(repository).headers["Location"]
    for chunk, range_, so_far in ((b"first,", "0-5", "0-5"), (b"second,", "6-12", "0-12")):
        part = docker.patch(location, chunk, Content_Range=range_)
        assert (part.status, part.body) == (202, b"")
        location = part.headers["Location"]
        assert said(part) == progress(location, so_far) | {"Content-Length": "0"}
    done = docker.finish_upload(location, layer.digest, b"last", Content_Range="13-16")
    assert done.status == 201
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_a_layer_comes_in_by_chunks_and_an_empty_put(registry):
    docker, repository = registry.docker, registry.repository
    location = docker.start_upload(repository).headers["Location"]
    location = docker.patch(location, b"all", Content_Range="0-2").headers["Location"]
    assert docker.finish_upload(location, sha256(b"all")).status == 201
    assert docker.get_blob(repository, sha256(b"all")).body == b"all"


def test_a_layer_is_streamed_without_a_length(docker, repository):
    """As docker does: chunked, no Content-Range, no Content-Length; any number of times."""
    location = docker.start_upload(repository).headers["Location"]
    part = docker.patch(location, iter([b"some", b"thing"]))
    assert (part.status, part.headers["Range"]) == (202, "0-8")
    part = docker.patch(part.headers["Location"], iter([b" else"]))
    assert (part.status, part.headers["Range"]) == (202, "0-13")
    assert docker.finish_upload(part.headers["Location"], sha256(b"something else")).status == 201


def test_a_layer_is_appended_with_a_length_alone(docker, repository):
    """As skopeo does."""
    location = docker.start_upload(repository).headers["Location"]
    assert docker.patch(location, b"some").headers["Range"] == "0-3"
    assert docker.patch(location, b"thing").headers["Range"] == "0-8"
    assert docker.finish_upload(location, sha256(b"something")).status == 201


@pytest.mark.parametrize("step", ["post", "put"])
def test_a_whole_layer_may_be_streamed(docker, repository, step):
    layer = a_layer(b"abcdef")
    body = iter([b"abc", b"def"])
    if step == "post":
        done = docker.start_upload(repository, f"digest={layer.digest}", body=body)
    else:
        location = docker.start_upload(repository).headers["Location"]
        done = docker.finish_upload(location, layer.digest, body)
    assert done.status == 201
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_a_layer_of_many_batches_comes_in_whole(docker, repository):
    content = bytes(range(256)) * 12_289  # 3 MiB and a bit
    layer = a_layer(content)
    assert docker.push_blob(repository, layer).status == 201
    assert docker.get_blob(repository, layer.digest).body == content


def test_the_empty_layer_is_one(registry):
    docker, repository, empty = registry.docker, registry.repository, a_layer(b"")
    assert docker.push_blob(repository, empty).status == 201
    got = docker.get_blob(repository, empty.digest)
    assert (got.status, got.headers["Content-Length"], got.body) == (200, "0", b"")
    assert docker.start_upload(repository, f"digest={empty.digest}").status == 201
    location = docker.start_upload(repository).headers["Location"]
    assert docker.finish_upload(location, empty.digest, iter([])).status == 201


def test_the_address_of_uploads_may_lack_its_last_slash(docker, repository):
    assert docker.ask("POST", docker.path(repository, "blobs/uploads")).status == 202


# Status and cancel.


def test_an_upload_says_how_far_it_is(docker, repository):
    location = docker.start_upload(repository).headers["Location"]
    status = docker.ask("GET", location)
    assert (status.status, said(status), status.body) == (204, progress(location, "0-0"), b"")
    docker.patch(location, b"12345")
    status = docker.ask("GET", location)
    assert (status.status, said(status), status.body) == (204, progress(location, "0-4"), b"")


def test_a_cancelled_upload_is_over(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    location = docker.start_upload(repository).headers["Location"]
    assert docker.patch(location, layer.content).status == 202
    cancelled = docker.ask("DELETE", location)
    assert (cancelled.status, said(cancelled), cancelled.body) == (204, API_VERSION, b"")
    assert gone(docker, location, layer)
    assert docker.head_blob(repository, layer.digest).status == 404


def gone(docker, location, layer) -> bool:
    """Whether whatever is done with the upload says that there is none."""
    answers = [
        docker.ask("GET", location),
        docker.patch(location, layer.content),
        docker.finish_upload(location, layer.digest, layer.content),
        docker.finish_upload(location, layer.digest),
        docker.ask("DELETE", location),
    ]
    return {(each.status, each.error) for each in answers} == {(404, "BLOB_UPLOAD_UNKNOWN")}


def test_an_upload_that_became_a_layer_is_over(docker, repository):
    layer = a_layer()
    location = docker.start_upload(repository).headers["Location"]
    assert docker.finish_upload(location, layer.digest, layer.content).status == 201
    assert gone(docker, location, layer)
    assert docker.get_blob(repository, layer.digest).body == layer.content


@pytest.mark.parametrize("id_", ["00000000-0000-4000-8000-000000000000", "no-uuid", "..", "x" * 300])
def test_an_upload_nobody_began_is_unknown(docker, repository, id_):
    location = docker.path(repository, f"blobs/uploads/{id_}")
    answer = docker.ask("GET", location)
    assert (answer.status, answer.error) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert answer.message == (
        f"The upload with id '{id_}' in the repository with name '{repository}' in registry with id "
        "'000000000000' does not exist"
    )
    assert gone(docker, location, a_layer())


def test_an_upload_is_one_of_its_repository_alone(ecr, docker, repository):
    ecr.create_repository(repositoryName="other")
    layer = a_layer()
    location = docker.start_upload(repository).headers["Location"]
    assert gone(docker, location.replace(repository, "other"), layer)
    assert docker.finish_upload(location, layer.digest, layer.content).status == 201


def test_uploads_go_with_their_repository(ecr, docker, repository):
    location = docker.start_upload(repository).headers["Location"]
    ecr.delete_repository(repositoryName=repository)
    assert docker.patch(location, b"x").error == "NAME_UNKNOWN"
    ecr.create_repository(repositoryName=repository)
    assert docker.patch(location, b"x").error == "BLOB_UPLOAD_UNKNOWN"


# Digests.


def test_a_wrong_digest_is_told_and_ends_the_upload(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    location = docker.start_upload(repository).headers["Location"]
    refused = docker.finish_upload(location, UNKNOWN, layer.content)
    assert refused.status == 400
    assert refused.headers["Content-Type"] == "application/json; charset=utf-8"
    assert refused.body == (
        b'{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":'
        b'"None of the provided layer digests match the calculated layer digest"}]}\n'
    )
    assert len(refused.body) == 125
    assert gone(docker, location, layer)
    for digest in (layer.digest, UNKNOWN):
        assert docker.head_blob(repository, digest).status == 404


def test_a_wrong_digest_leaves_no_bytes(tmp_path, server, docker, repository):
    wrong, right = a_layer(b"w" * 4321, digest=UNKNOWN), a_layer(b"r" * 4321)

    def push(layer):
        docker.push_blob(repository, layer)
        docker.start_upload(repository, f"digest={layer.digest}", body=layer.content)
        server.run_jobs("collect_garbage")  # the second of two files with the same bytes
        return sum(path.is_file() and path.stat().st_size == 4321 for path in tmp_path.rglob("*"))

    assert push(wrong) == 0
    assert push(right) == 1


def test_a_single_post_with_a_wrong_digest_leaves_nothing(docker, repository):
    layer = a_layer()
    refused = docker.start_upload(repository, f"digest={UNKNOWN}", body=layer.content)
    assert (refused.status, refused.error) == (400, "BLOB_UPLOAD_INVALID")
    assert docker.head_blob(repository, layer.digest).status == 404


class BrokenOff:
    """A body during which the request is given up."""

    length: int | None = None

    def __init__(self, fault: BaseException) -> None:
        self.fault = fault

    async def read(self, limit_bytes: int) -> bytes:
        raise AssertionError("a layer is read in batches")

    async def batches(self) -> AsyncIterator[bytes]:
        yield b"the beginning"
        yield b" and a little more"
        raise self.fault


@pytest.mark.parametrize("fault", [asyncio.CancelledError(), ConnectionResetError()], ids=repr)
def test_of_a_single_post_that_is_given_up_nothing_stays(tmp_path, server, docker, repository, fault):
    path = docker.path(repository, "blobs/uploads/")
    request = a_request("POST", path, query=f"digest={UNKNOWN}", headers=credentials(docker))
    given_up = replace(request, body=BrokenOff(fault))
    with pytest.raises(type(fault)):
        asyncio.run(server.parts.fronts.oci.handle(given_up))
    assert list(tmp_path.rglob("staging/*")) == []
    with server.parts.stores.database.reading() as db:
        assert db.connection.driver.execute("SELECT count(*) FROM upload").fetchone() == (0,)


def test_of_a_single_post_that_ends_early_nothing_stays(tmp_path, server, docker, repository):
    layer = a_layer()
    target = docker.path(repository, f"blobs/uploads/?digest={layer.digest}")
    length = {"Content-Length": str(len(layer.content) + 1)}
    with Connection(server, "POST", target, credentials(docker) | length) as connection:
        connection.send(layer.content)
        connection.end()
        answer = connection.answer()
    assert (answer.status, answer.error) == (400, "SIZE_INVALID")
    assert list(tmp_path.rglob("staging/*")) == []
    docker.patch(docker.start_upload(repository).headers["Location"], layer.content)
    assert len(list(tmp_path.rglob("staging/*"))) == 1


@pytest.mark.parametrize(
    "query", ["", "?digest=", "?digest=sha256:abc", "?digest=md5:" + "0" * 32, "?other=1"]
)
def test_an_upload_closed_without_a_good_digest_goes_on(docker, repository, query):
    location = docker.start_upload(repository).headers["Location"]
    refused = docker.ask("PUT", location + query, body=b"late")
    assert (refused.status, refused.error) == (400, "DIGEST_INVALID")
    assert docker.finish_upload(location, sha256(b"in time"), b"in time").status == 201


def test_a_digest_may_be_percent_encoded_or_not(server, docker, repository):
    layer = a_layer()
    for digest in (layer.digest, layer.digest.replace(":", "%3A"), layer.digest.replace(":", "%3a")):
        location = docker.start_upload(repository).headers["Location"]
        headers = credentials(docker)
        assert send(server, "PUT", f"{location}?digest={digest}", headers, layer.content).status == 201
        path = docker.path(repository, f"blobs/{digest}")
        assert send(server, "GET", path, headers).body == layer.content


@pytest.mark.parametrize("announced", ["", "digest-algorithm=sha512"])
def test_a_layer_may_be_named_by_sha512_and_is_known_by_both(ecr, docker, repository, announced):
    layer = a_layer()
    name = sha512(layer.content)
    assert docker.get_blob(repository, name).status == 404
    location = docker.start_upload(repository, announced).headers["Location"]
    done = docker.finish_upload(location, name, layer.content)
    assert (done.status, said(done)) == (201, created(docker, repository, name))
    for digest in (name, layer.digest):
        for answer in (docker.get_blob(repository, digest), docker.head_blob(repository, digest)):
            assert (answer.status, answer.headers["Docker-Content-Digest"]) == (200, digest)
        assert docker.get_blob(repository, digest).body == layer.content
    known = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[layer.digest])
    assert [each["layerAvailability"] for each in known["layers"]] == ["AVAILABLE"]


def test_a_wrong_sha512_is_refused(docker, repository):
    layer = a_layer()
    wrong = docker.push_blob(repository, Blob(layer.content, layer.media_type, sha512(b"other")))
    assert (wrong.status, wrong.error) == (400, "BLOB_UPLOAD_INVALID")
    assert (
        docker.push_blob(repository, Blob(layer.content, layer.media_type, sha512(layer.content))).status
        == 201
    )


@pytest.mark.parametrize(("algorithm", "status"), [("sha256", 202), ("sha512", 202), ("md5", 400), ("", 400)])
def test_an_algorithm_is_announced_if_it_is_one_of_two(docker, repository, algorithm, status):
    answer = docker.start_upload(repository, f"digest-algorithm={algorithm}")
    assert answer.status == status
    assert status == 202 or answer.error == "DIGEST_INVALID"


# What is there.


def test_a_layer_that_is_there_may_be_pushed_again(registry):
    docker, repository, layer = registry.docker, registry.repository, a_layer()
    for _ in range(2):
        assert docker.push_blob(repository, layer).status == 201
        again = docker.start_upload(repository, f"digest={layer.digest}", body=layer.content)
        assert again.status == 201
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_both_fronts_see_one_layer(registry):
    api, docker, repository = registry.api, registry.docker, registry.repository
    by_docker, by_api = a_layer(), a_layer()
    docker.push_blob(repository, by_docker)
    upload = api.initiate_layer_upload(repositoryName=repository)["uploadId"]
    which = {"repositoryName": repository, "uploadId": upload}
    api.upload_layer_part(
        **which, partFirstByte=0, partLastByte=len(by_api.content) - 1, layerPartBlob=by_api.content
    )
    api.complete_layer_upload(**which, layerDigests=[by_api.digest])

    known = api.batch_check_layer_availability(
        repositoryName=repository, layerDigests=[by_docker.digest, by_api.digest]
    )
    assert [(each["layerAvailability"], each["layerSize"]) for each in known["layers"]] == [
        ("AVAILABLE", len(by_docker.content)),
        ("AVAILABLE", len(by_api.content)),
    ]
    assert docker.get_blob(repository, by_api.digest).body == by_api.content


def test_both_fronts_see_one_upload(ecr, docker, repository):
    """Begun here, gone on with there. The rule that a part has 5 MiB is the API's alone."""
    location = docker.start_upload(repository).headers["Location"]
    upload = {"repositoryName": repository, "uploadId": location.rpartition("/")[2]}
    assert docker.patch(location, b"here ").status == 202
    ecr.upload_layer_part(**upload, partFirstByte=5, partLastByte=9, layerPartBlob=b"there")
    assert docker.ask("GET", location).headers["Range"] == "0-9"
    with pytest.raises(ecr.exceptions.LayerPartTooSmallException):
        ecr.complete_layer_upload(**upload, layerDigests=[sha256(b"here there")])
    assert docker.finish_upload(location, sha256(b"here there")).status == 201


def test_nothing_is_pushed_to_a_repository_that_is_not_there(registry):
    docker, layer = registry.docker, a_layer()
    location = docker.path("no/where", "blobs/uploads/00000000-0000-4000-8000-000000000000")
    for answer in (
        docker.start_upload("no/where"),
        docker.start_upload("no/where", f"digest={layer.digest}", body=layer.content),
        docker.start_upload("no/where", f"mount={layer.digest}&from={registry.repository}"),
        docker.ask("GET", location),
        docker.patch(location, layer.content),
        docker.finish_upload(location, layer.digest),
        docker.ask("DELETE", location),
    ):
        assert (answer.status, answer.error) == (404, "NAME_UNKNOWN")
        assert answer.message == (
            f"The repository with name 'no/where' does not exist in the registry with id '{registry.id}'"
        )
