"""The front, asked in AWS JSON; and what it has in common for both protocols."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson
import pybase64
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from openecr.aws.aws_json import MAX_BODY_BYTES
from openecr.aws.front import INLINE_BODY_BYTES, MAX_HELD_BYTES
from openecr.aws.model import SERVICES, coverage, services
from openecr.errors import ServerException
from openecr.identity.caller import root_caller
from openecr.identity.credentials import KnownKey
from openecr.operations.all import OPERATIONS
from tests.aws.asking import (
    ACCOUNT,
    JSON,
    OTHER_ACCOUNT,
    OTHER_KEY_ID,
    REQUEST_ID,
    headers,
    signed,
    target,
)
from tests.identity.received import ACCESS_KEY_ID, HOST, SECRET, Received

UNKNOWN_TARGETS = [
    "AmazonEC2ContainerRegistry_V20150921.ListStacks",
    "AmazonEC2ContainerRegistry_V20150921",
    "SpencerFrontendService.BatchGetImage",
    "DynamoDB_20120810.ListTables",
    "PutImage",
]


# What is answered.


def test_a_signed_call_is_answered(client):
    repository = client.create("team/app")

    assert client.response.headers == {"Content-Type": JSON, "x-amzn-RequestId": REQUEST_ID}
    assert repository["repositoryName"] == "team/app"
    assert client.ask("DescribeRepositories") == (200, {"repositories": [repository]})


def test_the_registry_is_that_of_the_key_in_the_region_of_the_signature(client):
    arn = client.create(region="eu-west-1")["repositoryArn"]

    assert arn == f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"
    assert client.ask("DescribeRepositories", region="eu-west-2") == (200, {"repositories": []})
    assert client.ask("DescribeRepositories", region="eu-west-1", access_key_id=OTHER_KEY_ID) == (
        200,
        {"repositories": []},
    )


def test_the_public_registry_is_one_whatever_the_region(client):
    arn = client.create(service="ecr-public", region="eu-west-1")["repositoryArn"]

    assert arn == f"arn:aws:ecr-public::{ACCOUNT}:repository/team/app"
    status, answer = client.ask("DescribeRepositories", service="ecr-public", region="us-east-1")
    assert (status, [found["repositoryArn"] for found in answer["repositories"]]) == (200, [arn])
    assert client.ask("DescribeRepositories") == (200, {"repositories": []})


def test_an_empty_body_is_an_empty_input(client):
    assert client.send(signed(target("DescribeRepositories"), b"")) == (200, {"repositories": []})


@pytest.mark.parametrize(
    "content_type", [None, JSON, f"{JSON}; charset=utf-8", f"{JSON};charset=UTF-8", JSON.upper(), f" {JSON} "]
)
def test_our_content_type_or_none_is_accepted(client, content_type):
    assert client.send(signed(target("DescribeRepositories"), content_type=content_type))[0] == 200


class PresignsBody(SigV4QueryAuth):
    """botocore's pre-signed form, for a body that stays a body."""

    def __init__(self, body: bytes) -> None:
        super().__init__(Credentials(ACCESS_KEY_ID, SECRET), "ecr", "us-east-1", expires=60)
        self._body = body

    def payload(self, request: AWSRequest) -> str:
        return sha256(self._body).hexdigest()


def test_a_presigned_call_is_answered(client):
    body = b'{"repositoryName":"team/app"}'
    request = AWSRequest("POST", f"http://{HOST}/")
    request.headers["X-Amz-Target"] = target("CreateRepository")
    PresignsBody(body).add_auth(request)
    query = request.url.partition("?")[2]
    arrived = Received(
        "POST", "/", query, headers(("X-Amz-Target", target("CreateRepository"))), body, datetime.now(UTC)
    )

    assert client.send(arrived.but(body=body + b" "))[1]["__type"] == "InvalidSignatureException"
    status, answer = client.send(arrived)

    assert (status, answer["repository"]["repositoryName"]) == (200, "team/app")


def test_a_layer_is_uploaded_in_a_part_too_large_for_the_loop(client):
    client.create()
    content = bytes(INLINE_BODY_BYTES)
    where = {"repositoryName": "team/app"}
    where["uploadId"] = client.ask("InitiateLayerUpload", where)[1]["uploadId"]

    part = {"partFirstByte": 0, "partLastByte": len(content) - 1}
    blob = {"layerPartBlob": pybase64.b64encode_as_string(content)}
    status, answer = client.ask("UploadLayerPart", {**where, **part, **blob})
    assert (status, answer["lastByteReceived"]) == (200, len(content) - 1)

    digest = f"sha256:{sha256(content).hexdigest()}"
    status, answer = client.ask("CompleteLayerUpload", {**where, "layerDigests": [digest]})
    assert (status, answer["layerDigest"]) == (200, digest)


def test_a_large_body_does_not_hold_up_the_others(client):
    request = signed(target("DescribeRepositories"), b"{" + b" " * (16 << 20) + b"}")

    async def answer_while_the_loop_turns() -> tuple[int, int]:
        turns = 0
        answer = asyncio.create_task(client.front.handle(client.arrived(request)))
        while not answer.done():
            turns += 1
            await asyncio.sleep(0)
        return answer.result().status, turns

    status, turns = asyncio.run(answer_while_the_loop_turns())
    assert status == 200
    assert turns > 20  # hashing 16 MiB takes some 10 ms; done on the loop, there would be two


# What is refused: who asks.


def test_a_call_without_a_signature_is_refused_and_its_body_not_read(client):
    request = signed(target("DescribeRepositories")).with_header("Authorization", None)

    assert client.send(request) == (
        400,
        {"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"},
    )
    assert not client.body.is_read


def test_an_unknown_access_key_is_refused_and_its_body_not_read(client):
    assert client.ask("DescribeRepositories", access_key_id="AKIANOBODY7EXAMPLE01") == (
        400,
        {
            "__type": "UnrecognizedClientException",
            "message": "The security token included in the request is invalid.",
        },
    )
    assert not client.body.is_read


def test_a_session_token_with_a_long_term_key_is_refused(client):
    status, answer = client.ask("DescribeRepositories", session_token="SESSION")

    assert (status, answer["__type"]) == (400, "UnrecognizedClientException")


def test_a_changed_body_is_refused(client):
    request = signed(target("CreateRepository"), b'{"repositoryName":"team/app"}')

    status, answer = client.send(request.but(body=b'{"repositoryName":"team/apq"}'))

    assert (status, answer["__type"]) == (400, "InvalidSignatureException")
    assert client.ask("DescribeRepositories") == (200, {"repositories": []})


@pytest.mark.parametrize(("asked", "scoped"), [("ecr", "ecr-public"), ("ecr-public", "ecr"), ("ecr", "sts")])
def test_a_signature_for_another_service_is_refused(client, asked, scoped):
    status, answer = client.send(signed(target("DescribeRepositories", asked), service=scoped))

    assert (status, answer) == (
        400,
        {
            "__type": "InvalidSignatureException",
            "message": f"Credential should be scoped to correct service: '{asked}'. ",
        },
    )


def test_the_registry_of_another_account_is_not_ours_to_ask_about(client):
    client.create(access_key_id=OTHER_KEY_ID)
    arguments = {"repositoryName": "team/app", "registryId": OTHER_ACCOUNT}

    status, answer = client.ask("ListImages", arguments)

    assert (status, answer["__type"]) == (400, "AccessDeniedException")
    assert (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:ListImages" in answer["message"]
    )


# What is refused: the request.


def test_a_body_over_the_limit_is_refused_unread(client):
    request = signed(target("DescribeRepositories"))

    status, answer = client.send(request, announced=MAX_BODY_BYTES + 1)

    assert (status, answer) == (
        413,
        {
            "__type": "RequestEntityTooLargeException",
            "message": "Request size exceeds the maximum of 31457280 bytes.",
        },
    )
    assert not client.body.is_read
    assert client.send(request, announced=MAX_BODY_BYTES)[0] == 200


@pytest.mark.parametrize("length", [MAX_BODY_BYTES, None], ids=["announced", "in chunks"])
def test_bodies_that_there_is_no_room_for_are_refused_unread(client, length):
    request = signed(target("DescribeRepositories"))
    fitting = MAX_HELD_BYTES // MAX_BODY_BYTES

    def arrived(length):
        one = client.arrived(request)
        client.body.length = length
        return one, client.body

    async def main():
        under_way = [arrived(length) for _ in range(fitting)]
        for _, body in under_way:
            body.may_arrive.clear()
        held = [asyncio.create_task(client.front.handle(one)) for one, _ in under_way]
        await asyncio.sleep(0)
        assert all(body.is_read for _, body in under_way)

        rest, untouched = arrived(MAX_HELD_BYTES - fitting * MAX_BODY_BYTES + 1)
        refused = await client.front.handle(rest)
        assert refused.status == 503
        assert orjson.loads(refused.body)["__type"] == "ServiceUnavailable"
        assert not untouched.is_read

        for exactly in (INLINE_BODY_BYTES, MAX_HELD_BYTES - fitting * MAX_BODY_BYTES):
            assert (await client.front.handle(arrived(exactly)[0])).status == 200

        for _, body in under_way:
            body.may_arrive.set()
        assert {answer.status for answer in await asyncio.gather(*held)} == {200}
        assert (await client.front.handle(arrived(MAX_BODY_BYTES)[0])).status == 200

    asyncio.run(main())


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
@pytest.mark.parametrize("unknown", [*UNKNOWN_TARGETS, None])
def test_an_unknown_operation_is_refused_without_a_word(client, service, unknown):
    prefix = (unknown or "").partition(".")[0]
    if prefix in {known.target_prefix for known in services().values()} - {services()[service].target_prefix}:
        service = "ecr" if service == "ecr-public" else "ecr-public"

    assert client.send(signed(unknown, service=service)) == (400, {"__type": "UnknownOperationException"})
    assert client.response.headers["x-amzn-ErrorType"] == "UnknownOperationException"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-amz-json-1.0",
        "application/x-www-form-urlencoded",
        "text/plain",
        JSON + "1",
    ],
)
def test_a_content_type_of_another_protocol_is_no_operation_of_ours(client, content_type):
    request = signed(target("DescribeRepositories"), content_type=content_type)

    assert client.send(request) == (400, {"__type": "UnknownOperationException"})


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_a_method_other_than_post_is_no_operation_of_ours(client, method):
    request = signed(target("DescribeRepositories"), b"", method=method)

    assert client.send(request) == (400, {"__type": "UnknownOperationException"})


def test_an_unknown_operation_is_only_told_to_who_is_known(client):
    unknown = signed("AmazonEC2ContainerRegistry_V20150921.ListStacks")

    assert (
        client.send(unknown.with_header("Authorization", None))[1]["__type"]
        == "MissingAuthenticationTokenException"
    )
    assert client.send(unknown.but(body=b"{ }"))[1]["__type"] == "InvalidSignatureException"
    assert client.send(signed("Nonsense.PutImage", service="sts"))[1]["__type"] == "InvalidSignatureException"


def test_every_operation_of_the_model_that_is_not_implemented_says_so(client):
    missing = [
        (service, name)
        for service in SERVICES
        for name in coverage()[service]
        if (service, name) not in OPERATIONS
    ]
    for service, name in missing:
        if service == "ecr":
            refusal = 501, "NotImplementedException"
        else:
            refusal = 400, "UnsupportedCommandException"
        status, answer = client.ask(name, service=service)
        assert (status, answer["__type"]) == refusal
        assert name in answer["message"]
        assert client.ask(name, {"repositoryName": 7}, service=service)[1]["__type"] == refusal[1]
        forged = signed(target(name, service), service=service).but(body=b"{ }")
        assert client.send(forged)[1]["__type"] == "InvalidSignatureException"


def test_a_fault_of_the_server_is_an_internal_failure(client):
    response = client.front.refuse(client.arrived(signed(target("PutImage"))), ServerException())
    assert (response.status, response.body) == (500, b'{"__type":"InternalFailure"}')
    assert response.headers["x-amzn-RequestId"] == REQUEST_ID


# What is refused: the input, in the order body, constraints, authorisation, existence.


def test_a_body_that_is_no_json_is_refused(client):
    assert client.send(signed(target("ListImages"), b"{")) == (400, {"__type": "SerializationException"})


def test_the_type_of_a_member_is_judged_before_what_is_missing(client):
    assert client.ask("ListImages", {"maxResults": "1"}) == (
        400,
        {"__type": "SerializationException", "message": "STRING_VALUE can not be converted to an Integer"},
    )


def test_constraints_are_judged_before_permission(client):
    assert client.ask("ListImages", {"registryId": OTHER_ACCOUNT}) == (
        400,
        {
            "__type": "InvalidParameterException",
            "message": "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
            "'Member must not be null'",
        },
    )


def test_permission_is_judged_before_existence(client):
    arguments = {"repositoryName": "no/such", "registryId": OTHER_ACCOUNT}

    assert client.ask("ListImages", arguments)[1]["__type"] == "AccessDeniedException"
    assert client.ask("ListImages", {"repositoryName": "no/such"}) == (
        400,
        {
            "__type": "RepositoryNotFoundException",
            "message": "The repository with name 'no/such' does not exist in the registry with id "
            f"'{ACCOUNT}'",
        },
    )


def test_an_error_comes_with_the_members_the_model_gives_it(client):
    client.create()
    where = {"repositoryName": "team/app"}
    where["uploadId"] = client.ask("InitiateLayerUpload", where)[1]["uploadId"]
    part = {**where, "layerPartBlob": pybase64.b64encode_as_string(b"0123456789")}
    assert client.ask("UploadLayerPart", {**part, "partFirstByte": 0, "partLastByte": 9})[0] == 200

    status, answer = client.ask("UploadLayerPart", {**part, "partFirstByte": 11, "partLastByte": 20})

    assert (status, answer) == (
        400,
        {
            "__type": "InvalidLayerPartException",
            "message": "First byte of the layer part is 11 instead of 10",
            "registryId": ACCOUNT,
            **where,
            "lastValidByteReceived": 9,
        },
    )


def test_what_is_no_error_of_the_service_escapes(client):
    def broken(access_key_id: str) -> KnownKey | None:
        raise LookupError(access_key_id)

    client.front = client.a_front(find_key=broken)

    with pytest.raises(LookupError, match=ACCESS_KEY_ID):
        client.ask("DescribeRepositories")


# --dev


def test_in_dev_any_credentials_are_the_root_of_the_default_account(client):
    arn = client.in_dev().create(access_key_id="test")["repositoryArn"]

    assert arn.split(":")[4] == ACCOUNT


def test_in_dev_the_number_of_an_account_is_its_root(client):
    arn = client.in_dev().create(access_key_id="777788889999")["repositoryArn"]

    assert arn.split(":")[4] == "777788889999"


def test_in_dev_a_key_that_exists_is_its_accounts_whatever_the_secret(client):
    client.keys[OTHER_KEY_ID] = KnownKey(root_caller(OTHER_ACCOUNT), "another secret")

    assert client.in_dev().create(access_key_id=OTHER_KEY_ID)["repositoryArn"].split(":")[4] == OTHER_ACCOUNT
    assert (
        client.ask("DescribeRepositories", access_key_id=OTHER_KEY_ID)[1]["__type"]
        == "InvalidSignatureException"
    )


def test_in_dev_a_request_still_needs_credentials_in_time(client):
    dev = client.in_dev()
    request = signed(target("DescribeRepositories"))

    assert (
        dev.send(request.with_header("Authorization", None))[1]["__type"]
        == "MissingAuthenticationTokenException"
    )
    later = datetime.now(UTC) + timedelta(minutes=16)
    dev.front = client.a_front(clock=lambda: later, dev_account=ACCOUNT)
    assert dev.send(request)[1]["__type"] == "InvalidSignatureException"
