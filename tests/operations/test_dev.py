"""`--dev`: anybody is a root, and users are who they are: policies decide, and say why."""

import pytest

from tests.api_client import ApiClient
from tests.every_operation.principals import a_user, allow
from tests.registry_client import RegistryClient

LAPTOP = ("777788889999", "anything")


@pytest.fixture
def settings(settings):
    return settings | {"dev": True}


def test_the_number_of_an_account_is_enough_to_have_users_in_it(server):
    iam = server.client("iam", key=LAPTOP)
    assert iam.get_user()["User"]["Arn"] == "arn:aws:iam::777788889999:root"
    alice = a_user(iam, "alice")
    assert server.client("sts", key=alice.key).get_caller_identity()["Account"] == LAPTOP[0]


def test_a_denied_response_says_what_is_missing(server):
    alice = a_user(server.client("iam", key=LAPTOP), "alice")
    alice.may(
        allow("ecr:GetAuthorizationToken", "*"), allow("ecr:ListImages", "arn:aws:ecr:*:*:repository/bb")
    )

    answer = ApiClient(server.url, alice.key).ask("ecr", "ListImages", {"repositoryName": "aa"})

    assert answer.json["__type"] == "AccessDeniedException"
    why = answer.json["explanation"]
    assert "user policy may" in why
    assert "not on this resource" in why
    docker = RegistryClient(server.url, server.password(key=alice.key))
    [told] = docker.tags("aa").json["errors"]
    assert told["code"] == "DENIED"
    assert "user policy may" in told["detail"]
