"""Account aliases and GetAccountSummary. Source: auth-iam.md §2.5."""

import pytest
from botocore.loaders import Loader

from tests.operations.iam.asking import (
    ACCOUNT,
    NO_SUCH_PAGE,
    OTHER_ACCOUNT,
    a_user,
    allow,
    plain,
    policy,
    refusal,
)

TRUST = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})


@pytest.fixture
def other(server):
    return server.client("iam", key=server.account(OTHER_ACCOUNT))


def aliases(iam):
    return iam.list_account_aliases()["AccountAliases"]


def test_an_account_has_one_alias(iam):
    assert plain(iam.list_account_aliases()) == {"AccountAliases": [], "IsTruncated": False}
    for alias in ("first", "our-second-1"):
        assert plain(iam.create_account_alias(AccountAlias=alias)) == {}
        assert plain(iam.list_account_aliases(MaxItems=1)) == {
            "AccountAliases": [alias],
            "IsTruncated": False,
        }
    assert refusal(iam.list_account_aliases, Marker="x") == NO_SUCH_PAGE
    assert plain(iam.delete_account_alias(AccountAlias="our-second-1")) == {}
    assert aliases(iam) == []


def test_no_two_accounts_have_the_same(iam, other):
    iam.create_account_alias(AccountAlias="ours")
    taken = (409, "EntityAlreadyExists", "The account alias ours already exists.")
    for client in (iam, other):
        assert refusal(client.create_account_alias, AccountAlias="ours") == taken
    other.create_account_alias(AccountAlias="theirs")
    assert (aliases(iam), aliases(other)) == (["ours"], ["theirs"])
    iam.delete_account_alias(AccountAlias="ours")
    other.create_account_alias(AccountAlias="ours")
    assert (aliases(iam), aliases(other)) == ([], ["ours"])


def test_an_alias_of_another_is_not_ours_to_delete(iam, other):
    other.create_account_alias(AccountAlias="theirs")
    for alias in ("theirs", "nobodys"):
        status, code, text = refusal(iam.delete_account_alias, AccountAlias=alias)
        assert (status, code) == (404, "NoSuchEntity")
        assert alias in text
    assert aliases(other) == ["theirs"]


@pytest.mark.parametrize("alias", ["Upper", "-dash", "dash-", "two--dashes", "x" * 64])
def test_the_model_says_what_an_alias_may_be(iam, alias):
    status, code, _ = refusal(iam.create_account_alias, AccountAlias=alias)
    assert (status, code) == (400, "ValidationError")
    assert aliases(iam) == []


def test_a_summary_has_every_key_of_the_model(iam):
    shapes = Loader().load_service_model("iam", "service-2")["shapes"]
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary.keys() == set(shapes["summaryKeyType"]["enum"])


def test_a_summary_counts_what_there_is(iam, server):
    before = iam.get_account_summary()["SummaryMap"]
    assert before["AccountAccessKeysPresent"] == 1
    a_user(iam, "bob")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="team")
    for name in ("one", "two", "three"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    for name in ("p", "q"):
        made = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("ecr:*")))["Policy"]
    iam.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=policy(allow("*")))
    iam.create_open_id_connect_provider(Url="https://ci.example.com", ClientIDList=["openecr"])

    after = iam.get_account_summary()["SummaryMap"]
    assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == {
        "Users": 2,
        "Groups": 1,
        "Roles": 3,
        "Policies": 2,
        "PolicyVersionsInUse": 3,
        "Providers": 1,
    }
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    assert other.get_account_summary()["SummaryMap"] == before


def test_a_summary_tells_the_quotas_that_hold(iam):
    summary = iam.get_account_summary()["SummaryMap"]
    assert {key.removesuffix("Quota"): summary[key] for key in sorted(summary) if key.endswith("Quota")} == {
        "AccessKeysPerUser": 2,
        "AssumeRolePolicySize": 2048,
        "AttachedPoliciesPerGroup": 10,
        "AttachedPoliciesPerRole": 10,
        "AttachedPoliciesPerUser": 10,
        "GroupPolicySize": 5120,
        "Groups": 300,
        "GroupsPerUser": 10,
        "InstanceProfiles": 0,
        "Policies": 1500,
        "PolicySize": 6144,
        "PolicyVersionsInUse": 10000,
        "RolePolicySize": 10240,
        "Roles": 1000,
        "ServerCertificates": 0,
        "SigningCertificatesPerUser": 0,
        "UserPolicySize": 2048,
        "Users": 5000,
        "VersionsPerPolicy": 5,
    }


def test_an_account_whose_root_has_no_active_key_has_none_present(iam, server):
    admin = server.client("iam", key=a_user(iam, "admin", allow("*")))
    (root_key,) = iam.list_access_keys()["AccessKeyMetadata"]
    iam.update_access_key(AccessKeyId=root_key["AccessKeyId"], Status="Inactive")
    assert admin.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 0
