"""Attach, detach and list managed policies: of users, groups and roles alike. Source: auth-iam.md §2.5."""

import pytest

from tests.operations.iam.asking import (
    OTHER_ACCOUNT,
    a_user,
    allow,
    denied,
    no_such,
    over_quota,
    pages,
    plain,
    refusal,
)
from tests.operations.iam.kinds import KINDS, Entity
from tests.operations.iam.test_managed_policies import AWS, NO_ARN, READ_ONLY, a_policy, arn, no_policy


@pytest.fixture(params=KINDS)
def bob(request, iam):
    """A user, a group and a role in turn; there is a policy `pull`."""
    entity = Entity(iam, request.param)
    entity.make()
    a_policy(iam, Path="/ci/")
    return entity


PULL = arn("ci/pull")


def not_attachable(policy_arn: str):
    return 404, "NoSuchEntity", f"Policy {policy_arn} does not exist or is not attachable."


def attached(entity: Entity, **asked) -> list[str]:
    return [each["PolicyArn"] for each in entity.list_attached_policies(**asked)["AttachedPolicies"]]


def test_policies_of_the_account_and_of_aws_are_attached_and_detached(bob):
    bob.attach_policy(PolicyArn=PULL)
    bob.attach_policy(PolicyArn=READ_ONLY)
    bob.attach_policy(PolicyArn=PULL)
    assert plain(bob.list_attached_policies()) == {
        "AttachedPolicies": [
            {"PolicyName": "pull", "PolicyArn": PULL},
            {"PolicyName": "AmazonEC2ContainerRegistryReadOnly", "PolicyArn": READ_ONLY},
        ],
        "IsTruncated": False,
    }
    bob.detach_policy(PolicyArn=PULL)
    assert attached(bob) == [READ_ONLY]
    assert refusal(bob.detach_policy, PolicyArn=PULL) == no_policy(PULL)


def test_attached_policies_are_listed_by_path_and_in_pages(bob):
    for policy_arn in (PULL, READ_ONLY, AWS + "AdministratorAccess"):
        bob.attach_policy(PolicyArn=policy_arn)
    assert attached(bob, PathPrefix="/ci/") == [PULL]
    assert len(attached(bob, PathPrefix="/")) == 3
    assert [len(page) for page in pages(bob.list_attached_policies, "AttachedPolicies", 2)] == [2, 1]


def test_ten_policies_may_be_attached(bob):
    for number in range(10):
        a_policy(bob.iam, f"policy{number}")
        bob.attach_policy(PolicyArn=arn(f"policy{number}"))
    refused = over_quota(f"PoliciesPer{bob.kind.capitalize()}", 10)
    assert refusal(bob.attach_policy, PolicyArn=PULL) == refused
    assert len(attached(bob)) == 10
    bob.attach_policy(PolicyArn=arn("policy0"))
    bob.detach_policy(PolicyArn=arn("policy0"))
    bob.attach_policy(PolicyArn=PULL)


def test_what_is_not_there_cannot_be_attached(server, bob):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    of_another = a_policy(other)["Arn"]
    for policy_arn in (arn("ghost"), arn("pull"), of_another, AWS + "NoSuchAccess"):
        assert refusal(bob.attach_policy, PolicyArn=policy_arn) == not_attachable(policy_arn)
    assert refusal(bob.attach_policy, PolicyArn="pull pull pull pull pull") == NO_ARN
    assert refusal(bob.detach_policy, PolicyArn="pull pull pull pull pull") == NO_ARN
    assert attached(bob) == []


def test_nothing_is_attached_to_who_is_not_there(bob):
    ghost = bob.called("ghost")
    unknown = no_such(bob.kind, "ghost")
    assert refusal(ghost.attach_policy, PolicyArn=PULL) == unknown
    assert refusal(ghost.detach_policy, PolicyArn=PULL) == unknown
    assert refusal(ghost.list_attached_policies) == unknown


def test_who_may_attach_certain_policies_only_is_held_to_them(server, bob):
    only = {"Condition": {"ArnEquals": {"iam:PolicyARN": PULL}}}
    noun = bob.kind.capitalize()
    helper = server.client("iam", key=a_user(bob.iam, "helper", allow(f"iam:*{noun}Policy") | only))
    helped = bob.asked_by(helper)
    helped.attach_policy(PolicyArn=PULL)

    who = "arn:aws:iam::000000000000:user/helper"
    refused = denied(who, f"iam:Attach{noun}Policy", bob.arn)
    assert refusal(helped.attach_policy, PolicyArn=AWS + "AdministratorAccess") == refused
    helped.detach_policy(PolicyArn=PULL)


def test_what_is_attached_to_a_group_counts_for_its_users(server, iam):
    key = a_user(iam, "ann")
    group = Entity(iam, "group")
    group.make()
    iam.add_user_to_group(GroupName="bob", UserName="ann")
    ann = server.client("ecr", key=key)
    assert refusal(ann.describe_repositories)[1] == "AccessDeniedException"
    group.attach_policy(PolicyArn=READ_ONLY)
    assert ann.describe_repositories()["repositories"] == []
