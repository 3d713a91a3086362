"""What a client is told when the disk fails, and how it goes on. Source: reliability.md B1, B2."""

import pytest
from botocore.exceptions import ClientError

from openecr import failpoints
from tests.builders import sha256

REPOSITORY = "team/app"
CONTENT = b"0123456789"


@pytest.fixture
def failing():
    """Lets the points of the disk that are named fail, until it is called with nothing."""
    yield failpoints.arm
    failpoints.arm("")


def is_told_to_come_back(answer) -> bool:
    return (answer.status, answer.error, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "1")


def outcome(ask, **given) -> str:
    try:
        ask(**given)
    except ClientError as error:
        metadata = error.response["ResponseMetadata"]
        assert (metadata["HTTPStatusCode"], metadata["HTTPHeaders"]["retry-after"]) == (503, "1")
        return error.response["Error"]["Code"]
    return "ok"


@pytest.mark.parametrize("fault", ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE"])
def test_a_part_that_cannot_be_written_may_be_sent_again(registry, failing, fault):
    location = registry.start_upload(REPOSITORY).headers["Location"]
    assert registry.patch(location, CONTENT).status == 202
    failing(f"blob.write=raise:{fault}")
    assert is_told_to_come_back(registry.patch(location, CONTENT, Content_Range="10-19"))
    assert registry.ask("GET", location).headers["Range"] == "0-9"
    failing("")
    assert registry.patch(location, CONTENT, Content_Range="10-19").headers["Range"] == "0-19"
    assert registry.finish_upload(location, sha256(CONTENT * 2)).status == 201


def test_the_api_tells_it_as_what_sdks_try_again(api, failing):
    named = {
        "repositoryName": REPOSITORY,
        "uploadId": api.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"],
    }
    part = {"partFirstByte": 0, "partLastByte": 9, "layerPartBlob": CONTENT}
    for point in ("blob.write=raise:ENOSPC", "blob.fsync=raise:EIO"):
        failing(point)
        assert outcome(api.upload_layer_part, **named, **part) == "ServiceUnavailable"
    failing("")
    assert outcome(api.upload_layer_part, **named, **part) == "ok"
    failing("blob.rename=raise:ENOSPC")
    digests = [sha256(CONTENT)]
    assert outcome(api.complete_layer_upload, **named, layerDigests=digests) == "ServiceUnavailable"
    checked = api.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=digests)
    assert checked["layers"][0]["layerAvailability"] == "UNAVAILABLE"
    failing("")
    assert outcome(api.complete_layer_upload, **named, layerDigests=digests) == "ok"


@pytest.mark.parametrize("point", ["blob.fsync=raise:EIO", "blob.rename=raise:ENOSPC"])
def test_a_layer_is_not_there_until_it_is_safe(registry, failing, point):
    location = registry.start_upload(REPOSITORY).headers["Location"]
    registry.patch(location, CONTENT)
    failing(point)
    assert is_told_to_come_back(registry.finish_upload(location, sha256(CONTENT)))
    assert registry.head_blob(REPOSITORY, sha256(CONTENT)).status == 404
    failing("")
    if "fsync" in point:  # the kernel may have dropped the bytes: they are thrown away
        assert registry.finish_upload(location, sha256(CONTENT)).error == "BLOB_UPLOAD_UNKNOWN"
        location = registry.start_upload(REPOSITORY).headers["Location"]
        registry.patch(location, CONTENT)
    assert registry.finish_upload(location, sha256(CONTENT)).status == 201
    assert registry.get_blob(REPOSITORY, sha256(CONTENT)).body == CONTENT


def test_an_upload_whose_bytes_are_gone_can_only_begin_anew(registry, tmp_path):
    location = registry.start_upload(REPOSITORY).headers["Location"]
    registry.patch(location, CONTENT)
    (staged,) = tmp_path.rglob(location.rpartition("/")[2])
    staged.unlink()
    for answer in (
        registry.patch(location, CONTENT, Content_Range="10-19"),
        registry.finish_upload(location, sha256(CONTENT)),
    ):
        assert (answer.status, answer.error) == (404, "BLOB_UPLOAD_UNKNOWN")
