"""InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload over both APIs. Source: control-plane.md §3.

What the OCI front makes of the same uploads: test_uploads_over_oci.py.
"""

import os
import re

import pytest

from tests.builders import sha256, sha512
from tests.operations.refusals import invalid, no_repository, refusal, refused

REPOSITORY = "team/app"
REGISTRY = "000000000000"
MIB = 1 << 20
SMALLEST = 5 * MIB
LARGEST = 20 * MIB
TEN = b"0123456789"
UNKNOWN = "sha256:" + "0" * 64
NO_UPLOAD = "5e0b1f6e-1111-2222-3333-444455556666"

HEX = "[0-9a-fA-F]"
UPLOAD_ID = f"must satisfy regular expression '{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}'"
NO_MATCH = ("InvalidLayerException", "None of the provided layer digests match the calculated layer digest")
TOO_SMALL = ("LayerPartTooSmallException", "All layer parts except the last part should be at least 5MB")


def begin(api, repository=REPOSITORY) -> str:
    return api.initiate_layer_upload(repositoryName=repository)["uploadId"]


def send(api, upload, first, content, *, last=None, repository=REPOSITORY):
    return api.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=first,
        partLastByte=first + len(content) - 1 if last is None else last,
        layerPartBlob=content,
    )


def complete(api, upload, *digests, repository=REPOSITORY):
    return api.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=list(digests))


def upload_of(api, *parts) -> str:
    """An upload with these parts, one after the other."""
    upload, first = begin(api), 0
    for part in parts:
        assert send(api, upload, first, part)["lastByteReceived"] == first + len(part) - 1
        first += len(part)
    return upload


def is_there(api, digest) -> bool:
    checked = api.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=[digest])
    return checked["layers"][0]["layerAvailability"] == "AVAILABLE"


def no_upload(upload, repository=REPOSITORY) -> tuple[str, str]:
    return (
        "UploadNotFoundException",
        f"The upload with id '{upload}' in the repository with name '{repository}' in registry with id "
        f"'{REGISTRY}' does not exist",
    )


def test_an_upload_begins_with_an_id_and_the_size_parts_should_have(api):
    begun = api.initiate_layer_upload(repositoryName=REPOSITORY)
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", begun["uploadId"])
    assert begun["partSize"] == 10 * MIB
    assert begin(api) != begun["uploadId"]


# The vectors of control-plane.md §3.5.


@pytest.mark.parametrize(
    "parts",
    [(TEN,), (b"x" * SMALLEST, TEN), (b"x" * SMALLEST, b"y" * SMALLEST, b"z")],
    ids=["one part", "two parts", "three parts"],
)
def test_parts_become_a_layer(api, parts):
    content = b"".join(parts)
    upload = upload_of(api, *parts)
    completed = complete(api, upload, sha256(content))
    del completed["ResponseMetadata"]
    assert completed == {
        "registryId": REGISTRY,
        "repositoryName": REPOSITORY,
        "uploadId": upload,
        "layerDigest": sha256(content),
    }
    asked = [sha256(content)]
    checked = api.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=asked)
    assert checked["layers"][0]["layerSize"] == len(content)


def test_a_part_is_answered_with_the_last_byte_received(api):
    upload = begin(api)
    for first, last in ((0, 9), (10, 19)):
        answer = send(api, upload, first, TEN)
        del answer["ResponseMetadata"]
        assert answer == {
            "registryId": REGISTRY,
            "repositoryName": REPOSITORY,
            "uploadId": upload,
            "lastByteReceived": last,
        }


@pytest.mark.parametrize("size", [10, SMALLEST - 1])
def test_a_small_part_is_refused_once_it_is_known_not_to_be_the_last(api, size):
    content = b"x" * size
    upload = upload_of(api, content, TEN)
    assert refusal(complete, api, upload, sha256(content + TEN)) == TOO_SMALL
    assert not is_there(api, sha256(content + TEN))


def test_a_part_must_follow_the_last_byte_received(api):
    upload = begin(api)
    answer = refused(send, api, upload, 5, TEN)
    assert answer["Error"]["Code"] == "InvalidLayerPartException"
    assert answer["message"] == "First byte of the layer part is 5 instead of 0"
    assert (answer["registryId"], answer["repositoryName"], answer["uploadId"]) == (
        REGISTRY,
        REPOSITORY,
        upload,
    )
    assert "lastValidByteReceived" not in answer  # -1 is no PartSize

    send(api, upload, 0, TEN)
    for first in (11, 0, 9):
        answer = refused(send, api, upload, first, TEN)
        assert answer["Error"]["Code"] == "InvalidLayerPartException"
        assert answer["message"] == f"First byte of the layer part is {first} instead of 10"
        assert answer["lastValidByteReceived"] == 9

    send(api, upload, answer["lastValidByteReceived"] + 1, b"x")  # and the upload goes on


def test_an_upload_without_a_part_is_no_layer(api):
    upload = begin(api)
    empty = (
        "EmptyUploadException",
        f"The upload with id '{upload}' in the repository with name '{REPOSITORY}' in registry with id "
        f"'{REGISTRY}' cannot be completed because it does not have any parts",
    )
    for digest in (UNKNOWN, sha256(b"")):
        assert refusal(complete, api, upload, digest) == empty


def test_one_of_the_digests_given_must_be_that_of_the_bytes(api):
    upload = upload_of(api, TEN)
    for wrong in ([UNKNOWN], ["md5:d41d8cd98f00b204e9800998ecf8427e"], [sha512(TEN)], [UNKNOWN] * 100):
        assert refusal(complete, api, upload, *wrong) == NO_MATCH
    right = sha256(TEN)
    assert complete(api, upload, UNKNOWN, right)["layerDigest"] == right  # the upload had stayed


def test_an_upload_is_completed_once(api):
    upload = upload_of(api, TEN)
    complete(api, upload, sha256(TEN))
    assert refusal(complete, api, upload, sha256(TEN)) == no_upload(upload)
    assert refusal(send, api, upload, 10, TEN) == no_upload(upload)


def test_a_layer_that_is_there_cannot_be_uploaded_again(api):
    complete(api, upload_of(api, TEN), sha256(TEN))
    upload = upload_of(api, TEN)
    assert refusal(complete, api, upload, sha256(TEN)) == (
        "LayerAlreadyExistsException",
        f"The layer with digest '{sha256(TEN)}' already exists in the repository with name '{REPOSITORY}' "
        f"in registry with id '{REGISTRY}'",
    )
    assert refusal(complete, api, upload, sha256(TEN)) == no_upload(upload)
    assert is_there(api, sha256(TEN))


def test_the_same_bytes_may_go_to_another_repository(api):
    api.create_repository(repositoryName="other")
    complete(api, upload_of(api, TEN), sha256(TEN))
    upload = begin(api, "other")
    send(api, upload, 0, TEN, repository="other")
    assert complete(api, upload, sha256(TEN), repository="other")["layerDigest"] == sha256(TEN)


# Parts that are none.


@pytest.mark.parametrize(
    ("content", "first", "last", "size_and_range"),
    [
        (TEN, 0, 8, ("10", "0-8")),
        (TEN, 0, 10, ("10", "0-10")),
        (b"", 0, 0, ("0", "0-0")),
        (TEN, 0, 2**63 - 1, ("10", "0-9223372036854775807")),
    ],
)
def test_a_part_must_be_as_long_as_its_positions_say(api, content, first, last, size_and_range):
    upload = begin(api)
    answer = refused(send, api, upload, first, content, last=last)
    assert answer["Error"]["Code"] == "InvalidLayerPartException"
    size, positions = size_and_range
    assert answer["message"] == f"Layer part size '{size}' does not match the byte range '{positions}'"
    assert send(api, upload, 0, TEN)["lastByteReceived"] == 9


def test_a_part_does_not_end_before_it_begins(api):
    upload = upload_of(api, TEN)
    for content in (b"", TEN):
        answer = refused(send, api, upload, 10, content, last=9)
        assert answer["Error"]["Code"] == "InvalidLayerPartException"
        assert answer["message"] == f"Layer part size '{len(content)}' does not match the byte range '10-9'"
        assert answer["lastValidByteReceived"] == 9


@pytest.mark.parametrize("service", ["ecr"])
def test_a_part_has_20_mib_at_most(api):
    upload = begin(api)
    assert refusal(send, api, upload, 0, bytes(LARGEST + 1)) == invalid(
        "layerPartBlob", f"Member must have length less than or equal to {LARGEST}"
    )
    assert send(api, upload, 0, bytes(LARGEST))["lastByteReceived"] == LARGEST - 1


@pytest.mark.parametrize(("service", "most"), [("ecr", 4_200), ("ecr-public", 1_000)])
def test_an_upload_has_so_many_parts_at_most(api, server, most):
    upload = begin(api)
    with server.parts.stores.database.transaction() as db:
        db.connection.driver.execute(
            "UPDATE upload SET part_count = ?, last_part_bytes = ? WHERE id = ?", (most - 1, SMALLEST, upload)
        )
    send(api, upload, 0, b"x")
    assert refusal(send, api, upload, 1, b"y") == (
        "LimitExceededException",
        f"A layer upload cannot have more than {most} parts.",
    )
    assert complete(api, upload, sha256(b"x"))["layerDigest"] == sha256(b"x")


@pytest.mark.parametrize(("service", "most"), [("ecr", 52_000 * MIB), ("ecr-public", 10_000 * MIB)])
def test_a_layer_is_so_large_at_most(api, server, tmp_path, most):
    upload = upload_of(api, TEN)
    (staged,) = tmp_path.rglob(upload)
    os.truncate(staged, most - 5)  # a hole: nothing is written
    with server.parts.stores.database.transaction() as db:
        db.connection.driver.execute("UPDATE upload SET size_bytes = ? WHERE id = ?", (most - 5, upload))

    assert refusal(send, api, upload, most - 5, b"6 more") == (
        "LimitExceededException",
        f"A layer cannot be larger than {most >> 20} MiB.",
    )
    assert send(api, upload, most - 5, b"5more")["lastByteReceived"] == most - 1


def test_up_to_a_hundred_digests_may_be_given(api):
    upload = upload_of(api, TEN)
    assert refusal(complete, api, upload, *[UNKNOWN] * 100, sha256(TEN)) == invalid(
        "layerDigests", "Member must have length less than or equal to 100"
    )
    assert refusal(complete, api, upload, "no digest") == invalid(
        "layerDigests", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
    )
    complete(api, upload, *[UNKNOWN] * 99, sha256(TEN))


# Uploads that are none.


def test_an_upload_that_is_none_is_told_by_every_operation(api):
    assert refusal(send, api, NO_UPLOAD, 0, TEN) == no_upload(NO_UPLOAD)
    assert refusal(complete, api, NO_UPLOAD, UNKNOWN) == no_upload(NO_UPLOAD)
    for ask in (lambda id_: send(api, id_, 0, TEN), lambda id_: complete(api, id_, UNKNOWN)):
        assert refusal(ask, "../../etc/passwd") == invalid("uploadId", UPLOAD_ID)


def test_an_upload_is_of_one_repository(api):
    api.create_repository(repositoryName="other")
    upload = upload_of(api, TEN)
    assert refusal(send, api, upload, 10, TEN, repository="other") == no_upload(upload, "other")
    assert refusal(complete, api, upload, sha256(TEN), repository="other") == no_upload(upload, "other")
    complete(api, upload, sha256(TEN))


def test_an_unknown_repository_is_told_before_an_unknown_upload(api):
    for ask in (
        lambda: begin(api, "nowhere"),
        lambda: send(api, NO_UPLOAD, 0, TEN, repository="nowhere"),
        lambda: complete(api, NO_UPLOAD, UNKNOWN, repository="nowhere"),
    ):
        assert refusal(ask) == no_repository("nowhere")


def test_a_public_registry_goes_by_its_alias_too(ecr_public):
    created = ecr_public.create_repository(repositoryName=REPOSITORY)["repository"]
    alias = created["repositoryUri"].split("/")[-3]
    named = {"registryId": alias, "repositoryName": REPOSITORY}
    upload = ecr_public.initiate_layer_upload(**named)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": 9, "layerPartBlob": TEN}
    assert ecr_public.upload_layer_part(**named, uploadId=upload, **part)["registryId"] == REGISTRY
    ecr_public.complete_layer_upload(**named, uploadId=upload, layerDigests=[sha256(TEN)])
    assert is_there(ecr_public, sha256(TEN))

    unknown = ("RegistryNotFoundException", "The registry with id 'no-one-has-it' does not exist")
    named["registryId"] = "no-one-has-it"
    assert refusal(ecr_public.initiate_layer_upload, **named) == unknown
    assert refusal(ecr_public.upload_layer_part, **named, uploadId=upload, **part) == unknown
    digests = [sha256(TEN)]
    assert (
        refusal(ecr_public.complete_layer_upload, **named, uploadId=upload, layerDigests=digests) == unknown
    )


# Time.


def test_an_upload_nobody_touches_for_a_day_is_forgotten(api, server, clock, tmp_path):
    upload = upload_of(api, TEN)
    clock.advance(minutes=10)
    send(api, upload, 10, TEN)
    touched = clock.now

    def expire(**later) -> int:
        """What the server does now and then, that much after the last part. Returns how many went."""
        clock.advance(**later)
        before = len(list(server.parts.stores.blobs.staged()))
        server.run_jobs("expire_uploads")
        clock.now = touched
        return before - len(list(server.parts.stores.blobs.staged()))

    assert expire(hours=24) == 0
    assert send(api, upload, 20, TEN)["lastByteReceived"] == 29
    assert expire(hours=24, milliseconds=1) == 1
    assert refusal(send, api, upload, 30, TEN) == no_upload(upload)
    assert refusal(complete, api, upload, sha256(TEN * 3)) == no_upload(upload)
    assert list(tmp_path.rglob(upload)) == []
    assert expire(hours=24, milliseconds=1) == 0
