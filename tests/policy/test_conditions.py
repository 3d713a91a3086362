"""What each condition operator says of a value, of none and of several."""

import pytest

from openecr.policy.conditions import OPERATORS
from tests.policy.asking import a_policy, a_request, allow, ask

# Operator, what a policy lists, what a request has, and whether the condition holds.
EXAMPLES = [
    ("StringEquals", "a*", "a*", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", 10, "10", True),
    ("StringEquals", 10.50, "10.5", True),
    ("StringEquals", True, "true", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", [], "a", False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", [], "b", True),
    ("StringEqualsIgnoreCase", "aÄ", "Aä", True),
    ("StringEqualsIgnoreCase", "a", "b", False),
    ("StringNotEqualsIgnoreCase", "a", "A", False),
    ("StringNotEqualsIgnoreCase", "a", "b", True),
    ("StringLike", "a*c?", "abbcd", True),
    ("StringLike", "a*c?", "abbc", False),
    ("StringLike", "a", "A", False),
    ("StringLike", "*", "", True),
    ("StringLike", "?", "\U0001f600", True),
    ("StringNotLike", "a*", "b", True),
    ("StringNotLike", ["b", "a*"], "ab", False),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", "10", "1e1", True),
    ("NumericEquals", "10", "11", False),
    ("NumericEquals", "10", "ten", False),
    ("NumericNotEquals", "10", "11", True),
    ("NumericNotEquals", "10", "10", False),
    ("NumericNotEquals", "10", "ten", False),
    ("NumericLessThan", "10", "9.99", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThan", ["1", "10"], "5", True),
    ("NumericLessThan", [], "5", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericLessThanEquals", "10", "10.1", False),
    ("NumericGreaterThan", "-1", "0", True),
    ("NumericGreaterThan", "0", "0", False),
    ("NumericGreaterThan", ["1", "10"], "5", True),
    ("NumericGreaterThanEquals", "0", "0", True),
    ("NumericGreaterThanEquals", "0", "-0.1", False),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00Z", True),
    ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00.000+01:00", True),
    ("DateEquals", "2026-01-01T00:00:00Z", "2025-12-31T19:00:00-05:00", True),
    ("DateEquals", "2026-01-01T00:00:00", "1767225600", True),
    ("DateEquals", 1767225600, "2026-01-01", True),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00.001Z", False),
    ("DateEquals", "2026-01-01", "2026-02-30", False),
    ("DateEquals", "2026-01-02", "2026-01-01T24:00:00Z", False),
    ("DateNotEquals", "2026-01-01", "2026-01-02", True),
    ("DateNotEquals", "2026-01-01", "2026-01-01", False),
    ("DateNotEquals", "2026-01-01", "today", False),
    ("DateLessThan", "2026-01-01", "2025-12-31T23:59:59Z", True),
    ("DateLessThan", "2026-01-01", "2026-01-01", False),
    ("DateLessThanEquals", "2026-01-01", "2026-01-01", True),
    ("DateLessThanEquals", "2026-01-01", "2026-01-01T00:00:01Z", False),
    ("DateGreaterThan", "2026-01-01", "2026-01-01T00:00:01Z", True),
    ("DateGreaterThan", "2026-01-01", "2026-01-01", False),
    ("DateGreaterThanEquals", "2026-01-01", "2026-01-01", True),
    ("DateGreaterThanEquals", "2026-01-01", "2025-12-31", False),
    ("Bool", "true", "TRUE", True),
    ("Bool", True, "true", True),
    ("Bool", False, "true", False),
    ("Bool", ["true", "false"], "maybe", False),
    ("BinaryEquals", "cmVk", "cmVk", True),
    ("BinaryEquals", "cmVk", "cmVl", False),
    ("BinaryEquals", "cmVk", "red!", False),
    ("IpAddress", "10.0.0.0/8", "10.255.0.1", True),
    ("IpAddress", "10.1.2.3/8", "10.255.0.1", True),
    ("IpAddress", "10.0.0.0/8", "11.0.0.1", False),
    ("IpAddress", ["192.0.2.1", "10.0.0.1"], "10.0.0.1", True),
    ("IpAddress", "10.0.0.1", "10.0.0.2", False),
    ("IpAddress", "2001:db8::/33", "2001:db8:7fff::1", True),
    ("IpAddress", "2001:db8::/33", "2001:db8:8000::1", False),
    ("IpAddress", "2001:DB8:0::1", "2001:db8::1", True),
    ("IpAddress", ["::/0"], "10.0.0.1", False),
    ("IpAddress", ["0.0.0.0/0"], "::1", False),
    ("IpAddress", ["0.0.0.0/0", "::/0"], "elsewhere", False),
    ("NotIpAddress", "10.0.0.0/8", "11.0.0.1", True),
    ("NotIpAddress", "10.0.0.0/8", "10.0.0.1", False),
    ("NotIpAddress", "10.0.0.0/8", "::1", True),
    ("NotIpAddress", "10.0.0.0/8", "elsewhere", False),
    ("ArnEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a/b:c", True),
    ("ArnEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:user/a", False),
    ("ArnLike", "arn:aws:iam::*:role/a", "arn:aws:iam::1:role/a", True),
    ("ArnLike", "arn:aws:*:role/a", "arn:aws:iam::1:role/a", False),
    ("ArnLike", "arn:aws:iam::?:role/a", "arn:aws:iam::12:role/a", False),
    ("ArnLike", "*", "arn:aws:iam::1:role/a", False),
    ("ArnLike", "*:*:*:*:*:*", "a:b", False),
    ("ArnNotEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:user/a", True),
    ("ArnNotEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a", False),
    ("ArnNotLike", "arn:aws:iam::1:role/*", "arn:aws:iam::2:role/a", True),
    ("ArnNotLike", "arn:aws:iam::1:role/*", "no ARN", False),
    ("Null", "true", "a", False),
    ("Null", False, "a", True),
    ("Null", False, "", True),
    ("Null", ["true", "false"], "a", True),
    ("Null", "TRUE", "a", False),
]


def holds(operator: str, listed, given=None, context=None) -> bool:
    """Whether the condition is met where the key `the:Key` has that value, or is absent."""
    context = (context or {}) | ({} if given is None else {"the:key": given})
    policy = a_policy(allow(Condition={operator: {"the:Key": listed}}))
    return ask(a_request(context=context), identity=(policy,)).allowed


@pytest.mark.parametrize(("operator", "listed", "given", "expected"), EXAMPLES)
def test_an_operator_says(operator, listed, given, expected):
    assert holds(operator, listed, given) is expected
    # A single value is judged alike whether one or every value is asked for, and if it exists.
    for name in (f"ForAnyValue:{operator}", f"ForAllValues:{operator}"):
        assert holds(name, listed, given) is expected
    if operator != "Null":
        assert holds(f"{operator}IfExists", listed, given) is expected


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_has_examples_of_both_answers(operator):
    assert {expected for name, _, _, expected in EXAMPLES if name == operator} == {True, False}


LISTED = {"Numeric": "1", "Date": "2026-01-01", "Bool": "true", "Binary": "cmVk", "Ip": "::1", "NotIp": "::1"}


@pytest.mark.parametrize("operator", sorted(OPERATORS.keys() - {"Null"}))
@pytest.mark.parametrize("given", [None, ()])
def test_of_an_absent_key_only_a_negation_and_what_asks_all_values_hold(operator, given):
    listed = next((value for prefix, value in LISTED.items() if operator.startswith(prefix)), "x")

    assert holds(operator, listed, given) is ("Not" in operator)
    assert holds(f"ForAllValues:{operator}", listed, given)
    assert not holds(f"ForAnyValue:{operator}", listed, given)
    for prefix in ("", "ForAllValues:", "ForAnyValue:"):
        assert holds(f"{prefix}{operator}IfExists", listed, given)


def test_null_tells_an_absent_key():
    assert holds("Null", "true", None)
    assert holds("Null", "true", ())
    assert not holds("Null", "false", None)
    assert holds("Null", "false", ("a",))


@pytest.mark.parametrize(
    ("operator", "listed", "given", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b", "a"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "a"), False),
        ("ForAnyValue:StringLike", ["a*", "b"], ("c", "ab"), True),
        ("ForAnyValue:StringLike", ["a*", "b"], ("c", "d"), False),
        ("ForAnyValue:StringNotLike", ["a*", "b"], ("ab", "c"), True),
        ("ForAnyValue:StringNotLike", ["a*", "b"], ("ab", "b"), False),
        ("ForAnyValue:NumericLessThan", "5", ("many", "4"), True),
        ("ForAllValues:NumericLessThan", "5", ("many", "4"), False),
        ("StringEquals", ["a", "b"], ("c", "a"), True),
        ("StringEquals", ["a", "b"], ("c", "d"), False),
        ("StringNotEquals", ["a", "b"], ("c", "d"), True),
        ("StringNotEquals", ["a", "b"], ("c", "a"), False),
    ],
)
def test_of_several_values(operator, listed, given, expected):
    assert holds(operator, listed, given) is expected


def test_keys_are_told_in_any_letter_case_tags_included():
    condition = {"StringEquals": {"AWS:ResourceTag/CostCenter": "7"}}
    request = a_request(context={"aws:resourcetag/costcenter": "7"})

    assert ask(request, identity=(a_policy(allow(Condition=condition)),)).allowed


@pytest.mark.parametrize(
    ("operator", "listed", "given", "expected"),
    [
        ("StringEquals", "${aws:username}", "alice", True),
        ("StringEquals", "${AWS:UserName}", "alice", True),
        ("StringEquals", ["x", "${aws:username}"], "x", True),
        ("StringEquals", ["x", "${aws:username}"], "alice", True),
        ("StringEquals", "${aws:username}", "bob", False),
        ("StringNotEquals", "${aws:username}", "alice", False),
        ("StringEqualsIgnoreCase", "${aws:username}", "ALICE", True),
        ("StringEquals", "${none, 'a*b'}", "a*b", True),
        ("StringEquals", "${aws:username, 'x'}", "alice", True),
        ("StringEquals", "${none,''}", "", True),
        ("StringEquals", "${empty}", "", True),
        ("StringEquals", "${none}", "${none}", False),
        ("StringNotEquals", "${none}", "x", True),
        ("StringEquals", "${several}", "a", False),
        ("StringEquals", "${several, 'b'}", "b", True),
        ("StringEquals", "a${*}${?}${$}{b}", "a*?${b}", True),
        ("StringLike", "a${*}", "ab", False),
        ("StringLike", "a${*}*", "a*bc", True),
        ("StringLike", "${star}", "anything", False),
        ("StringLike", "${star}", "*", True),
        ("StringLike", "${none, '*'}", "x", False),
        ("StringLike", "${aws:username}-*", "alice-1", True),
        ("StringNotLike", "${aws:username}-*", "alice-1", False),
        ("ArnLike", "arn:aws:iam::${account}:role/${aws:username}", "arn:aws:iam::1:role/alice", True),
        ("ArnLike", "${arn}", "arn:aws:iam::1:role/alice", True),
        ("ArnNotLike", "${arn}", "arn:aws:iam::1:role/alice", False),
    ],
)
def test_variables_in_values(operator, listed, given, expected):
    context = {
        "aws:username": "alice",
        "account": "1",
        "arn": "arn:aws:iam::1:role/alice",
        "star": "*",
        "empty": "",
        "several": ("a", "b"),
    }

    assert holds(operator, listed, given, context) is expected


def test_a_request_cannot_bring_a_wildcard_of_the_engines_own():
    for character in ("\ufdd0", "\ufdd1"):
        assert not holds("StringLike", "${tag}", "x", {"tag": character})
        assert not holds("ArnLike", "a:b:c:d:e:${tag}", "a:b:c:d:e:x", {"tag": character})
