"""What the query services say of an input that breaks the constraints of the model: all of it."""

import re
import unicodedata

import pytest

from openecr.aws.model import Operation, Shape, services
from openecr.aws.validate import (
    ECHO_CHARACTERS,
    LETTERS_SEPARATORS_NUMBERS,
    LONGEST_MATCHED,
    MOST_TOLD,
    validate,
)
from openecr.errors import ValidationError
from tests.aws.shapes import QUERY_OPERATIONS, operation_of, shapes_of

ROLE = "arn:aws:iam::123456789012:role/puller"
ROLE_ARN_PATTERN = r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+"
KEY_PATTERN = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"


def complaint(operation: Operation, given) -> str | None:
    try:
        validate(given, operation)
    except ValidationError as error:
        assert error.status == 400
        return error.text
    return None


def say(service_operation, given) -> str | None:
    service, _, name = service_operation.partition(".")
    return complaint(operation_of(service, name), given)


def violation(value, path, reason) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: Member must {reason}"


def told(*violations) -> str:
    errors = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {errors} detected: {'; '.join(violations)}"


# The texts. Those of STS were measured.


@pytest.mark.parametrize(
    ("given", "violations"),
    [
        ({"RoleSessionName": "abc"}, [("null", "roleArn", "not be null")]),
        ({"RoleArn": ROLE}, [("null", "roleSessionName", "not be null")]),
        ({}, [("null", "roleArn", "not be null"), ("null", "roleSessionName", "not be null")]),
        (
            {"RoleArn": "not-an-arn", "RoleSessionName": "abc"},
            [("'not-an-arn'", "roleArn", "have length greater than or equal to 20")],
        ),
        (
            {"RoleArn": "", "RoleSessionName": "abc"},
            [
                ("''", "roleArn", f"satisfy regular expression pattern: {ROLE_ARN_PATTERN}"),
                ("''", "roleArn", "have length greater than or equal to 20"),
            ],
        ),
        (
            {"RoleArn": ROLE, "RoleSessionName": "bad/name"},
            [("'bad/name'", "roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*")],
        ),
        (
            {"RoleArn": ROLE, "RoleSessionName": "a" * 65},
            [(f"'{'a' * 65}'", "roleSessionName", "have length less than or equal to 64")],
        ),
        (
            {"RoleArn": ROLE, "RoleSessionName": "abc", "DurationSeconds": 899},
            [("'899'", "durationSeconds", "have value greater than or equal to 900")],
        ),
        (
            {"RoleArn": ROLE, "RoleSessionName": "abc", "DurationSeconds": 43_201},
            [("'43201'", "durationSeconds", "have value less than or equal to 43200")],
        ),
        (
            {"RoleArn": ROLE, "RoleSessionName": "abc", "TokenCode": "12345"},
            [("'12345'", "tokenCode", "have length greater than or equal to 6")],
        ),
        (
            {"RoleArn": "\U0001f600" * 2048, "RoleSessionName": "abc"},
            [
                (
                    "'" + "\U0001f600" * 2048 + "'",
                    "roleArn",
                    f"satisfy regular expression pattern: {ROLE_ARN_PATTERN}",
                )
            ],
        ),
    ],
)
def test_a_violation_is_told_with_the_value_and_the_way_to_it(given, violations):
    assert say("sts.AssumeRole", given) == told(*(violation(*each) for each in violations))


def test_all_there_are_are_told_in_the_models_order_of_members():
    given = {
        "Tags": [{"Key": "a", "Value": "b"}, {"Value": "!"}, {"Key": "a;", "Value": "b" * 257}],
        "UserName": "a b",
        "Path": "team",
    }

    assert say("iam.CreateUser", given) == told(
        violation(
            "'team'", "path", r"satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F)"
        ),
        violation("'a b'", "userName", r"satisfy regular expression pattern: [\w+=,.@-]+"),
        violation("null", "tags.2.member.key", "not be null"),
        violation("'!'", "tags.2.member.value", rf"satisfy regular expression pattern: {KEY_PATTERN[:-1]}*"),
        violation("'a;'", "tags.3.member.key", rf"satisfy regular expression pattern: {KEY_PATTERN}"),
        violation(f"'{'b' * 257}'", "tags.3.member.value", "have length less than or equal to 256"),
    )


def test_a_list_of_the_wrong_length_is_told_without_its_elements_and_looked_into():
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]

    assert say("iam.TagUser", {"UserName": "a", "Tags": [*tags, {"Key": "?", "Value": ""}]}) == (
        "2 validation errors detected: Value at 'tags' failed to satisfy constraint: Member must have length "
        "less than or equal to 50; "
        + violation("'?'", "tags.51.member.key", f"satisfy regular expression pattern: {KEY_PATTERN}")
    )
    assert say("iam.TagUser", {"UserName": "a", "Tags": tags}) is None


def test_an_element_of_a_list_is_told_by_its_place():
    assert say("iam.UntagUser", {"UserName": "a", "TagKeys": ["a", "", "b"]}) == told(
        violation("''", "tagKeys.2.member", f"satisfy regular expression pattern: {KEY_PATTERN}"),
        violation("''", "tagKeys.2.member", "have length greater than or equal to 1"),
    )


def test_an_enumeration_is_told_whole():
    text = say("iam.UpdateAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "On"})

    assert text is not None
    assert text.startswith(
        "1 validation error detected: Value 'On' at 'status' failed to satisfy constraint: "
    )
    values = services()["iam"].operations["UpdateAccessKey"].input.members["Status"].enum
    assert sorted(text.partition("enum value set: [")[2].rstrip("]").split(", ")) == sorted(values)


def test_a_secret_is_not_repeated():
    token = "the token of the cluster"

    text = say(
        "sts.AssumeRoleWithWebIdentity", {"RoleArn": ROLE, "RoleSessionName": "ab", "WebIdentityToken": "abc"}
    )
    assert text == (
        "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must "
        "have length greater than or equal to 4"
    )
    text = say("sts.AssumeRoleWithWebIdentity", {"WebIdentityToken": token * 1000})
    assert text is not None
    assert token not in text
    assert "Value at 'webIdentityToken'" in text


def test_a_long_value_is_repeated_in_part():
    text = say("iam.GetUser", {"UserName": "a" * (ECHO_CHARACTERS + 1)})

    assert text == told(
        violation(f"'{'a' * ECHO_CHARACTERS}'", "userName", "have length less than or equal to 128")
    )


def test_of_very_many_violations_the_first_are_told():
    text = say("iam.UntagUser", {"UserName": "a", "TagKeys": ["?"] * (MOST_TOLD + 1)})

    assert text is not None
    assert text.startswith(f"{MOST_TOLD + 2} validation errors detected: ")
    assert text.count("failed to satisfy constraint") == MOST_TOLD
    assert len(say("iam.UntagUser", {"UserName": "a", "TagKeys": ["?" * 9999] * 5000}) or "") < 500_000


def test_a_value_in_a_map_is_told_by_its_key():
    short = Shape("Short", "string", max=2)
    shape = Shape("In", "structure", {"Words": Shape("Words", "map", key=short, value=short)})
    operation = Operation("iam", "Try", shape, shape, frozenset())

    assert complaint(operation, {"Words": {"a": "xy"}}) is None
    assert complaint(operation, {"Words": {"a": "xy", "Bc": "xyz"}}) == told(
        violation("'xyz'", "words.Bc.member", "have length less than or equal to 2")
    )


# Patterns: Java's.


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (KEY_PATTERN, "aZ5_.:/=+-@ é日א\u0660½Ⅷ²\u00a0\u3000\u2028", "!\t\n#\u0301*,;\u200b\U0001f600"),
        (ROLE_ARN_PATTERN, "a\t\n\r\x85\u00a0é\ufffd", "\x00\x1f\ufffe\U0001f600"),
        (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "a\t\n\rÿ\x7f", "\x00\u0100"),
        (r"[\w+=,.@-]+", "aZ5_+=,.@-", "é ½/\n"),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern, good, bad):
    shape = Shape("In", "structure", {"Text": Shape("Text", "string", pattern=pattern)})
    operation = Operation("iam", "Try", shape, shape, frozenset())

    assert complaint(operation, {"Text": good}) is None
    for character in good:
        assert complaint(operation, {"Text": character}) is None
    for character in bad:
        assert complaint(operation, {"Text": f"a{character}"}) is not None


def test_letters_separators_and_numbers_are_those_of_unicode():
    matches = re.compile(f"[{LETTERS_SEPARATORS_NUMBERS[1]}]").fullmatch
    for character in map(chr, range(0x11_0000)):
        wanted = character == "_" or unicodedata.category(character)[0] in "LZN"
        assert (matches(character) is not None) is wanted, hex(ord(character))


def test_no_pattern_uses_what_java_and_python_read_differently():
    patterns = {
        shape.pattern
        for operation in QUERY_OPERATIONS
        for _, shape in shapes_of(operation.input)
        if shape.pattern
    }
    letters, _ = LETTERS_SEPARATORS_NUMBERS
    assert KEY_PATTERN in patterns
    for pattern in patterns:
        known = pattern.replace(letters, "")
        assert not re.search(r"&&|\[\[|\\p|\\[GZzQE]|[+*?}]\+|\(\?[^:!]", known), pattern
        assert letters not in pattern or not re.search(r"\\[wdsWDS]", known), pattern


def test_a_policy_may_be_as_long_as_the_model_has_it_and_is_matched_to_its_end():
    policy = operation_of("iam", "PutUserPolicy").input.members["PolicyDocument"]
    given = {"UserName": "a", "PolicyName": "p", "PolicyDocument": " " * policy.max}
    assert policy.max > LONGEST_MATCHED

    assert say("iam.PutUserPolicy", given) is None
    text = say("iam.PutUserPolicy", {**given, "PolicyDocument": " " * (policy.max - 1) + "\0"})
    assert text is not None
    assert text.startswith("1 validation error detected: ")
    assert text.endswith(f"Member must satisfy regular expression pattern: {policy.pattern}")
