"""What openecr has none of: empty lists, and who they may be asked of."""

import pytest

from tests.operations.iam.asking import (
    ACCOUNT,
    NAMELESS,
    NO_SUCH_PAGE,
    a_session,
    a_user,
    allow,
    denied,
    no_such,
    plain,
    policy,
    refusal,
)

OF_USERS = {
    "list_mfa_devices": "MFADevices",
    "list_ssh_public_keys": "SSHPublicKeys",
    "list_signing_certificates": "Certificates",
    "list_service_specific_credentials": "ServiceSpecificCredentials",
}
OF_ACCOUNTS = {
    "list_virtual_mfa_devices": ("VirtualMFADevices", "ListVirtualMFADevices", "mfa/"),
    "list_instance_profiles": ("InstanceProfiles", "ListInstanceProfiles", "instance-profile/"),
    "list_server_certificates": (
        "ServerCertificateMetadataList",
        "ListServerCertificates",
        "server-certificate/",
    ),
}
TRUST = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})


@pytest.mark.parametrize("operation", OF_USERS)
def test_nobody_has_any(iam, server, operation):
    empty = {OF_USERS[operation]: [], "IsTruncated": False}
    key = a_user(iam, "bob", allow("iam:List*", f"arn:aws:iam::{ACCOUNT}:user/bob"))
    bob = server.client("iam", key=key)
    assert plain(getattr(iam, operation)(UserName="BOB")) == empty
    assert plain(getattr(iam, operation)()) == empty
    assert plain(getattr(bob, operation)()) == empty
    assert refusal(getattr(iam, operation), UserName="Nobody") == no_such("user", "Nobody")
    assert refusal(getattr(iam, operation), Marker="x") == NO_SUCH_PAGE


@pytest.mark.parametrize("operation", OF_USERS)
def test_a_session_of_a_role_must_say_who_is_meant(server, operation):
    session = server.client("iam", key=a_session(server, allow("iam:List*")))
    assert refusal(getattr(session, operation)) == NAMELESS
    assert getattr(session, operation)(UserName="assumer")[OF_USERS[operation]] == []


@pytest.mark.parametrize("operation", OF_ACCOUNTS)
def test_the_account_has_none(iam, server, operation):
    member, action, resource = OF_ACCOUNTS[operation]
    assert plain(getattr(iam, operation)(MaxItems=1)) == {member: [], "IsTruncated": False}
    assert refusal(getattr(iam, operation), Marker="x") == NO_SUCH_PAGE
    bob = server.client("iam", key=a_user(iam, "bob"))
    assert refusal(getattr(bob, operation)) == denied(
        f"arn:aws:iam::{ACCOUNT}:user/bob", f"iam:{action}", f"arn:aws:iam::{ACCOUNT}:{resource}"
    )


def test_credentials_of_services_may_be_asked_of_all_users(iam, server):
    lister = server.client(
        "iam",
        key=a_user(
            iam,
            "lister",
            allow("iam:ListServiceSpecificCredentials", f"arn:aws:iam::{ACCOUNT}:user/"),
        ),
    )
    asked = {"AllUsers": True, "ServiceName": "codecommit.amazonaws.com"}
    empty = {"ServiceSpecificCredentials": [], "IsTruncated": False}
    assert plain(lister.list_service_specific_credentials(**asked)) == empty
    user = f"arn:aws:iam::{ACCOUNT}:user/lister"
    refused = denied(user, "iam:ListServiceSpecificCredentials", user)
    assert refusal(lister.list_service_specific_credentials) == refused


def test_there_are_no_saml_providers(iam):
    assert plain(iam.list_saml_providers()) == {"SAMLProviderList": []}


def test_a_role_has_no_instance_profiles(iam):
    assert refusal(iam.list_instance_profiles_for_role, RoleName="None") == no_such("role", "None")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    answer = iam.list_instance_profiles_for_role(RoleName="WORKER")
    assert plain(answer) == {"InstanceProfiles": [], "IsTruncated": False}


@pytest.mark.parametrize("operation", ["get_login_profile", "delete_login_profile"])
def test_nobody_has_a_password(iam, server, operation):
    bob = server.client("iam", key=a_user(iam, "Bob", allow("iam:*LoginProfile")))

    def none_for(whom):
        return 404, "NoSuchEntity", f"Login Profile for {whom} cannot be found."

    assert refusal(getattr(iam, operation), UserName="bob") == none_for("User Bob")
    assert refusal(getattr(bob, operation)) == none_for("User Bob")
    assert refusal(getattr(iam, operation)) == none_for("the root user")
    assert refusal(getattr(iam, operation), UserName="Nobody") == no_such("user", "Nobody")
