"""Which action on which resource must be allowed: a line for each operation of IAM, and more where what is
asked decides it. STS's operations that ask a permission of the caller's own policies are here too.

Each line is asked as a user to whom one of these permissions is wanting, then as one who has just them.
Source: service authorization reference, "Actions, resources, and condition keys for" IAM and STS; of lists,
which have no resource there, denials as they are quoted
"""

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from openecr.operations.all import OPERATIONS
from openecr.server.adapter import HttpServer
from openecr.server.app import build
from openecr.server.incoming import Incoming
from openecr.server.limits import Limits
from openecr.server.telemetry import RequestIds
from openecr.settings import Settings
from tests.operations.iam.asking import ACCOUNT, a_user, allow, denied, policy, refusal
from tests.operations.iam.kinds import TRUST
from tests.running import ROOT, Clock, RunningServer

KEY = "AKIAIOSFODNN7EXAMPLE"
TAG = [{"Key": "k", "Value": "v"}]
KEYS = ["k"]
DOCUMENT = policy(allow("ecr:*"))
ME = f"arn:aws:iam::{ACCOUNT}:user/team/me"
OURS = f"arn:aws:iam::{ACCOUNT}:policy/team/ours"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com/path"


@dataclass(frozen=True)
class Asked:
    operation: str
    input: dict[str, Any]
    needed: list[tuple[str, str]]  # (action, resource)
    service: str = "iam"


def row(operation: str, resource: str, *more: tuple[str, str], **asked: Any) -> Asked:
    """Resources are told without their beginning, but for `*` and whole ARNs."""
    needed = [(operation, resource), *more]
    return Asked(operation, asked, [(f"iam:{action}", arn(resource)) for action, resource in needed])


def arn(resource: str) -> str:
    return resource if resource.startswith(("*", "arn:")) else f"arn:aws:iam::{ACCOUNT}:{resource}"


TABLE = [
    # Users.
    row("CreateUser", "user/new", UserName="new"),
    row("CreateUser", "user/a/b/newer", UserName="newer", Path="/a/b/"),
    row("CreateUser", "user/a/tagged", ("TagUser", "user/a/tagged"), UserName="tagged", Path="/a/", Tags=TAG),
    row("GetUser", "user/team/me"),
    row("GetUser", "user/team/me", UserName="ME"),
    row("GetUser", "user/Nobody", UserName="Nobody"),
    row("ListUsers", "user/"),
    row("ListUsers", "user/team", PathPrefix="/team"),
    row("UpdateUser", "user/team/me", UserName="me"),
    row(
        "UpdateUser",
        "user/team/old",
        ("UpdateUser", "user/team/new-name"),
        UserName="old",
        NewUserName="new-name",
    ),
    row("UpdateUser", "user/nobody", ("UpdateUser", "user/b/nobody"), UserName="nobody", NewPath="/b/"),
    row("DeleteUser", "user/nobody", UserName="nobody"),
    row("TagUser", "user/team/me", UserName="me", Tags=TAG),
    row("UntagUser", "user/team/me", UserName="me", TagKeys=KEYS),
    row("ListUserTags", "user/team/me", UserName="me"),
    # Groups.
    row("CreateGroup", "group/a/new", GroupName="new", Path="/a/"),
    row("GetGroup", "group/team/crew", GroupName="CREW"),
    row("ListGroups", "group/"),
    row("UpdateGroup", "group/team/crew", GroupName="crew"),
    row("UpdateGroup", "group/old", ("UpdateGroup", "group/new"), GroupName="old", NewGroupName="new"),
    row("DeleteGroup", "group/nothing", GroupName="nothing"),
    row("AddUserToGroup", "group/team/crew", GroupName="crew", UserName="me"),
    row("RemoveUserFromGroup", "group/team/crew", GroupName="crew", UserName="me"),
    row("ListGroupsForUser", "user/team/me", UserName="me"),
    # Roles.
    row("CreateRole", "role/a/new", RoleName="new", Path="/a/", AssumeRolePolicyDocument=TRUST),
    row(
        "CreateRole",
        "role/tagged",
        ("TagRole", "role/tagged"),
        RoleName="tagged",
        AssumeRolePolicyDocument=TRUST,
        Tags=TAG,
    ),
    row("GetRole", "role/team/work", RoleName="WORK"),
    row("ListRoles", "role/"),
    row("ListRoles", "role/a/", PathPrefix="/a/"),
    row("UpdateRole", "role/team/work", RoleName="work"),
    row("UpdateRoleDescription", "role/team/work", RoleName="work", Description="d"),
    row("UpdateAssumeRolePolicy", "role/team/work", RoleName="work", PolicyDocument=TRUST),
    row("DeleteRole", "role/nothing", RoleName="nothing"),
    row("TagRole", "role/team/work", RoleName="work", Tags=TAG),
    row("UntagRole", "role/team/work", RoleName="work", TagKeys=KEYS),
    row("ListRoleTags", "role/team/work", RoleName="work"),
    # Access keys.
    row("CreateAccessKey", "user/team/me"),
    row("CreateAccessKey", "user/nobody", UserName="nobody"),
    row("ListAccessKeys", "user/team/me", UserName="me"),
    row("UpdateAccessKey", "user/team/me", AccessKeyId=KEY, Status="Active"),
    row("DeleteAccessKey", "user/team/me", AccessKeyId=KEY),
    # Inline policies.
    row("PutUserPolicy", "user/team/he", UserName="he", PolicyName="p", PolicyDocument=DOCUMENT),
    row("GetUserPolicy", "user/team/he", UserName="he", PolicyName="p"),
    row("ListUserPolicies", "user/team/he", UserName="he"),
    row("DeleteUserPolicy", "user/team/he", UserName="he", PolicyName="p"),
    row("PutGroupPolicy", "group/team/crew", GroupName="crew", PolicyName="p", PolicyDocument=DOCUMENT),
    row("GetGroupPolicy", "group/team/crew", GroupName="crew", PolicyName="p"),
    row("ListGroupPolicies", "group/team/crew", GroupName="crew"),
    row("DeleteGroupPolicy", "group/team/crew", GroupName="crew", PolicyName="p"),
    row("PutRolePolicy", "role/team/work", RoleName="work", PolicyName="p", PolicyDocument=DOCUMENT),
    row("GetRolePolicy", "role/team/work", RoleName="work", PolicyName="p"),
    row("ListRolePolicies", "role/team/work", RoleName="work"),
    row("DeleteRolePolicy", "role/team/work", RoleName="work", PolicyName="p"),
    # Attached policies, and boundaries.
    row("AttachUserPolicy", "user/team/he", UserName="he", PolicyArn=OURS),
    row("DetachUserPolicy", "user/team/he", UserName="he", PolicyArn=OURS),
    row("ListAttachedUserPolicies", "user/team/he", UserName="he"),
    row("AttachGroupPolicy", "group/team/crew", GroupName="crew", PolicyArn=OURS),
    row("DetachGroupPolicy", "group/team/crew", GroupName="crew", PolicyArn=OURS),
    row("ListAttachedGroupPolicies", "group/team/crew", GroupName="crew"),
    row("AttachRolePolicy", "role/team/work", RoleName="work", PolicyArn=OURS),
    row("DetachRolePolicy", "role/team/work", RoleName="work", PolicyArn=OURS),
    row("ListAttachedRolePolicies", "role/team/work", RoleName="work"),
    row("PutUserPermissionsBoundary", "user/team/he", UserName="he", PermissionsBoundary=OURS),
    row("DeleteUserPermissionsBoundary", "user/team/he", UserName="he"),
    row("PutRolePermissionsBoundary", "role/team/work", RoleName="work", PermissionsBoundary=OURS),
    row("DeleteRolePermissionsBoundary", "role/team/work", RoleName="work"),
    # Managed policies.
    row("CreatePolicy", "policy/a/new", PolicyName="new", Path="/a/", PolicyDocument=DOCUMENT),
    row(
        "CreatePolicy",
        "policy/tagged",
        ("TagPolicy", "policy/tagged"),
        PolicyName="tagged",
        PolicyDocument=DOCUMENT,
        Tags=TAG,
    ),
    row("GetPolicy", OURS, PolicyArn=OURS),
    row("GetPolicy", READ_ONLY, PolicyArn=READ_ONLY),
    row("ListPolicies", "policy/"),
    row("DeletePolicy", "policy/nothing", PolicyArn=arn("policy/nothing")),
    row("CreatePolicyVersion", OURS, PolicyArn=OURS, PolicyDocument=DOCUMENT),
    row("GetPolicyVersion", OURS, PolicyArn=OURS, VersionId="v1"),
    row("ListPolicyVersions", OURS, PolicyArn=OURS),
    row("SetDefaultPolicyVersion", OURS, PolicyArn=OURS, VersionId="v1"),
    row("DeletePolicyVersion", OURS, PolicyArn=OURS, VersionId="v9"),
    row("TagPolicy", OURS, PolicyArn=OURS, Tags=TAG),
    row("UntagPolicy", OURS, PolicyArn=OURS, TagKeys=KEYS),
    row("ListPolicyTags", OURS, PolicyArn=OURS),
    row("ListEntitiesForPolicy", OURS, PolicyArn=OURS),
    # Simulations.
    row("SimulateCustomPolicy", "*", PolicyInputList=[DOCUMENT], ActionNames=["ecr:PutImage"]),
    row("SimulatePrincipalPolicy", ME, PolicySourceArn=ME, ActionNames=["ecr:PutImage"]),
    row("GetContextKeysForCustomPolicy", "*", PolicyInputList=[DOCUMENT]),
    row("GetContextKeysForPrincipalPolicy", ME, PolicySourceArn=ME),
    # OIDC providers.
    row("CreateOpenIDConnectProvider", "oidc-provider/a.example/b", Url="https://a.example/b"),
    row(
        "CreateOpenIDConnectProvider",
        "oidc-provider/c.example",
        ("TagOpenIDConnectProvider", "oidc-provider/c.example"),
        Url="https://c.example",
        Tags=TAG,
    ),
    row("GetOpenIDConnectProvider", PROVIDER, OpenIDConnectProviderArn=PROVIDER),
    row("ListOpenIDConnectProviders", "*"),
    row("DeleteOpenIDConnectProvider", PROVIDER, OpenIDConnectProviderArn=PROVIDER),
    row("AddClientIDToOpenIDConnectProvider", PROVIDER, OpenIDConnectProviderArn=PROVIDER, ClientID="client"),
    row(
        "RemoveClientIDFromOpenIDConnectProvider",
        PROVIDER,
        OpenIDConnectProviderArn=PROVIDER,
        ClientID="client",
    ),
    row(
        "UpdateOpenIDConnectProviderThumbprint",
        PROVIDER,
        OpenIDConnectProviderArn=PROVIDER,
        ThumbprintList=["a" * 40],
    ),
    row("TagOpenIDConnectProvider", PROVIDER, OpenIDConnectProviderArn=PROVIDER, Tags=TAG),
    row("UntagOpenIDConnectProvider", PROVIDER, OpenIDConnectProviderArn=PROVIDER, TagKeys=KEYS),
    row("ListOpenIDConnectProviderTags", PROVIDER, OpenIDConnectProviderArn=PROVIDER),
    # The account.
    row("CreateAccountAlias", "*", AccountAlias="ours"),
    row("ListAccountAliases", "*"),
    row("DeleteAccountAlias", "*", AccountAlias="ours"),
    row("GetAccountSummary", "*"),
    row("GetAccountAuthorizationDetails", "*"),
    # What there is none of.
    row("ListMFADevices", "user/team/me"),
    row("ListVirtualMFADevices", "mfa/"),
    row("ListSSHPublicKeys", "user/team/me", UserName="me"),
    row("ListSigningCertificates", "user/team/me"),
    row("ListServiceSpecificCredentials", "user/team/me"),
    row("ListServiceSpecificCredentials", "user/", AllUsers=True),
    row("GetLoginProfile", "user/team/me", UserName="me"),
    row("DeleteLoginProfile", "user/team/me"),
    row("ListInstanceProfilesForRole", "role/nothing", RoleName="nothing"),
    row("ListInstanceProfiles", "instance-profile/a/", PathPrefix="/a/"),
    row("ListServerCertificates", "server-certificate/"),
    row("ListSAMLProviders", "*"),
    # STS.
    Asked("GetAccessKeyInfo", {"AccessKeyId": ROOT[0]}, [("sts:GetAccessKeyInfo", "*")], "sts"),
]
ASK_BY_THEMSELVES = {
    ("sts", "GetCallerIdentity"),  # is anybody's
    ("sts", "GetSessionToken"),  # is anybody's who has a key
    ("sts", "AssumeRole"),  # also asks the role's trust policy: test_sts.py
    ("sts", "AssumeRoleWithWebIdentity"),  # asks the role's trust policy alone: test_web_identity.py
}


@pytest.fixture(scope="module")
def standing(loop, tmp_path_factory):
    """A server for all lines, so none of them may undo what is here: the caller `me`, and the others."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    given = {
        "data_dir": tmp_path_factory.mktemp("data"),
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }
    parts = build(Settings.read(given, environ={}), port=port, clock=Clock())
    http = HttpServer(parts.fronts.choose, parts.telemetry, Incoming(RequestIds()), Limits())
    asyncio.run_coroutine_threadsafe(http.listen(listener), loop).result(timeout=30)
    server = RunningServer(port, parts)
    iam = server.client("iam")
    key = a_user(iam, "me", Path="/team/")
    for name in ("he", "old"):
        iam.create_user(UserName=name, Path="/team/")
    iam.create_group(GroupName="crew", Path="/team/")
    iam.create_role(RoleName="work", Path="/team/", AssumeRolePolicyDocument=TRUST)
    iam.create_policy(PolicyName="ours", Path="/team/", PolicyDocument=DOCUMENT)
    yield {"root": iam} | {service: server.client(service, key=key) for service in ("iam", "sts")}
    asyncio.run_coroutine_threadsafe(http.stop(), loop).result(timeout=30)
    parts.close()


def give_me(root: Any, permissions: list[tuple[str, str]]) -> None:
    statements = [allow("none:None"), *(allow(action, resource) for action, resource in permissions)]
    root.put_user_policy(UserName="me", PolicyName="may", PolicyDocument=policy(*statements))


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line.operation}({', '.join(line.input)})")
def test_just_these_permissions_are_needed(standing, line):
    ask = getattr(standing[line.service], xform_name(line.operation))
    for wanting in line.needed:
        give_me(standing["root"], [each for each in line.needed if each != wanting])
        assert refusal(ask, **line.input) == denied(ME, *wanting)

    give_me(standing["root"], line.needed)
    try:
        ask(**line.input)
    except ClientError as error:  # of what is not there: whoever learns that was let in
        assert error.response["Error"]["Code"] == "NoSuchEntity"


def test_every_operation_has_its_line():
    there = {(service, name) for service, name in OPERATIONS if service in ("iam", "sts")}
    assert {(line.service, line.operation) for line in TABLE} == there - ASK_BY_THEMSELVES
