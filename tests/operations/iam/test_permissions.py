"""Which action on which resource must be allowed: users, groups, keys and the account, one line each.

Each line is asked as a user who may do nothing, then as one who may do just that, in an account that knows
nobody else: an answer other than a denial shows that the permission was enough.
"""

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.operations.iam.asking import ACCOUNT, a_user, allow, denied, policy, refusal

KEY = "AKIAIOSFODNN7EXAMPLE"
TAG = [{"Key": "k", "Value": "v"}]
ME = f"arn:aws:iam::{ACCOUNT}:user/team/me"

# Operation, input, resource: of the account where it begins with no `*`.
TABLE = [
    ("CreateUser", {"UserName": "new"}, "user/new"),
    ("CreateUser", {"UserName": "new", "Path": "/a/b/"}, "user/a/b/new"),
    ("GetUser", {}, "user/team/me"),
    ("GetUser", {"UserName": "ME"}, "user/team/me"),
    ("GetUser", {"UserName": "Nobody"}, "user/Nobody"),
    ("ListUsers", {}, "user/"),
    ("ListUsers", {"PathPrefix": "/team"}, "user/team"),
    ("UpdateUser", {"UserName": "me"}, "user/team/me"),
    ("DeleteUser", {"UserName": "nobody"}, "user/nobody"),
    ("TagUser", {"UserName": "me", "Tags": TAG}, "user/team/me"),
    ("UntagUser", {"UserName": "me", "TagKeys": ["k"]}, "user/team/me"),
    ("ListUserTags", {"UserName": "me"}, "user/team/me"),
    ("CreateGroup", {"GroupName": "new", "Path": "/a/"}, "group/a/new"),
    ("GetGroup", {"GroupName": "CREW"}, "group/team/crew"),
    ("ListGroups", {}, "group/"),
    ("UpdateGroup", {"GroupName": "crew"}, "group/team/crew"),
    ("DeleteGroup", {"GroupName": "nothing"}, "group/nothing"),
    ("AddUserToGroup", {"GroupName": "crew", "UserName": "me"}, "group/team/crew"),
    ("RemoveUserFromGroup", {"GroupName": "crew", "UserName": "me"}, "group/team/crew"),
    ("ListGroupsForUser", {"UserName": "me"}, "user/team/me"),
    ("CreateAccessKey", {}, "user/team/me"),
    ("CreateAccessKey", {"UserName": "nobody"}, "user/nobody"),
    ("ListAccessKeys", {"UserName": "me"}, "user/team/me"),
    ("UpdateAccessKey", {"AccessKeyId": KEY, "Status": "Active"}, "user/team/me"),
    ("DeleteAccessKey", {"AccessKeyId": KEY}, "user/team/me"),
    ("CreateAccountAlias", {"AccountAlias": "ours"}, "*"),
    ("ListAccountAliases", {}, "*"),
    ("DeleteAccountAlias", {"AccountAlias": "ours"}, "*"),
    ("GetAccountSummary", {}, "*"),
    ("GetAccountAuthorizationDetails", {}, "*"),
    ("ListMFADevices", {}, "user/team/me"),
    ("ListVirtualMFADevices", {}, "mfa/"),
    ("ListSSHPublicKeys", {"UserName": "me"}, "user/team/me"),
    ("ListSigningCertificates", {}, "user/team/me"),
    ("ListServiceSpecificCredentials", {"AllUsers": True}, "user/"),
    ("GetLoginProfile", {"UserName": "me"}, "user/team/me"),
    ("DeleteLoginProfile", {}, "user/team/me"),
    ("ListInstanceProfilesForRole", {"RoleName": "nothing"}, "role/nothing"),
    ("ListInstanceProfiles", {"PathPrefix": "/a/"}, "instance-profile/a/"),
    ("ListServerCertificates", {}, "server-certificate/"),
    ("ListSAMLProviders", {}, "*"),
]


@pytest.mark.parametrize(("operation", "asked", "resource"), TABLE)
def test_just_that_permission_is_needed(iam, server, operation, asked, resource):
    iam.create_group(GroupName="crew", Path="/team/")
    me = server.client("iam", key=a_user(iam, "me", Path="/team/"))
    arn = resource if resource == "*" else f"arn:aws:iam::{ACCOUNT}:{resource}"
    ask = getattr(me, xform_name(operation))
    assert refusal(ask, **asked) == denied(ME, f"iam:{operation}", arn)

    just_that = policy(allow(f"iam:{operation}", arn))
    iam.put_user_policy(UserName="me", PolicyName="may", PolicyDocument=just_that)
    try:
        ask(**asked)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchEntity"
