"""Policies of repositories and registries, and a stranger for them to speak of."""

from typing import Any

from tests.every_operation.principals import Statement, User, a_user, allow, policy
from tests.running import RunningServer

OWNER, OTHER, NOBODY = "000000000000", "111122223333", "999999999999"
"""The account of the tests; another one; one that nobody has."""
REPOSITORY = "team/app"
ARN = f"arn:aws:ecr:us-east-1:{OWNER}:repository/{REPOSITORY}"
OWNERS_PATH = f"{OWNER}.dkr.ecr.us-east-1/"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
]


def grant(principal: Any, actions: Any = PULL, **members: Any) -> Statement:
    return {"Effect": "Allow", "Principal": principal, "Action": actions} | members


def refuse(principal: Any, actions: Any, **members: Any) -> Statement:
    return grant(principal, actions, **members) | {"Effect": "Deny"}


def set_policy(client: Any, *statements: Statement, **given: Any) -> str:
    """Of team/app; the text as it is shown."""
    text = policy(*statements)
    answer = client.set_repository_policy(repositoryName=REPOSITORY, policyText=text, **given)
    return str(answer["policyText"])


def a_stranger(server: RunningServer) -> User:
    """A user of another account, who may do everything as far as that account says."""
    user = a_user(server.client("iam", key=server.account(OTHER)), "bob")
    user.may(allow("*", "*"))
    return user
