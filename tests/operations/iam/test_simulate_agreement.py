"""What a simulation says is what the gate decides: both are asked the same."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.operations.iam.asking import ACCOUNT, OTHER_ACCOUNT, allow, policy
from tests.operations.iam.simulating import APP, arn, deny, entry, principal, repository, when
from tests.running import ROOT, RunningServer

BOB = arn("user/team/bob")
HERE = [
    entry("aws:SourceIp", "127.0.0.1", type="ip"),
    entry("aws:SecureTransport", "false", type="boolean"),
    entry("ecr:ResourceTag/team", "blue"),
    entry("aws:ResourceTag/team", "blue"),
]
"""What is true of the calls these tests make of team/app."""

# Service, action, resource; and a call that needs this permission and no other.
CALLS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("ecr", "DescribeRepositories", APP): {"repositoryNames": ["team/app"]},
    ("ecr", "ListImages", APP): {"repositoryName": "team/app"},
    ("ecr", "GetRepositoryPolicy", APP): {"repositoryName": "team/app"},
    ("ecr", "PutImageTagMutability", APP): {"repositoryName": "team/app", "imageTagMutability": "MUTABLE"},
    ("ecr", "DeleteRepository", repository("gone")): {"repositoryName": "gone"},
    ("ecr", "GetAuthorizationToken", "*"): {},
    ("ecr", "DescribeRegistry", "*"): {},
    ("iam", "GetUser", BOB): {"UserName": "bob"},
    ("iam", "ListUsers", arn("user/")): {},
    ("sts", "GetAccessKeyInfo", "*"): {"AccessKeyId": ROOT[0]},
}


@dataclass(frozen=True)
class Setting:
    """The policies of bob, his group, his boundary and the repository team/app."""

    user: list[Any] = field(default_factory=list)
    group: list[Any] = field(default_factory=list)
    boundary: list[Any] = field(default_factory=list)
    repository: list[Any] = field(default_factory=list)


NOT_THERE = {"RepositoryNotFoundException", "RepositoryPolicyNotFoundException"}
"""Only who may do it is told."""


def by(principal: Any, action: Any = "ecr:*", effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": action}


SETTINGS = {
    "nothing": Setting(),
    "everything": Setting(user=[allow("*")]),
    "by group": Setting(group=[allow("ecr:*"), allow("iam:Get*")]),
    "some denied": Setting(user=[allow("*")], group=[deny("ecr:List*"), deny("iam:*", arn("user/*"))]),
    "all but": Setting(user=[{"Effect": "Allow", "NotAction": "ecr:*", "NotResource": APP}]),
    "one repository": Setting(user=[allow("ecr:*", repository("team/*"))]),
    "himself": Setting(user=[allow("*", "arn:aws:iam::*:user/team/${aws:username}")]),
    "bounded": Setting(user=[allow("*")], boundary=[allow("ecr:*"), deny("ecr:DeleteRepository")]),
    "by resource": Setting(repository=[by({"AWS": BOB}, "ecr:ListImages")]),
    "by resource, past the boundary": Setting(
        boundary=[allow("iam:*")], repository=[by({"AWS": BOB}), by({"AWS": ACCOUNT}, "ecr:ListImages")]
    ),
    "by account": Setting(user=[allow("ecr:List*")], repository=[by({"AWS": ACCOUNT})]),
    "denied by resource": Setting(user=[allow("*")], repository=[by("*", "ecr:ListImages", "Deny")]),
    "others' resource": Setting(user=[allow("iam:*")], repository=[by({"AWS": OTHER_ACCOUNT})]),
    "from here": Setting(user=[when(allow("ecr:*"), "IpAddress", aws_SourceIp="127.0.0.0/8")]),
    "from elsewhere": Setting(user=[when(allow("ecr:*"), "NotIpAddress", aws_SourceIp="127.0.0.0/8")]),
    "over TLS": Setting(user=[allow("*"), when(deny("ecr:*"), "Bool", aws_SecureTransport="false")]),
    "by his tag": Setting(user=[when(allow("ecr:*"), "StringEquals", aws_PrincipalTag_team="blue")]),
    "by both tags": Setting(
        user=[when(allow("ecr:*", APP), "StringEquals", ecr_ResourceTag_team="${aws:PrincipalTag/team}")]
    ),
    "by who he is": Setting(
        user=[when(allow("*"), "ArnLike", aws_PrincipalArn="arn:aws:iam::*:user/team/*")]
    ),
    "by whose it is": Setting(user=[when(allow("*"), "StringEquals", aws_ResourceAccount=ACCOUNT)]),
}


def decided(client: Any, operation: str, asked: dict[str, Any]) -> str:
    """What the gate decides about a call, in the words of a simulation."""
    method = client.meta.method_to_api_mapping
    ask = getattr(client, next(name for name, api in method.items() if api == operation))
    try:
        ask(**asked)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code.startswith("AccessDenied"):
            return "explicitDeny" if "explicit deny" in message else "implicitDeny"
        assert code in NOT_THERE, message
    return "allowed"


def simulated(iam: Any, source: str, call: tuple[str, str, str], **given: Any) -> str:
    service, action, resource = call
    (result,) = principal(iam, source, f"{service}:{action}", ResourceArns=[resource], **given)
    if resource == "*":
        return str(result["EvalDecision"])
    (specific,) = result["ResourceSpecificResults"]
    assert specific["EvalResourceDecision"] == result["EvalDecision"]
    return str(result["EvalDecision"])


def make_bob(server: RunningServer, setting: Setting) -> tuple[str, str]:
    """His key."""
    iam, ecr = server.client("iam"), server.client("ecr")
    ecr.create_repository(repositoryName="team/app", tags=[{"Key": "team", "Value": "blue"}])
    iam.create_user(UserName="bob", Path="/team/", Tags=[{"Key": "team", "Value": "blue"}])
    iam.create_group(GroupName="crew")
    iam.add_user_to_group(GroupName="crew", UserName="bob")
    if setting.user:
        iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=policy(*setting.user))
    if setting.group:
        iam.put_group_policy(GroupName="crew", PolicyName="p", PolicyDocument=policy(*setting.group))
    if setting.boundary:
        made = iam.create_policy(PolicyName="b", PolicyDocument=policy(*setting.boundary))["Policy"]
        iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=made["Arn"])
    if setting.repository:
        text = policy(*setting.repository)
        ecr.set_repository_policy(repositoryName="team/app", policyText=text, force=True)
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_simulation_says_what_the_gate_decides(server, name):
    setting = SETTINGS[name]
    key = make_bob(server, setting)
    iam = server.client("iam")
    real, said = {}, {}
    for call, asked in CALLS.items():
        given = {"ContextEntries": HERE}
        if setting.repository and call[2] == APP:
            given["ResourcePolicy"] = policy(*setting.repository)
        said[call] = simulated(iam, BOB, call, **given)
        real[call] = decided(server.client(call[0], key=key), call[1], asked)
    assert said == real


TRUSTS = {
    "himself": by({"AWS": BOB}, "sts:AssumeRole"),
    "his account": by({"AWS": ACCOUNT}, "sts:AssumeRole"),
    "on a condition": when(by({"AWS": BOB}, "sts:AssumeRole"), "StringEquals", sts_ExternalId="our-secret"),
    "another account": by({"AWS": OTHER_ACCOUNT}, "sts:AssumeRole"),
    "not him": by({"AWS": BOB}, "sts:AssumeRole", "Deny"),
}


@pytest.mark.parametrize("trust", TRUSTS)
@pytest.mark.parametrize("own", ["sts:*", "ecr:*"])
def test_assuming_a_role_is_simulated_with_its_trust_policy(server, trust, own):
    server.account(OTHER_ACCOUNT)
    key = make_bob(server, Setting(user=[allow(own)]))
    iam, role, text = server.client("iam"), arn("role/deploy"), policy(TRUSTS[trust])
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=text)
    asked = {"RoleArn": role, "RoleSessionName": "shift", "ExternalId": "our-secret"}
    given = {"ResourcePolicy": text, "ContextEntries": [entry("sts:ExternalId", "our-secret")]}
    said = simulated(iam, BOB, ("sts", "AssumeRole", role), **given)
    assert said == decided(server.client("sts", key=key), "AssumeRole", asked)


@pytest.mark.parametrize("allowed_to", [arn("role/worker"), ACCOUNT, OTHER_ACCOUNT])
@pytest.mark.parametrize("bounds", ["*", "iam:*"])
def test_a_role_is_simulated_as_its_sessions_are_judged(server, allowed_to, bounds):
    key = make_bob(server, Setting())
    iam, ecr = server.client("iam"), server.client("ecr")
    boundary = iam.create_policy(PolicyName="bounds", PolicyDocument=policy(allow(bounds)))["Policy"]["Arn"]
    trust = policy(by({"AWS": BOB}, "sts:AssumeRole"))
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
    text = policy(by({"AWS": allowed_to}, ["ecr:ListImages", "ecr:DescribeRepositories"]))
    ecr.set_repository_policy(repositoryName="team/app", policyText=text, force=True)
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=policy(allow("ecr:List*")))
    made = server.client("sts", key=key).assume_role(RoleArn=arn("role/worker"), RoleSessionName="shift")
    session = tuple(made["Credentials"][each] for each in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    for action in ("ListImages", "DescribeRepositories"):
        asked = CALLS["ecr", action, APP]
        said = simulated(iam, arn("role/worker"), ("ecr", action, APP), ResourcePolicy=text)
        assert said == decided(server.client("ecr", key=session), action, asked)


@pytest.mark.parametrize("own", ["ecr:*", "iam:*"])
@pytest.mark.parametrize("allowed_to", ["arn:aws:iam::111122223333:user/team/bob", OTHER_ACCOUNT, BOB])
def test_a_stranger_is_simulated_with_the_policy_of_the_repository(server, own, allowed_to):
    make_bob(server, Setting())
    iam = server.client("iam", key=server.account(OTHER_ACCOUNT))
    iam.create_user(UserName="bob", Path="/team/")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=policy(allow(own)))
    made = iam.create_access_key(UserName="bob")["AccessKey"]
    text = policy(by({"AWS": allowed_to}))
    server.client("ecr").set_repository_policy(repositoryName="team/app", policyText=text, force=True)
    stranger = server.client("ecr", key=(made["AccessKeyId"], made["SecretAccessKey"]))
    asked = {"registryId": ACCOUNT, "repositoryName": "team/app"}
    source = arn("user/team/bob", OTHER_ACCOUNT)
    said = simulated(iam, source, ("ecr", "ListImages", APP), ResourcePolicy=text)
    assert said == decided(stranger, "ListImages", asked)
