"""CreateRole, GetRole, ListRoles, UpdateRole, DeleteRole; their tags. Source: auth-iam.md §2.2, §2.5."""

import pytest

from tests.operations.iam.asking import (
    ACCOUNT,
    NO_SUCH_PAGE,
    a_user,
    allow,
    conflict,
    denied,
    no_such,
    over_quota,
    pages,
    plain,
    policy,
    refusal,
)
from tests.operations.iam.kinds import TRUST

TEAM = {"Key": "team", "Value": "blue"}
COST = {"Key": "cost", "Value": "42"}


def arn(path_and_name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{path_and_name}"


def a_role(iam, name="deploy", **settings):
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, **settings)["Role"]


@pytest.fixture
def role(iam):
    return a_role(iam)


def test_a_role_is_made_and_shown(iam, clock):
    made = a_role(iam)
    assert made["RoleId"].startswith("AROA")
    assert len(made["RoleId"]) == 21
    assert made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecr.amazonaws.com"}
    assert made == {
        "Path": "/",
        "RoleName": "deploy",
        "RoleId": made["RoleId"],
        "Arn": arn("deploy"),
        "CreateDate": clock.now.replace(microsecond=0),
        "AssumeRolePolicyDocument": made["AssumeRolePolicyDocument"],
    }
    assert iam.get_role(RoleName="deploy")["Role"] == made | {"MaxSessionDuration": 3600}


def test_a_role_is_made_with_everything(iam):
    boundary = iam.create_policy(PolicyName="limits", PolicyDocument=policy(allow("ecr:*")))["Policy"]["Arn"]
    made = a_role(
        iam,
        Path="/ci/",
        Description="Pushes what was built.",
        MaxSessionDuration=43200,
        PermissionsBoundary=boundary,
        Tags=[TEAM, COST],
    )
    assert made["Arn"] == arn("ci/deploy")
    assert made["Description"] == "Pushes what was built."
    assert made["MaxSessionDuration"] == 43200
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert made["Tags"] == [COST, TEAM]
    assert iam.get_role(RoleName="deploy")["Role"] == made


def test_a_session_lasts_twelve_hours_at_most(iam):
    status, code, text = refusal(
        iam.create_role, RoleName="deploy", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=43201
    )
    assert (status, code) == (400, "ValidationError")
    assert "'maxSessionDuration'" in text
    assert text.endswith("Member must have value less than or equal to 43200")


def test_names_differ_by_more_than_case(iam, role):
    taken = 409, "EntityAlreadyExists", "Role with name DEPLOY already exists."
    assert refusal(iam.create_role, RoleName="DEPLOY", AssumeRolePolicyDocument=TRUST) == taken
    assert iam.get_role(RoleName="DePloy")["Role"]["RoleName"] == "deploy"


def test_a_user_may_have_the_name_of_a_role(iam, role):
    assert iam.create_user(UserName="deploy")["User"]["Arn"].endswith(":user/deploy")


def test_roles_are_listed_by_name_without_boundary_and_tags(iam):
    a_role(iam, "b", Tags=[TEAM], PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess")
    a_role(iam, "A", Path="/ci/", Description="first")
    a_role(iam, "c")

    listed = iam.list_roles()["Roles"]
    assert [each["RoleName"] for each in listed] == ["A", "b", "c"]
    assert listed[0]["Description"] == "first"
    assert listed[1]["MaxSessionDuration"] == 3600
    assert "Tags" not in listed[1]
    assert "PermissionsBoundary" not in listed[1]
    assert [each["RoleName"] for each in iam.list_roles(PathPrefix="/ci/")["Roles"]] == ["A"]
    assert [len(page) for page in pages(iam.list_roles, "Roles", 2)] == [2, 1]
    assert refusal(iam.list_roles, Marker="elsewhere") == NO_SUCH_PAGE


def test_description_and_session_are_changed_one_by_one(iam, role):
    iam.update_role(RoleName="deploy", MaxSessionDuration=7200)
    iam.update_role(RoleName="deploy", Description="now with words")
    shown = iam.get_role(RoleName="deploy")["Role"]
    assert (shown["MaxSessionDuration"], shown["Description"]) == (7200, "now with words")

    iam.update_role(RoleName="deploy", MaxSessionDuration=3600)
    assert iam.get_role(RoleName="deploy")["Role"]["Description"] == "now with words"


def test_a_description_is_changed_alone_and_answers_with_the_role(iam, role):
    answer = iam.update_role_description(RoleName="deploy", Description="other words")["Role"]
    assert answer == iam.get_role(RoleName="deploy")["Role"]
    assert answer["Description"] == "other words"
    assert "Description" not in iam.update_role_description(RoleName="deploy", Description="")["Role"]


def test_a_role_is_deleted_when_its_policies_are_gone(iam, role):
    iam.put_role_policy(RoleName="deploy", PolicyName="push", PolicyDocument=policy(allow("ecr:*")))
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName="deploy", PolicyArn=administrator)

    assert refusal(iam.delete_role, RoleName="deploy") == conflict("detach all policies")
    iam.detach_role_policy(RoleName="deploy", PolicyArn=administrator)
    assert refusal(iam.delete_role, RoleName="deploy") == conflict("delete policies")
    iam.delete_role_policy(RoleName="deploy", PolicyName="push")
    iam.delete_role(RoleName="deploy")
    assert refusal(iam.get_role, RoleName="deploy") == no_such("role", "deploy")


def test_a_role_made_anew_has_another_id(iam, role):
    iam.delete_role(RoleName="deploy")
    assert a_role(iam)["RoleId"] != role["RoleId"]


def test_what_is_not_there_is_told(iam):
    unknown = no_such("role", "ghost")
    for ask in (iam.get_role, iam.update_role, iam.delete_role, iam.list_role_tags):
        assert refusal(ask, RoleName="ghost") == unknown
    assert refusal(iam.update_role_description, RoleName="ghost", Description="") == unknown
    assert refusal(iam.update_assume_role_policy, RoleName="ghost", PolicyDocument=TRUST) == unknown
    assert refusal(iam.tag_role, RoleName="ghost", Tags=[TEAM]) == unknown
    assert refusal(iam.untag_role, RoleName="ghost", TagKeys=["team"]) == unknown


def test_tags_are_set_and_removed(iam, role):
    iam.tag_role(RoleName="deploy", Tags=[TEAM, COST])
    iam.tag_role(RoleName="deploy", Tags=[{"Key": "team", "Value": "red"}])
    iam.untag_role(RoleName="deploy", TagKeys=["cost", "nothing"])
    tags = [{"Key": "team", "Value": "red"}]
    assert plain(iam.list_role_tags(RoleName="deploy")) == {"Tags": tags, "IsTruncated": False}
    assert iam.get_role(RoleName="deploy")["Role"]["Tags"] == tags


def test_a_role_has_fifty_tags_at_most(iam, role):
    fifty = [{"Key": f"key{number:02}", "Value": ""} for number in range(50)]
    iam.tag_role(RoleName="deploy", Tags=fifty)
    assert refusal(iam.tag_role, RoleName="deploy", Tags=[TEAM]) == over_quota("TagsPerRole", 50)
    assert [len(page) for page in pages(iam.list_role_tags, "Tags", 20, RoleName="deploy")] == [20, 20, 10]


def test_making_a_role_with_tags_needs_leave_to_tag(server, iam):
    key = a_user(iam, "maker", allow("iam:CreateRole"))
    maker = server.client("iam", key=key)
    assert a_role(maker, "plain")["RoleName"] == "plain"

    who = f"arn:aws:iam::{ACCOUNT}:user/maker"
    asked = {"RoleName": "tagged", "AssumeRolePolicyDocument": TRUST, "Tags": [TEAM]}
    assert refusal(maker.create_role, **asked) == denied(who, "iam:TagRole", arn("tagged"))
    assert refusal(iam.get_role, RoleName="tagged") == no_such("role", "tagged")


def test_roles_are_known_to_policies_with_their_paths(server, iam):
    a_role(iam, Path="/ci/")
    reader = server.client("iam", key=a_user(iam, "reader", allow("iam:GetRole", arn("ci/*"))))
    assert reader.get_role(RoleName="deploy")["Role"]["Path"] == "/ci/"
    who = f"arn:aws:iam::{ACCOUNT}:user/reader"
    assert refusal(reader.get_role, RoleName="ghost") == denied(who, "iam:GetRole", arn("ghost"))


def test_the_roles_of_an_account_are_its_own(server, iam, role):
    other = server.client("iam", key=server.account("111122223333"))
    assert refusal(other.get_role, RoleName="deploy") == no_such("role", "deploy")
    assert other.list_roles()["Roles"] == []
    assert a_role(other)["Arn"] == "arn:aws:iam::111122223333:role/deploy"
