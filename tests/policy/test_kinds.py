"""Which texts are policies of a registry, of a user, of a role's trust, of an organisation's resources."""

import pytest

from openecr.policy.document import Kind, context_keys, parse
from tests.policy.texts import a_text, reason, refused

REGISTRY_POLICIES = {
    "W28 replication": a_text(Kind.REGISTRY, {"Action": ["ecr:ReplicateImage", "ecr:CreateRepository"]}),
    "W29 pull": a_text(Kind.REGISTRY, {"Principal": {"AWS": "222222222222"}}),
    "W30 another account": a_text(
        Kind.REGISTRY, {"Resource": "arn:aws:ecr:eu-west-1:333333333333:repository/*"}
    ),
    "G07 no ARN": a_text(Kind.REGISTRY, {"Resource": "arn:aws:us-east-1:111111111111:repository/*"}),
    "a Sid with blanks": a_text(Kind.REGISTRY, {"Sid": "a b"}, {"Sid": "a b"}),
}


@pytest.mark.parametrize("text", REGISTRY_POLICIES.values(), ids=REGISTRY_POLICIES)
def test_this_is_a_registry_policy(text):
    parse(text, Kind.REGISTRY)


@pytest.mark.parametrize(
    "text",
    [
        a_text(Kind.REGISTRY, without=("Resource",)),  # W26
        a_text(Kind.REGISTRY, without=("Principal",)),
        a_text(Kind.REGISTRY, {"Action": "s3:*"}),
        a_text(Kind.REGISTRY, {"Resource": []}),
    ],
)
def test_this_is_no_registry_policy(text):
    assert reason(text, Kind.REGISTRY)


IDENTITY_POLICIES = {
    "actions nobody knows": a_text(Kind.IDENTITY, {"Action": ["no-such:Thing", "*:*", "e?r:*"]}),
    "an ARN of anything": a_text(
        Kind.IDENTITY, {"Resource": ["arn:aws:s3:::bucket/*", "arn:*:iam::*:role/*"]}
    ),
    "NotResource": a_text(Kind.IDENTITY, {"NotResource": "arn:aws:s3:::bucket"}, without=("Resource",)),
    "variables": a_text(
        Kind.IDENTITY, {"Resource": "arn:aws:s3:::${aws:username}/${aws:PrincipalTag/a b, 'x:y'}${*}"}
    ),
    "Sids": a_text(Kind.IDENTITY, {"Sid": "A1"}, {"Sid": "a1"}, {"Sid": ""}, {"Sid": ""}, {}, {}),
}


@pytest.mark.parametrize("text", IDENTITY_POLICIES.values(), ids=IDENTITY_POLICIES)
def test_this_is_an_identity_policy(text):
    parse(text, Kind.IDENTITY)


NO_IDENTITY_POLICIES = {
    "is attached to, no other": {
        "Principal": a_text(Kind.IDENTITY, {"Principal": "*"}),
        "NotPrincipal": a_text(Kind.IDENTITY, {"Effect": "Deny", "NotPrincipal": "*"}),
    },
    "either Resource or Not": {
        "no Resource": a_text(Kind.IDENTITY, without=("Resource",)),
        "Resource and NotResource": a_text(Kind.IDENTITY, {"NotResource": "*"}),
    },
    "policy of this kind has no member": {
        "Id": a_text(Kind.IDENTITY, Id="x"),
    },
    "letters and digits": {
        "blanks in the Sid": a_text(Kind.IDENTITY, {"Sid": "a b"}),
    },
    "given twice": {
        "one Sid twice": a_text(Kind.IDENTITY, {"Sid": "a"}, {"Sid": "a"}),
    },
    "is no ARN": {
        "an ARN too short": a_text(Kind.IDENTITY, {"Resource": "arn:aws:s3:bucket"}),
        "any ARN": a_text(Kind.IDENTITY, {"Resource": "**"}),
        "no ARN": a_text(Kind.IDENTITY, {"Resource": "repository:a:b:c:d:e"}),
        "an ARN that ends early": a_text(Kind.IDENTITY, {"Resource": "arn:aws:s3:::"}),
        "a wildcard for the service": a_text(Kind.IDENTITY, {"Resource": "arn:aws:*:::bucket"}),
        "a variable before the fifth colon": a_text(
            Kind.IDENTITY, {"Resource": "arn:aws:ecr:${aws:RequestedRegion}:111111111111:repository/x"}
        ),
    },
    "a variable cannot be read": {
        "a variable that does not end": a_text(Kind.IDENTITY, {"Resource": "arn:aws:s3:::${aws:username"}),
        "a variable without a name": a_text(Kind.IDENTITY, {"Resource": "arn:aws:s3:::${}"}),
        "a default without quotes": a_text(Kind.IDENTITY, {"Resource": "arn:aws:s3:::${a, b}"}),
        "a variable within one": a_text(Kind.IDENTITY, {"Condition": {"StringEquals": {"a": "${a${b}}"}}}),
    },
    "is no action": {
        "an empty action": a_text(Kind.IDENTITY, {"Action": ""}),
        "an action of three parts": a_text(Kind.IDENTITY, {"Action": "ecr:a:b"}),
    },
    "a condition value cannot be read": {
        "a number that is none": a_text(Kind.IDENTITY, {"Condition": {"NumericEquals": {"a": "ten"}}}),
        "a moment that is none": a_text(Kind.IDENTITY, {"Condition": {"DateLessThan": {"a": "2026-02-30"}}}),
        "a boolean that is none": a_text(Kind.IDENTITY, {"Condition": {"Bool": {"a": "yes"}}}),
        "a Null that is neither": a_text(Kind.IDENTITY, {"Condition": {"Null": {"a": "maybe"}}}),
        "an address that is none": a_text(Kind.IDENTITY, {"Condition": {"IpAddress": {"a": "10.0.0"}}}),
        "a network too narrow": a_text(Kind.IDENTITY, {"Condition": {"NotIpAddress": {"a": "10.0.0.0/33"}}}),
        "bytes that are none": a_text(Kind.IDENTITY, {"Condition": {"BinaryEquals": {"a": "???"}}}),
        "a variable for a number": a_text(Kind.IDENTITY, {"Condition": {"NumericEquals": {"a": "${b}"}}}),
    },
}


@pytest.mark.parametrize(("why", "text"), refused(NO_IDENTITY_POLICIES))
def test_this_is_no_identity_policy(why, text):
    assert why in reason(text, Kind.IDENTITY)


def test_the_older_version_takes_a_variable_for_text():
    text = a_text(Kind.IDENTITY, {"Resource": "arn:aws:s3:::${"}, Version="2008-10-17")

    assert context_keys(parse(text, Kind.IDENTITY)) == frozenset()


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": ["111111111111", "arn:aws:iam::111111111111:user/a"]},
        {"Federated": "arn:aws:iam::111111111111:oidc-provider/ci.example.com/main"},
        {"Federated": "accounts.google.com"},
        {"Service": "ecs-tasks.amazonaws.com"},
        "*",
    ],
)
def test_a_trust_policy_names_whom_it_trusts(principal):
    parse(
        a_text(Kind.TRUST, {"Principal": principal, "Action": ["sts:AssumeRole*", "sts:TagSession"]}),
        Kind.TRUST,
    )


@pytest.mark.parametrize(
    "text",
    [
        a_text(Kind.TRUST, {"Resource": "*"}),
        a_text(Kind.TRUST, {"Action": "ecr:PutImage"}),
        a_text(Kind.TRUST, {"Action": "*"}),
        a_text(Kind.TRUST, {"Principal": {"Federated": "*"}}),
        a_text(Kind.TRUST, {"Sid": "a b"}),
        a_text(Kind.TRUST, without=("Principal",)),
    ],
)
def test_this_is_no_trust_policy(text):
    assert reason(text, Kind.TRUST)


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"AWS": "111111111111"}},
        {"Effect": "Allow"},
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::bucket"},
        {"Effect": "Allow", "Action": "*", "Condition": {"Null": {"a": True}}},
    ],
)
def test_this_is_no_resource_control_policy(change):
    assert reason(a_text(Kind.RESOURCE_CONTROL, change), Kind.RESOURCE_CONTROL)


def test_a_resource_control_policy_may_allow_everything():
    parse(a_text(Kind.RESOURCE_CONTROL, {"Effect": "Allow", "Action": "*"}), Kind.RESOURCE_CONTROL)
