"""GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy. Source: the service model."""

import pytest

from tests.operations.iam.asking import ACCOUNT, OTHER_ACCOUNT, allow, no_such, policy, refusal
from tests.operations.iam.kinds import TRUST
from tests.operations.iam.test_managed_policies import a_policy


def asking(*keys: str, resource: str = "*") -> str:
    """A policy with these keys in its conditions."""
    return policy(allow("ecr:*", resource) | {"Condition": {"StringEquals": dict.fromkeys(keys, "x")}})


def arn(kind_and_name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind_and_name}"


def keys_of(iam, source: str, *more: str):
    answer = iam.get_context_keys_for_principal_policy(PolicySourceArn=source, PolicyInputList=list(more))
    return answer["ContextKeyNames"]


def test_keys_of_conditions_and_variables_are_told_once(iam):
    first = asking("aws:SourceIp", resource="arn:aws:ecr:*:*:repository/${aws:username}/*")
    second = asking("AWS:sourceip", "ecr:ResourceTag/team")
    answer = iam.get_context_keys_for_custom_policy(PolicyInputList=[first, second])
    assert answer["ContextKeyNames"] == ["aws:SourceIp", "aws:username", "ecr:ResourceTag/team"]


def test_policies_without_conditions_ask_for_nothing(iam):
    plain = policy(allow("ecr:*"))
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[plain])["ContextKeyNames"] == []


def test_a_user_has_the_keys_of_all_policies_in_force(iam):
    iam.create_user(UserName="bob", Path="/team/")
    iam.create_group(GroupName="ci")
    iam.add_user_to_group(GroupName="ci", UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=asking("aws:UserAgent"))
    iam.put_group_policy(GroupName="ci", PolicyName="p", PolicyDocument=asking("aws:SourceIp"))
    made = a_policy(iam, "pull", asking("aws:CurrentTime"))
    iam.attach_user_policy(UserName="bob", PolicyArn=made["Arn"])

    bob = arn("user/team/bob")
    assert keys_of(iam, bob) == ["aws:CurrentTime", "aws:SourceIp", "aws:UserAgent"]
    assert keys_of(iam, bob, asking("aws:Referer"))[1] == "aws:Referer"
    assert keys_of(iam, arn("group/ci")) == ["aws:SourceIp"]


def test_a_role_has_the_keys_of_its_policies_not_of_its_trust(iam):
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="deploy", PolicyName="p", PolicyDocument=asking("aws:UserAgent"))
    assert keys_of(iam, arn("role/deploy")) == ["aws:UserAgent"]


def test_what_is_no_policy_has_no_keys(iam):
    iam.create_user(UserName="bob")
    refused = 400, "InvalidInput", "Syntax errors in policy."
    assert refusal(iam.get_context_keys_for_custom_policy, PolicyInputList=["no json"]) == refused
    asked = {"PolicySourceArn": arn("user/bob"), "PolicyInputList": ["{}"]}
    assert refusal(iam.get_context_keys_for_principal_policy, **asked) == refused


@pytest.mark.parametrize("source", ["user/ghost", "group/ghost", "role/ghost"])
def test_who_is_not_there_has_no_keys(iam, source):
    kind, name = source.split("/")
    asked = {"PolicySourceArn": arn(source)}
    assert refusal(iam.get_context_keys_for_principal_policy, **asked) == no_such(kind, name)


def test_a_path_is_part_of_who_is_asked_about(iam):
    iam.create_user(UserName="bob", Path="/team/")
    asked = {"PolicySourceArn": arn("user/bob")}
    assert refusal(iam.get_context_keys_for_principal_policy, **asked) == no_such("user", "bob")


def test_who_is_of_another_account_is_out_of_reach(server, iam):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    other.create_user(UserName="bob")
    asked = {"PolicySourceArn": arn("user/bob", OTHER_ACCOUNT)}
    assert refusal(iam.get_context_keys_for_principal_policy, **asked)[1] == "AccessDenied"


def test_what_is_no_arn_of_a_user_a_group_or_a_role_is_refused(iam):
    text = arn("policy/pull")
    asked = {"PolicySourceArn": text}
    refused = 400, "InvalidInput", f"ARN {text} is not valid."
    assert refusal(iam.get_context_keys_for_principal_policy, **asked) == refused
