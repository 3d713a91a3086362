"""SimulatePrincipalPolicy: what comes of the requests of users, groups and roles.

Source: the service model.
"""

import pytest

from tests.operations.iam.asking import (
    ACCOUNT,
    OTHER_ACCOUNT,
    a_user,
    allow,
    denied,
    no_such,
    policy,
    refusal,
)
from tests.operations.iam.kinds import TRUST
from tests.operations.iam.simulating import (
    APP,
    BOB,
    EVE,
    INVALID,
    arn,
    decisions,
    deny,
    entry,
    for_whom,
    principal,
    read_statement,
    repository,
    sources,
    when,
)
from tests.operations.iam.test_managed_policies import a_policy
from tests.running import ROOT, Clients

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
ACTIONS = ("ecr:PutImage", "ecr:ListImages", "ecr:DeleteRepository", "ecr:CreateRepository", "iam:GetUser")
NOTHING = policy(allow("none:None"))


@pytest.fixture
def bob(iam):
    """A user who may do each of ACTIONS by another policy."""
    iam.create_user(UserName="bob", Tags=[{"Key": "Team", "Value": "blue"}])
    iam.create_group(GroupName="crew")
    iam.add_user_to_group(GroupName="crew", UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="push", PolicyDocument=policy(allow("ecr:PutImage")))
    iam.attach_user_policy(UserName="bob", PolicyArn=READ_ONLY)
    iam.put_group_policy(
        GroupName="crew", PolicyName="push", PolicyDocument=policy(allow("ecr:DeleteRepository"))
    )
    made = a_policy(iam, "make", policy(allow("ecr:CreateRepository")), Path="/team/")
    iam.attach_group_policy(GroupName="crew", PolicyArn=made["Arn"])
    return BOB


def test_a_user_has_its_policies_and_those_of_its_groups(iam, bob):
    results = principal(iam, bob, *ACTIONS, PolicyInputList=[NOTHING, policy(allow("iam:*"))])
    assert decisions(results) == ["allowed"] * 5
    assert [sources(result) for result in results] == [
        {("user_bob_push", "user")},
        {("AmazonEC2ContainerRegistryReadOnly", "aws-managed")},
        {("group_crew_push", "group")},
        {("make", "user-managed")},
        {("PolicyInputList.2", "none")},
    ]


def test_places_are_those_in_the_policy_as_it_is_kept(iam):
    text = policy(allow("ecr:*")).replace("[", "[\n    ")
    iam.create_user(UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=text)
    (result,) = principal(iam, BOB, "ecr:PutImage")
    assert [read_statement(text, each) for each in result["MatchedStatements"]] == [allow("ecr:*")]


def test_a_group_has_its_own(iam, bob):
    results = principal(iam, arn("group/crew"), *ACTIONS)
    assert decisions(results) == ["implicitDeny", "implicitDeny", "allowed", "allowed", "implicitDeny"]
    assert sources(results[2]) == {("group_crew_push", "group")}


def test_a_role_has_its_policies_and_its_boundary(iam):
    boundary = a_policy(iam, "bounds", policy(allow("ecr:List*")))["Arn"]
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="deploy", PolicyName="all", PolicyDocument=policy(allow("ecr:*")))
    results = principal(iam, arn("role/deploy"), "ecr:PutImage", "ecr:ListImages")
    assert decisions(results) == ["implicitDeny", "allowed"]
    assert sources(results[1]) == {("role_deploy_all", "role")}
    inside = [each["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for each in results]
    assert inside == [False, True]


def test_a_boundary_that_denies_is_told(iam):
    boundary = a_policy(iam, "bounds", policy(deny("ecr:*")))["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=boundary)
    (result,) = principal(iam, BOB, "ecr:PutImage", PolicyInputList=[policy(allow("*"))])
    assert result["EvalDecision"] == "explicitDeny"
    assert sources(result) == {("bounds", "user-managed")}


def test_another_boundary_takes_the_place_of_its_own(iam):
    boundary = a_policy(iam, "bounds", policy(allow("ecr:List*")))["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=boundary)
    asked = {"PolicyInputList": [policy(allow("*"))]}
    assert decisions(principal(iam, BOB, "ecr:PutImage", "ecr:ListImages", **asked)) == [
        "implicitDeny",
        "allowed",
    ]
    asked["PermissionsBoundaryPolicyInputList"] = [policy(allow("ecr:Put*"))]
    assert decisions(principal(iam, BOB, "ecr:PutImage", "ecr:ListImages", **asked)) == [
        "allowed",
        "implicitDeny",
    ]


# Policies that are left out.


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ({"PolicyType": "inline"}, ["make", "AmazonEC2ContainerRegistryReadOnly"]),
        ({"PolicyType": "aws-managed"}, ["user_bob_push", "group_crew_push", "make"]),
        (
            {"PolicyType": "user-managed"},
            ["user_bob_push", "group_crew_push", "AmazonEC2ContainerRegistryReadOnly"],
        ),
        ({"PolicyArn": READ_ONLY}, ["user_bob_push", "group_crew_push", "make"]),
        ({"PolicyArn": "arn:aws:iam::aws:policy/*Read?nly"}, ["user_bob_push", "group_crew_push", "make"]),
        (
            {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/team/*"},
            ["user_bob_push", "group_crew_push", "AmazonEC2ContainerRegistryReadOnly"],
        ),
        (
            {
                "InlinePolicyIdentifier": {
                    "PolicyName": "push",
                    "AttachmentType": "group",
                    "AttachmentName": "crew",
                }
            },
            ["user_bob_push", "make", "AmazonEC2ContainerRegistryReadOnly"],
        ),
    ],
)
def test_policies_can_be_left_out(iam, bob, excluded, left):
    results = principal(iam, bob, *ACTIONS, PolicyExclusionList=[excluded])
    assert {id for result in results for id, _ in sources(result)} == set(left)


@pytest.mark.parametrize(
    "excluded",
    [
        {"PolicyType": "permission-boundary"},
        {"PolicyType": "scp"},
        {"PolicyType": "rcp"},
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/other"},
        {"InlinePolicyIdentifier": {"PolicyName": "push", "AttachmentType": "role", "AttachmentName": "bob"}},
    ],
)
def test_what_is_not_in_force_can_be_left_out_as_well(iam, bob, excluded):
    assert principal(iam, bob, *ACTIONS, PolicyExclusionList=[excluded]) == principal(iam, bob, *ACTIONS)


def test_a_boundary_can_be_left_out(iam):
    boundary = a_policy(iam, "bounds", policy(allow("iam:*")))["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=boundary)
    asked = {"PolicyInputList": [policy(allow("*"))]}
    kept = [principal(iam, BOB, "ecr:PutImage", **asked, PolicyExclusionList=[{"PolicyArn": boundary}])]
    left_out = principal(
        iam, BOB, "ecr:PutImage", **asked, PolicyExclusionList=[{"PolicyType": "permission-boundary"}]
    )
    assert decisions(kept[0]) == ["implicitDeny"], "that is for policies that give permissions"
    assert decisions(left_out) == ["allowed"]
    assert "PermissionsBoundaryDecisionDetail" not in left_out[0]


@pytest.mark.parametrize(
    "excluded",
    ["arn:aws:iam::aws:role/not-a-policy", "arn:aws:*::aws:policy/x", "arn:aws:iam::aws:policy/*x*"],
)
def test_what_names_no_policy_cannot_be_left_out(iam, bob, excluded):
    asked = {"PolicySourceArn": bob, "ActionNames": ACTIONS, "PolicyExclusionList": [{"PolicyArn": excluded}]}
    assert refusal(iam.simulate_principal_policy, **asked) == (*INVALID, f"ARN {excluded} is not valid.")


def test_a_policy_to_leave_out_is_named_in_one_way(server, bob):
    iam = Clients(server.port).client("iam", ROOT, "us-east-1")

    def name_it_twice(params, **_):
        params["body"]["PolicyExclusionList.member.1.PolicyArn"] = READ_ONLY

    iam.meta.events.register("before-call.iam.SimulatePrincipalPolicy", name_it_twice)
    asked = {
        "PolicySourceArn": bob,
        "ActionNames": ACTIONS,
        "PolicyExclusionList": [{"PolicyType": "inline"}],
    }
    message = "A policy to exclude is identified in one way."
    assert refusal(iam.simulate_principal_policy, **asked) == (*INVALID, message)


# Who asks.


def test_what_is_kept_of_the_principal_is_known(iam, bob):
    user_id = iam.get_user(UserName="bob")["User"]["UserId"]
    whole = when(
        allow("sts:*", repository("${aws:username}/*")),
        "StringEquals",
        aws_PrincipalTag_team="blue",
        aws_userid=user_id,
        aws_PrincipalArn=BOB,
    )
    asked = {"ResourceArns": [repository("bob/app")], "PolicyInputList": [policy(whole)]}
    (result,) = principal(iam, bob, "sts:TagSession", **asked)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_another_caller_has_the_policies_and_nothing_else_of_it(iam, bob):
    iam.create_user(UserName="mallory", Tags=[{"Key": "Team", "Value": "blue"}])
    by_tag = policy(when(allow("sts:*"), "StringEquals", aws_PrincipalTag_team="blue"))
    asked = {"CallerArn": arn("user/mallory"), "PolicyInputList": [by_tag]}
    put, tag = principal(iam, bob, "ecr:PutImage", "sts:TagSession", **asked)
    assert (put["EvalDecision"], sources(put)) == ("allowed", {("user_bob_push", "user")})
    assert tag["MissingContextValues"] == ["aws:PrincipalTag/team"]
    resource = {"ResourceArns": [APP], "ResourcePolicy": for_whom({"AWS": BOB}, "ecr:UploadLayerPart")}
    assert decisions(principal(iam, bob, "ecr:UploadLayerPart", **resource)) == ["allowed"]
    assert decisions(principal(iam, bob, "ecr:UploadLayerPart", **resource, **asked)) == ["implicitDeny"]


def test_a_caller_of_another_account_is_a_stranger(iam, bob):
    asked = {"CallerArn": EVE, "ResourceArns": [APP]}
    (result,) = principal(iam, bob, "ecr:PutImage", **asked)
    assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}


def test_a_policy_may_name_the_principal_by_its_id(iam, bob):
    user_id = iam.get_user(UserName="bob")["User"]["UserId"]
    asked = {"ResourceArns": [APP], "ResourcePolicy": for_whom({"AWS": user_id}, "ecr:UploadLayerPart")}
    assert decisions(principal(iam, bob, "ecr:UploadLayerPart", **asked)) == ["allowed"]


def test_keys_of_attached_policies_are_missing_too(iam):
    boundary = a_policy(iam, "bounds", policy(when(allow("*"), "Bool", aws_SecureTransport="true")))["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=boundary)
    (result,) = principal(iam, BOB, "ecr:PutImage")
    assert result["MissingContextValues"] == ["aws:SecureTransport"]
    (result,) = principal(iam, BOB, "ecr:PutImage", ContextEntries=[entry("aws:SecureTransport", "true")])
    assert result["MissingContextValues"] == []


# Who may simulate whom.


@pytest.mark.parametrize("source", ["user/ghost", "group/ghost", "role/ghost"])
def test_who_is_not_there_cannot_be_simulated(iam, source):
    asked = {"PolicySourceArn": arn(source), "ActionNames": ["ecr:PutImage"]}
    assert refusal(iam.simulate_principal_policy, **asked) == no_such(*source.split("/"))


@pytest.mark.parametrize(
    "source", [arn("root"), arn("policy/pull"), f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"]
)
def test_only_users_groups_and_roles_can_be_simulated(iam, source):
    asked = {"PolicySourceArn": source, "ActionNames": ["ecr:PutImage"]}
    assert refusal(iam.simulate_principal_policy, **asked) == (*INVALID, f"ARN {source} is not valid.")


def test_a_root_simulates_its_own_account_alone(server, iam):
    server.client("iam", key=server.account(OTHER_ACCOUNT)).create_user(UserName="eve")
    code = refusal(iam.simulate_principal_policy, PolicySourceArn=EVE, ActionNames=["ecr:PutImage"])[:2]
    assert code == (403, "AccessDenied")


def test_who_simulates_needs_permission_on_the_principal(server, iam, bob):
    eve = server.client("iam", key=a_user(iam, "eve"))
    asked = {"PolicySourceArn": bob, "ActionNames": ["ecr:PutImage"]}
    refused = denied(arn("user/eve"), "iam:SimulatePrincipalPolicy", bob)
    assert refusal(eve.simulate_principal_policy, **asked) == refused
    may = policy(allow("iam:SimulatePrincipalPolicy", bob))
    iam.put_user_policy(UserName="eve", PolicyName="may", PolicyDocument=may)
    assert decisions(principal(eve, bob, "ecr:PutImage")) == ["allowed"]
