import inspect

import orjson
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from openecr import errors
from openecr.aws.error_response import internal_failure, refusal
from openecr.aws.model import services
from openecr.errors import ServiceError
from tests.aws.shapes import botocore_model

REQUEST_ID = "0a1b2c3d-1111-2222-3333-444455556666"

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, ServiceError) and cls is not ServiceError
]


def as_botocore_reads(response, service, operation):
    described = botocore_model(service).operation_model(operation).output_shape
    return create_parser("json").parse(
        {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body},
        described,
    )


def test_an_error_is_its_type_and_its_message():
    error = errors.RepositoryNotFoundException(repository_name="team/app", registry_id="123456789012")

    response = refusal(error, services()["ecr"].errors[error.code], REQUEST_ID)

    assert response.status == 400
    assert response.headers == {
        "Content-Type": "application/x-amz-json-1.1",
        "x-amzn-RequestId": REQUEST_ID,
        "x-amzn-ErrorType": "RepositoryNotFoundException",
    }
    assert response.body == (
        b'{"__type":"RepositoryNotFoundException","message":"The repository with name \'team/app\' does not '
        b"exist in the registry with id '123456789012'\"}"
    )


def test_where_there_is_nothing_to_say_there_is_no_message():
    response = refusal(errors.UnknownOperationException(), None, REQUEST_ID)

    assert response.body == b'{"__type":"UnknownOperationException"}'


def test_members_of_the_model_stand_beside_the_message_and_others_stay_home():
    error = errors.InvalidLayerPartException(
        first_byte=0,
        expected=10,
        members={"uploadId": "u", "lastValidByteReceived": 9, "registryId": None, "color": "red"},
    )

    response = refusal(error, services()["ecr"].errors[error.code], REQUEST_ID)

    assert orjson.loads(response.body) == {
        "__type": "InvalidLayerPartException",
        "message": "First byte of the layer part is 0 instead of 10",
        "uploadId": "u",
        "lastValidByteReceived": 9,
    }
    read = as_botocore_reads(response, "ecr", "UploadLayerPart")
    assert read["Error"] == {
        "Code": "InvalidLayerPartException",
        "Message": "First byte of the layer part is 0 instead of 10",
    }
    assert read["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_an_error_the_service_does_not_model_has_no_members():
    response = refusal(errors.ThrottlingException(members={"a": 1}), None, REQUEST_ID)

    assert response.body == b'{"__type":"ThrottlingException","message":"Rate exceeded"}'


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_botocore_reads_the_code_and_the_message_of_every_error(cls):
    error = cls("It's so: {é}.")

    response = refusal(error, services()["ecr"].errors.get(error.code), REQUEST_ID)

    read = as_botocore_reads(response, "ecr", "PutImage")
    assert read["Error"] == {"Code": cls.__name__, "Message": "It's so: {é}."}
    assert read["ResponseMetadata"]["HTTPStatusCode"] == cls.status


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_every_error_of_the_model_has_a_class_and_the_right_status(service):
    classes = {cls.__name__: cls for cls in CLASSES}
    for code in services()[service].errors:
        assert classes[code].status == (500 if code == "ServerException" else 400), code


def test_a_mistake_of_ours_is_an_internal_failure_that_tells_nothing_but_its_id():
    response = internal_failure(REQUEST_ID)

    assert response.status == 500
    assert response.headers["x-amzn-RequestId"] == REQUEST_ID
    assert response.body == b'{"__type":"InternalFailure"}'
    assert as_botocore_reads(response, "ecr", "PutImage")["Error"]["Code"] == "InternalFailure"
