"""Permissions boundaries of users and roles. Source: auth-iam.md §4.7; the service model."""

import pytest

from tests.operations.iam.asking import OTHER_ACCOUNT, a_user, allow, denied, no_such, policy, refusal
from tests.operations.iam.kinds import TRUST, Entity
from tests.operations.iam.test_managed_policies import READ_ONLY, a_policy, arn


@pytest.fixture(params=["user", "role"])
def bob(request, iam):
    """A user and a role in turn; there is a policy `limits`."""
    entity = Entity(iam, request.param)
    entity.make()
    a_policy(iam, "limits", policy(allow("iam:Get*")))
    return entity


LIMITS = arn("limits")


def boundary(entity: Entity) -> str | None:
    """The ARN of the boundary it has."""
    shown = getattr(entity.iam, f"get_{entity.kind}")(**entity.who)[entity.kind.capitalize()]
    return shown.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")


def test_a_boundary_is_put_in_place_of_another_and_taken_away(bob):
    bob.put_permissions_boundary(PermissionsBoundary=LIMITS)
    assert boundary(bob) == LIMITS
    bob.put_permissions_boundary(PermissionsBoundary=READ_ONLY)
    assert boundary(bob) == READ_ONLY
    bob.delete_permissions_boundary()
    assert boundary(bob) is None
    bob.delete_permissions_boundary()


def test_what_is_not_there_bounds_nobody(server, bob):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    of_another = a_policy(other)["Arn"]
    for policy_arn in (arn("ghost"), of_another):
        refused = 404, "NoSuchEntity", f"Scope ARN: {policy_arn} does not exist or is not attachable."
        assert refusal(bob.put_permissions_boundary, PermissionsBoundary=policy_arn) == refused
    text = "limits limits limits"
    refused = 400, "InvalidInput", f"ARN {text} is not valid."
    assert refusal(bob.put_permissions_boundary, PermissionsBoundary=text) == refused
    assert boundary(bob) is None


def test_a_role_is_not_made_with_a_boundary_that_is_not_there(iam):
    ghost = arn("ghost")
    refused = 404, "NoSuchEntity", f"Scope ARN: {ghost} does not exist or is not attachable."
    asked = {"RoleName": "bob", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": ghost}
    assert refusal(iam.create_role, **asked) == refused
    assert refusal(iam.get_role, RoleName="bob") == no_such("role", "bob")


def test_who_is_not_there_is_not_bounded(bob):
    ghost = bob.called("ghost")
    unknown = no_such(bob.kind, "ghost")
    assert refusal(ghost.put_permissions_boundary, PermissionsBoundary=LIMITS) == unknown
    assert refusal(ghost.delete_permissions_boundary) == unknown


def test_who_may_put_a_certain_boundary_only_is_held_to_it(server, bob):
    only = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": LIMITS}}}
    noun = bob.kind.capitalize()
    leave = allow(f"iam:Put{noun}PermissionsBoundary") | only
    helper = server.client("iam", key=a_user(bob.iam, "helper", leave))
    helped = bob.asked_by(helper)
    helped.put_permissions_boundary(PermissionsBoundary=LIMITS)

    refused = denied("arn:aws:iam::000000000000:user/helper", f"iam:Put{noun}PermissionsBoundary", bob.arn)
    assert refusal(helped.put_permissions_boundary, PermissionsBoundary=READ_ONLY) == refused
    assert boundary(bob) == LIMITS


def test_who_may_make_roles_within_a_boundary_only_is_held_to_it(server, iam):
    a_policy(iam, "limits")
    only = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": LIMITS}}}
    helper = server.client("iam", key=a_user(iam, "helper", allow("iam:CreateRole") | only))
    asked = {"RoleName": "bob", "AssumeRolePolicyDocument": TRUST}
    assert refusal(helper.create_role, **asked)[1] == "AccessDenied"
    assert helper.create_role(**asked, PermissionsBoundary=LIMITS)["Role"]["RoleName"] == "bob"


def test_a_boundary_bounds_from_the_next_call_on(server, iam):
    a_policy(iam, "limits", policy(allow("iam:Get*")))
    user = server.client("iam", key=a_user(iam, "bob", allow("iam:*")))
    assert user.list_users()["Users"]
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=LIMITS)
    assert user.get_user()["User"]["UserName"] == "bob"
    assert "because no permissions boundary allows" in refusal(user.list_users)[2]
