"""What a request without good credentials is answered, byte for byte, and whom good ones name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from openecr.identity.caller import Caller, PrincipalType, anonymous_caller
from openecr.oci.challenge import parse_credentials
from openecr.port import Response
from tests.oci.asking import (
    ACCOUNT,
    ALIAS,
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    NOON,
    PRIVATE_HOST,
    PUBLIC_HOST,
    REGION,
    Desk,
    a_request,
    basic,
    bearer,
)

API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
JSON = {"Content-Type": "application/json; charset=utf-8"} | API_VERSION
NOT_AUTHORIZED = b'{"errors":[{"code":"DENIED","message":"Not Authorized"}]}\n'
INVALID = b'{"errors":[{"code":"DENIED","message":"Your Authorization Token is invalid."}]}\n'
EXPIRED = (
    b'{"errors":[{"code":"DENIED","message":'
    b'"Your authorization token has expired. Reauthenticate and try again."}]}\n'
)
BASIC_CHALLENGE = Response(
    401,
    {
        "WWW-Authenticate": f'Basic realm="https://{PRIVATE_HOST}/",service="ecr.amazonaws.com"',
        "Content-Type": "text/plain; charset=utf-8",
    }
    | API_VERSION,
    b"Not Authorized\n",
)
PUBLIC_CHALLENGE = Response(
    401,
    {
        "Content-Type": "application/json",
        "WWW-Authenticate": 'Bearer realm="https://public.ecr.aws/token/",'
        'service="public.ecr.aws",scope="aws"',
    }
    | API_VERSION,
    NOT_AUTHORIZED,
)
PLAIN_CHALLENGE = Response(
    401,
    {
        "Content-Type": "application/json",
        "WWW-Authenticate": 'Bearer realm="http://localhost:3270/token/",'
        'service="ecr.amazonaws.com",scope="aws"',
    }
    | API_VERSION,
    NOT_AUTHORIZED,
)
PLAIN_PATHS = [
    "/v2/",
    "/v2",
    "/v2/app/manifests/1",
    "/v2/no such route",
    f"/v2/{ACCOUNT}.dkr.ecr.{REGION}/app/tags/list",
    f"/v2/public.ecr.aws/{ALIAS}/app/manifests/1",
]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def private(path: str = "/v2/", **more):
    return a_request(path=path, host=PRIVATE_HOST, scheme="https", **more)


def public(path: str = "/v2/", **more):
    return a_request(path=path, host=PUBLIC_HOST, scheme="https", **more)


# Without credentials.


@pytest.mark.parametrize("path", ["/v2/", "/v2", "/v2/app/manifests/1", "/v2/_catalog", "/v2/no/route"])
def test_a_private_host_asks_for_basic(desk, path):
    assert desk.ask(private(path)) == BASIC_CHALLENGE
    assert len(BASIC_CHALLENGE.body) == 15


@pytest.mark.parametrize("path", ["/v2/", f"/v2/{ALIAS}/app/manifests/1", "/v2/nobody1/app/tags/list"])
def test_the_public_host_asks_for_bearer(desk, path):
    assert desk.ask(public(path)) == PUBLIC_CHALLENGE
    assert len(PUBLIC_CHALLENGE.body) == 58


@pytest.mark.parametrize("path", PLAIN_PATHS)
def test_a_host_that_names_no_registry_asks_for_bearer(desk, path):
    assert desk.ask(a_request(path=path)) == PLAIN_CHALLENGE


def test_head_is_challenged_without_a_body(desk):
    response = desk.ask(a_request("HEAD", "/v2/app/manifests/1", host=PRIVATE_HOST, scheme="https"))
    assert response.body is None
    assert response.headers == BASIC_CHALLENGE.headers | {"Content-Length": "15"}


def test_the_realm_is_the_host_as_received(desk):
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.localhost:3270"
    response = desk.ask(a_request(host=host))
    assert response.headers["WWW-Authenticate"].startswith(f'Basic realm="http://{host}/",')


def test_the_realm_cannot_be_broken_out_of(desk):
    response = desk.ask(a_request(host='a",realm="http://evil.example/\udc80\\'))
    assert response.headers["WWW-Authenticate"] == (
        'Bearer realm="http://arealmhttp:evil.example/token/",service="ecr.amazonaws.com",scope="aws"'
    )


# With a token.


def test_basic_names_the_principal_of_the_token_and_where_it_came_from(desk):
    request = private(headers={"User-Agent": "docker/28.0", **basic(desk.token())})
    identity = desk.who(request)
    assert identity.caller.arn == f"arn:aws:iam::{ACCOUNT}:root"
    assert (identity.caller.source_address, identity.caller.user_agent) == ("192.0.2.7", "docker/28.0")
    assert (identity.account, identity.region) == (ACCOUNT, REGION)


def test_what_is_known_of_a_principal_is_kept_and_its_circumstances_are_the_request_s(desk):
    known = Caller(
        PrincipalType.ROLE,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/monday",
        ACCOUNT,
        "AROA1:monday",
        access_key_id="ASIA1",
        session_id="ASIA1",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/deploy",
        token_issued_at=NOON,
        has_mfa=True,
    )
    desk.principals[ACCOUNT] = known
    headers = {"User-Agent": "docker/28.0", **basic(desk.token())}
    circumstances = {"source_address": "192.0.2.7", "user_agent": "docker/28.0"}

    for scheme, is_secure in (("https", True), ("http", False)):
        request = a_request(path="/v2/", host=PRIVATE_HOST, scheme=scheme, headers=headers)
        assert desk.who(request).caller == replace(known, **circumstances, is_secure=is_secure)


def test_an_anonymous_caller_has_circumstances_too(desk):
    headers = {"User-Agent": "docker/28.0", **bearer(desk.token("anonymous"))}
    caller = desk.who(public(headers=headers)).caller
    assert caller == anonymous_caller(source_address="192.0.2.7", user_agent="docker/28.0", is_secure=True)


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_ping_says_that_the_token_holds(desk, path):
    expected = Response(200, {"Content-Length": "0"} | API_VERSION)
    assert desk.ask(private(path, headers=basic(desk.token()))) == expected
    assert desk.ask(public(path, headers=bearer(desk.token("public")))) == expected
    for headers in (basic(desk.token()), bearer(desk.token()), bearer(desk.token("anonymous"))):
        assert desk.ask(a_request(path=path, headers=headers)) == expected


def test_the_api_s_authorization_token_is_a_bearer_token(desk):
    encoded = basic(desk.token("public"))["Authorization"].removeprefix("Basic ")
    assert desk.who(public(headers=bearer(encoded))).account == ACCOUNT
    assert desk.ask(public(headers=bearer(desk.token("public")))).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!!"},
        {"Authorization": "Basic QVdT"},  # AWS, without a password
        {"Authorization": "Basic \udc80"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Digest QVdTOmE="},
        basic("not-a-token"),
        basic(""),
        basic("a.b.c"),
        basic("x" * 10_000),
    ],
    ids=str,
)
def test_credentials_that_are_none_are_as_good_as_none(desk, headers):
    assert desk.ask(private(headers=headers)) == BASIC_CHALLENGE
    assert desk.ask(a_request(headers=headers)) == PLAIN_CHALLENGE
    assert desk.ask(public(headers=headers)) == Response(400, JSON, INVALID)
    assert len(INVALID) == 80


def test_a_private_host_takes_basic_only(desk):
    assert desk.ask(private(headers=bearer(desk.token()))) == BASIC_CHALLENGE


def test_the_public_host_takes_bearer_only(desk):
    assert desk.ask(public(headers=basic(desk.token("public")))) == Response(400, JSON, INVALID)


def test_only_the_user_aws_logs_in(desk):
    assert desk.ask(private(headers=basic(desk.token(), user="aws"))) == BASIC_CHALLENGE
    assert desk.ask(a_request(headers=basic(desk.token(), user="root"))) == PLAIN_CHALLENGE


def test_an_anonymous_token_is_no_password(desk):
    assert desk.ask(private(headers=basic(desk.token("anonymous")))) == BASIC_CHALLENGE
    assert desk.ask(a_request(headers=basic(desk.token("anonymous")))) == PLAIN_CHALLENGE


def test_a_token_of_another_installation_is_refused(desk):
    stranger = Desk()
    assert desk.ask(private(headers=basic(stranger.token()))) == BASIC_CHALLENGE


def test_any_character_changed_makes_it_no_token(desk):
    token = desk.token()
    for at in (0, len(token) // 2, len(token) - 2):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert not desk.is_known(private(headers=basic(changed)))
    assert not desk.is_known(private(headers=basic(token[:-1])))
    assert not desk.is_known(private(headers=basic(token + "A")))
    assert desk.is_known(private(headers=basic(token)))


def test_a_token_expires_on_the_second(desk):
    headers = basic(desk.token())
    desk.now = NOON + timedelta(hours=12, seconds=-1)
    assert desk.ask(private(headers=headers)).status == 200
    desk.now = NOON + timedelta(hours=12)
    assert desk.ask(private(headers=headers)) == Response(403, JSON, EXPIRED)
    assert desk.ask(a_request(headers=headers)) == Response(403, JSON, EXPIRED)


def test_an_expired_bearer_token_is_invalid_in_public_and_asked_for_anew_elsewhere(desk):
    headers = bearer(desk.token("anonymous"))
    desk.now = NOON + timedelta(hours=1)
    assert desk.ask(public(headers=headers)) == Response(400, JSON, INVALID)
    assert desk.ask(a_request(headers=headers)) == PLAIN_CHALLENGE


def test_a_private_token_is_good_in_its_region_only(desk):
    headers = basic(desk.token(region="us-east-1"))
    assert desk.ask(private(headers=headers)) == Response(403, JSON, INVALID)
    assert desk.ask(
        a_request(path=f"/v2/{ACCOUNT}.dkr.ecr.{REGION}/app/tags/list", headers=headers)
    ) == Response(403, JSON, INVALID)
    assert desk.who(a_request(path="/v2/app/tags/list", headers=headers)).region == "us-east-1"


def test_a_private_token_is_good_for_the_registry_of_another_account(desk):
    host = f"444455556666.dkr.ecr.{REGION}.amazonaws.com"
    request = a_request(path="/v2/app/tags/list", host=host, headers=basic(desk.token()))
    assert desk.who(request).account == ACCOUNT


def test_a_private_token_opens_public_registries_only_where_one_login_serves_both(desk):
    token = desk.token()
    path = f"/v2/public.ecr.aws/{ALIAS}/app/tags/list"
    assert desk.is_known(a_request(path=path, headers=bearer(token)))
    assert desk.ask(public(headers=bearer(token))) == Response(400, JSON, INVALID)


def test_a_public_token_opens_no_private_registry(desk):
    token = desk.token("public")
    assert desk.ask(private(headers=basic(token))) == Response(403, JSON, INVALID)
    for path in ("/v2/app/tags/list", f"/v2/{ACCOUNT}.dkr.ecr.{REGION}/app/tags/list"):
        assert desk.ask(a_request(path=path, headers=bearer(token))) == Response(403, JSON, INVALID)


def test_an_anonymous_token_opens_public_registries_only(desk):
    headers = bearer(desk.token("anonymous"))
    for request in (
        public(f"/v2/{ALIAS}/app/tags/list", headers=headers),
        a_request(path=f"/v2/public.ecr.aws/{ALIAS}/app/tags/list", headers=headers),
    ):
        assert desk.who(request).caller.is_anonymous
    for path in ("/v2/app/tags/list", "/v2/_catalog", f"/v2/{ACCOUNT}.dkr.ecr.{REGION}/app/tags/list"):
        assert desk.ask(a_request(path=path, headers=headers)) == PLAIN_CHALLENGE
    assert desk.ask(private(headers=headers)) == BASIC_CHALLENGE


def test_a_token_does_not_outlive_its_principal(desk):
    token, public_token = desk.token(), desk.token("public")
    desk.principals.clear()
    for request in (private(headers=basic(token)), public(headers=bearer(public_token))):
        assert desk.ask(request) == Response(403, JSON, INVALID)


# In development.


@pytest.mark.parametrize("headers", [basic("anything"), basic("x", user="me"), bearer("a.b"), bearer("YTpi")])
def test_in_development_any_credentials_are_the_default_root_s(headers):
    identity = Desk(dev=True).who(a_request(path="/v2/app/tags/list", headers=headers))
    assert identity.caller.arn == f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"
    assert (identity.account, identity.region) == (DEFAULT_ACCOUNT, DEFAULT_REGION)


def test_in_development_the_number_of_an_account_is_its_root():
    identity = Desk(dev=True).who(private(headers=basic("x", user=ACCOUNT)))
    assert identity.caller.arn == f"arn:aws:iam::{ACCOUNT}:root"
    assert identity.account == ACCOUNT


def test_in_development_a_good_token_still_speaks_for_its_principal():
    desk = Desk(dev=True)
    assert desk.who(private(headers=basic(desk.token()))).account == ACCOUNT
    assert desk.who(public(headers=bearer(desk.token("anonymous")))).caller.is_anonymous


def test_in_development_too_somebody_must_be_named():
    assert Desk(dev=True).ask(a_request()) == PLAIN_CHALLENGE


# Credentials as written.


def test_the_scheme_is_read_in_any_case_and_the_password_to_its_end():
    for scheme in ("Basic", "basic", "BASIC"):
        credentials = parse_credentials(f"{scheme} QVdTOmE6Yjpj")
        assert (credentials.user, credentials.password) == ("AWS", "a:b:c")
