"""Inline policies of users, groups and roles: Put, Get, List, Delete. Source: auth-iam.md §4.1."""

import json

import pytest

from tests.operations.iam.asking import a_user, allow, denied, no_such, pages, plain, policy, refusal
from tests.operations.iam.documents import of_size
from tests.operations.iam.kinds import KINDS, Entity
from tests.operations.iam.test_managed_policies import a_policy, arn

PULL, PUSH = policy(allow("ecr:BatchGetImage")), policy(allow("ecr:PutImage"))
MOST = {"user": 2048, "group": 5120, "role": 10240}


@pytest.fixture(params=KINDS)
def bob(request, iam):
    """A user, a group and a role in turn."""
    entity = Entity(iam, request.param)
    entity.make()
    return entity


def no_policy(entity: Entity, name: str):
    return 404, "NoSuchEntity", f"The {entity.kind} policy with name {name} cannot be found."


def test_a_policy_is_given_back_as_it_was_sent(bob):
    document = json.loads(PULL)
    bob.put_policy(PolicyName="pull", PolicyDocument=json.dumps(document, indent=1))
    shown = plain(bob.get_policy(PolicyName="pull"))
    assert shown == {**bob.who, "PolicyName": "pull", "PolicyDocument": document}


def test_a_policy_takes_the_place_of_its_namesake(bob):
    bob.put_policy(PolicyName="ci", PolicyDocument=PULL)
    bob.put_policy(PolicyName="ci", PolicyDocument=PUSH)
    assert bob.get_policy(PolicyName="ci")["PolicyDocument"] == json.loads(PUSH)
    assert bob.list_policies()["PolicyNames"] == ["ci"]


def test_policies_are_listed_by_name(bob):
    for name in ("pull", "audit", "push"):
        bob.put_policy(PolicyName=name, PolicyDocument=PULL)
    assert plain(bob.list_policies()) == {"PolicyNames": ["audit", "pull", "push"], "IsTruncated": False}
    assert pages(bob.list_policies, "PolicyNames", 2) == [["audit", "pull"], ["push"]]


def test_a_policy_is_deleted(bob):
    bob.put_policy(PolicyName="pull", PolicyDocument=PULL)
    bob.delete_policy(PolicyName="pull")
    assert bob.list_policies()["PolicyNames"] == []
    assert refusal(bob.get_policy, PolicyName="pull") == no_policy(bob, "pull")
    assert refusal(bob.delete_policy, PolicyName="pull") == no_policy(bob, "pull")


def test_all_policies_of_an_entity_together_have_a_most(bob):
    most = MOST[bob.kind]
    half = most // 2
    bob.put_policy(PolicyName="first", PolicyDocument=of_size(half))
    bob.put_policy(PolicyName="second", PolicyDocument=of_size(most - half, "\u00a0"))

    text = f"Maximum policy size of {most} bytes exceeded for {bob.kind} bob"
    too_long = 409, "LimitExceeded", text
    asked = {"PolicyName": "second", "PolicyDocument": of_size(most - half + 1, "\u00a0")}
    assert refusal(bob.put_policy, **asked) == too_long
    assert refusal(bob.put_policy, PolicyName="third", PolicyDocument=PULL) == too_long
    bob.put_policy(PolicyName="second", PolicyDocument=PULL)
    bob.put_policy(PolicyName="third", PolicyDocument=PULL)


def test_who_is_not_there_has_no_policies(bob):
    ghost = bob.called("ghost")
    unknown = no_such(bob.kind, "ghost")
    assert refusal(ghost.put_policy, PolicyName="pull", PolicyDocument=PULL) == unknown
    assert refusal(ghost.get_policy, PolicyName="pull") == unknown
    assert refusal(ghost.delete_policy, PolicyName="pull") == unknown
    assert refusal(ghost.list_policies) == unknown


def test_the_policies_of_namesakes_are_their_own(iam):
    user, role = Entity(iam, "user"), Entity(iam, "role")
    user.make()
    role.make()
    user.put_policy(PolicyName="pull", PolicyDocument=PULL)
    assert role.list_policies()["PolicyNames"] == []


def test_leave_about_users_is_none_about_roles_of_that_name(server, iam):
    for kind in KINDS:
        Entity(iam, kind).make()
    user = Entity(iam, "user")
    helper = server.client("iam", key=a_user(iam, "helper", allow("iam:*", user.arn)))
    user.asked_by(helper).put_policy(PolicyName="pull", PolicyDocument=PULL)
    who = "arn:aws:iam::000000000000:user/helper"
    for kind in ("group", "role"):
        other = Entity(helper, kind)
        refused = denied(who, f"iam:Put{kind.capitalize()}Policy", other.arn)
        assert refusal(other.put_policy, PolicyName="pull", PolicyDocument=PULL) == refused


@pytest.mark.parametrize("kind", ["user", "role"])
def test_who_may_hand_out_policies_within_a_boundary_only_is_held_to_it(server, iam, kind):
    boundary = a_policy(iam, "limits")["Arn"]
    within = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}}
    key = a_user(iam, "helper", allow(f"iam:*{kind.capitalize()}Polic*") | within)
    bob = Entity(iam, kind)
    bob.make()
    helped = bob.asked_by(server.client("iam", key=key))

    assert refusal(helped.put_policy, PolicyName="pull", PolicyDocument=PULL)[1] == "AccessDenied"
    assert refusal(helped.attach_policy, PolicyArn=arn("limits"))[1] == "AccessDenied"
    bob.put_permissions_boundary(PermissionsBoundary=boundary)
    helped.put_policy(PolicyName="pull", PolicyDocument=PULL)
    helped.attach_policy(PolicyArn=arn("limits"))
    helped.detach_policy(PolicyArn=arn("limits"))
    helped.delete_policy(PolicyName="pull")
