"""Uploads as OCI clients make them: whole, in chunks, streamed, resumed, cancelled.

Source: data-plane.md §1.4. The same operations as in test_uploads.py, without the API's rules about
parts (§6.2 there).
"""

import os

import pytest

from tests.builders import a_layer, sha256, sha512
from tests.operations.interrupted import BEGUN_BYTES, HalfSent, until
from tests.operations.nodes import a_node
from tests.operations.refusals import refusal

REPOSITORY = "team/app"
MIB = 1 << 20
UNKNOWN = "sha256:" + "0" * 64
NO_UPLOAD = "5e0b1f6e-1111-2222-3333-444455556666"
LARGE = b"0123456789abcdef" * (4 * MIB // 16)
assert len(LARGE) > BEGUN_BYTES


def begin(registry) -> str:
    """Where the upload goes on."""
    started = registry.start_upload(REPOSITORY)
    assert started.status == 202, started.body
    return started.headers["Location"]


def id_of(location) -> str:
    return location.rpartition("/")[2]


def status(registry, location) -> tuple[int, str]:
    answer = registry.ask("GET", location)
    return answer.status, answer.headers.get("Range")


def fault(answer) -> tuple[int, str, str]:
    return answer.status, answer.error, answer.message


def is_gone(registry, location) -> bool:
    answer = registry.ask("GET", location)
    return (answer.status, answer.error) == (404, "BLOB_UPLOAD_UNKNOWN")


def content_of(registry, digest) -> bytes:
    answer = registry.get_blob(REPOSITORY, digest)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (200, digest)
    return answer.body


def test_an_upload_says_where_it_goes_on(registry):
    started = registry.start_upload(REPOSITORY)
    upload = started.headers["Docker-Upload-UUID"]
    path = registry.path(REPOSITORY, f"blobs/uploads/{upload}")
    assert (started.status, started.headers["Location"], started.headers["Range"]) == (202, path, "0-0")
    assert status(registry, path) == (204, "0-0")


@pytest.mark.parametrize("cuts", [[], [1], [1, 2, 3], [0, 1023, 1024], [700_000]])
def test_chunks_in_any_cut_become_the_same_layer(registry, cuts):
    content = os.urandom(MIB)
    location, first = begin(registry), 0
    for end in [*cuts, len(content)]:
        if end > first:
            chunk = content[first:end]
            answer = registry.patch(location, chunk, Content_Range=f"{first}-{end - 1}")
            assert (answer.status, answer.headers["Range"]) == (202, f"0-{end - 1}")
            location, first = answer.headers["Location"], end
    finished = registry.finish_upload(location, sha256(content))
    assert finished.status == 201
    assert finished.headers["Location"] == registry.path(REPOSITORY, f"blobs/{sha256(content)}")
    assert finished.headers["Docker-Content-Digest"] == sha256(content)
    assert content_of(registry, sha256(content)) == content


def test_a_layer_may_be_streamed_without_its_length(registry):
    content = os.urandom(3 * MIB)
    location = begin(registry)
    answer = registry.patch(location, iter([content[:MIB], content[MIB:]]))
    assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(content) - 1}")
    assert registry.finish_upload(location, sha256(content)).status == 201
    assert content_of(registry, sha256(content)) == content


def test_the_last_chunk_may_come_with_the_closing_request(registry):
    content = b"first, second"
    location = begin(registry)
    registry.patch(location, content[:7], Content_Range="0-6")
    finished = registry.finish_upload(location, sha256(content), content[7:], Content_Range="7-12")
    assert finished.status == 201
    assert content_of(registry, sha256(content)) == content


def test_a_layer_may_come_in_the_first_request(registry, tmp_path):
    layer = a_layer()
    wrong = registry.start_upload(REPOSITORY, f"digest={UNKNOWN}", body=layer.content)
    assert (wrong.status, wrong.error) == (400, "BLOB_UPLOAD_INVALID")
    assert [path for path in tmp_path.rglob("*-*-*-*-*") if path.is_file()] == []

    made = registry.start_upload(REPOSITORY, f"digest={layer.digest}", body=layer.content)
    assert (made.status, made.headers["Docker-Content-Digest"]) == (201, layer.digest)
    assert content_of(registry, layer.digest) == layer.content


def test_a_wrong_digest_ends_the_upload(registry, tmp_path):
    location = begin(registry)
    registry.patch(location, b"content")
    assert fault(registry.finish_upload(location, UNKNOWN)) == (
        400,
        "BLOB_UPLOAD_INVALID",
        "None of the provided layer digests match the calculated layer digest",
    )
    assert is_gone(registry, location)
    assert list(tmp_path.rglob(id_of(location))) == []


def test_a_chunk_out_of_order_leaves_the_upload_as_it_was(registry):
    location = begin(registry)
    registry.patch(location, b"0123456789", Content_Range="0-9")
    for first in (0, 9, 11):
        late = registry.patch(location, b"x" * 10, Content_Range=f"{first}-{first + 9}")
        assert fault(late) == (
            416,
            "RANGE_INVALID",
            f"First byte of the layer part is {first} instead of 10",
        )
    closing = registry.finish_upload(location, UNKNOWN, b"x" * 10, Content_Range="11-20")
    assert (closing.status, closing.error) == (416, "RANGE_INVALID")
    assert status(registry, location) == (204, "0-9")
    assert registry.patch(location, b"x", Content_Range="10-10").headers["Range"] == "0-10"
    assert registry.finish_upload(location, sha256(b"0123456789x")).status == 201


def test_a_layer_that_is_there_may_be_pushed_again_but_whole(registry):
    layer = a_layer()
    for _ in range(2):
        assert registry.push_blob(REPOSITORY, layer).status == 201
    short = registry.finish_upload(begin(registry), layer.digest, layer.content[:-1])
    assert (short.status, short.error) == (400, "BLOB_UPLOAD_INVALID")


def test_the_empty_layer_can_be_pushed_over_oci_alone(registry, api):
    nothing = sha256(b"")
    assert registry.finish_upload(begin(registry), nothing).status == 201
    assert content_of(registry, nothing) == b""
    upload = api.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    asked = {"repositoryName": REPOSITORY, "uploadId": upload, "layerDigests": [nothing]}
    assert refusal(api.complete_layer_upload, **asked)[0] == "EmptyUploadException"


def test_a_layer_pushed_as_sha512_goes_by_both_digests(registry, api):
    layer = a_layer()
    wide = sha512(layer.content)
    assert registry.finish_upload(begin(registry), sha512(b"other"), layer.content).status == 400
    assert registry.head_blob(REPOSITORY, wide).status == 404

    started = registry.start_upload(REPOSITORY, "digest-algorithm=sha512")
    pushed = registry.finish_upload(started.headers["Location"], wide, layer.content)
    assert (pushed.status, pushed.headers["Docker-Content-Digest"]) == (201, wide)
    for digest in (wide, layer.digest):
        assert content_of(registry, digest) == layer.content
        head = registry.head_blob(REPOSITORY, digest)
        assert (head.status, head.headers["Docker-Content-Digest"]) == (200, digest)
    checked = api.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=[layer.digest])
    assert checked["layers"][0]["layerAvailability"] == "AVAILABLE"


def test_a_cancelled_upload_is_gone_from_both_fronts(registry, api, tmp_path):
    location = begin(registry)
    registry.patch(location, b"content")
    cancelled = registry.ask("DELETE", location)
    assert (cancelled.status, cancelled.body) == (204, b"")
    assert is_gone(registry, location)
    for answer in (
        registry.ask("DELETE", location),
        registry.patch(location, b"more"),
        registry.finish_upload(location, sha256(b"content")),
    ):
        assert (answer.status, answer.error) == (404, "BLOB_UPLOAD_UNKNOWN")
    asked = {"repositoryName": REPOSITORY, "uploadId": id_of(location)}
    assert refusal(api.complete_layer_upload, **asked, layerDigests=[UNKNOWN])[0] == "UploadNotFoundException"
    assert list(tmp_path.rglob(id_of(location))) == []


def test_an_upload_is_of_one_repository(registry, api):
    api.create_repository(repositoryName="other")
    location = begin(registry)
    registry.patch(location, b"content")
    elsewhere = location.replace(REPOSITORY, "other")
    for answer in (
        registry.ask("GET", elsewhere),
        registry.ask("DELETE", elsewhere),
        registry.patch(elsewhere, b"more"),
        registry.finish_upload(elsewhere, sha256(b"content")),
    ):
        assert (answer.status, answer.error) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert status(registry, location) == (204, "0-6")


def test_an_unknown_repository_or_upload_is_told(registry):
    assert registry.start_upload("nowhere").error == "NAME_UNKNOWN"
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        query = f"digest={UNKNOWN}" if method == "PUT" else ""
        for repository, error in ((REPOSITORY, "BLOB_UPLOAD_UNKNOWN"), ("nowhere", "NAME_UNKNOWN")):
            for upload in (NO_UPLOAD, "no-upload"):
                path = registry.path(repository, f"blobs/uploads/{upload}")
                answer = registry.ask(method, path, query=query)
                assert (answer.status, answer.error) == (404, error)


def test_both_fronts_add_to_the_same_upload(registry, api):
    upload = api.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    location = registry.path(REPOSITORY, f"blobs/uploads/{upload}")
    registry.patch(location, b"by oci, ")
    part = {"partFirstByte": 8, "partLastByte": 13, "layerPartBlob": b"by api"}
    api.upload_layer_part(repositoryName=REPOSITORY, uploadId=upload, **part)
    assert status(registry, location) == (204, "0-13")
    assert registry.finish_upload(location, sha256(b"by oci, by api")).status == 201


# Limits, also where nobody says how much will come.


@pytest.mark.parametrize(("service", "most"), [("ecr", 52_000 * MIB), ("ecr-public", 10_000 * MIB)])
def test_a_layer_is_so_large_at_most(registry, server, tmp_path, most):
    location = begin(registry)
    registry.patch(location, b"content")
    (staged,) = tmp_path.rglob(id_of(location))
    os.truncate(staged, most - MIB)  # a hole: nothing is written
    with server.parts.stores.database.transaction() as db:
        given = (most - MIB, id_of(location))
        db.connection.driver.execute("UPDATE upload SET size_bytes = ? WHERE id = ?", given)

    too_large = (403, "DENIED", f"A layer cannot be larger than {most // MIB} MiB.")
    assert fault(registry.patch(location, iter([bytes(MIB), b"x"]))) == too_large
    assert fault(registry.patch(location, bytes(MIB + 1))) == too_large
    assert status(registry, location) == (204, f"0-{most - MIB - 1}")
    assert registry.patch(location, iter([bytes(MIB)])).headers["Range"] == f"0-{most - 1}"


# One part at a time.


def test_while_a_part_arrives_no_other_is_taken(registry, tmp_path):
    location = begin(registry)
    with HalfSent(registry, location, LARGE) as half_sent:
        until(lambda: list(tmp_path.rglob(id_of(location))))
        busy = f"Another part of the layer upload '{id_of(location)}' is being received"
        for answer in (
            registry.patch(location, b"other"),
            registry.patch(location, b"other", Content_Range="0-4"),
            registry.finish_upload(location, sha256(b"other"), b"other"),
        ):
            assert fault(answer) == (416, "RANGE_INVALID", busy)
        closing = registry.finish_upload(location, sha256(b""))
        assert fault(closing) == (503, "UNAVAILABLE", busy)
        assert closing.headers["Retry-After"] == "1"
        answer = half_sent.go_on()

    assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(LARGE) - 1}")
    assert registry.finish_upload(location, sha256(LARGE)).status == 201
    assert content_of(registry, sha256(LARGE)) == LARGE


def test_of_a_part_that_breaks_off_nothing_stays(registry, tmp_path):
    location = begin(registry)
    registry.patch(location, b"before, ")
    (staged,) = tmp_path.rglob(id_of(location))
    with HalfSent(registry, location, LARGE):
        until(lambda: staged.stat().st_size > len(b"before, "))
    until(lambda: registry.patch(location, b"after", Content_Range="8-12").status == 202)
    assert registry.finish_upload(location, sha256(b"before, after")).status == 201
    assert content_of(registry, sha256(b"before, after")) == b"before, after"


def test_an_upload_is_free_ten_minutes_after_its_holder_was_last_heard_of(registry, server, clock):
    location = begin(registry)
    until_ms = round((clock.now.timestamp() + 600) * 1000)
    with server.parts.stores.database.transaction() as db:  # as a process leaves it that dies
        given = ("a process that died", until_ms, id_of(location))
        db.connection.driver.execute("UPDATE upload SET claim = ?, claimed_until = ? WHERE id = ?", given)
    clock.advance(seconds=599)
    assert registry.patch(location, b"content").error == "RANGE_INVALID"
    clock.advance(seconds=2)
    assert registry.patch(location, b"content").headers["Range"] == "0-6"
    assert registry.finish_upload(location, sha256(b"content")).status == 201


def test_a_slow_client_that_goes_on_sending_keeps_its_upload(registry, server, clock):
    content = LARGE * 3
    location = begin(registry)

    def held_until() -> int:
        with server.parts.stores.database.reading() as db:
            query = "SELECT claimed_until FROM upload WHERE id = ?"
            return db.connection.driver.execute(query, (id_of(location),)).fetchone()[0]

    with HalfSent(registry, location, content) as slow:
        until(held_until)
        for _ in range(2):
            before = held_until()  # what came before may be stored, and keep it longer, from here on
            clock.advance(minutes=9)
            slow.send(3 * MIB)
            until(lambda before=before: held_until() > before)
            assert registry.patch(location, b"other").error == "RANGE_INVALID"
        assert slow.go_on().headers["Range"] == f"0-{len(content) - 1}"
    assert registry.finish_upload(location, sha256(content)).status == 201


def test_a_streamed_chunk_must_be_as_long_as_its_range_says(registry):
    location = begin(registry)
    for content in (b"12345", b"12345678901"):
        answer = registry.patch(location, iter([content]), Content_Range="0-9")
        assert fault(answer) == (
            416,
            "RANGE_INVALID",
            f"Layer part size '{len(content)}' does not match the byte range '0-9'",
        )
    assert status(registry, location) == (204, "0-0")
    assert registry.patch(location, iter([b"1234567890"]), Content_Range="0-9").headers["Range"] == "0-9"


def test_an_upload_that_is_cancelled_meanwhile_makes_no_layer(registry, tmp_path):
    location = begin(registry)
    with HalfSent(registry, location, LARGE) as half_sent:
        until(lambda: list(tmp_path.rglob(id_of(location))))
        assert registry.ask("DELETE", location).status == 204
        answer = half_sent.go_on()
    assert (answer.status, answer.error) in ((404, "BLOB_UPLOAD_UNKNOWN"), (416, "RANGE_INVALID"))
    assert is_gone(registry, location)
    assert list(tmp_path.rglob(id_of(location))) == []


# Another process.


def test_an_upload_goes_on_after_a_restart(loop, settings, clock):
    content = os.urandom(MIB)
    with a_node(loop, settings, clock) as server:
        server.client("ecr").create_repository(repositoryName=REPOSITORY)
        location = begin(server.docker())
        server.docker().patch(location, content[:700_000])
    with a_node(loop, settings, clock) as server:
        docker = server.docker()
        assert status(docker, location) == (204, "0-699999")
        chunk = docker.patch(location, content[700_000:], Content_Range=f"700000-{MIB - 1}")
        assert chunk.headers["Range"] == f"0-{MIB - 1}"
        assert docker.finish_upload(location, sha256(content)).status == 201
        assert content_of(docker, sha256(content)) == content


def test_an_upload_goes_on_at_another_node(loop, settings, clock, docker, repository, tmp_path):
    with a_node(loop, settings, clock) as other:
        elsewhere = other.docker()
        location = begin(docker)
        assert elsewhere.patch(location, b"one, ").headers["Range"] == "0-4"
        assert docker.patch(location, b"two, ").headers["Range"] == "0-9"
        with HalfSent(docker, location, LARGE) as half_sent:
            (staged,) = tmp_path.rglob(id_of(location))
            until(lambda: staged.stat().st_size > 10)
            busy = elsewhere.patch(location, b"x" * 10, Content_Range="10-19")
            assert (busy.status, busy.error) == (416, "RANGE_INVALID")
            assert half_sent.go_on().status == 202
        content = b"one, two, " + LARGE
        assert elsewhere.finish_upload(location, sha256(content)).status == 201
        assert content_of(docker, sha256(content)) == content
