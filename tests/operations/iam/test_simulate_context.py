"""The context of simulated requests: what is known of them, what was given, what is missing."""

import pytest

from tests.operations.iam.asking import allow, policy, refusal
from tests.operations.iam.simulating import (
    APP,
    BOB,
    EVE,
    EVERYTHING,
    INVALID,
    custom,
    decisions,
    entry,
    repository,
    when,
)


def test_keys_that_policies_ask_for_and_nobody_gave_are_missing(iam):
    given = policy(
        when(allow("ecr:*"), "StringEquals", aws_SourceIp="x", AWS_sourceip="y", ecr_ResourceTag_team="z"),
        when(allow("iam:*"), "StringEquals", aws_Referer="x"),
        allow("ecr:*", repository("${aws:username}/*")),
    )
    (result,) = custom(iam, given)
    assert result["MissingContextValues"] == ["AWS:sourceip", "aws:username", "ecr:ResourceTag/team"]
    entries = [entry("AWS:UserName", "bob"), entry("ecr:resourcetag/TEAM", "z")]
    (result,) = custom(iam, given, ContextEntries=entries)
    assert result["MissingContextValues"] == ["AWS:sourceip"]


def test_missing_keys_are_told_of_every_resource(iam):
    given = policy(
        when(allow("ecr:*", repository("a")), "StringEquals", aws_SourceIp="x"),
        when(allow("ecr:*", repository("b")), "StringEquals", aws_Referer="x"),
    )
    (result,) = custom(iam, given, ResourceArns=[repository("a"), repository("b")])
    assert result["MissingContextValues"] == ["aws:Referer", "aws:SourceIp"]
    assert [each["MissingContextValues"] for each in result["ResourceSpecificResults"]] == [
        ["aws:SourceIp"],
        ["aws:Referer"],
    ]


def test_what_is_no_business_of_the_caller_is_not_missing(iam):
    tls = {"Bool": {"aws:SecureTransport": "true"}}
    grants = [
        {"Effect": "Allow", "Principal": {"AWS": whom}, "Action": "ecr:*", "Condition": tls}
        for whom in (BOB, EVE)
    ]
    levels = [{"ServiceControlPolicyInputList": [policy(allow("*") | {"Condition": tls})]}]
    asked = {"CallerArn": BOB, "ResourceArns": [APP]}
    for grant, missing in zip(grants, (["aws:SecureTransport"], []), strict=True):
        (result,) = custom(iam, EVERYTHING, ResourcePolicy=policy(grant), **asked)
        assert result["MissingContextValues"] == missing
    (result,) = custom(iam, EVERYTHING, OrderedOrganizationPolicyInputList=levels, **asked)
    assert result["MissingContextValues"] == [], "an organisation's policies are not told of"


def test_nothing_of_the_request_that_asks_is_in_the_simulated_one(iam):
    given = policy(
        when(allow("*"), "Bool", aws_SecureTransport="false"),
        when(allow("*"), "IpAddress", aws_SourceIp="0.0.0.0/0"),
    )
    (result,) = custom(iam, given)
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["aws:SecureTransport", "aws:SourceIp"]


@pytest.mark.parametrize(
    ("type", "value", "operator", "wanted", "another"),
    [
        ("string", "blue", "StringEquals", "blue", "red"),
        ("numeric", "10.0", "NumericEquals", "10", "11"),
        ("boolean", "true", "Bool", "true", "false"),
        ("ip", "192.0.2.7", "IpAddress", "192.0.2.0/24", "198.51.100.0/24"),
        ("binary", "AAE=", "BinaryEquals", "AAE=", "AAI="),
        ("date", "2026-01-02T03:04:05Z", "DateEquals", "2026-01-02T04:04:05+01:00", "2026-01-02"),
    ],
)
def test_values_of_every_type_are_compared(iam, type, value, operator, wanted, another):
    for listed, operator_used in ((type, operator), (f"{type}List", f"ForAnyValue:{operator}")):
        entries = [entry("my:key", value, type=listed)]
        texts = [policy(when(allow("*"), operator_used, my_key=each)) for each in (wanted, another)]
        assert [decisions(custom(iam, text, ContextEntries=entries)) for text in texts] == [
            ["allowed"],
            ["implicitDeny"],
        ]


def test_a_list_is_several_values(iam):
    every = policy(when(allow("*"), "ForAllValues:StringEquals", aws_TagKeys=["team", "cost"]))
    for values, decision in (
        (["team", "cost"], "allowed"),
        (["team", "owner"], "implicitDeny"),
        ([], "allowed"),
    ):
        entries = [entry("aws:TagKeys", *values, type="stringList")]
        assert decisions(custom(iam, every, ContextEntries=entries)) == [decision]


def test_without_a_type_the_number_of_values_tells_it(iam):
    entries = [{"ContextKeyName": "aws:TagKeys", "ContextKeyValues": ["team", "cost"]}]
    any_ = policy(when(allow("*"), "ForAnyValue:StringEquals", aws_TagKeys="cost"))
    assert decisions(custom(iam, any_, ContextEntries=entries)) == ["allowed"]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (
            [entry("my:key", "many", type="numeric")],
            "The value many of the context key my:key is no numeric.",
        ),
        (
            [entry("my:key", "1", "x", type="numericList")],
            "The value x of the context key my:key is no numericList.",
        ),
        ([entry("my:key", "yes", type="boolean")], "The value yes of the context key my:key is no boolean."),
        ([entry("my:key", "1.2.3", type="ip")], "The value 1.2.3 of the context key my:key is no ip."),
        ([entry("my:key", "?", type="binary")], "The value ? of the context key my:key is no binary."),
        ([entry("my:key", "soon", type="date")], "The value soon of the context key my:key is no date."),
        ([entry("my:key", "a", "b")], "The context key my:key has one value, for it is a string."),
        ([entry("my:key")], "The context key my:key has one value, for it is a string."),
        ([entry("my:key", "a"), entry("MY:KEY", "b")], "The context key MY:KEY is given twice."),
        ([{"ContextKeyValues": ["a"]}], "A context entry has a ContextKeyName."),
    ],
)
def test_values_that_are_not_of_their_type_are_refused(iam, entries, fault):
    asked = {"PolicyInputList": [EVERYTHING], "ActionNames": ["ecr:PutImage"], "ContextEntries": entries}
    assert refusal(iam.simulate_custom_policy, **asked) == (*INVALID, fault)
