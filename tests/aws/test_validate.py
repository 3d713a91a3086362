import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.aws.model import SERVICES, Shape, services
from openecr.aws.validate import LONGEST_MATCHED, SAFE_PATTERNS, UNMODELLED_PATTERNS, validate
from openecr.errors import InvalidParameterException
from tests.aws.shapes import (
    OPERATIONS,
    QUERY_OPERATIONS,
    WELL_FORMED,
    an_input,
    operation_of,
    replaced,
    shapes_of,
)

DIGEST = WELL_FORMED[3]
NAME_PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"

by_name = {"ids": lambda operation: f"{operation.service}.{operation.name}"}
every_operation = pytest.mark.parametrize("operation", OPERATIONS, **by_name)


def complaint(operation, value):
    """What is said of an input: the text of the error, or None."""
    try:
        validate(value, operation)
    except InvalidParameterException as error:
        return error.text
    return None


def about(member, reason):
    return f"Invalid parameter at '{member}' failed to satisfy constraint: '{reason}'"


def say(service_operation, value):
    service, _, name = service_operation.partition(".")
    return complaint(operation_of(service, name), value)


# The texts, one of each kind.


@pytest.mark.parametrize(
    ("operation", "value", "member", "reason"),
    [
        ("ecr.CreateRepository", {}, "repositoryName", "Member must not be null"),
        (
            "ecr.CreateRepository",
            {"repositoryName": "UPPER!!"},
            "repositoryName",
            f"must satisfy regular expression '{NAME_PATTERN}'",
        ),
        (
            "ecr-public.CreateRepository",
            {"repositoryName": "a__b"},
            "repositoryName",
            "must satisfy regular expression "
            "'(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'",
        ),
        (
            "ecr.CreateRepository",
            {"repositoryName": "a"},
            "repositoryName",
            "Member must have length greater than or equal to 2",
        ),
        (
            "ecr.CreateRepository",
            {"repositoryName": "a" * 257},
            "repositoryName",
            "Member must have length less than or equal to 256",
        ),
        (
            "ecr-public.CreateRepository",
            {"repositoryName": "a" * 206},
            "repositoryName",
            "Member must have length less than or equal to 205",
        ),
        (
            "ecr.CreateRepository",
            {"repositoryName": "ab", "imageTagMutability": "NOPE"},
            "imageTagMutability",
            "Member must satisfy enum value set: "
            "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
        ),
        (
            "ecr.CreateRepository",
            {"repositoryName": "ab", "tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}]},
            "Value",
            "Member must not be null",
        ),
        (
            "ecr.BatchGetImage",
            {"repositoryName": "ab", "imageIds": []},
            "imageIds",
            "Member must have length greater than or equal to 1",
        ),
        (
            "ecr.BatchGetImage",
            {"repositoryName": "ab", "imageIds": [{}] * 101},
            "imageIds",
            "Member must have length less than or equal to 100",
        ),
        (
            "ecr.DescribeRepositories",
            {"maxResults": 0},
            "maxResults",
            "Member must have value greater than or equal to 1",
        ),
        (
            "ecr.DescribeRepositories",
            {"maxResults": 1001},
            "maxResults",
            "Member must have value less than or equal to 1000",
        ),
        (
            "ecr.DescribeRepositories",
            {"repositoryNames": ["ab", "A"]},
            "repositoryNames",
            "Member must have length greater than or equal to 2",
        ),
        (
            "ecr.GetAuthorizationToken",
            {"registryIds": ["123456789012", "x"]},
            "registryIds",
            "must satisfy regular expression '[0-9]{12}'",
        ),
        (
            "ecr.PutLifecyclePolicy",
            {"repositoryName": "ab", "lifecyclePolicyText": "{}"},
            "lifecyclePolicyText",
            "Member must have length greater than or equal to 100",
        ),
        (
            "ecr.PutImage",
            {"repositoryName": "ab", "imageManifest": "{}", "imageDigest": "sha256:xyz"},
            "imageDigest",
            "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        (
            "ecr.PutImage",
            {"repositoryName": "ab", "imageManifest": "{}", "imageTag": "a b"},
            "imageTag",
            "must satisfy regular expression '[a-zA-Z0-9-_.]+'",
        ),
        (
            "ecr.DescribeImages",
            {"repositoryName": "ab", "imageIds": [{"imageDigest": ""}]},
            "imageDigest",
            "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        (
            "ecr.CompleteLayerUpload",
            {"repositoryName": "ab", "uploadId": "x", "layerDigests": [DIGEST]},
            "uploadId",
            "must satisfy regular expression "
            "'[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'",
        ),
    ],
)
def test_a_violation_is_told_in_the_words_of_the_service(operation, value, member, reason):
    assert say(operation, value) == about(member, reason)


# Which of several.


def test_what_is_missing_is_told_before_what_is_wrong():
    value = {"repositoryName": "UPPER!!", "imageTag": ""}

    assert say("ecr.PutImage", value) == about("imageManifest", "Member must not be null")


def test_a_length_is_told_before_a_pattern():
    value = {"repositoryName": "UPPER!!", "imageManifest": "{}", "imageTag": ""}

    assert say("ecr.PutImage", value) == about(
        "imageTag", "Member must have length greater than or equal to 1"
    )


def test_among_equals_the_models_order_of_members_decides_and_not_the_clients():
    value = {"imageTag": "a b", "imageManifest": "{}", "imageDigest": "x", "repositoryName": "UPPER!!"}

    assert say("ecr.PutImage", value) == about(
        "repositoryName", f"must satisfy regular expression '{NAME_PATTERN}'"
    )
    assert list(operation_of("ecr", "PutImage").input.members).index("repositoryName") < 2


def test_what_is_missing_far_inside_is_told_before_what_is_wrong_above():
    value = {"repositoryName": "UPPER!!", "tags": [{"Key": "a"}]}

    assert say("ecr.CreateRepository", value) == about("Value", "Member must not be null")


def test_a_list_is_judged_up_to_its_first_bad_element():
    value = {
        "replicationConfiguration": {"rules": [{"destinations": [{"region": "!", "registryId": "x"}, {}]}]}
    }

    assert say("ecr.PutReplicationConfiguration", value) == about(
        "region", "Member must have length greater than or equal to 2"
    )


def test_a_list_of_the_wrong_length_is_not_looked_into():
    value = {"repositoryName": "ab", "layerDigests": ["!"] * 101, "uploadId": WELL_FORMED[4]}

    assert say("ecr.CompleteLayerUpload", value) == about(
        "layerDigests", "Member must have length less than or equal to 100"
    )


# Digests and tags, of which the model says nothing.


@pytest.mark.parametrize(
    "operation", ["ecr.BatchGetImage", "ecr.BatchDeleteImage", "ecr-public.BatchDeleteImage"]
)
def test_a_batch_of_images_reports_malformed_ids_one_by_one(operation):
    value = {"repositoryName": "ab", "imageIds": [{"imageDigest": "x"}, {"imageTag": "a b"}, {}]}

    assert say(operation, value) is None


def test_a_batch_of_layers_reports_malformed_digests_one_by_one():
    value = {"repositoryName": "ab", "layerDigests": ["", "x" * 1000]}

    assert say("ecr.BatchCheckLayerAvailability", value) is None
    assert say("ecr.BatchCheckLayerAvailability", {**value, "layerDigests": ["x" * 1001]}) == about(
        "layerDigests", "Member must have length less than or equal to 1000"
    )


def test_everywhere_else_a_malformed_digest_or_tag_is_refused():
    checked = set()
    for operation in OPERATIONS:
        if operation.name.startswith("Batch"):
            continue
        for path, _ in shapes_of(operation.input):
            if path and path[-1] in UNMODELLED_PATTERNS:
                pattern = UNMODELLED_PATTERNS[path[-1]]
                text = complaint(operation, replaced(an_input(operation), path, "no:good!"))
                assert text == about(path[-1], f"must satisfy regular expression '{pattern}'")
                checked.add((operation.name, path[-1]))
    assert {("PutImage", "imageTag"), ("DescribeImages", "imageDigest")} <= checked


# Every constraint of every operation, on its bound and one step past it.


def constraints(kind):
    """(operation, path, shape) for each place in an input whose shape says something of that kind."""
    return [
        pytest.param(operation, path, shape, id=f"{operation.service}.{operation.name}.{'.'.join(path)}")
        for operation in OPERATIONS
        for path, shape in shapes_of(operation.input)
        if getattr(shape, kind)
    ]


def member_at(path):
    return next(step for step in reversed(path) if step != "0")


def sized(shape, size):
    """A value of the shape that is so long, or so large; its content may be wrong."""
    match shape.type:
        case "string":
            return "x" * size
        case "blob":
            return bytes(size)
        case "list":
            return size
    return size


@every_operation
def test_a_valid_input_is_accepted(operation):
    assert complaint(operation, an_input(operation)) is None


@pytest.mark.parametrize(("operation", "path", "shape"), constraints("required"))
def test_each_required_member_is_missed(operation, path, shape):
    for name in shape.required:
        lacking = replaced(an_input(operation), (*path, name), None)
        assert complaint(operation, lacking) == about(name, "Member must not be null")


def of_size(operation, path, shape, size):
    value = an_input(operation)
    if shape.type != "list":
        return replaced(value, path, sized(shape, size))
    element = value
    for step in path:
        element = element[0] if step == "0" else element[step]
    return replaced(value, path, element[:1] * size)


@pytest.mark.parametrize(("operation", "path", "shape"), constraints("max"))
def test_each_maximum_may_be_reached_and_not_passed(operation, path, shape):
    measure = "value" if shape.type in ("integer", "long") else "length"
    too_much = about(member_at(path), f"Member must have {measure} less than or equal to {shape.max}")

    assert complaint(operation, of_size(operation, path, shape, shape.max)) != too_much
    assert complaint(operation, of_size(operation, path, shape, shape.max + 1)) == too_much


@pytest.mark.parametrize(("operation", "path", "shape"), constraints("min"))
def test_each_minimum_may_be_reached_and_not_missed(operation, path, shape):
    measure = "value" if shape.type in ("integer", "long") else "length"
    too_little = about(member_at(path), f"Member must have {measure} greater than or equal to {shape.min}")

    assert complaint(operation, of_size(operation, path, shape, shape.min)) != too_little
    assert complaint(operation, of_size(operation, path, shape, shape.min - 1)) == too_little


def test_a_number_may_not_be_negative():
    value = {**an_input(operation_of("ecr", "UploadLayerPart")), "partFirstByte": -1}

    assert say("ecr.UploadLayerPart", value) == about(
        "partFirstByte", "Member must have value greater than or equal to 0"
    )


@pytest.mark.parametrize(("operation", "path", "shape"), constraints("pattern"))
def test_each_pattern_must_match_the_whole_string(operation, path, shape):
    good = an_input(operation)
    for bad in (lambda text: "!" * len(text), lambda text: text[:-1] + "\n", lambda text: "é" + text[1:]):
        found = complaint(operation, replaced(good, path, bad("x" * max(2, shape.min or 0))))
        assert found == about(member_at(path), f"must satisfy regular expression '{shape.pattern}'")


@pytest.mark.parametrize(("operation", "path", "shape"), constraints("enum"))
def test_each_enumeration_takes_its_values_and_no_others(operation, path, shape):
    good = an_input(operation)
    for value in shape.enum:
        assert complaint(operation, replaced(good, path, value)) is None
    for value in ("", "NOPE", shape.enum[0].swapcase(), shape.enum[0] + " "):
        found = complaint(operation, replaced(good, path, value))
        listed = re.fullmatch(
            rf"Invalid parameter at '{member_at(path)}' failed to satisfy constraint: "
            r"'Member must satisfy enum value set: \[(.+)\]'",
            found or "",
        )
        assert listed is not None
        assert sorted(listed[1].split(", ")) == sorted(shape.enum)


# Patterns are Java's, and must not take long to refuse anything.

PATTERNS = sorted(
    {
        (shape.pattern, shape.max or LONGEST_MATCHED)
        for operation in OPERATIONS + QUERY_OPERATIONS
        for _, shape in shapes_of(operation.input)
        if shape.pattern
    }
    | {(pattern, LONGEST_MATCHED) for pattern in UNMODELLED_PATTERNS.values()}
)
HEADS = ["", "arn:aws", "arn:aws:iam::123456789012:role/", "arn:aws:secretsmanager:", "sha256:"]
PUMPS = [
    "a",
    "0",
    "*",
    "a-",
    "a/",
    "a.",
    "a_",
    "-",
    "--a",
    "__a",
    "a*",
    "a/a-",
    "a:",
    "-a",
    "a__a-",
    "+",
    ":",
    " ",
]


def pattern_operation(pattern, size):
    """An operation with one member of that pattern, judged as the real ones are."""
    member = Shape("Name", "string", max=size, pattern=pattern)
    model = operation_of("ecr", "CreateRepository")
    return type(model)("ecr", "Try", Shape("In", "structure", {"name": member}), model.output, frozenset())


@pytest.mark.parametrize(("pattern", "longest"), PATTERNS)
def test_no_string_takes_long_to_be_refused(pattern, longest):
    operation = pattern_operation(pattern, longest)
    for head, pump, tail in itertools.product(HEADS, PUMPS, ["!", "\n", "/", "-"]):
        text = head + pump * (longest // len(pump))
        text = text[: longest - 1] + tail
        began = time.process_time()
        complaint(operation, {"name": text})
        assert time.process_time() - began < 0.5, (head, pump, tail)


def test_a_string_longer_than_any_we_match_matches_nothing():
    operation = pattern_operation("[a-z]+", None)

    assert complaint(operation, {"name": "a" * LONGEST_MATCHED}) is None
    assert complaint(operation, {"name": "a" * (LONGEST_MATCHED + 1)}) == about(
        "name", "must satisfy regular expression '[a-z]+'"
    )


@pytest.mark.parametrize(("given_pattern", "safe"), SAFE_PATTERNS.items())
def test_a_safe_pattern_matches_what_the_models_does(given_pattern, safe):
    assert given_pattern in {pattern for pattern, _ in PATTERNS}
    for length in range(7):
        for characters in itertools.product("a0*./!", repeat=length):
            text = "".join(characters)
            theirs = re.fullmatch(given_pattern, text, re.ASCII)
            assert (re.fullmatch(safe, text, re.ASCII) is None) == (theirs is None), text


def test_no_pattern_uses_what_java_and_python_read_differently():
    for pattern in {
        shape.pattern for each in OPERATIONS for _, shape in shapes_of(each.input) if shape.pattern
    }:
        assert not re.search(r"&&|\[\[|\\p|\\[GZzQE]|[+*?}]\+|\(\?[^:]", pattern), pattern


@given(st.text("ab09._-/", max_size=12))
def test_a_private_repository_name_is_what_the_old_grammar_allows_and_more(text):
    private = say("ecr.DeleteRepository", {"repositoryName": text})
    public = say("ecr-public.DeleteRepository", {"repositoryName": text})

    if public is None:
        assert private is None


# Enumerations are printed as a java.util.HashSet holds them.


@pytest.mark.parametrize(
    ("values", "printed"),
    [
        (("MUTABLE", "IMMUTABLE"), "IMMUTABLE, MUTABLE"),
        (
            ("ALL_NEW", "ALL_OLD", "NONE", "UPDATED_NEW", "UPDATED_OLD"),
            "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW",
        ),
        (("NONE", "SIZE"), "SIZE, NONE"),
        (("PAY_PER_REQUEST", "PROVISIONED"), "PROVISIONED, PAY_PER_REQUEST"),
    ],
)
def test_the_values_of_an_enumeration_come_in_the_order_services_print_them(values, printed):
    member = Shape("Choice", "string", enum=values)
    model = operation_of("ecr", "CreateRepository")
    operation = type(model)("ecr", "Try", Shape("In", "structure", {"c": member}), model.output, frozenset())

    assert complaint(operation, {"c": "?"}) == about("c", f"Member must satisfy enum value set: [{printed}]")


def test_a_large_enumeration_is_printed_whole():
    values = tuple(f"V{number}" for number in range(40))
    member = Shape("Choice", "string", enum=values)
    model = operation_of("ecr", "CreateRepository")
    operation = type(model)("ecr", "Try", Shape("In", "structure", {"c": member}), model.output, frozenset())

    text = complaint(operation, {"c": "?"})

    assert text is not None
    assert sorted(text[text.index("[") + 1 : text.index("]")].split(", ")) == sorted(values)


def test_operations_without_input_take_anything():
    assert say("ecr.DescribeRegistry", {}) is None
    assert say("ecr-public.GetAuthorizationToken", {}) is None


def test_every_input_has_only_types_the_validator_knows():
    known = {"structure", "list", "string", "integer", "long", "boolean", "blob"}
    for name in SERVICES:
        for operation in services()[name].operations.values():
            assert {shape.type for _, shape in shapes_of(operation.input)} <= known
