"""Which policies have a say in a simulation: boundaries, an organisation's, a resource's."""

import pytest

from tests.operations.iam.asking import ACCOUNT, allow, policy, refusal
from tests.operations.iam.simulating import (
    APP,
    BOB,
    EVE,
    EVERYTHING,
    INVALID,
    OTHER_APP,
    arn,
    custom,
    decisions,
    deny,
    entry,
    for_whom,
    repository,
    sources,
    when,
)

# Boundaries and organisations.


def test_a_boundary_must_allow_too(iam):
    boundary = policy(allow("ecr:Get*"), deny("ecr:GetRepositoryPolicy"))
    asked = [
        "ecr:GetLifecyclePolicy",
        "ecr:PutImage",
        "ecr:GetRepositoryPolicy",
        "ecr:GetDownloadUrlForLayer",
    ]
    given = policy(allow("ecr:*"), deny("ecr:GetDownloadUrlForLayer"))
    results = custom(
        iam, given, actions=asked, PermissionsBoundaryPolicyInputList=[boundary], ResourceArns=[APP]
    )
    assert decisions(results) == ["allowed", "implicitDeny", "explicitDeny", "explicitDeny"]
    inside = [True, False, False, True]
    for result, is_inside in zip(results, inside, strict=True):
        (specific,) = result["ResourceSpecificResults"]
        for each in (result, specific):
            assert each["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": is_inside}
    denied_by_it = {("PermissionsBoundaryPolicyInputList.1", "none")}
    of_policies = {("PolicyInputList.1", "none")}
    assert [sources(result) for result in results] == [of_policies, set(), denied_by_it, of_policies]


def test_there_is_one_boundary(iam):
    asked = {"PolicyInputList": [EVERYTHING], "ActionNames": ["ecr:PutImage"]}
    boundaries = {"PermissionsBoundaryPolicyInputList": [EVERYTHING] * 2}
    message = "There may be one policy in PermissionsBoundaryPolicyInputList."
    assert refusal(iam.simulate_custom_policy, **asked, **boundaries) == (*INVALID, message)


@pytest.mark.parametrize(
    ("levels", "decision"),
    [
        ([[EVERYTHING], [policy(allow("iam:*")), policy(allow("ecr:*"))]], "allowed"),
        ([[EVERYTHING], [policy(allow("iam:*"))]], "implicitDeny"),
        ([[EVERYTHING], []], "implicitDeny"),
        ([[EVERYTHING, policy(deny("ecr:*"))], [EVERYTHING]], "explicitDeny"),
    ],
)
def test_every_level_of_an_organisation_must_allow(iam, levels, decision):
    levels = [{"ServiceControlPolicyInputList": texts} for texts in levels]
    asked = {"CallerArn": BOB, "ResourceArns": [OTHER_APP], "ResourcePolicy": for_whom({"AWS": BOB})}
    (result,) = custom(iam, EVERYTHING, OrderedOrganizationPolicyInputList=levels, **asked)
    is_allowed = decision == "allowed"
    assert result["EvalDecision"] == decision
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": is_allowed}
    assert ("EvalDecisionDetails" in result) is is_allowed, "where it gives no leave the simulation ends"
    assert bool(result["MatchedStatements"]) is is_allowed, "its own statements are not told"


def test_without_organisation_and_boundary_nothing_is_said_of_them(iam):
    (result,) = custom(iam, EVERYTHING, ResourceArns=[APP])
    assert not {"OrganizationsDecisionDetail", "PermissionsBoundaryDecisionDetail"} & result.keys()


# Whose the resource is, and what its policy says.


def test_within_an_account_either_side_may_allow(iam):
    asked = {"CallerArn": BOB, "ResourceArns": [APP]}
    nothing = policy(allow("iam:*"))
    (by_resource,) = custom(iam, nothing, ResourcePolicy=for_whom({"AWS": BOB}), **asked)
    (by_identity,) = custom(iam, EVERYTHING, ResourcePolicy=for_whom({"AWS": ACCOUNT}), **asked)
    (by_neither,) = custom(iam, nothing, ResourcePolicy=for_whom({"AWS": ACCOUNT}), **asked)
    (refused,) = custom(iam, EVERYTHING, ResourcePolicy=for_whom("*", effect="Deny"), **asked)
    assert decisions([by_resource, by_identity, by_neither, refused]) == [
        "allowed",
        "allowed",
        "implicitDeny",
        "explicitDeny",
    ]
    assert sources(by_resource) == sources(refused) == {("ResourcePolicy", "resource")}
    assert sources(by_identity) == {("PolicyInputList.1", "none")}
    assert by_neither["ResourceSpecificResults"][0]["MatchedStatements"] == [], (
        "it leaves it to the other side"
    )


@pytest.mark.parametrize(
    ("action", "allowed_to", "bounds", "decision", "details"),
    [
        ("ecr:PutImage", EVE, "*", "allowed", ("allowed", "allowed", "allowed")),
        ("ecr:PutImage", EVE, "iam:*", "implicitDeny", ("allowed", "allowed", "implicitDeny")),
        ("ecr:PutImage", BOB, "*", "implicitDeny", ("allowed", "implicitDeny", "allowed")),
        ("ecr:DeleteRepository", EVE, "*", "explicitDeny", ("explicitDeny", "allowed", "allowed")),
        ("ecr:ListImages", EVE, "*", "implicitDeny", ("implicitDeny", "allowed", "allowed")),
    ],
)
def test_across_accounts_both_sides_must_allow(iam, action, allowed_to, bounds, decision, details):
    (result,) = custom(
        iam,
        policy(allow("ecr:PutImage"), deny("ecr:Delete*")),
        actions=[action],
        ResourceArns=[APP],
        CallerArn=EVE,
        ResourcePolicy=for_whom({"AWS": allowed_to}, "ecr:*"),
        PermissionsBoundaryPolicyInputList=[policy(allow(bounds))],
    )
    kinds = ("IAM Policy", "Resource Policy", "Permissions Boundary Policy")
    (specific,) = result["ResourceSpecificResults"]
    assert (result["EvalDecision"], specific["EvalResourceDecision"]) == (decision, decision)
    assert (
        result["EvalDecisionDetails"]
        == specific["EvalDecisionDetails"]
        == dict(zip(kinds, details, strict=True))
    )


@pytest.mark.parametrize("owner", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_an_owner_is_given_for_resources_that_do_not_tell_theirs(iam, owner):
    asked = {
        "CallerArn": EVE,
        "ResourcePolicy": for_whom({"AWS": EVE}),
        "ResourceArns": ["arn:aws:s3:::bucket/key"],
    }
    nothing = policy(allow("iam:*"))
    assert decisions(custom(iam, nothing, **asked)) == ["allowed"], "it is the caller's own"
    (result,) = custom(iam, nothing, ResourceOwner=owner, **asked)
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}

    (result,) = custom(iam, nothing, ResourceOwner=owner, **asked | {"ResourceArns": ["*"]})
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    assert decisions(custom(iam, nothing, ResourceOwner=owner, **asked | {"ResourceArns": [OTHER_APP]})) == [
        "allowed"
    ]


def test_without_a_caller_policies_are_asked_for_anybody_of_the_owners_account(iam):
    (result,) = custom(iam, policy(allow("ecr:PutImage")), ResourceArns=[APP, OTHER_APP])
    assert result["EvalDecision"] == "allowed"
    assert result["EvalDecisionDetails"] == {}


def test_a_callers_arn_tells_of_it(iam):
    own = policy(allow("ecr:PutImage", repository("${aws:username}/*", "*")))
    tells = policy(
        when(
            allow("ecr:PutImage"),
            "StringEquals",
            aws_PrincipalArn=BOB,
            aws_PrincipalAccount=ACCOUNT,
            aws_PrincipalType="User",
        )
    )
    for given in (own, tells):
        (result,) = custom(iam, given, CallerArn=BOB, ResourceArns=[repository("bob/app")])
        assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    entries = [entry("aws:username", "eve")]
    (result,) = custom(iam, own, CallerArn=BOB, ResourceArns=[repository("bob/app")], ContextEntries=entries)
    assert result["EvalDecision"] == "implicitDeny", "what is given counts"
    (result,) = custom(iam, own, CallerArn=arn("group/crew"), ResourceArns=[repository("crew/app")])
    assert result["MissingContextValues"] == ["aws:username"], "a group is no user"


def test_a_role_calls_as_a_session_of_it(iam):
    role = arn("role/team/deploy")
    text = policy(
        when(allow("ecr:*"), "StringEquals", aws_PrincipalArn=role, aws_PrincipalType="AssumedRole")
    )
    assert decisions(custom(iam, text, CallerArn=role)) == ["allowed"]
    (result,) = custom(
        iam,
        policy(allow("iam:*")),
        CallerArn=role,
        ResourceArns=[APP],
        ResourcePolicy=for_whom({"AWS": role}),
    )
    assert result["EvalDecision"] == "allowed"


def test_where_a_role_is_assumed_the_policy_is_its_trust_policy(iam):
    asked = {"actions": ["sts:AssumeRole"], "CallerArn": BOB, "ResourceArns": [arn("role/deploy")]}
    for whom, identity, decision in (
        ({"AWS": BOB}, "iam:*", "allowed"),
        ({"AWS": ACCOUNT}, "sts:*", "allowed"),
        ({"AWS": ACCOUNT}, "iam:*", "implicitDeny"),
        ({"AWS": EVE}, "sts:*", "implicitDeny"),
    ):
        (result,) = custom(
            iam, policy(allow(identity)), ResourcePolicy=for_whom(whom, "sts:AssumeRole"), **asked
        )
        assert result["EvalDecision"] == decision
