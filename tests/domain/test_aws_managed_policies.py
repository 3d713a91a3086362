"""AWS's managed policies: that those there are, and what each permits."""

import json
import re

import pytest

from openecr.aws.model import services
from openecr.domain.aws_managed_policies import DOCUMENTS, POLICIES

ECR = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistry"
PUBLIC = "arn:aws:iam::aws:policy/AmazonElasticContainerRegistryPublic"
PULL = {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
PUSH = {"InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"}


def actions(arn):
    return {action for statement in json.loads(DOCUMENTS[arn])["Statement"] for action in statement["Action"]}


def test_the_policies_of_ecr_are_there_by_name():
    assert list(POLICIES) == [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        *(f"{ECR}{name}" for name in ("FullAccess", "PowerUser", "PullOnly", "ReadOnly")),
        *(f"{PUBLIC}{name}" for name in ("FullAccess", "PowerUser", "ReadOnly")),
    ]
    assert POLICIES.keys() == DOCUMENTS.keys()


@pytest.mark.parametrize("arn", POLICIES)
def test_a_policy_is_what_its_arn_says_and_a_document_of_todays_grammar(arn):
    policy, document = POLICIES[arn], json.loads(DOCUMENTS[arn])

    assert policy.arn == arn
    assert re.fullmatch(r"ANPA[A-Z2-7]{17}", policy.id)
    assert policy.created_at <= policy.updated_at
    assert policy.default_version == policy.latest_version == 1
    assert document["Version"] == "2012-10-17"
    assert {(each["Effect"], each["Resource"]) for each in document["Statement"]} == {("Allow", "*")}


def test_ids_are_each_their_own_and_never_change():
    assert len({policy.id for policy in POLICIES.values()}) == len(POLICIES)
    assert POLICIES[f"{ECR}PullOnly"].id == "ANPAERGQSYSQAVX5FLUIE"


@pytest.mark.parametrize("arn", POLICIES)
def test_every_action_of_ecr_that_is_named_is_one(arn):
    for action in actions(arn) - {"*", "ecr:*", "ecr-public:*"}:
        service, _, name = action.partition(":")
        if service in ("ecr", "ecr-public") and name != "BatchImportUpstreamImage":  # no call: a permission
            assert name in services()[service].operations


def test_a_reader_pulls_and_does_not_push():
    read, write, full = (actions(f"{ECR}{name}") for name in ("ReadOnly", "PowerUser", "FullAccess"))
    assert read > PULL
    assert write - read == {f"ecr:{name}" for name in PUSH}
    assert read < write
    assert full == {"ecr:*", "cloudtrail:LookupEvents", "iam:CreateServiceLinkedRole"}
    assert actions(f"{ECR}PullOnly") == PULL | {"ecr:BatchImportUpstreamImage"}


def test_of_public_registries_too():
    read, write, full = (actions(f"{PUBLIC}{name}") for name in ("ReadOnly", "PowerUser", "FullAccess"))
    assert read >= {"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"}
    assert write - read == {f"ecr-public:{name}" for name in PUSH}
    assert read < write
    assert full == {"ecr-public:*", "sts:GetServiceBearerToken"}


def test_a_role_for_replication_is_made_and_no_other():
    (condition,) = (
        each["Condition"]
        for each in json.loads(DOCUMENTS[f"{ECR}FullAccess"])["Statement"]
        if "Condition" in each
    )
    assert condition == {"StringEquals": {"iam:AWSServiceName": ["replication.ecr.amazonaws.com"]}}
