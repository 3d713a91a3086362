"""CreatePolicy, GetPolicy, ListPolicies, DeletePolicy, their tags, who uses them; the policies of AWS.

Source: auth-iam.md §2.5, §4.1, §5.5.
"""

import pytest

from tests.operations.iam.asking import (
    ACCOUNT,
    NO_SUCH_PAGE,
    OTHER_ACCOUNT,
    a_user,
    allow,
    denied,
    over_quota,
    pages,
    plain,
    policy,
    refusal,
)
from tests.operations.iam.documents import of_size
from tests.operations.iam.kinds import TRUST

PULL = policy(allow("ecr:BatchGetImage"))
AWS = "arn:aws:iam::aws:policy/"
READ_ONLY = AWS + "AmazonEC2ContainerRegistryReadOnly"
TEAM = {"Key": "team", "Value": "blue"}
COST = {"Key": "cost", "Value": "42"}
NO_ARN = 400, "ValidationError", "Invalid ARN:  Could not be parsed!"
IN_USE = 409, "DeleteConflict", "Cannot delete a policy attached to entities."


def arn(path_and_name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:policy/{path_and_name}"


def a_policy(iam, name="pull", document=PULL, **settings):
    return iam.create_policy(PolicyName=name, PolicyDocument=document, **settings)["Policy"]


def no_policy(policy_arn: str):
    return 404, "NoSuchEntity", f"Policy {policy_arn} was not found."


def test_a_policy_is_made_and_shown(iam, clock):
    made = a_policy(iam)
    now = clock.now.replace(microsecond=0)
    assert made["PolicyId"].startswith("ANPA")
    assert made == {
        "PolicyName": "pull",
        "PolicyId": made["PolicyId"],
        "Arn": arn("pull"),
        "Path": "/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": now,
        "UpdateDate": now,
    }
    assert iam.get_policy(PolicyArn=arn("pull"))["Policy"] == made | {"Tags": []}


def test_path_description_and_tags_are_kept(iam):
    made = a_policy(iam, Path="/ci/pull/", Description="To pull.", Tags=[TEAM, COST])
    assert made["Arn"] == arn("ci/pull/pull")
    assert made["Tags"] == [COST, TEAM]
    shown = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert shown == made | {"Description": "To pull."}


def test_names_differ_by_more_than_case_and_path(iam):
    a_policy(iam)
    text = "A policy called PULL already exists. Duplicate names are not allowed."
    asked = {"PolicyName": "PULL", "Path": "/elsewhere/", "PolicyDocument": PULL}
    assert refusal(iam.create_policy, **asked) == (409, "EntityAlreadyExists", text)


@pytest.mark.parametrize("filler", ["x", "\u0085", "\u00a0"])
def test_a_policy_has_6144_characters_at_most_blanks_not_counted(iam, filler):
    a_policy(iam, document=of_size(6144, filler))
    asked = {"PolicyDocument": of_size(6145, filler)}
    too_long = over_quota("PolicySize", 6144)
    assert refusal(iam.create_policy, PolicyName="longer", **asked) == too_long
    assert refusal(iam.create_policy_version, PolicyArn=arn("pull"), **asked) == too_long


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("no json", "Syntax errors in policy."),
        ("[" * 100_000, "Syntax errors in policy."),
        ('{"Version": "2012-10-17"}', "Syntax errors in policy."),
        ("[1]", "Syntax errors in policy."),
        (policy({**allow("ecr:*"), "Effect": "allow"}), "Syntax errors in policy."),
        (policy({**allow("ecr:*"), "Foo": "1"}), "Syntax errors in policy."),
        (policy({**allow("ecr:*"), "Principal": "*"}), "Policy document should not specify a principal."),
        (policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (policy({"Effect": "Allow", "Action": []}), "Policy statement must contain actions."),
        (policy({"Effect": "Allow", "Action": "ecr:*"}), "Policy statement must contain resources."),
        (
            policy(allow("PutImage")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (policy(allow("ecr:*", "team\x01")), "Syntax errors in policy."),
        (policy(allow("\ud800")), "Syntax errors in policy."),
        (policy(allow("ecr:*", "team/app")), 'Resource team/app must be in ARN format or "*".'),
    ],
    ids=range(14),
)
def test_what_is_no_policy_is_refused(iam, document, text):
    a_policy(iam)
    iam.create_user(UserName="bob")
    malformed = 400, "MalformedPolicyDocument", text
    assert refusal(iam.create_policy, PolicyName="other", PolicyDocument=document) == malformed
    asked = {"PolicyDocument": document}
    assert refusal(iam.create_policy_version, PolicyArn=arn("pull"), **asked) == malformed
    assert refusal(iam.put_user_policy, UserName="bob", PolicyName="x", **asked) == malformed


def test_policies_are_listed_the_own_by_name_then_those_of_aws(iam):
    for name in ("zebra", "Ape", "bear"):
        a_policy(iam, name, Tags=[TEAM], Description="an animal")
    listed = iam.list_policies()["Policies"]
    assert [each["PolicyName"] for each in listed[:3]] == ["Ape", "bear", "zebra"]
    assert all(each["Arn"].startswith(AWS) for each in listed[3:])
    assert READ_ONLY in [each["Arn"] for each in listed]
    assert not listed[0].keys() & {"Tags", "Description"}

    assert iam.list_policies(Scope="Local")["Policies"] == listed[:3]
    assert iam.list_policies(Scope="AWS")["Policies"] == listed[3:]
    in_pages = pages(iam.list_policies, "Policies", 2)
    assert [each for page in in_pages for each in page] == listed
    assert {len(page) for page in in_pages[:-1]} == {2}
    assert refusal(iam.list_policies, Marker="elsewhere") == NO_SUCH_PAGE


def test_policies_are_listed_by_path(iam):
    a_policy(iam, "ape", Path="/animals/")
    a_policy(iam, "bee", Path="/animals/small/")
    a_policy(iam, "car")
    listed = iam.list_policies(PathPrefix="/animals/")["Policies"]
    assert [each["PolicyName"] for each in listed] == ["ape", "bee"]


def test_policies_are_listed_by_what_they_are_used_for(iam):
    for name in ("attached", "bounding", "idle"):
        a_policy(iam, name)
    iam.create_user(UserName="bob", PermissionsBoundary=arn("bounding"))
    iam.attach_user_policy(UserName="bob", PolicyArn=arn("attached"))
    iam.attach_user_policy(UserName="bob", PolicyArn=READ_ONLY)

    def listed(**asked):
        return [each["Arn"] for each in iam.list_policies(**asked)["Policies"]]

    assert listed(OnlyAttached=True) == [arn("attached"), READ_ONLY]
    assert listed(PolicyUsageFilter="PermissionsPolicy") == [arn("attached"), READ_ONLY]
    assert listed(PolicyUsageFilter="PermissionsBoundary") == [arn("bounding")]


def test_uses_are_counted(iam):
    a_policy(iam)
    iam.create_user(UserName="bob", PermissionsBoundary=arn("pull"))
    iam.create_group(GroupName="team")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)
    iam.attach_user_policy(UserName="bob", PolicyArn=arn("pull"))
    iam.attach_group_policy(GroupName="team", PolicyArn=arn("pull"))
    iam.attach_role_policy(RoleName="deploy", PolicyArn=arn("pull"))

    shown = iam.get_policy(PolicyArn=arn("pull"))["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (3, 1)


def test_a_policy_in_use_is_not_deleted(iam):
    a_policy(iam)
    iam.create_user(UserName="bob")
    iam.attach_user_policy(UserName="bob", PolicyArn=arn("pull"))
    assert refusal(iam.delete_policy, PolicyArn=arn("pull")) == IN_USE
    iam.detach_user_policy(UserName="bob", PolicyArn=arn("pull"))

    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=arn("pull"))
    assert refusal(iam.delete_policy, PolicyArn=arn("pull")) == IN_USE
    iam.delete_user_permissions_boundary(UserName="bob")

    iam.delete_policy(PolicyArn=arn("pull"))
    assert refusal(iam.get_policy, PolicyArn=arn("pull")) == no_policy(arn("pull"))


def test_who_uses_a_policy_is_listed_by_kind(iam):
    a_policy(iam)
    for name in ("bob", "ann"):
        iam.create_user(UserName=name, Path=f"/{name}/")
        iam.attach_user_policy(UserName=name, PolicyArn=arn("pull"))
    iam.create_group(GroupName="team")
    iam.attach_group_policy(GroupName="team", PolicyArn=arn("pull"))
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)["Role"]
    iam.put_role_permissions_boundary(RoleName="deploy", PermissionsBoundary=arn("pull"))

    def using(**asked):
        answer = iam.list_entities_for_policy(PolicyArn=arn("pull"), **asked)
        return [
            [each[f"{noun}Name"] for each in answer[f"Policy{noun}s"]] for noun in ("User", "Group", "Role")
        ]

    assert using() == [["ann", "bob"], ["team"], ["deploy"]]
    assert using(EntityFilter="User") == [["ann", "bob"], [], []]
    assert using(EntityFilter="LocalManagedPolicy") == [[], [], []]
    assert using(PathPrefix="/ann/") == [["ann"], [], []]
    assert using(PolicyUsageFilter="PermissionsPolicy") == [["ann", "bob"], ["team"], []]
    assert using(PolicyUsageFilter="PermissionsBoundary") == [[], [], ["deploy"]]
    answer = iam.list_entities_for_policy(PolicyArn=arn("pull"))
    assert answer["PolicyRoles"] == [{"RoleName": "deploy", "RoleId": role["RoleId"]}]

    first = iam.list_entities_for_policy(PolicyArn=arn("pull"), MaxItems=3)
    assert ([each["UserName"] for each in first["PolicyUsers"]], first["IsTruncated"]) == (["ann"], True)
    rest = iam.list_entities_for_policy(PolicyArn=arn("pull"), MaxItems=3, Marker=first["Marker"])
    assert ([each["UserName"] for each in rest["PolicyUsers"]], rest["PolicyGroups"]) == (["bob"], [])
    assert rest["IsTruncated"] is False


def test_who_is_attached_and_bounded_is_listed_once(iam):
    a_policy(iam)
    iam.create_user(UserName="bob", PermissionsBoundary=arn("pull"))
    iam.attach_user_policy(UserName="bob", PolicyArn=arn("pull"))
    users = iam.list_entities_for_policy(PolicyArn=arn("pull"))["PolicyUsers"]
    assert [each["UserName"] for each in users] == ["bob"]


def test_tags_are_set_and_removed(iam):
    a_policy(iam)
    iam.tag_policy(PolicyArn=arn("pull"), Tags=[TEAM, COST])
    iam.untag_policy(PolicyArn=arn("pull"), TagKeys=["cost"])
    shown = {"Tags": [TEAM], "IsTruncated": False}
    assert plain(iam.list_policy_tags(PolicyArn=arn("pull"))) == shown
    assert iam.get_policy(PolicyArn=arn("pull"))["Policy"]["Tags"] == [TEAM]


def test_policies_of_aws_can_be_read(iam):
    shown = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    assert shown["PolicyName"] == "AmazonEC2ContainerRegistryReadOnly"
    assert shown["Description"]
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=shown["DefaultVersionId"])
    statements = version["PolicyVersion"]["Document"]["Statement"]
    assert "ecr:BatchGetImage" in statements[0]["Action"]
    assert iam.list_policy_tags(PolicyArn=READ_ONLY)["Tags"] == []
    assert [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=READ_ONLY)["Versions"]] == ["v1"]


def test_policies_of_aws_cannot_be_changed_by_anybody(iam):
    def refused(action):
        _, code, text = denied(f"arn:aws:iam::{ACCOUNT}:root", f"iam:{action}", READ_ONLY)
        return 403, code, text.replace("identity-based", "resource-based")

    asked = {"PolicyArn": READ_ONLY}
    assert refusal(iam.delete_policy, **asked) == refused("DeletePolicy")
    assert refusal(iam.create_policy_version, **asked, PolicyDocument=PULL) == refused("CreatePolicyVersion")
    assert refusal(iam.set_default_policy_version, **asked, VersionId="v1") == refused(
        "SetDefaultPolicyVersion"
    )
    assert refusal(iam.delete_policy_version, **asked, VersionId="v1") == refused("DeletePolicyVersion")
    assert refusal(iam.tag_policy, **asked, Tags=[TEAM]) == refused("TagPolicy")
    assert refusal(iam.untag_policy, **asked, TagKeys=["team"]) == refused("UntagPolicy")


def test_uses_of_a_policy_of_aws_are_counted_in_the_own_account(server, iam):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    other.create_user(UserName="stranger")
    other.attach_user_policy(UserName="stranger", PolicyArn=READ_ONLY)
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 0
    assert iam.list_entities_for_policy(PolicyArn=READ_ONLY)["PolicyUsers"] == []
    assert iam.list_policies(Scope="AWS", OnlyAttached=True)["Policies"] == []


def test_a_policy_of_another_account_is_out_of_reach(server, iam):
    a_policy(iam)
    key = server.account(OTHER_ACCOUNT)
    other = server.client("iam", key=key)
    for ask in (other.get_policy, other.delete_policy, other.list_policy_versions):
        status, code, _ = refusal(ask, PolicyArn=arn("pull"))
        assert (status, code) == (403, "AccessDenied")
    assert other.list_policies(Scope="Local")["Policies"] == []
    assert a_policy(other)["Arn"] == arn("pull", OTHER_ACCOUNT)


@pytest.mark.parametrize(
    "text", ["pull" * 5, arn("pull").replace("policy", "user"), "arn:aws:iam::1:policy/pull"]
)
def test_what_is_no_arn_of_a_policy_is_refused(iam, text):
    assert refusal(iam.get_policy, PolicyArn=text) == NO_ARN
    assert refusal(iam.delete_policy, PolicyArn=text) == NO_ARN


def test_policies_know_policies_by_arn(server, iam):
    a_policy(iam, Path="/ci/")
    a_policy(iam, "push")
    reader = server.client("iam", key=a_user(iam, "reader", allow("iam:GetPolicy", arn("ci/*"))))
    assert reader.get_policy(PolicyArn=arn("ci/pull"))["Policy"]["PolicyName"] == "pull"
    who = f"arn:aws:iam::{ACCOUNT}:user/reader"
    assert refusal(reader.get_policy, PolicyArn=arn("push")) == denied(who, "iam:GetPolicy", arn("push"))
