"""A form and a shape → the input; what is no form, and what is not of its shape."""

import string
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from botocore.awsrequest import AWSRequest
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from openecr.aws.model import Shape
from openecr.aws.query import MAX_DEPTH, MAX_PARAMETERS, parse, read_form
from openecr.errors import SerializationException
from tests.aws.shapes import QUERY_OPERATIONS, botocore_model, operation_of, shapes_of, values
from tests.depth import examples

every_query_operation = pytest.mark.parametrize(
    "operation", QUERY_OPERATIONS, ids=lambda operation: f"{operation.service}.{operation.name}"
)
TEXT = Shape("Text", "string")
TAG = Shape("Tag", "structure", {"Key": TEXT, "Value": TEXT})
INPUT = Shape(
    "Input",
    "structure",
    {
        "Name": TEXT,
        "Number": Shape("Number", "integer"),
        "Large": Shape("Large", "long"),
        "Flag": Shape("Flag", "boolean"),
        "Bytes": Shape("Bytes", "blob"),
        "At": Shape("At", "timestamp"),
        "Tag": TAG,
        "Names": Shape("Names", "list", element=TEXT),
        "Tags": Shape("Tags", "list", element=TAG),
        "Words": Shape("Words", "map", key=TEXT, value=TEXT),
    },
)


def read(form: str) -> dict:
    return parse(read_form("", form.encode()), INPUT)


def refused(form: str) -> str:
    with pytest.raises(SerializationException) as error:
        read(form)
    return error.value.text


# All that botocore sends is read as it was meant.


def as_botocore_sends(operation, given) -> bytes:
    model = botocore_model(operation.service).operation_model(operation.name)
    request = create_serializer("query", include_validation=False).serialize_to_request(given, model)
    body = AWSRequest("POST", "http://localhost/", data=request["body"]).prepare().body
    return body if isinstance(body, bytes) else body.encode()


def as_sent(value):
    """What of a value leaves a trace in a form: not a structure or a map without members."""
    if isinstance(value, dict):
        members = {name: as_sent(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not None} or None
    if isinstance(value, list) and value:
        return [element for element in map(as_sent, value) if element is not None] or None
    return value


@every_query_operation
@settings(max_examples=examples(4), deadline=None, database=None)
@given(data=st.data())
def test_what_botocore_sends_is_the_input_it_was_given(operation, data):
    given = data.draw(values(operation.input))

    form = read_form("", as_botocore_sends(operation, given))

    assert (form["Action"], form["Version"]) == (
        operation.name,
        botocore_model(operation.service).api_version,
    )
    assert parse(form, operation.input) == (as_sent(given) or {})


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4), st.booleans())
def test_a_name_the_shape_does_not_have_changes_nothing(others, first):
    known = {"Name": "a", "Tags.member.1.Key": "b"}
    others = {f"{name}?": value for name, value in others.items()}

    assert parse(others | known if first else known | others, INPUT) == {"Name": "a", "Tags": [{"Key": "b"}]}


@given(st.text(st.sampled_from("ABNTagsmeber.123=&%+ \x00é") | st.characters(codec="utf-8"), max_size=60))
def test_no_form_does_harm(text):
    """Whatever is sent is read, or refused."""
    for form in (text, f"Name=a&Tags.{text}", f"Words.entry.1.{text}"):
        with suppress(SerializationException):
            assert set(read(form)) <= INPUT.members.keys()


# Forms.


def test_names_are_paths():
    assert read("Name=a&Tag.Key=k&Tag.Value=&Names.member.1=x&Tags.member.1.Key=y&Tags.member.2.Value=z") == {
        "Name": "a",
        "Tag": {"Key": "k", "Value": ""},
        "Names": ["x"],
        "Tags": [{"Key": "y"}, {"Value": "z"}],
    }


def test_scalars_have_their_types():
    assert read("Number=-7&Large=9223372036854775807&Flag=false&Bytes=AAE%3D&At=2026-01-02T03:04:05Z") == {
        "Number": -7,
        "Large": 2**63 - 1,
        "Flag": False,
        "Bytes": b"\0\1",
        "At": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    assert read("Number=%2B900&Large=0900&Flag=true") == {"Number": 900, "Large": 900, "Flag": True}


def test_elements_come_in_the_order_of_their_numbers_and_not_of_the_alphabet():
    numbers = [3, 10, 1, 200, 20, 2]

    form = "&".join(f"Names.member.{number}={number}" for number in numbers)

    assert read(form) == {"Names": ["1", "2", "3", "10", "20", "200"]}


def test_a_list_may_be_empty():
    assert read("Names=&Tags=&Words=") == {"Names": [], "Tags": [], "Words": {}}


def test_a_map_has_entries():
    form = "Words.entry.2.key=b&Words.entry.1.value=1&Words.entry.1.key=a&Words.entry.2.value=2"

    assert read(form) == {"Words": {"a": "1", "b": "2"}}


def test_of_a_name_that_comes_twice_the_first_counts_and_the_query_comes_before_the_body():
    assert read("Name=a&Name=b&Number=1&Number=x") == {"Name": "a", "Number": 1}
    assert read_form("Name=q", b"Name=b&Flag=true") == {"Name": "q", "Flag": "true"}


def test_a_plus_is_a_blank_in_a_body_and_a_plus_in_a_query():
    assert read_form("a=1+1&b=1%2B1&c=%20", b"d=1+1&e=1%2B1&f%2B=") == {
        "a": "1+1",
        "b": "1+1",
        "c": " ",
        "d": "1 1",
        "e": "1+1",
        "f+": "",
    }


def test_what_has_no_equals_sign_is_empty_and_what_is_empty_is_nothing():
    assert read_form("&a&&", b"&b&=c&") == {"a": "", "b": "", "": "c"}


@pytest.mark.parametrize(
    ("query", "body"), [("a=%FF", b""), ("", b"a=%C3"), ("", b"\xff=1"), ("a=\udcff", b"")]
)
def test_what_is_no_utf_8_is_refused(query, body):
    with pytest.raises(SerializationException):
        read_form(query, body)


def test_as_many_parameters_as_may_be_and_one_more():
    most = "&".join(["a=1"] * (MAX_PARAMETERS - 2))
    assert read_form("b=2", f"c=3&{most}".encode())["c"] == "3"

    with pytest.raises(SerializationException, match=f"may have {MAX_PARAMETERS} parameters"):
        read_form("b=2&d", f"c=3&{most}".encode())


def test_a_name_has_as_many_steps_as_it_may_and_no_more():
    assert read("Tag" + ".x" * (MAX_DEPTH - 1) + "=1&Name=a") == {"Tag": {}, "Name": "a"}
    assert refused("Tag" + ".x" * MAX_DEPTH + "=1") == ""
    assert refused("Tag" + ".x" * 100_000 + "=1") == ""


def test_no_input_is_as_deep_as_a_name_may_be():
    def steps(shape):
        below = [0]
        if shape.type == "structure":
            below = [1 + steps(member) for member in shape.members.values()]
        elif shape.type in ("list", "map"):
            below = [2 + steps(shape.element or shape.value)]
        return max(below, default=0)

    assert max(steps(operation.input) for operation in QUERY_OPERATIONS) < MAX_DEPTH / 1.5


def test_every_input_has_only_types_that_can_be_read():
    known = {"structure", "list", "map", "string", "integer", "boolean"}
    for operation in QUERY_OPERATIONS:
        assert {shape.type for _, shape in shapes_of(operation.input)} <= known


# What is not of its shape.


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("Number=", "missing value for decimal type"),
        ("Number=abc", ""),
        ("Number=900.0", ""),
        ("Number=1e3", ""),
        ("Number=+1", ""),  # a blank and a one
        ("Number=%D9%A1", ""),  # an Arabic one
        ("Number=2147483648", ""),
        ("Number=-2147483649", ""),
        ("Number=" + "0" * 30, ""),
        ("Large=9223372036854775808", ""),
        ("Flag=", ""),
        ("Flag=True", ""),
        ("Flag=1", ""),
        ("Bytes=%2A", ""),
        ("At=yesterday", ""),
        ("Name.x=1", "Start of structure or map found where not expected"),
        ("Name.member.1=1", "Start of list found where not expected"),
        ("Tag=x", "Unexpected complex element termination"),
        ("Tags.member.1=x", "Unexpected complex element termination"),
        ("Names=x", "Unexpected list element termination"),
        ("Names.1=x", "Top level element may not be treated as a list"),
        ("Names.member=x", "Top level element may not be treated as a list"),
        ("Names.member.0=x", "Top level element may not be treated as a list"),
        ("Names.member.01=x", "Top level element may not be treated as a list"),
        ("Names.member.-1=x", "Top level element may not be treated as a list"),
        ("Names.member.1x=x", "Top level element may not be treated as a list"),
        ("Names.member.%D9%A1=x", "Top level element may not be treated as a list"),
        ("Names.member.1234567890=x", "Top level element may not be treated as a list"),
        ("Names.member.1=x&Names.member.y=x", "Top level element may not be treated as a list"),
        ("Words.entry.1.key=x", ""),
        ("Words.entry.1=x", ""),
        ("Words.entry=x", "Top level element may not be treated as a list"),
        ("Names=&Names.member.1=x", "Unexpected complex element termination"),
        ("Names.member.1=x&Names=", "Unexpected complex element termination"),
        ("Tag.Key=x&Tag=", "Unexpected complex element termination"),
    ],
)
def test_a_parameter_that_is_not_of_its_shape_is_refused(form, text):
    assert refused(form) == text


@pytest.mark.parametrize("number", ["2147483647", "-2147483648"])
def test_an_integer_may_be_as_large_as_it_may(number):
    assert read(f"Number={number}") == {"Number": int(number)}


def test_a_real_input():
    tags = "&".join(f"Tags.member.{i}.Key={letter}" for i, letter in enumerate(string.ascii_letters, 1))
    form = read_form(
        "", f"Action=CreateUser&Version=2010-05-08&UserName=alice&Path=%2Fteam%2F&{tags}".encode()
    )

    assert parse(form, operation_of("iam", "CreateUser").input) == {
        "UserName": "alice",
        "Path": "/team/",
        "Tags": [{"Key": letter} for letter in string.ascii_letters],
    }
