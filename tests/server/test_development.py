"""`--dev`: whose any credentials are, whose they are not, and from where they count for nothing.

There any credentials are a root's; so a page that a browser on the same machine shows must not be able to
send any, and a key that has ended must not become more than it was.
"""

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from tests.every_operation.principals import a_user, allow, policy
from tests.oci.wire import send
from tests.registry_client import RegistryClient

ROOT = ("000000000000", "any secret")
NOBODYS = ("AKIANOBODY7EXAMPLE01", "any secret")
REGISTRY = "000000000000.dkr.ecr.us-east-1"


@pytest.fixture
def settings(settings, request):
    """A test may be started with more of them."""
    more = getattr(request, "param", {})
    return settings | {"dev": True, "root_access_key_id": None, "root_secret_access_key": None} | more


@pytest.fixture
def user(server):
    user = a_user(server.client("iam", key=ROOT), "somebody")
    user.may(allow("*", "*"))
    return user


def who(server, key):
    return server.client("sts", key=key).get_caller_identity()["Arn"]


def is_invalid(server, key, code="InvalidClientTokenId"):
    with pytest.raises(ClientError) as refused:
        who(server, key)
    return refused.value.response["Error"]["Code"] == code


def pinged(server, password):
    return RegistryClient(server.url, password).ask("GET", "/v2/").status


# Whose a key is.


def test_a_key_that_nobody_has_is_the_root_s_and_one_of_a_user_is_the_user_s(server, user):
    assert who(server, NOBODYS) == "arn:aws:iam::000000000000:root"
    assert who(server, user.key) == user.arn
    assert who(server, (user.key[0], "another secret")) == user.arn


def test_a_user_s_key_that_has_ended_is_nobody_s(server, user):
    password = server.password(key=user.key)
    iam = server.client("iam", key=ROOT)
    assert pinged(server, password) == 200

    iam.update_access_key(UserName=user.name, AccessKeyId=user.key[0], Status="Inactive")

    assert is_invalid(server, user.key)
    assert pinged(server, password) == 403
    docker = RegistryClient(server.url, password)
    assert docker.ask("GET", "/token/").status == 403
    assert docker.start_upload("team/app").status == 403


def test_a_session_that_has_ended_or_was_revoked_is_nobody_s(server, user, clock):
    iam = server.client("iam", key=ROOT)
    trust = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    sts = server.client("sts", key=user.key)

    def session():
        made = sts.assume_role(RoleArn=role, RoleSessionName="shift", DurationSeconds=900)["Credentials"]
        return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    # Signatures are of the real time, and the server's may be a quarter of an hour from it.
    clock.advance(minutes=-14)
    first = session()
    assert who(server, first).endswith("assumed-role/worker/shift")
    clock.advance(minutes=16)
    assert is_invalid(server, first, "ExpiredToken")

    second = session()
    clock.advance(seconds=1)
    with server.parts.stores.database.transaction() as db:
        db.revocations.put(db.identities.find_by_arn(role).id, clock.now)
    assert is_invalid(server, second)


def test_a_token_that_is_over_is_not_the_root_s(server, user, clock):
    password = server.password(key=user.key)
    clock.advance(hours=13)

    answer = RegistryClient(server.url, password).ask("GET", "/v2/")

    assert (answer.status, answer.error) == (403, "DENIED")
    assert pinged(server, "any password") == 200


def test_a_token_for_another_region_is_not_the_root_s(server, user):
    password = server.password(key=user.key)
    for region, status in (("us-east-1", 404), ("eu-west-1", 403)):
        registry = RegistryClient(server.url, password, prefix=f"000000000000.dkr.ecr.{region}/")
        assert registry.tags("team/app").status == status


# From where.


def called(server, headers, *, query="Action=GetCallerIdentity&Version=2011-06-15", service="sts"):
    """A call as any page could make a browser send it: a query, whose signature is made up."""
    now = datetime.now(UTC)
    signature = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"000000000000/{now:%Y%m%d}/us-east-1/{service}/aws4_request",
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
    }
    return send(server, "GET", f"/?{query}&{urlencode(signature)}", headers)


def asked(server, headers):
    return send(server, "GET", "/v2/", {"Authorization": "Basic QVdTOmFueQ==", **headers})


def statuses(server, headers):
    return called(server, headers).status, asked(server, headers).status


OF_ANOTHER_SITE = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8000"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", OF_ANOTHER_SITE, ids=str)
def test_what_a_page_of_another_site_makes_a_browser_send_is_refused(server, headers):
    made = called(server, headers, query="Action=CreateUser&UserName=csrf&Version=2010-05-08", service="iam")
    assert (made.status, re.findall(b"<Code>(.*?)</Code>", made.body)) == (403, [b"AccessDenied"])
    assert b"With --dev any credentials are those of a root" in made.body
    assert server.client("iam", key=ROOT).list_users()["Users"] == []

    answer = asked(server, headers)
    assert (answer.status, answer.error) == (403, "DENIED")
    assert answer.message.startswith("With --dev any credentials are those of a root")

    posted = send(server, "POST", "/", {**headers, "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.X"})
    assert (posted.status, posted.json["__type"]) == (400, "AccessDeniedException")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_a_page_of_ours_or_somebody_at_a_browser_sends_is_answered(server, site):
    assert statuses(server, {"Sec-Fetch-Site": site}) == (200, 200)
    assert statuses(server, {"Sec-Fetch-Site": site, "Origin": server.url}) == (200, 200)


@pytest.mark.parametrize(
    "host",
    [
        "rebound.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "192.0.2.1",
        "[2001:db8::1]",
        f"{REGISTRY}.evil.example",
        "public.ecr.evil.example",
        "evil.s3.amazonaws.com",
        f"{REGISTRY}.evilamazonaws.com",
    ],
)
def test_a_host_that_may_be_somebody_else_s_is_refused(server, host):
    for port in ("", f":{server.port}"):
        assert statuses(server, {"Host": host + port}) == (403, 403)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        f"{REGISTRY}.localhost",
        "127.0.0.1",
        "127.8.9.10",
        "[::1]",
        f"{REGISTRY}.amazonaws.com",
        "000000000000.dkr-ecr.us-east-1.on.aws",
        "public.ecr.aws",
    ],
)
def test_a_host_that_is_nobody_else_s_is_answered(server, host):
    for port in ("", f":{server.port}"):
        call, login = statuses(server, {"Host": host + port})
        assert (call, login in (200, 400)) == (200, True)


EXTERNAL = {
    "external_url": "https://{account}.dkr.ecr.{region}.registry.example:8443",
    "public_external_url": "https://public.registry.example",
}


@pytest.mark.parametrize("settings", [EXTERNAL], ids=["external"], indirect=True)
@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"{REGISTRY}.registry.example", 200),
        (f"{REGISTRY}.registry.example:8443", 200),
        ("public.registry.example", 200),
        (f"{REGISTRY}.registryxexample", 403),
        (f"x.{REGISTRY}.registry.example", 403),
        ("registry.example", 403),
    ],
)
def test_the_hosts_of_the_external_addresses_are_answered_too(server, host, status):
    assert called(server, {"Host": host}).status == status


@pytest.mark.parametrize("settings", [{"dev": False}], ids=["production"], indirect=True)
def test_in_production_a_request_is_judged_by_its_credentials_alone(server):
    assert b"InvalidClientTokenId" in called(server, OF_ANOTHER_SITE[0]).body
    assert asked(server, {"Host": "any.example"}).status == 401
