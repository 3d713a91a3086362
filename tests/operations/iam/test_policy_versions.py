"""CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions, SetDefaultPolicyVersion, DeletePolicyVersion."""

import pytest

from tests.operations.iam.asking import a_user, allow, pages, policy, refusal
from tests.operations.iam.test_managed_policies import arn, no_policy

FIRST, SECOND = policy(allow("ecr:BatchGetImage")), policy(allow("ecr:PutImage"))
ARN = arn("ci")


@pytest.fixture(autouse=True)
def made(iam):
    return iam.create_policy(PolicyName="ci", PolicyDocument=FIRST)["Policy"]


def no_version(version: str):
    text = f"Policy {ARN} version {version} does not exist or is not attachable."
    return 404, "NoSuchEntity", text


def action(iam, version: str) -> str:
    """What that version allows."""
    document = iam.get_policy_version(PolicyArn=ARN, VersionId=version)["PolicyVersion"]["Document"]
    return document["Statement"][0]["Action"]


def test_a_version_is_added_beside_the_one_in_force(iam, clock):
    clock.advance(minutes=5)
    added = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=SECOND)["PolicyVersion"]
    now = clock.now.replace(microsecond=0)
    assert added == {"VersionId": "v2", "IsDefaultVersion": False, "CreateDate": now}
    assert (action(iam, "v1"), action(iam, "v2")) == ("ecr:BatchGetImage", "ecr:PutImage")
    shown = iam.get_policy(PolicyArn=ARN)["Policy"]
    assert (shown["DefaultVersionId"], shown["UpdateDate"]) == ("v1", now)


def test_a_version_is_added_and_put_in_force(iam):
    added = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=SECOND, SetAsDefault=True)
    assert added["PolicyVersion"]["IsDefaultVersion"] is True
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v2"
    versions = iam.list_policy_versions(PolicyArn=ARN)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in versions] == [
        ("v2", True),
        ("v1", False),
    ]
    assert all("Document" not in each for each in versions)


def test_what_is_in_force_counts_from_the_next_call_on(server, iam):
    user = server.client("iam", key=a_user(iam, "bob"))
    document = policy(allow("iam:GetUser"))
    iam.attach_user_policy(UserName="bob", PolicyArn=ARN)
    assert refusal(user.get_user)[1] == "AccessDenied"
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=document)
    assert refusal(user.get_user)[1] == "AccessDenied"
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v2")
    assert user.get_user()["User"]["UserName"] == "bob"
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    assert refusal(user.get_user)[1] == "AccessDenied"


def test_a_policy_has_five_versions_at_most_and_no_number_comes_twice(iam):
    for _ in range(4):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=SECOND)
    text = (
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
        "existing version."
    )
    asked = {"PolicyArn": ARN, "PolicyDocument": SECOND}
    assert refusal(iam.create_policy_version, **asked) == (409, "LimitExceeded", text)
    assert [len(page) for page in pages(iam.list_policy_versions, "Versions", 2, PolicyArn=ARN)] == [2, 2, 1]

    iam.delete_policy_version(PolicyArn=ARN, VersionId="v5")
    assert iam.create_policy_version(**asked)["PolicyVersion"]["VersionId"] == "v6"


def test_the_version_in_force_stays(iam):
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=SECOND, SetAsDefault=True)
    text = "Cannot delete the default version of a policy."
    refused = 409, "DeleteConflict", text
    assert refusal(iam.delete_policy_version, PolicyArn=ARN, VersionId="v2") == refused
    iam.delete_policy_version(PolicyArn=ARN, VersionId="v1")
    assert refusal(iam.get_policy_version, PolicyArn=ARN, VersionId="v1") == no_version("v1")


def test_a_policy_is_deleted_when_its_other_versions_are_gone(iam):
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=SECOND)
    text = (
        "This policy has more than one version. Before you delete a policy, you must delete the policy's "
        "versions. The default version is deleted with the policy."
    )
    assert refusal(iam.delete_policy, PolicyArn=ARN) == (409, "DeleteConflict", text)
    iam.delete_policy_version(PolicyArn=ARN, VersionId="v2")
    iam.delete_policy(PolicyArn=ARN)
    assert refusal(iam.list_policy_versions, PolicyArn=ARN) == no_policy(ARN)


@pytest.mark.parametrize("version", ["v2", "v999999999", "v99999999999999999999", "v1.draft"])
def test_a_version_that_is_not_there_is_told(iam, version):
    asked = {"PolicyArn": ARN, "VersionId": version}
    for ask in (iam.get_policy_version, iam.set_default_policy_version, iam.delete_policy_version):
        assert refusal(ask, **asked) == no_version(version)


def test_versions_of_a_policy_that_is_not_there(iam):
    ghost = arn("ghost")
    asked = {"PolicyArn": ghost, "VersionId": "v1"}
    for ask in (iam.get_policy_version, iam.set_default_policy_version, iam.delete_policy_version):
        assert refusal(ask, **asked) == no_policy(ghost)
    asked = {"PolicyArn": ghost, "PolicyDocument": SECOND}
    assert refusal(iam.create_policy_version, **asked) == no_policy(ghost)
