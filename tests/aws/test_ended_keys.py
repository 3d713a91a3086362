"""A key that ends between the head of a request and its body: it ends the request too.

The server has judged the head when it asks for the body, and how long that takes is up to the client.
"""

import asyncio
import re
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from openecr.identity.caller import root_caller
from openecr.identity.credentials import KnownKey
from tests.aws.asking import ACCOUNT, FORM, JSON, OTHER_ACCOUNT, REQUEST_ID, a_form
from tests.every_operation.principals import a_user, allow, policy
from tests.identity.received import ACCESS_KEY_ID, SECRET
from tests.oci.wire import Connection

QUERY = b"Action=GetCallerIdentity&Version=2011-06-15"
PROTOCOLS = {
    "query": ("sts", {"Content-Type": FORM}, QUERY, "InvalidClientTokenId"),
    "json": (
        "ecr",
        {
            "Content-Type": JSON,
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
        },
        b"{}",
        "UnrecognizedClientException",
    ),
}
ENDS = {
    "disabled": lambda iam, user: iam.update_access_key(
        UserName=user.name, AccessKeyId=user.key[0], Status="Inactive"
    ),
    "deleted": lambda iam, user: iam.delete_access_key(UserName=user.name, AccessKeyId=user.key[0]),
}


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def user(iam):
    user = a_user(iam, "somebody")
    user.may(allow("*", "*"))
    return user


def begun(server, key, service, headers, body):
    """A signed request whose head was judged, and whose body is asked for."""
    request = AWSRequest("POST", f"{server.url}/", data=body, headers=headers)
    SigV4Auth(Credentials(*key), service, "us-east-1").add_auth(request)
    sent = {**request.headers, "Content-Length": str(len(body)), "Expect": "100-continue"}
    connection = Connection(server, "POST", "/", sent)
    connection.wait_for_continue()
    return connection


def ended(connection, body):
    with connection:
        connection.send(body)
        return connection.answer()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_key_that_ends_before_the_body_is_there_is_refused(server, iam, user, protocol, end):
    service, headers, body, refusal = PROTOCOLS[protocol]
    spared, caught = (begun(server, user.key, service, headers, body) for _ in range(2))
    assert ended(spared, body).status == 200

    ENDS[end](iam, user)

    answer = ended(caught, body)
    assert answer.status in (400, 403)
    assert refusal.encode() in answer.body


def test_a_session_that_is_over_before_the_body_is_there_is_refused(server, iam, user, clock):
    """Not so a signature: it was in time when it came."""
    trust = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    sts = server.client("sts", key=user.key)
    made = sts.assume_role(RoleArn=role, RoleSessionName="shift", DurationSeconds=900)["Credentials"]
    session = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    of_user, of_session = (
        begun(server, key, "sts", {"Content-Type": FORM}, QUERY) for key in (user.key, session)
    )

    clock.advance(minutes=16)

    assert ended(of_user, QUERY).status == 200
    answer = ended(of_session, QUERY)
    assert (answer.status, re.findall(b"<Code>(.*?)</Code>", answer.body)) == (403, [b"ExpiredToken"])


def test_who_asks_and_with_what_secret_is_as_it_is_when_the_body_is_there(client):
    def asked(key):
        async def main():
            client.keys[ACCESS_KEY_ID] = KnownKey(root_caller(ACCOUNT), SECRET)
            request = client.arrived(a_form("GetCallerIdentity"))
            client.body.may_arrive.clear()
            answer = asyncio.create_task(client.front.handle(request))
            await asyncio.sleep(0)
            assert client.body.is_read
            client.keys[ACCESS_KEY_ID] = key
            client.body.may_arrive.set()
            return await answer

        return asyncio.run(main())

    of_other = KnownKey(root_caller(OTHER_ACCOUNT), SECRET)
    answer = asked(of_other)
    assert (answer.status, answer.headers["x-amzn-RequestId"]) == (200, REQUEST_ID)
    assert f"<Account>{OTHER_ACCOUNT}</Account>".encode() in answer.body
    assert b"SignatureDoesNotMatch" in asked(replace(of_other, secret="x" * 40)).body
