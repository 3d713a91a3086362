"""Which texts are lifecycle policies, and what is said of the others. Source: control-plane.md §6.2, §6.3."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openecr.domain.lifecycle_policy import LARGEST_NUMBER, parse
from openecr.errors import InvalidParameterException
from tests.depth import examples
from tests.domain.policies import UNTAGGED, a_rule, a_text, keep, older_than, prefixed, tagged

UNMAPPABLE = "Could not map policyString into LifecyclePolicy."
NO_VARIANT = "instance failed to match exactly one schema (matched 0 out of 2)"
LAST = "Rule for tagStatus=ANY must have the lowest priority per storage class"


def refusal(text):
    """What is wrong with the text; everything around it must be as ECR has it."""
    with pytest.raises(InvalidParameterException) as raised:
        parse(text)
    before = (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        "'Lifecycle policy validation failure: "
    )
    assert raised.value.text.startswith(before)
    assert raised.value.text.endswith("'")
    return raised.value.text.removeprefix(before).removesuffix("'")


def without(rule, name):
    return {key: value for key, value in rule.items() if key != name}


def selecting(**members):
    """A rule whose selection has these members, and no others where one is None."""
    rule = a_rule()
    return rule | {"selection": rule["selection"] | members}


def acting(**action):
    return a_rule() | {"action": action}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "null",
        '"rules"',
        '{"rules": [NaN]}',
        '{"rules": Infinity}',
        "[" * 30_000,
        '{"a":' * 5000,
        '{"rules": ' + "9" * 30_000 + "}",
        '{"rules": [], "rules": []}',
        a_text(a_rule()).replace('"rulePriority": 1', '"rulePriority": 1, "rulePriority": 1'),
        a_text(a_rule() | {"description": "\ud800"}),
        a_text(a_rule(LARGEST_NUMBER + 1)),
        a_text(keep(LARGEST_NUMBER + 1)),
        a_text(a_rule(10**60)),
    ],
)
def test_what_is_no_json_or_fits_no_policy_is_not_mapped(text):
    assert refusal(text) == UNMAPPABLE


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({}, 'object has missing required properties (["rules"])'),
        ({"rule": []}, 'object has missing required properties (["rules"])'),
        (
            {"rules": [a_rule()], "version": 1, "id": 2},
            'object instance has properties which are not allowed by the schema: ["id","version"]',
        ),
        (
            {"rules": {}},
            'instance type (object) does not match any allowed primitive type (allowed: ["array"])',
        ),
        (
            {"rules": []},
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (
            {"rules": [older_than(1, number, **tagged(f"{number}*")) for number in range(1, 52)]},
            "array is too long: must have at most 50 elements but instance has 51 elements",
        ),
    ],
)
def test_a_policy_has_rules_and_nothing_else(document, detail):
    assert refusal(json.dumps(document)) == detail


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        # The rule.
        (1, 'instance type (integer) does not match any allowed primitive type (allowed: ["object"])'),
        ({"selection": {}}, 'object has missing required properties (["action","rulePriority"])'),
        (
            a_rule() | {"foo": 1},
            'object instance has properties which are not allowed by the schema: ["foo"]',
        ),
        (
            a_rule() | {"rulePriority": "1"},
            'instance type (string) does not match any allowed primitive type (allowed: ["integer"])',
        ),
        (
            a_rule() | {"rulePriority": 1.5},
            'instance type (number) does not match any allowed primitive type (allowed: ["integer"])',
        ),
        (
            a_rule() | {"rulePriority": True},
            'instance type (boolean) does not match any allowed primitive type (allowed: ["integer"])',
        ),
        (a_rule(0), "numeric instance is lower than the required minimum (minimum: 1, found: 0)"),
        (a_rule(-5), "numeric instance is lower than the required minimum (minimum: 1, found: -5)"),
        (
            a_rule() | {"description": None},
            'instance type (null) does not match any allowed primitive type (allowed: ["string"])',
        ),
        # Its selection.
        (
            a_rule() | {"selection": {"countNumber": 1}},
            'object has missing required properties (["countType","tagStatus"])',
        ),
        (
            selecting(foo=1),
            'object instance has properties which are not allowed by the schema: ["foo"]',
        ),
        (
            selecting(tagStatus="Tagged"),
            'instance value ("Tagged") not found in enum (possible values: ["any","tagged","untagged"])',
        ),
        (
            selecting(storageClass="glacier"),
            'instance value ("glacier") not found in enum (possible values: ["archive","standard"])',
        ),
        (keep(0), "numeric instance is lower than the required minimum (minimum: 1, found: 0)"),
        (
            selecting(countNumber="1"),
            'instance type (string) does not match any allowed primitive type (allowed: ["integer"])',
        ),
        (selecting(countType="imageCount"), NO_VARIANT),
        (selecting(countUnit="days"), NO_VARIANT),
        (
            selecting(countUnit=None),
            'instance type (null) does not match any allowed primitive type (allowed: ["string"])',
        ),
        (older_than(1, countUnit=None), NO_VARIANT),
        (older_than(1, countUnit="hours"), NO_VARIANT),
        (a_rule(countType="sinceImagePulled"), NO_VARIANT),
        (a_rule(countType="sinceImageTransitioned", countNumber=89), NO_VARIANT),
        (a_rule(countType="sinceImageTransitioned", countNumber=90, storageClass="standard"), NO_VARIANT),
        (a_rule(countType="sinceImageTransitioned", countNumber=90, storageClass=None), NO_VARIANT),
        (a_rule(1, "transition", countType="sinceImageTransitioned", countNumber=90), NO_VARIANT),
        (older_than(1, storageClass="archive"), NO_VARIANT),
        (keep(1, storageClass="archive"), NO_VARIANT),
        # Its tags.
        (
            a_rule(tagStatus="tagged"),
            "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
        ),
        (a_rule(tagStatus="tagged", tagPatternList=["a*"], tagPrefixList=["b"]), NO_VARIANT),
        (a_rule(tagStatus="any", tagPatternList=["a*"]), NO_VARIANT),
        (a_rule(tagStatus="untagged", tagPrefixList=["a"]), NO_VARIANT),
        (
            a_rule(tagStatus="tagged", tagPrefixList=[]),
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (
            a_rule(tagStatus="any", tagPatternList=[]),
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (
            selecting(tagPrefixList=None),
            'instance type (null) does not match any allowed primitive type (allowed: ["array"])',
        ),
        (
            a_rule(**tagged("a", "b", "a")),
            "array must not contain duplicate elements",
        ),
        (
            selecting(tagStatus="tagged", tagPatternList=["a", 1]),
            'instance type (integer) does not match any allowed primitive type (allowed: ["string"])',
        ),
        (
            a_rule(**tagged("a", "*b*c*d*e*")),
            "tagPatternList entries must not contain more than 4 wildcards",
        ),
        # Its action.
        (acting(), 'object has missing required properties (["type"])'),
        (
            acting(type="keep"),
            'instance value ("keep") not found in enum (possible values: ["expire","transition"])',
        ),
        (
            acting(type="expire", when="now"),
            'object instance has properties which are not allowed by the schema: ["when"]',
        ),
        (acting(type="transition"), NO_VARIANT),
        (acting(type="expire", targetStorageClass="archive"), NO_VARIANT),
        (
            acting(type="expire", targetStorageClass=None),
            'instance type (null) does not match any allowed primitive type (allowed: ["string"])',
        ),
        (
            acting(type="transition", targetStorageClass="standard"),
            'instance value ("standard") not found in enum (possible values: ["archive"])',
        ),
        (
            without(a_rule(), "action"),
            'object has missing required properties (["action"])',
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(rule, detail):
    assert refusal(a_text(rule)) == detail


@pytest.mark.parametrize(
    ("rules", "detail"),
    [
        ([keep(1, **UNTAGGED), keep(1, 1, **tagged("a"))], "Duplicate rulePriority '1' found"),
        (
            [keep(1, 1, **UNTAGGED), older_than(1, 2, **UNTAGGED)],
            "Only one rule can select Untagged images per storage class",
        ),
        ([keep(1, 1), keep(1, 2, **UNTAGGED)], LAST),
        ([keep(1, 1), keep(2, 2)], LAST),
        (
            [
                a_rule(1, countType="sinceImageTransitioned", countNumber=90),
                a_rule(2, countType="sinceImageTransitioned", countNumber=99, **UNTAGGED),
            ],
            LAST,
        ),
        (
            [keep(1, 1, **prefixed("a", "b")), keep(2, 2, **prefixed("b", "a"))],
            "Multiple rules must not have the same tagPrefixList per storage class",
        ),
        (
            [keep(1, 1, **tagged("a*")), older_than(2, 2, **tagged("a*"))],
            "Multiple rules must not have the same tagPatternList per storage class",
        ),
    ],
)
def test_rules_must_go_together(rules, detail):
    assert refusal(a_text(*rules)) == detail
    assert refusal(a_text(*reversed(rules))) == detail


@pytest.mark.parametrize(
    "rules",
    [
        [keep(1, 7), older_than(2, 3, **UNTAGGED)],
        [older_than(30, 1, "transition"), a_rule(2, countType="sinceImageTransitioned", countNumber=365)],
        [keep(1, **tagged("*"))],
        [keep(1, **tagged("*a*b*c*"))],
        [keep(1, **tagged(""))],
        [keep(LARGEST_NUMBER, LARGEST_NUMBER)],
        [a_rule(1, "transition", countType="sinceImagePulled", countNumber=90)],
        [keep(5, 1, "transition", storageClass="standard")],
        [
            keep(1, 1, **prefixed("a")),
            keep(1, 2, **tagged("a")),
            keep(1, 3, **prefixed("a", "b")),
            a_rule(4, countType="sinceImageTransitioned", countNumber=90, **prefixed("a")),
            a_rule(5, countType="sinceImageTransitioned", countNumber=90, **UNTAGGED),
            older_than(1, 6, **UNTAGGED),
        ],
        [older_than(1, number, **tagged(f"{number}*")) for number in range(1, 51)],
        [a_rule() | {"description": ""}],
        [a_rule() | {"description": "é" * 5000}],
    ],
)
def test_what_is_odd_may_be_right(rules):
    parsed = parse(a_text(*rules))
    assert [rule.priority for rule in parsed.rules] == sorted(rule["rulePriority"] for rule in rules)
    assert {(rule.count_type, rule.count_number, rule.action) for rule in parsed.rules} == {
        (rule["selection"]["countType"], rule["selection"]["countNumber"], rule["action"]["type"])
        for rule in rules
    }


def test_a_policy_is_kept_without_blanks_and_with_its_keys_as_given():
    text = (
        '{\n  "rules": [\n  { "action": {"type" : "expire"},\t"selection": {"countNumber": 5, "tagStatus":'
        ' "any",\n "countType": "imageCountMoreThan"}, "description": "a  b\\n \\u00e9 \\"c\\"",'
        ' "rulePriority": 1 } ] }\n'
    )
    short = (
        '{"rules":[{"action":{"type":"expire"},"selection":{"countNumber":5,"tagStatus":"any",'
        '"countType":"imageCountMoreThan"},"description":"a  b\\n é \\"c\\"","rulePriority":1}]}'
    )
    assert parse(text).text == short
    assert parse(short) == parse(text)


# All there is that could be taken for a part of a policy.
WORDS = """rules rulePriority description selection action type targetStorageClass tagStatus tagPatternList
    tagPrefixList storageClass countType countUnit countNumber tagged untagged any standard archive expire
    transition imageCountMoreThan sinceImagePushed sinceImagePulled sinceImageTransitioned days x"""
_words = st.sampled_from(WORDS.split())
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=8),
    max_leaves=20,
)
_pieces = st.sampled_from([None, "", "*", "days", "any", "archive", "expire", 0, 1, 90, 1.0, [], ["a"], {}])


@st.composite
def nearly_right(draw):
    """A policy in which some members have other values."""
    rules = [
        a_rule(draw(st.integers(0, 3)), draw(st.sampled_from(["expire", "transition"])), **draw(selections()))
        for _ in range(draw(st.integers(1, 3)))
    ]
    for _ in range(draw(st.integers(0, 2))):
        rule = draw(st.sampled_from(rules))
        place = draw(st.sampled_from([rule, rule["selection"], rule["action"]]))
        if isinstance(place, dict):
            place[draw(_words)] = draw(_pieces)
    return a_text(*rules)


def selections():
    return st.sampled_from(
        [
            {},
            UNTAGGED,
            tagged("a*"),
            prefixed("a", "b"),
            {"countType": "sinceImagePushed"},
            {"countType": "sinceImagePulled"},
            {"countType": "sinceImageTransitioned", "countNumber": 90},
        ]
    )


@settings(max_examples=examples(50), deadline=None)
@given(nearly_right() | _values.map(json.dumps) | st.text())
@example('{"rules":[{"rulePriority":1,"selection":[],"action":{}}]}')
def test_whatever_is_asked_it_is_a_policy_or_refused_with_a_reason(text):
    try:
        parsed = parse(text)
    except InvalidParameterException as refused:
        assert "Lifecycle policy validation failure: " in refused.text
        refused.text.encode()
    else:
        assert json.loads(parsed.text) == json.loads(text)
        assert parse(parsed.text) == parsed
