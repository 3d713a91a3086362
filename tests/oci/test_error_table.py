"""Every error has its line, and the answers are in the specification's form."""

import inspect

import botocore.session
import orjson
import pytest

from openecr import errors
from openecr.errors import ServiceError
from openecr.oci.error_response import (
    BLOB_ERRORS,
    IMAGE_FAILURES,
    OCI_ERRORS,
    answer,
    answer_on_blobs,
    error,
    failed_image,
)

CLASSES = [
    each
    for each in vars(errors).values()
    if inspect.isclass(each) and issubclass(each, ServiceError) and each is not ServiceError
]
USUAL_STATUS = {
    "BLOB_UNKNOWN": {404},
    "BLOB_UPLOAD_INVALID": {400},
    "BLOB_UPLOAD_UNKNOWN": {404},
    "DENIED": {403},
    "DIGEST_INVALID": {400},
    "MANIFEST_BLOB_UNKNOWN": {400},
    "MANIFEST_UNKNOWN": {404},
    "NAME_UNKNOWN": {404},
    "RANGE_INVALID": {416},
    "SIZE_INVALID": {400, 413},
    "TAG_INVALID": {400},
    "TOOMANYREQUESTS": {429},
    "UNAVAILABLE": {503},
    "UNKNOWN": {408, 500},
    "UNSUPPORTED": {400, 405},
}


def test_every_error_has_its_line_and_no_line_is_left_over():
    assert set(OCI_ERRORS) == set(CLASSES)
    assert set(BLOB_ERRORS) <= set(CLASSES)


def test_the_tables_are_in_the_order_of_the_alphabet():
    names = [each.__name__ for each in OCI_ERRORS]
    assert names == sorted(names)
    assert list(IMAGE_FAILURES) == sorted(IMAGE_FAILURES)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *OCI_ERRORS.values(),
        *IMAGE_FAILURES.values(),
        *((status, code) for status, code, _ in BLOB_ERRORS.values()),
    ],
)
def test_a_code_comes_with_its_usual_status(status, code):
    assert status in USUAL_STATUS[code]


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_every_failure_of_a_batch_has_its_line(service):
    model = botocore.session.get_session().get_service_model(service)
    assert set(model.shape_for("ImageFailureCode").enum) <= set(IMAGE_FAILURES)


def test_an_error_reads_as_the_service_writes_it():
    response = answer(
        errors.RepositoryNotFoundException(repository_name="team/app", registry_id="111122223333")
    )
    assert response.status == 404
    assert response.headers == {"Content-Type": "application/json; charset=utf-8"}
    assert response.body == (
        b'{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name \'team/app\' does not '
        b"exist in the registry with id '111122223333'\"}]}\n"
    )


def test_a_wrong_digest_on_closing_is_answered_in_the_125_bytes_that_were_seen():
    response = answer_on_blobs(errors.InvalidLayerException())
    assert (response.status, len(response.body)) == (400, 125)
    assert orjson.loads(response.body)["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"


def test_a_missing_layer_is_another_fault_on_a_manifest_than_on_a_blob():
    missing = errors.LayersNotFoundException(
        "Layers with digests '[sha256:ab]' required for pushing …", members={}
    )
    assert orjson.loads(answer(missing).body)["errors"] == [
        {
            "code": "MANIFEST_BLOB_UNKNOWN",
            "message": "Layers with digests '[sha256:ab]' required for pushing …",
        }
    ]
    assert answer_on_blobs(missing).status == 404
    assert orjson.loads(answer_on_blobs(missing).body)["errors"] == [
        {"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}
    ]


def test_a_missing_layer_says_nothing_of_where_else_it_may_be():
    hidden = errors.LayerInaccessibleException(digest="sha256:ab", repository_name="app", registry_id="1")
    missing = errors.LayersNotFoundException(digest="sha256:cd", repository_name="b", registry_id="2")
    assert answer_on_blobs(hidden) == answer_on_blobs(missing)


def test_a_failure_about_the_one_image_asked_for_is_the_answer():
    refused = failed_image(
        {
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": "Requested image referenced by manifest list: [sha256:ab]",
        }
    )
    assert refused.response == error(
        405, "UNSUPPORTED", "Requested image referenced by manifest list: [sha256:ab]"
    )
    unknown = failed_image({"failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
    assert unknown.response == error(404, "MANIFEST_UNKNOWN", "Requested image not found")
