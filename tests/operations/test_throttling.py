"""Who asks too often is told when to come again, where the installation wants that.

Source: control-plane.md §1.9, §7; data-plane.md §3.3, §3.4.
"""

import json
from http.client import HTTPConnection

import boto3
import pytest
from botocore.config import Config

from openecr.operations import throttle
from openecr.operations.throttle import network_of
from tests.api_client import ApiClient
from tests.builders import an_image
from tests.operations.refusals import refusal

OTHER = "111122223333"
RATE_EXCEEDED = ("ThrottlingException", "Rate exceeded")
BURST = 10  # seconds


@pytest.fixture
def settings(settings):
    rates = {"GetAuthorizationToken": 0.5, "PutImage": 0.2, "ecr-public.AuthenticatedPull": 0.4}
    return settings | {"throttling": True, "rates": rates}


def take_all(ask, count, *things, **given):
    for _ in range(count):
        ask(*things, **given)


# The APIs.


def test_a_burst_is_served_and_then_the_rate(server, ecr, clock):
    take_all(ecr.get_authorization_token, 5)
    assert refusal(ecr.get_authorization_token) == RATE_EXCEEDED
    clock.advance(seconds=1.9)
    assert refusal(ecr.get_authorization_token) == RATE_EXCEEDED
    clock.advance(seconds=0.2)
    ecr.get_authorization_token()
    assert refusal(ecr.get_authorization_token) == RATE_EXCEEDED
    clock.advance(minutes=10)
    take_all(ecr.get_authorization_token, 5)
    assert refusal(ecr.get_authorization_token) == RATE_EXCEEDED


def test_each_account_region_service_and_operation_has_its_own(server, ecr, ecr_public):
    take_all(ecr.get_authorization_token, 5)
    others = (
        server.client("ecr", region="eu-west-1"),
        server.client("ecr", key=server.account(OTHER)),
        ecr_public,
    )
    for each in others:
        take_all(each.get_authorization_token, 5)
        assert refusal(each.get_authorization_token) == RATE_EXCEEDED
    assert refusal(ecr.get_authorization_token) == RATE_EXCEEDED
    take_all(ecr.describe_repositories, 100)  # which has no rate


def test_an_account_s_principals_share_its_rate(server, ecr):
    server.client("iam").create_user(UserName="alice")
    made = server.client("iam").create_access_key(UserName="alice")["AccessKey"]
    alice = server.client("ecr", key=(made["AccessKeyId"], made["SecretAccessKey"]))
    take_all(ecr.get_authorization_token, 5)
    assert refusal(alice.get_authorization_token) == RATE_EXCEEDED


def test_the_answer_says_when_to_come_again_and_the_audit_file_that_it_was(server):
    client = ApiClient(server.url)
    for _ in range(5):
        assert client.ask("ecr", "GetAuthorizationToken").status == 200
    answer = client.ask("ecr", "GetAuthorizationToken")
    assert (answer.status, answer.json) == (400, {"__type": RATE_EXCEEDED[0], "message": RATE_EXCEEDED[1]})
    assert answer.headers["x-amz-retry-after"] == "2000"
    last = (server.parts.settings.data_dir / "audit.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["errorCode"] == "ThrottlingException"
    metrics = read(server, "/-/metrics")
    assert 'openecr_throttled_calls_total{operation="GetAuthorizationToken",service="ecr"} 1.0' in metrics


def test_botocore_waits_as_long_as_it_is_told(server, clock, monkeypatch):
    """And then goes on, as if nothing had been."""
    waits = []

    def wait(seconds):
        waits.append(seconds)
        clock.advance(seconds=seconds)

    monkeypatch.setattr("botocore.endpoint.time.sleep", wait)
    patient = boto3.client(
        "ecr",
        endpoint_url=server.url,
        aws_access_key_id=server.parts.settings.root_access_key_id,
        aws_secret_access_key=server.parts.settings.root_secret_access_key,
        region_name="us-east-1",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    take_all(patient.get_authorization_token, 5)
    patient.get_authorization_token()
    assert len(waits) == 1
    assert waits[0] >= 2


# The OCI front.


def test_over_oci_it_is_429(docker, repository, clock):
    image = an_image()
    docker.push_layers(repository, image)
    for tag in ("a", "b"):
        assert docker.put_manifest(repository, tag, image).status == 201
    answer = docker.put_manifest(repository, "c", image)
    assert (answer.status, answer.error, answer.message) == (429, "TOOMANYREQUESTS", "Rate exceeded")
    assert answer.headers["Retry-After"] == "5"
    clock.advance(seconds=5)
    assert docker.put_manifest(repository, "c", image).status == 201


# Pulls from a public registry.


@pytest.fixture
def published(server, ecr_public):
    """The path of a public image's manifest."""
    uri = ecr_public.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    path = uri.partition("/")[2]
    image = an_image()
    registry = server.docker(prefix=path.removesuffix("app"))
    assert registry.push("app", image, "1.0").status == 201
    return f"/v2/{path}/manifests/1.0"


def read(server, path, *, method="GET", address="127.0.0.1", **headers):
    connection = HTTPConnection("127.0.0.1", server.port, source_address=(address, 0))
    connection.request(method, path, headers={"Host": f"localhost:{server.port}"} | headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return body if path.startswith("/-/") else (answer.status, answer.getheader("Retry-After"), body)


def pull(server, path, token, **more):
    return read(server, path, Authorization=f"Bearer {token}", **more)[:2]


def anonymous_token(server):
    return json.loads(read(server, "/token/")[2])["token"]


def test_an_anonymous_pull_a_second_and_address(server, clock, published):
    token = anonymous_token(server)
    for _ in range(BURST):
        assert pull(server, published, token) == (200, None)
    assert pull(server, published, anonymous_token(server)) == (429, "1")
    body = json.loads(read(server, published, Authorization=f"Bearer {token}")[2])
    assert body["errors"][0]["message"] == "Rate exceeded"

    assert pull(server, published, token, method="HEAD") == (200, None)  # no pull
    tags = published.replace("manifests/1.0", "tags/list")
    assert pull(server, tags, token)[0] != 429
    for _ in range(BURST):
        assert pull(server, published, token, address="127.0.0.2") == (200, None)
    assert pull(server, published, token, address="127.0.0.2") == (429, "1")

    clock.advance(seconds=1)
    assert pull(server, published, token) == (200, None)
    assert pull(server, published, token) == (429, "1")


def test_who_is_signed_in_pulls_at_a_rate_of_their_own(server, published):
    token = anonymous_token(server)
    registry = server.docker(prefix=published.removeprefix("/v2/").removesuffix("app/manifests/1.0"))
    for _ in range(4):
        assert registry.get_manifest("app", "1.0").status == 200
    answer = registry.get_manifest("app", "1.0")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    assert pull(server, published, token) == (200, None)


def test_no_more_buckets_are_kept_than_there_is_room_for(server, published, monkeypatch):
    """The one used longest ago goes first, and is full when it comes back."""
    monkeypatch.setattr(throttle, "MOST_BUCKETS", 2)
    token = anonymous_token(server)
    for _ in range(BURST):
        pull(server, published, token)
    for number in (2, 3):
        assert pull(server, published, token)[0] == 429
        assert pull(server, published, token, address=f"127.0.0.{number}")[0] == 200
        assert len(server.parts.gate._throttle._full_at) == 2
    pull(server, published, token, address="127.0.0.2")
    assert pull(server, published, token) == (200, None)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::1", "127.0.0.1", False),
        ("", "", True),
    ],
)
def test_an_ipv6_network_is_as_one_address(one, other, is_same):
    assert (network_of(one) == network_of(other)) is is_same
