from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import orjson
import pytest
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openecr.aws.model import Shape, services
from openecr.aws.parse import parser
from openecr.aws.serialize import serialize, serializer
from tests.aws.shapes import OPERATIONS, botocore_model, operation_of, shapes_of, values
from tests.depth import examples

DESCRIBE_IMAGES = operation_of("ecr", "DescribeImages").output
DESCRIBE_REPOSITORIES = operation_of("ecr", "DescribeRepositories").output

TIMES = [
    (datetime(1970, 1, 1, tzinfo=UTC), b"0.0"),
    (datetime(2026, 1, 1, tzinfo=UTC), b"1767225600.0"),
    (datetime(2019, 7, 15, 20, 47, 36, 411_000, tzinfo=UTC), b"1563223656.411"),
    (datetime(2019, 7, 15, 20, 47, 36, 411_400, tzinfo=UTC), b"1563223656.411"),
    (datetime(2019, 7, 15, 22, 47, 36, 1_000, tzinfo=timezone(timedelta(hours=2))), b"1563223656.001"),
]


@pytest.mark.parametrize(("time", "number"), TIMES)
def test_a_time_is_seconds_since_1970_with_at_most_three_decimals(time, number):
    body = serialize({"repositories": [{"createdAt": time}]}, DESCRIBE_REPOSITORIES)

    assert body == b'{"repositories":[{"createdAt":' + number + b"}]}"


def test_a_time_without_a_zone_is_our_mistake():
    with pytest.raises(AssertionError, match="zone"):
        serialize({"repositories": [{"createdAt": datetime(2026, 1, 1)}]}, DESCRIBE_REPOSITORIES)  # noqa: DTZ001


def test_members_the_shape_does_not_have_stay_home():
    output = {
        "imageDetails": [{"imageDigest": "sha256:ab", "secret": 1}],
        "subjectDigest": "sha256:cd",
        "nextToken": "t",
    }

    assert (
        serialize(output, DESCRIBE_IMAGES)
        == b'{"imageDetails":[{"imageDigest":"sha256:ab"}],"nextToken":"t"}'
    )


def test_each_service_picks_its_members_of_one_output():
    output = {"repositories": [{"repositoryName": "ab", "imageTagMutability": "MUTABLE"}]}

    private = serialize(output, operation_of("ecr", "DescribeRepositories").output)
    public = serialize(output, operation_of("ecr-public", "DescribeRepositories").output)

    assert private == b'{"repositories":[{"repositoryName":"ab","imageTagMutability":"MUTABLE"}]}'
    assert public == b'{"repositories":[{"repositoryName":"ab"}]}'


def test_none_is_left_out_and_an_empty_list_is_not():
    output = {"imageDetails": [], "nextToken": None}

    assert serialize(output, DESCRIBE_IMAGES) == b'{"imageDetails":[]}'


def test_an_empty_output_is_an_empty_object():
    assert serialize({}, operation_of("ecr", "TagResource").output) == b"{}"


def test_a_manifest_keeps_every_character():
    manifest = '{\n   "a": "\\u00e9 é 😀 \\/"\n}\n'
    output = {"images": [{"imageManifest": manifest}], "failures": []}

    body = serialize(output, operation_of("ecr", "BatchGetImage").output)

    assert orjson.loads(body)["images"][0]["imageManifest"] == manifest


def test_a_blob_is_base64():
    assert serializer(Shape("Logo", "blob"))(b"\x00\xff\xbf\x3e") == "AP+/Pg=="


def test_an_enumeration_is_its_value():
    class Status(StrEnum):
        ACTIVE = "ACTIVE"

    body = serialize({"imageDetails": [{"imageStatus": Status.ACTIVE}]}, DESCRIBE_IMAGES)

    assert body == b'{"imageDetails":[{"imageStatus":"ACTIVE"}]}'


def test_a_map_of_times_is_a_map_of_numbers():
    seen = serializer(Shape("Seen", "map", key=Shape("Key", "string"), value=Shape("At", "timestamp")))

    assert seen({"a": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)}) == {"a": 1.0}


# Properties.

ALL_SHAPES = list(
    dict.fromkeys(  # in the order of the model: workers of one run must agree on it
        shape
        for service in services().values()
        for root in [
            *(
                shape
                for operation in service.operations.values()
                for shape in (operation.input, operation.output)
            ),
            *service.errors.values(),
        ]
        for _, shape in shapes_of(root)
    )
)
STRUCTURES = [shape for shape in ALL_SHAPES if shape.type == "structure"]


def read_back(shape, value):
    return parser(shape)(orjson.loads(orjson.dumps(serializer(shape)(value))))


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(ALL_SHAPES), st.data())
def test_what_is_written_is_read_back_the_same(shape, data):
    value = data.draw(values(shape))

    assert read_back(shape, value) == value


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.name)
def test_every_shape_can_be_written_and_read(shape):
    assert callable(parser(shape))
    assert callable(serializer(shape))


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(OPERATIONS), st.data())
def test_botocore_reads_what_the_operation_returned(operation, data):
    output = data.draw(values(operation.output))
    model = botocore_model(operation.service).operation_model(operation.name)

    response = {"status_code": 200, "headers": {}, "body": serialize(output, operation.output)}
    read = create_parser("json").parse(response, model.output_shape)

    del read["ResponseMetadata"]
    assert read == output
