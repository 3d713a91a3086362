"""What conditions ask about a request cannot be bent by who sends it. Source: auth-iam.md §4.6."""

import pytest
from botocore.exceptions import ClientError

from tests.api_client import ApiClient
from tests.every_operation.principals import a_user, allow, deny
from tests.running import RunningServer

PROD = "arn:aws:ecr:us-east-1:000000000000:repository/prod"
DENIED = "AccessDenied(Exception)?"


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def mallory(iam):
    return a_user(iam, "mallory")


@pytest.fixture
def prod(ecr):
    tags = [{"Key": "protected", "Value": "yes"}]
    return ecr.create_repository(repositoryName="prod", tags=tags)["repository"]["repositoryArn"]


def code(answer):
    return answer.json["__type"]


def test_a_repository_has_one_arn(server, mallory, prod):
    """In another partition's words it would be missed by a policy that names it."""
    mallory.may(allow("ecr:*", "*"), deny("ecr:*", PROD))
    api = ApiClient(server.url, mallory.key)
    for arn, refusal in (
        (PROD, "AccessDeniedException"),
        (PROD.replace("arn:aws:", "arn:aws-cn:"), "InvalidParameterException"),
        (PROD.replace("arn:aws:", "arn:aws-x:"), "InvalidParameterException"),
    ):
        tags = [{"Key": "a", "Value": "b"}]
        assert code(api.ask("ecr", "TagResource", {"resourceArn": arn, "tags": tags})) == refusal
        assert code(api.ask("ecr", "UntagResource", {"resourceArn": arn, "tagKeys": ["a"]})) == refusal
        assert code(api.ask("ecr", "ListTagsForResource", {"resourceArn": arn})) == refusal


def test_a_tag_in_another_case_does_not_take_the_place_of_one_that_protects(server, mallory, prod):
    protected = {"StringEquals": {"aws:ResourceTag/protected": "yes"}}
    named = {"ForAnyValue:StringEquals": {"aws:TagKeys": "protected"}}
    mallory.may(
        allow("ecr:*", "*"),
        deny("ecr:DeleteRepository", "*") | {"Condition": protected},
        deny("ecr:TagResource", "*") | {"Condition": named},
    )
    ecr = server.client("ecr", key=mallory.key)
    ecr.tag_resource(resourceArn=prod, tags=[{"Key": "PROTECTED", "Value": "no"}])
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        ecr.delete_repository(repositoryName="prod")


def test_a_request_is_judged_by_its_own_tags_whatever_they_are_called(server, mallory):
    key = "a:ResourceTag/b"
    mallory.may(
        allow("ecr:CreateRepository", "*") | {"Condition": {"StringEquals": {f"aws:RequestTag/{key}": "ok"}}}
    )
    ecr = server.client("ecr", key=mallory.key)
    for given in ({"tags": [{"Key": key, "Value": "ok"}]}, {}):
        with pytest.raises(ClientError, match="TagResource" if given else "ecr:CreateRepository action"):
            ecr.create_repository(repositoryName="made", **given)


def test_iam_is_in_one_region_whatever_a_request_is_signed_for(server: RunningServer, mallory):
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
    mallory.may(allow("iam:*", "*"), deny("iam:*", "*") | {"Condition": elsewhere})
    for region in ("us-east-1", "eu-west-1"):
        with pytest.raises(ClientError, match="explicit deny"):
            server.client("iam", key=mallory.key, region=region).list_users()


def test_a_condition_on_the_address_is_judged_anew_for_each_request(server, mallory, repository):
    """And so it is although decisions are remembered."""
    here = {"StringLike": {"aws:UserAgent": "Boto3*"}}
    mallory.may(allow("ecr:ListImages", "*") | {"Condition": here})
    ecr = server.client("ecr", key=mallory.key)
    api = ApiClient(server.url, mallory.key)
    asked = {"repositoryName": repository}
    for _ in range(3):
        ecr.list_images(**asked)
        assert code(api.ask("ecr", "ListImages", asked, User_Agent="curl")) == "AccessDeniedException"
        assert api.ask("ecr", "ListImages", asked, User_Agent="Boto3/2").status == 200
