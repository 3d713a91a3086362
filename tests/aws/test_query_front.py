"""The front, asked in the query protocol of STS and IAM."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

import pytest

from openecr.aws.aws_json import MAX_BODY_BYTES as MAX_JSON_BYTES
from openecr.aws.model import services
from openecr.aws.query import ECHO_CHARACTERS, MAX_BODY_BYTES, MAX_PARAMETERS, MAX_UNSIGNED_BYTES
from openecr.errors import ServerException
from openecr.identity.caller import Caller, PrincipalType
from openecr.identity.credentials import KnownKey
from openecr.operations.all import OPERATIONS
from openecr.operations.gate import Gate
from tests.aws.asking import (
    ACCOUNT,
    FORM,
    OTHER_ACCOUNT,
    OTHER_KEY_ID,
    AtOnce,
    a_form,
    form_of,
    headers,
    unsigned,
)
from tests.identity.received import (
    ACCESS_KEY_ID,
    INVALID_CLIENT,
    MISMATCH,
    SECRET,
    Received,
    presign,
    sign,
)

ROOT = {"Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": ACCOUNT, "Account": ACCOUNT}
SESSION_KEY_ID = "ASIAIOSFODNN7EXAMPLE"
TOKEN = "TOK/EN+="
QUERY = "Action=GetCallerIdentity&Version=2011-06-15"


class Overheard(AtOnce):
    """A gate that remembers the calls it was asked to make."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate)
        self.calls = []
        self.call = self._remember

    def _remember(self, *arguments, **facts):
        self.calls.append(made := self._gate.call(*arguments, **facts))
        return made


@pytest.fixture
def overheard(client):
    client.gate = Overheard(client.gate._gate)
    client.front = client.a_front()
    return client.gate.calls


@pytest.fixture
def session(client):
    """The temporary key of a role's session, good for an hour."""
    caller = Caller(
        PrincipalType.ROLE,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/puller/job",
        ACCOUNT,
        "AROAEXAMPLE:job",
        access_key_id=SESSION_KEY_ID,
        session_id=SESSION_KEY_ID,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/puller",
    )
    known = KnownKey(caller, SECRET, sha256(TOKEN.encode()).digest(), datetime.now(UTC) + timedelta(hours=1))
    client.keys[SESSION_KEY_ID] = known
    return known


def who(answer):
    return {name: answer[name] for name in ("Arn", "UserId", "Account")}


# What is answered.


@pytest.mark.parametrize(
    "content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper(), f"{FORM};charset=UTF-8"]
)
def test_a_signed_form_is_answered(client, content_type):
    status, answer = client.ask_query("GetCallerIdentity", content_type=content_type)

    assert (status, who(answer)) == (200, ROOT)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3", "aws-global"])
def test_the_region_may_be_any(client, region, overheard):
    assert client.ask_query("GetCallerIdentity", region=region)[0] == 200
    assert client.ask_query("ListUsers", service="iam", region=region)[0] == 200

    assert {(call.registry.account, call.registry.region) for call in overheard} == {(ACCOUNT, region)}


def test_a_presigned_address_is_answered_to_whoever_has_it(client, session):
    assert who(client.send_query(presign(query=QUERY))[1]) == ROOT

    status, answer = client.send_query(
        presign(query=QUERY, session_token=TOKEN, access_key_id=SESSION_KEY_ID)
    )
    assert (status, answer["Arn"]) == (200, session.caller.arn)


def test_a_presigned_address_holds_as_long_as_it_says_and_as_it_is(client):
    request = presign(query=QUERY, expires=60)

    client.front = client.a_front(clock=lambda: request.at + timedelta(seconds=60))
    assert client.send_query(request)[0] == 200
    client.front = client.a_front(clock=lambda: request.at + timedelta(seconds=61))
    status, error = client.send_query(request)
    assert (status, error["Code"]) == (403, "SignatureDoesNotMatch")
    assert error["Message"].startswith("Signature expired: ")

    client.front = client.a_front()
    assert client.send_query(request.with_query("GetCallerIdentity", "GetSessionToken"))[0] == 403
    assert client.send_query(request.but(query=request.query + "&DurationSeconds=900"))[0] == 403


def test_the_session_token_of_a_presigned_address_is_signed_with_it(client, session):
    request = presign(query=QUERY, session_token=TOKEN, access_key_id=SESSION_KEY_ID)
    token = f"&X-Amz-Security-Token={quote(TOKEN, safe='')}"

    assert client.send_query(request)[0] == 200
    for query in (request.query.replace(token, ""), request.query.replace(token, token[:-1] + "E")):
        status, error = client.send_query(request.but(query=query))
        assert (status, error["Code"]) == (403, "SignatureDoesNotMatch")


def test_arguments_may_stand_in_the_address_and_in_the_body(client):
    asked = form_of("GetAccessKeyInfo").decode()
    request = sign(
        query=asked, headers=[("Content-Type", FORM)], body=b"AccessKeyId=AKIANOBODY7EXAMPLE01", service="sts"
    )
    status, error = client.send_query(request, "GetAccessKeyInfo")
    assert "AKIANOBODY7EXAMPLE01" in error["Message"]

    request = sign(
        query=asked, headers=[("Content-Type", "text/plain")], body=b"AccessKeyId=x", service="sts"
    )
    status, error = client.send_query(request, "GetAccessKeyInfo")
    assert (status, error["Code"]) == (400, "ValidationError")
    assert "Value null at 'accessKeyId'" in error["Message"]


def test_iam_is_asked_with_lists_and_answers_with_them(client):
    tags = [("Tags.member.2.Key", "b"), ("Tags.member.2.Value", "2"), ("Tags.member.1.Key", "a")]
    status, answer = client.ask_query(
        "CreateUser", [("UserName", "alice"), *tags, ("Tags.member.1.Value", "é 1")], service="iam"
    )
    assert (status, answer["User"]["UserName"]) == (200, "alice")

    status, answer = client.ask_query("ListUserTags", [("UserName", "alice")], service="iam")
    assert (status, answer["Tags"]) == (200, [{"Key": "a", "Value": "é 1"}, {"Key": "b", "Value": "2"}])
    assert client.ask_query("DeleteUser", [("UserName", "alice")], service="iam")[0] == 200


def test_the_caller_comes_with_the_circumstances_of_the_request(client, overheard, session):
    request = a_form("GetCallerIdentity", session_token=TOKEN, access_key_id=SESSION_KEY_ID)
    request = request.with_header("User-Agent", "tests/1")

    client.send_query(request)
    [call] = overheard
    assert (call.caller.source_address, call.caller.user_agent) == ("192.0.2.7", "tests/1")
    assert not call.caller.is_secure
    assert (call.caller.arn, call.caller.session_id) == (session.caller.arn, SESSION_KEY_ID)
    assert (call.service, call.request_id, call.via_oci) == ("sts", client.arrived(request).id, False)

    client.arrived = _over_tls(client.arrived)
    client.send_query(request)
    assert overheard[1].caller.is_secure


def _over_tls(arrived):
    def secure(request, **facts):
        made = arrived(request, **facts)
        return type(made)(**{name: getattr(made, name) for name in made.__slots__} | {"scheme": "https"})

    return secure


# Which operation.


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("Action=NoSuchAction&Version=2011-06-15", "NoSuchAction for version 2011-06-15"),
        ("Action=GetCallerIdentity", "GetCallerIdentity for version NO_VERSION_SPECIFIED"),
        ("Action=GetCallerIdentity&Version=", "GetCallerIdentity for version "),
        ("Action=GetCallerIdentity&Version=2000-01-01", "GetCallerIdentity for version 2000-01-01"),
        ("Action=getcalleridentity&Version=2011-06-15", "getcalleridentity for version 2011-06-15"),
        ("Action=&Version=2011-06-15", " for version 2011-06-15"),
        ("Version=2011-06-15", " for version 2011-06-15"),
        ("", " for version NO_VERSION_SPECIFIED"),
        ("Action=ListUsers&Version=2010-05-08", "ListUsers for version 2010-05-08"),
        (
            "Action=NoSuchAction&Action=GetCallerIdentity&Version=2011-06-15",
            "NoSuchAction for version 2011-06-15",
        ),
        ("Action=%3Ca%3E%01%26&Version=x", "<a>& for version x"),
        ("Action=" + "a" * 9999, "a" * ECHO_CHARACTERS + " for version NO_VERSION_SPECIFIED"),
    ],
)
def test_an_unknown_operation_is_named(client, form, told):
    """As STS was measured to do; a call without an Action it sends to a web page."""
    for is_signed in (True, False):
        request = sign(headers=[("Content-Type", FORM)], body=form.encode(), service="sts")
        if not is_signed and "2010-05-08" in form:
            continue  # without a signature the version says which service is meant
        status, error = client.send_query(request if is_signed else unsigned(request))
        assert (status, error["Code"], error["Type"]) == (400, "InvalidAction", "Sender")
        assert error["Message"] == f"Could not find operation {told}"


def test_of_an_action_that_comes_twice_the_first_counts(client):
    form = b"Action=GetCallerIdentity&Action=NoSuchAction&Version=2011-06-15&Version=2000-01-01&Unknown=value"
    request = sign(headers=[("Content-Type", FORM)], body=form, service="sts")

    assert who(client.send_query(request)[1]) == ROOT


def test_the_service_is_that_of_the_signature(client):
    version = services()["sts"].version
    request = a_form("GetCallerIdentity", service="iam", version=version)

    status, error = client.send_query(request, "GetUser", "iam")
    assert (status, error["Code"]) == (400, "InvalidAction")
    assert b"iam.amazonaws.com/doc" in client.response.body
    assert error["Message"] == f"Could not find operation GetCallerIdentity for version {version}"


@pytest.mark.parametrize("scoped", ["ecr", "ecr-public", "s3", "execute-api"])
def test_a_signature_for_another_service_is_refused(client, scoped):
    request = sign(headers=[("Content-Type", FORM)], body=form_of("GetCallerIdentity"), service=scoped)
    status, error = client.send_query(request)
    assert (status, error["Code"]) == (403, "SignatureDoesNotMatch")
    assert error["Message"] == "Credential should be scoped to correct service: 'sts'. "

    request = presign(query=form_of("ListUsers", service="iam").decode(), service=scoped)
    status, error = client.send_query(request, "ListUsers", "iam")
    assert error["Message"] == "Credential should be scoped to correct service: 'iam'. "


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
def test_a_method_other_than_get_and_post_is_no_operation(client, method):
    status, error = client.send_query(sign(method=method, query=QUERY, headers=[], body=b"", service="sts"))

    assert (status, error["Code"]) == (400, "InvalidAction")


def test_every_operation_of_the_models_that_is_not_implemented_says_so(client):
    for service in ("sts", "iam"):
        missing = [name for name in services()[service].operations if (service, name) not in OPERATIONS]
        assert missing
        for name in missing:
            status, error = client.ask_query(name, [("UserName", "?")], service=service)
            assert (status, error["Code"], error["Type"]) == (501, "NotImplemented", "Receiver")
            assert error["Message"] == f"The operation {name} of {service} is not implemented by openecr yet."


def test_what_is_not_implemented_is_only_told_to_who_is_known(client):
    request = a_form("CreateSAMLProvider", service="iam")

    assert client.send_query(request.but(body=request.body + b"&"))[1]["Code"] == "SignatureDoesNotMatch"
    assert client.send_query(unsigned(request))[1]["Code"] == "MissingAuthenticationToken"


# Who asks.


@pytest.mark.parametrize(("service", "name"), [("sts", "GetCallerIdentity"), ("iam", "ListUsers")])
def test_a_call_without_a_signature_is_refused(client, service, name):
    expected = "MissingAuthenticationToken", "Request is missing Authentication Token"
    by_address = Received(
        "GET", "/", form_of(name, service=service).decode(), headers(), b"", datetime.now(UTC)
    )

    for request in (unsigned(a_form(name, service=service)), by_address):
        status, error = client.send_query(request, name, service)
        assert (status, error["Code"], error["Message"]) == (403, *expected)


@pytest.mark.parametrize("is_signed", [False, True])
def test_who_has_a_token_of_an_identity_provider_asks_as_nobody(client, overheard, is_signed):
    arguments = [
        ("RoleArn", f"arn:aws:iam::{ACCOUNT}:role/puller"),
        ("RoleSessionName", "job"),
        ("WebIdentityToken", "a.b.c"),
    ]
    request = a_form("AssumeRoleWithWebIdentity", arguments)

    _, error = client.send_query(request if is_signed else unsigned(request), "AssumeRoleWithWebIdentity")

    assert error["Code"] in ("InvalidIdentityToken", "AccessDenied")
    [call] = overheard
    assert call.caller.is_anonymous
    assert call.caller.source_address == "192.0.2.7"
    assert (call.registry.account, call.registry.region) == (ACCOUNT, "us-east-1")
    assert call.input["WebIdentityToken"] == "a.b.c"


def test_a_signature_that_need_not_be_there_must_hold(client, overheard):
    request = a_form("AssumeRoleWithWebIdentity", [("RoleSessionName", "job")])

    assert client.send_query(request.but(body=request.body + b"&"))[1]["Code"] == "SignatureDoesNotMatch"
    assert not overheard


@pytest.mark.parametrize(
    ("spoiled", "code", "status"),
    [
        (lambda request: request.but(body=request.body + b"&"), "SignatureDoesNotMatch", 403),
        (lambda request: request.with_authorization("/sts/", "/sts"), "IncompleteSignature", 400),
        (lambda request: request.with_authorization("Signature=", "Sign="), "IncompleteSignature", 400),
        (lambda request: request.with_header("Authorization", "Basic x"), "IncompleteSignature", 400),
        (lambda request: request.with_header("X-Amz-Put-In", "1"), "SignatureDoesNotMatch", 403),
        (
            lambda request: request.with_authorization(ACCESS_KEY_ID, "AKIANOBODY7"),
            "InvalidClientTokenId",
            403,
        ),
    ],
)
def test_faults_of_the_signature_have_the_names_of_this_protocol(client, spoiled, code, status):
    told, error = client.send_query(spoiled(a_form("GetCallerIdentity")))

    assert (told, error["Code"]) == (status, code)
    assert error["Message"]


def test_the_texts_of_faults(client):
    request = a_form("GetCallerIdentity")

    assert client.send_query(request.but(body=b""))[1]["Message"] == MISMATCH
    assert client.ask_query("GetCallerIdentity", access_key_id="AKIANOBODY7EXAMPLE01")[1]["Message"] == (
        INVALID_CLIENT
    )
    client.front = client.a_front(clock=lambda: request.at + timedelta(minutes=16))
    status, error = client.send_query(request)
    assert (status, error["Code"]) == (403, "SignatureDoesNotMatch")
    assert error["Message"].startswith("Signature expired: ")


def test_an_unknown_key_is_refused_and_its_body_not_read(client):
    assert client.ask_query("GetCallerIdentity", access_key_id="AKIANOBODY7EXAMPLE01")[0] == 403
    assert not client.body.is_read


# Temporary keys: the same in both protocols.


def both(client, **signing):
    """Status and code that a call of STS and one of ECR get."""
    status, answer = client.ask_query("GetCallerIdentity", **signing)
    yield status, answer.get("Code")
    status, answer = client.ask("DescribeRegistry", **signing)
    yield status, answer.get("__type")


def test_a_temporary_key_comes_with_its_session_token(client, session):
    unknown = [(403, "InvalidClientTokenId"), (400, "UnrecognizedClientException")]
    for token in (None, "TOK/EN+", TOKEN + "=", TOKEN.lower(), "another"):
        assert [*both(client, access_key_id=SESSION_KEY_ID, session_token=token)] == unknown

    (status, _), (_, code) = both(client, access_key_id=SESSION_KEY_ID, session_token=TOKEN)
    assert status == 200
    assert code in (None, "AccessDeniedException")  # a role that no policy allows anything


def test_a_session_token_with_a_long_term_key_is_refused(client):
    assert [*both(client, session_token=TOKEN)] == [
        (403, "InvalidClientTokenId"),
        (400, "UnrecognizedClientException"),
    ]


def test_a_temporary_key_ends_at_its_moment_and_says_so_to_its_owner_alone(client, session):
    keys = {"access_key_id": SESSION_KEY_ID, "session_token": TOKEN}
    ended = [(403, "ExpiredToken"), (400, "ExpiredTokenException")]

    now = datetime.now(UTC)
    client.keys[SESSION_KEY_ID] = KnownKey(session.caller, SECRET, session.session_token_sha256, now)
    client.front = client.a_front(clock=lambda: now)
    assert [*both(client, **keys)] == ended
    assert client.ask_query("GetCallerIdentity", **keys)[1]["Message"] == (
        "The security token included in the request is expired"
    )
    client.front = client.a_front(clock=lambda: now - timedelta(microseconds=1))
    assert next(both(client, **keys)) == (200, None)

    client.front = client.a_front(clock=lambda: now)
    forged = a_form("GetCallerIdentity", **keys)
    assert client.send_query(forged.but(body=b""))[1]["Code"] == "SignatureDoesNotMatch"
    assert [*both(client, access_key_id=SESSION_KEY_ID, session_token="another")] == [
        (403, "InvalidClientTokenId"),
        (400, "UnrecognizedClientException"),
    ]


# --dev


def test_in_dev_any_credentials_are_somebodys(client, session):
    dev = client.in_dev()

    assert who(dev.ask_query("GetCallerIdentity", access_key_id="test")[1]) == ROOT
    assert dev.ask_query("GetCallerIdentity", access_key_id="777788889999")[1]["Account"] == "777788889999"
    assert dev.ask_query("GetCallerIdentity", access_key_id=OTHER_KEY_ID)[1]["Account"] == OTHER_ACCOUNT
    forged = a_form("GetCallerIdentity", access_key_id=SESSION_KEY_ID)
    assert dev.send_query(forged.with_header("X-Amz-Date", forged.headers["X-Amz-Date"]))[1]["Arn"] == (
        session.caller.arn
    )
    assert dev.send_query(unsigned(a_form("GetCallerIdentity")))[1]["Code"] == "MissingAuthenticationToken"


# What is asked.


def test_an_input_that_is_not_of_its_shape_is_malformed(client):
    status, error = client.ask_query("AssumeRole", [("DurationSeconds", "")])
    assert (status, error["Code"], error["Message"]) == (
        400,
        "MalformedInput",
        "missing value for decimal type",
    )

    status, error = client.ask_query("AssumeRole", [("Tags", "x")])
    assert (status, error["Code"]) == (400, "MalformedInput")


def test_all_that_is_wrong_with_an_input_is_told_at_once(client):
    status, error = client.ask_query("AssumeRole", [("RoleSessionName", "a/b")])

    assert (status, error["Code"]) == (400, "ValidationError")
    assert error["Message"] == (
        "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not "
        "be null; Value 'a/b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular "
        r"expression pattern: [\w+=,.@-]*"
    )


def test_an_error_of_an_operation_has_the_code_and_the_status_of_the_model(client):
    status, error = client.ask_query("GetUser", [("UserName", "nobody")], service="iam")

    assert (status, error["Code"], error["Type"]) == (404, "NoSuchEntity", "Sender")
    assert error["Message"] == "The user with name nobody cannot be found."


@pytest.mark.parametrize(
    ("spoiled", "most_bytes"), [(lambda request: request, MAX_BODY_BYTES), (unsigned, MAX_UNSIGNED_BYTES)]
)
def test_a_form_over_the_limit_is_refused_unread(client, spoiled, most_bytes):
    for announced, is_refused in ((most_bytes + 1, True), (most_bytes, False)):
        arrived = client.arrived(spoiled(a_form("AssumeRoleWithWebIdentity")), announced=announced)
        response = asyncio.run(client.front.handle(arrived))
        assert (response.status == 413) is is_refused
        assert (b"<Code>RequestEntityTooLarge</Code>" in response.body) is is_refused
        assert client.body.is_read is not is_refused


def test_a_large_form_is_read_to_its_end(client):
    padding = "a" * (MAX_BODY_BYTES - len(form_of("GetCallerIdentity", [("Padding", "")])))

    status, answer = client.ask_query("GetCallerIdentity", [("Padding", padding)])

    assert (status, who(answer)) == (200, ROOT)
    assert client.body.length == MAX_BODY_BYTES < MAX_JSON_BYTES


def test_the_longest_token_of_an_identity_provider_has_room_without_a_signature(client):
    most = services()["sts"].operations["AssumeRoleWithWebIdentity"].input.members["WebIdentityToken"].max
    request = a_form("AssumeRoleWithWebIdentity", [("WebIdentityToken", "=" * most), ("Policy", '"' * 1000)])
    assert len(request.body) < MAX_UNSIGNED_BYTES

    status, error = client.send_query(unsigned(request), "AssumeRoleWithWebIdentity")

    assert (status, error["Code"]) == (400, "ValidationError")
    assert "webIdentityToken" not in error["Message"]


def test_a_form_of_too_many_parameters_is_refused(client):
    form = form_of("GetCallerIdentity") + b"&a=1" * (MAX_PARAMETERS - 2)
    request = sign(headers=[("Content-Type", FORM)], body=form, service="sts")
    assert client.send_query(request)[0] == 200

    request = sign(headers=[("Content-Type", FORM)], body=form + b"&b", service="sts")
    status, error = client.send_query(request)
    assert (status, error["Code"]) == (400, "MalformedInput")


def test_a_fault_of_the_server_is_an_internal_failure(client):
    arrived = client.arrived(a_form("ListUsers", service="iam"))

    response = client.front.refuse(arrived, ServerException("the disk is full"))

    assert response.status == 500
    assert response.body == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type>'
        b"<Code>InternalFailure</Code></Error><RequestId>"
        + arrived.id.encode()
        + b"</RequestId></ErrorResponse>"
    )
