import orjson
import pytest
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openecr.aws.model import Shape
from openecr.aws.parse import VALUES, parse, parser
from openecr.errors import SerializationException
from tests.aws.shapes import OPERATIONS, botocore_model, operation_of, values
from tests.depth import examples

UPLOAD = operation_of("ecr", "UploadLayerPart").input
DESCRIBE = operation_of("ecr", "DescribeImages").input
CREATE = operation_of("ecr", "CreateRepository").input


def fault(body: bytes, shape: Shape) -> str:
    with pytest.raises(SerializationException) as raised:
        parse(body, shape)
    return raised.value.text


# What is accepted.


def test_an_empty_body_is_an_empty_input():
    assert parse(b"", DESCRIBE) == parse(b"{}", DESCRIBE) == parse(b" {} \n", DESCRIBE) == {}


def test_unknown_members_are_dropped_at_every_depth():
    body = b'{"repositoryName":"ab","nonsense":{"a":[1]},"imageIds":[{"imageTag":"1","color":"red"}]}'

    assert parse(body, DESCRIBE) == {"repositoryName": "ab", "imageIds": [{"imageTag": "1"}]}


def test_null_is_the_same_as_absent():
    body = b'{"repositoryName":null,"filter":{"tagStatus":null},"imageIds":[null,{"imageTag":null},null]}'

    assert parse(body, DESCRIBE) == {"filter": {}, "imageIds": [{}]}


def test_of_a_member_given_twice_the_last_counts():
    assert parse(b'{"repositoryName":"first","repositoryName":"last"}', DESCRIBE) == {
        "repositoryName": "last"
    }


@pytest.mark.parametrize(("number", "value"), [(b"100", 100), (b"100.0", 100), (b"1e2", 100), (b"-0.0", 0)])
def test_a_number_without_a_fraction_is_an_integer(number, value):
    parsed = parse(b'{"partFirstByte":' + number + b"}", UPLOAD)["partFirstByte"]

    assert parsed == value
    assert type(parsed) is int


@pytest.mark.parametrize(("operation", "longest_text"), [("DescribeImages", 256), ("PutImage", 4_194_304)])
def test_a_body_holds_so_many_values_and_no_more(operation, longest_text):
    shape = operation_of("ecr", operation).input
    most = VALUES + longest_text  # what stands in a text may look like values

    assert parse(b'{"x":[' + b"1," * (most - 2) + b"1]}", shape) == {}
    assert fault(b'{"x":[' + b"1," * (most - 1) + b"1]}", shape) == ""


def test_integers_have_32_bits_and_longs_64():
    for number in (2**31 - 1, -(2**31)):
        assert parse(b'{"maxResults":%d}' % number, DESCRIBE) == {"maxResults": number}
    for number in (2**63 - 1, -(2**63)):
        assert parse(b'{"partFirstByte":%d}' % number, UPLOAD) == {"partFirstByte": number}


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63, 2**64, 10**30])
def test_an_integer_past_its_bits_is_refused(number):
    assert fault(b'{"maxResults":%d}' % number, DESCRIBE) == "NUMBER_VALUE can not be converted to an Integer"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1025, 2**64, 10**30])
def test_a_long_past_its_bits_is_refused(number):
    assert fault(b'{"partFirstByte":%d}' % number, UPLOAD) == "NUMBER_VALUE can not be converted to a Long"


def test_a_blob_is_the_bytes_of_its_base64():
    assert parse(b'{"layerPartBlob":"AP+/Pg=="}', UPLOAD) == {"layerPartBlob": b"\x00\xff\xbf\x3e"}
    assert parse(b'{"layerPartBlob":""}', UPLOAD) == {"layerPartBlob": b""}


def test_a_string_is_taken_as_it_comes():
    body = '{"repositoryName":"\\u0000\\ud83d\\ude00 é\\n"}'.encode()

    assert parse(body, DESCRIBE) == {"repositoryName": "\0😀 é\n"}


# What is refused, and how.


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b"{} {}",
        b'{"repositoryName":"ab",}',
        b"{'repositoryName':'ab'}",
        b'{"maxResults":NaN}',
        b'{"maxResults":Infinity}',
        b'{"maxResults":1e400}',
        b'{"maxResults":01}',
        b'{"repositoryName":"\\ud800"}',
        b'{"repositoryName":"\xff"}',
        b'{"repositoryName":"a\nb"}',
        b"\xef\xbb\xbf{}",
        b" ",
        b"\x00",
        b"Action=ListImages&Version=1",
        b"null",
        b"true",
        b"7",
        b'"{}"',
    ],
)
def test_what_is_no_json_object_is_refused_without_a_word(body):
    assert fault(body, DESCRIBE) == ""


@pytest.mark.parametrize("opening", [b"[", b'{"nonsense":', b'{"imageIds":[', b'{"nonsense":[{"a":'])
def test_deep_nesting_is_refused_and_does_no_harm(opening):
    assert fault(opening * 100_000, DESCRIBE) == ""
    depth = 2_000
    closing = opening.translate(bytes.maketrans(b"[{", b"]}"), b'":nonsimageIdsa')[::-1]
    assert fault(opening * depth + b"1" + closing * depth, DESCRIBE) == ""


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[]", "Start of list found where not expected"),
        (b'{"repositoryName":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"repositoryName":1.5}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"repositoryName":true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"repositoryName":false}', "FALSE_VALUE can not be converted to a String"),
        (b'{"repositoryName":["ab"]}', "Start of list found where not expected"),
        (b'{"repositoryName":{}}', "Start of structure or map found where not expected."),
        (b'{"maxResults":"1"}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"maxResults":true}', "TRUE_VALUE can not be converted to an Integer"),
        (b'{"maxResults":1.5}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"maxResults":[1]}', "Start of list found where not expected"),
        (b'{"maxResults":{}}', "Start of structure or map found where not expected."),
        (b'{"imageIds":"x"}', "Expected list or null"),
        (b'{"imageIds":1}', "Expected list or null"),
        (b'{"imageIds":{}}', "Start of structure or map found where not expected."),
        (b'{"imageIds":["x"]}', "Expected null"),
        (b'{"imageIds":[[]]}', "Start of list found where not expected"),
        (b'{"imageIds":[{"imageTag":1}]}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"filter":false}', "Expected null"),
        (b'{"filter":[]}', "Start of list found where not expected"),
    ],
)
def test_a_member_of_the_wrong_type_is_refused(body, text):
    assert fault(body, DESCRIBE) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"partFirstByte":"0"}', "STRING_VALUE can not be converted to a Long"),
        (b'{"partFirstByte":0.5}', "NUMBER_VALUE can not be converted to a Long"),
        (b'{"layerPartBlob":1}', "NUMBER_VALUE can not be converted to a Blob"),
        (b'{"layerPartBlob":[]}', "Start of list found where not expected"),
    ],
)
def test_numbers_and_blobs_of_the_wrong_type_are_refused(body, text):
    assert fault(body, UPLOAD) == text


def test_a_boolean_is_nothing_else():
    scan = b'{"imageScanningConfiguration":{"scanOnPush":%b}}'

    assert fault(scan % b'"true"', CREATE) == "STRING_VALUE can not be converted to a Boolean"
    assert fault(scan % b"1", CREATE) == "NUMBER_VALUE can not be converted to a Boolean"


@pytest.mark.parametrize("text", ["QUI", "QU I=", "QUI=\n", "QUI=QUI=", "====", "QUJ_", "QUJ-", "QUJDé", "*"])
def test_a_blob_that_is_no_base64_is_refused(text):
    assert fault(orjson.dumps({"layerPartBlob": text}), UPLOAD) == ""


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("double", "1", "STRING_VALUE can not be converted to a Double"),
        ("double", True, "TRUE_VALUE can not be converted to a Double"),
        (
            "timestamp",
            "2026-01-02T03:04:05Z",
            "STRING_VALUE can not be converted to milliseconds since epoch",
        ),
        ("timestamp", False, "FALSE_VALUE can not be converted to milliseconds since epoch"),
        ("timestamp", 1e300, "NUMBER_VALUE can not be converted to milliseconds since epoch"),
        ("timestamp", 10**18, "NUMBER_VALUE can not be converted to milliseconds since epoch"),
    ],
)
def test_types_that_only_outputs_have_are_read_as_strictly(type_, value, text):
    with pytest.raises(SerializationException) as raised:
        parser(Shape("Any", type_))(value)
    assert raised.value.text == text


def test_a_double_may_be_written_without_a_fraction():
    score = parser(Shape("Score", "double"))

    assert [score(7), score(7.5)] == [7.0, 7.5]
    assert type(score(7)) is float


def test_a_map_is_an_object():
    tallies = parser(
        Shape("Tallies", "map", key=Shape("Key", "string"), value=Shape("Tally", "integer")),
    )

    assert tallies({"HIGH": 2, "LOW": None}) == {"HIGH": 2}
    with pytest.raises(SerializationException, match=r"^Expected null$"):
        tallies("HIGH")
    with pytest.raises(SerializationException, match=r"^STRING_VALUE can not be converted to an Integer$"):
        tallies({"HIGH": "2"})


# Properties.


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(OPERATIONS), st.data())
def test_what_botocore_sends_is_read_as_it_was_meant(operation, data):
    parameters = data.draw(values(operation.input))
    model = botocore_model(operation.service).operation_model(operation.name)

    request = create_serializer("json", include_validation=False).serialize_to_request(parameters, model)

    assert request["headers"]["X-Amz-Target"].endswith(f".{operation.name}")
    assert parse(request["body"], operation.input) == parameters


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(70), deadline=None)
@given(st.sampled_from(OPERATIONS), st.data())
def test_any_body_is_read_or_refused(operation, data):
    names = st.sampled_from(sorted(operation.input.members) or ["nonsense"])
    body = data.draw(
        st.binary(max_size=20) | st.dictionaries(names, json_values, max_size=4).map(orjson.dumps)
    )

    try:
        parsed = parse(body, operation.input)
    except SerializationException:
        return
    assert parsed.keys() <= operation.input.members.keys()
