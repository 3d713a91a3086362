"""AssumeRoleWithWebIdentity: a role for whoever has a token of a provider. Source: auth-iam.md §2.3, §2.4."""

import json

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.every_operation.principals import allow, policy
from tests.operations.test_sts import key_of, refused

ACCOUNT = "000000000000"
ISSUER = "https://kubernetes.default.svc"
HOST = "kubernetes.default.svc"
CLIENT = "sts.amazonaws.com"
POD = "system:serviceaccount:prod:puller"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@pytest.fixture
def settings(settings, tmp_path):
    """With the cluster's keys as a file."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    return settings | {"oidc_keys": f"{ISSUER}={keys}"}


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def provider(iam):
    made = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[CLIENT])
    return made["OpenIDConnectProviderArn"]


@pytest.fixture
def role(iam, provider):
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{HOST}:aud": CLIENT, f"{HOST}:sub": POD}},
    }
    made = iam.create_role(RoleName="pod", AssumeRolePolicyDocument=policy(trust))["Role"]
    iam.put_role_policy(
        RoleName="pod", PolicyName="list", PolicyDocument=policy(allow("ecr:ListImages", "*"))
    )
    return made["Arn"]


@pytest.fixture
def sts(server):
    """Nobody's: the request is not signed."""
    return boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )


def a_token(clock, *, key=KEY, **changed):
    now = int(clock.now.timestamp())
    claims = {"iss": ISSUER, "sub": POD, "aud": [CLIENT], "iat": now, "nbf": now, "exp": now + 600}
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims | changed, key)


def ask(sts, role, token, **given):
    return sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="pod", WebIdentityToken=token, **given
    )


def test_a_pod_becomes_a_role(server, clock, sts, role, repository):
    answer = ask(sts, role, a_token(clock))
    assert answer["SubjectFromWebIdentityToken"] == POD
    assert (answer["Audience"], answer["Provider"]) == (CLIENT, ISSUER)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/pod/pod"
    server.client("ecr", key=key_of(answer)).list_images(repositoryName=repository)


def test_another_pod_does_not(clock, sts, role):
    token = a_token(clock, sub="system:serviceaccount:prod:other")
    text = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    assert refused(lambda: ask(sts, role, token)) == (403, "AccessDenied", text)
    gone = role.replace("role/pod", "role/gone")
    assert refused(lambda: ask(sts, gone, a_token(clock))) == (403, "AccessDenied", text)


def test_what_the_token_says_is_known_to_the_role_s_policies(server, iam, clock, sts, role, repository):
    condition = {"StringEquals": {f"{HOST}:sub": POD}}
    iam.put_role_policy(
        RoleName="pod",
        PolicyName="list",
        PolicyDocument=policy(allow("ecr:ListImages", "*") | {"Condition": condition}),
    )
    server.client("ecr", key=key_of(ask(sts, role, a_token(clock)))).list_images(repositoryName=repository)


def test_a_token_of_an_unknown_issuer_is_refused(clock, sts, role):
    token = a_token(clock, iss="https://elsewhere.example")
    assert refused(lambda: ask(sts, role, token)) == (
        400,
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://elsewhere.example",
    )


def test_a_token_for_somebody_else_is_refused(clock, sts, role):
    token = a_token(clock, aud=["vault"])
    told = refused(lambda: ask(sts, role, token))
    assert told == (400, "InvalidIdentityToken", "Incorrect token audience")


def test_an_expired_token_is_refused(clock, sts, role):
    now = int(clock.now.timestamp())
    token = a_token(clock, iat=now - 7200, nbf=now - 7200, exp=now - 3600)
    status, code, text = refused(lambda: ask(sts, role, token))
    assert (status, code) == (400, "ExpiredTokenException")
    assert (
        text == f"Token expired: current date/time {now} must be before the expiration date/time {now - 3600}"
    )


def test_a_forged_token_is_refused(clock, sts, role):
    other = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    for token in (a_token(clock, key=other), a_token(clock)[:-4] + "AAAA", "x.y.z", "none"):
        assert refused(lambda token=token: ask(sts, role, token))[:2] == (400, "InvalidIdentityToken")


def test_an_issuer_that_cannot_be_asked_is_told_so(iam, clock, sts, role):
    """Loopback is no place to fetch keys from, unless a setting says so."""
    iam.create_open_id_connect_provider(Url="https://localhost", ClientIDList=[CLIENT])
    token = a_token(clock, iss="https://localhost")
    assert refused(lambda: ask(sts, role, token))[:2] == (400, "IDPCommunicationError")


def test_a_session_policy_limits_it(server, clock, sts, role, repository):
    answer = ask(sts, role, a_token(clock), Policy=policy(allow("ecr:Describe*", "*")))
    ecr = server.client("ecr", key=key_of(answer))
    assert "no session policy allows" in refused(ecr.list_images, repositoryName=repository)[2]
