"""What errors look like, in both protocols; and that every error has its place."""

import inspect
from xml.etree import ElementTree

import orjson
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from openecr import errors
from openecr.aws import aws_json, query
from openecr.aws.model import services
from openecr.errors import ServiceError
from tests.aws.shapes import botocore_model

REQUEST_ID = "0a1b2c3d-1111-2222-3333-444455556666"

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, ServiceError) and cls is not ServiceError
]
EVERY_CLASS = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def as_botocore_reads(response, service, operation):
    described = botocore_model(service).operation_model(operation).output_shape
    protocol = services()[service].protocol
    return create_parser(protocol).parse(
        {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body},
        described,
    )


def in_json(error, service="ecr"):
    return aws_json.refusal(error, services()[service], REQUEST_ID)


def in_xml(error, service="iam"):
    return query.refusal(error, services()[service], REQUEST_ID)


# AWS JSON.


def test_an_error_is_its_type_and_its_message():
    response = in_json(
        errors.RepositoryNotFoundException(repository_name="team/app", registry_id="123456789012")
    )

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
    assert in_json(errors.UnknownOperationException()).body == b'{"__type":"UnknownOperationException"}'


def test_members_of_the_model_stand_beside_the_message_and_others_stay_home():
    error = errors.InvalidLayerPartException(
        first_byte=0,
        expected=10,
        members={"uploadId": "u", "lastValidByteReceived": 9, "registryId": None, "color": "red"},
    )

    response = in_json(error)

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
    response = in_json(errors.ThrottlingException(members={"a": 1}))

    assert response.body == b'{"__type":"ThrottlingException","message":"Rate exceeded"}'


@EVERY_CLASS
def test_botocore_reads_the_code_and_the_message_of_every_error(cls):
    error = cls("It's so: {é}.")

    read = as_botocore_reads(in_json(error), "ecr", "PutImage")

    code, text = (error.code, error.text) if cls is not errors.ServerException else ("InternalFailure", "")
    assert read["Error"] == {"Code": code, "Message": text}
    assert read["ResponseMetadata"]["HTTPStatusCode"] == cls.status


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_every_error_of_the_model_has_a_class_and_the_right_status(service):
    classes = {cls.__name__: cls for cls in CLASSES}
    for name, (code, status) in services()[service].error_codes.items():
        assert (classes[name].__name__, classes[name].status) == (code, status)


def test_a_mistake_of_ours_is_an_internal_failure_that_tells_nothing_but_its_id():
    response = in_json(errors.ServerException("the disk is full"))

    assert response.status == 500
    assert response.headers["x-amzn-RequestId"] == REQUEST_ID
    assert response.body == b'{"__type":"InternalFailure"}'
    assert as_botocore_reads(response, "ecr", "PutImage")["Error"]["Code"] == "InternalFailure"


# The query protocol.


def test_an_error_in_xml():
    response = in_xml(errors.NoSuchEntityException(kind="user", name="<alice>"))

    assert response.status == 404
    assert response.headers == {"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID}
    assert response.body == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>NoSuchEntity</Code><Message>The user with name &lt;alice&gt; cannot be found.</Message>"
        b"</Error><RequestId>0a1b2c3d-1111-2222-3333-444455556666</RequestId></ErrorResponse>"
    )


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.MissingAuthenticationTokenException, "MissingAuthenticationToken", 403),
        (errors.IncompleteSignatureException, "IncompleteSignature", 400),
        (errors.InvalidSignatureException, "SignatureDoesNotMatch", 403),
        (errors.UnrecognizedClientException, "InvalidClientTokenId", 403),
        (errors.ExpiredSessionException, "ExpiredToken", 403),
        (errors.ExpiredTokenException, "ExpiredTokenException", 400),  # a web identity token
        (errors.AccessDeniedException, "AccessDenied", 403),
        (errors.ThrottlingException, "Throttling", 400),
        (errors.UnknownOperationException, "InvalidAction", 400),
        (errors.NotImplementedException, "NotImplemented", 501),
        (errors.SerializationException, "MalformedInput", 400),
        (errors.ValidationError, "ValidationError", 400),
        (errors.RequestEntityTooLargeException, "RequestEntityTooLarge", 413),
        (errors.ServiceUnavailable, "ServiceUnavailable", 503),
        (errors.ServerException, "InternalFailure", 500),
        (errors.InvalidIdentityTokenException, "InvalidIdentityToken", 400),
        (errors.IDPCommunicationErrorException, "IDPCommunicationError", 400),
        (errors.IDPRejectedClaimException, "IDPRejectedClaim", 403),
        (errors.MalformedPolicyDocumentException, "MalformedPolicyDocument", 400),
        (errors.PackedPolicyTooLargeException, "PackedPolicyTooLarge", 400),
        (errors.RegionDisabledException, "RegionDisabledException", 403),
        (errors.InvalidAuthorizationMessageException, "InvalidAuthorizationMessageException", 400),
    ],
)
def test_sts_names_an_error(error, code, status):
    response = in_xml(error("so"), "sts")

    read = as_botocore_reads(response, "sts", "GetCallerIdentity")
    assert (response.status, read["Error"]["Code"]) == (status, code)
    assert read["Error"]["Type"] == ("Sender" if status < 500 else "Receiver")


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.ConcurrentModificationException, "ConcurrentModification", 409),
        (errors.DeleteConflictException, "DeleteConflict", 409),
        (errors.EntityAlreadyExistsException, "EntityAlreadyExists", 409),
        (errors.EntityTemporarilyUnmodifiableException, "EntityTemporarilyUnmodifiable", 409),
        (errors.InvalidInputException, "InvalidInput", 400),
        (errors.InvalidUserTypeException, "InvalidUserType", 400),
        (errors.LimitExceededException, "LimitExceeded", 409),
        (errors.MalformedPolicyDocumentException, "MalformedPolicyDocument", 400),
        (errors.NoSuchEntityException, "NoSuchEntity", 404),
        (errors.OpenIdIdpCommunicationErrorException, "OpenIdIdpCommunicationError", 400),
        (errors.PolicyEvaluationException, "PolicyEvaluation", 500),
        (errors.PolicyNotAttachableException, "PolicyNotAttachable", 400),
        (errors.ServiceFailureException, "ServiceFailure", 500),
        (errors.UnmodifiableEntityException, "UnmodifiableEntity", 400),
        (errors.ValidationError, "ValidationError", 400),
        (errors.AccessDeniedException, "AccessDenied", 403),
    ],
)
def test_iam_names_an_error(error, code, status):
    response = in_xml(error("so"))

    read = as_botocore_reads(response, "iam", "GetUser")
    assert (response.status, read["Error"]["Code"]) == (status, code)
    assert read["Error"]["Message"] == "so"


@EVERY_CLASS
@pytest.mark.parametrize("service", ["sts", "iam"])
def test_every_error_can_be_told_in_xml(cls, service):
    response = in_xml(cls("<It's> so\x00: {é} & \ud800."), service)

    read = as_botocore_reads(response, service, next(iter(services()[service].operations)))
    assert read["Error"]["Code"] in {"InternalFailure", query.FAULTS.get(cls, ("",))[0], cls.__name__} | {
        code for code, _ in services()[service].error_codes.values()
    }
    assert read["ResponseMetadata"]["RequestId"] == REQUEST_ID
    if cls not in query.MESSAGES:
        assert read["Error"]["Message"] == "<It's> so: {é} & ."


def test_what_is_said_otherwise_in_xml():
    assert (
        b"<Message>Request is missing Authentication Token</Message>"
        in in_xml(errors.MissingAuthenticationTokenException(), "sts").body
    )
    assert b"Message" not in in_xml(errors.ServerException("the disk is full"), "sts").body
    assert b"Message" not in in_xml(errors.SerializationException(), "sts").body


def test_expired_credentials_have_one_name_in_json():
    for cls in (errors.ExpiredSessionException, errors.ExpiredTokenException):
        assert orjson.loads(in_json(cls()).body) == {
            "__type": "ExpiredTokenException",
            "message": "The security token included in the request is expired",
        }


# Why a call was denied, for who may know.


def test_a_denial_is_explained_where_it_may_be():
    error = errors.AccessDeniedException("No.")
    assert orjson.loads(in_json(error).body) == {"__type": "AccessDeniedException", "message": "No."}
    assert b"Explanation" not in in_xml(error).body

    error.explanation = "Statement 1 of <pull>\ndenies it."

    assert orjson.loads(in_json(error).body) == {
        "__type": "AccessDeniedException",
        "message": "No.",
        "explanation": "Statement 1 of <pull>\ndenies it.",
    }
    namespace = {"": services()["iam"].xml_namespace}
    told = ElementTree.fromstring(in_xml(error).body).find("Error", namespace)
    assert told.findtext("Explanation", namespaces=namespace) == "Statement 1 of <pull>\ndenies it."
    assert told.findtext("Message", namespaces=namespace) == "No."
    assert as_botocore_reads(in_xml(error), "iam", "GetUser")["Error"]["Code"] == "AccessDenied"
