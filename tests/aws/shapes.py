"""Values of a model's shapes, made from the shapes, and botocore's view of the same models."""

import re
import string
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import strategies as st

from openecr.aws.model import QUERY_SERVICES, SERVICES, Operation, Shape, services

OPERATIONS = [operation for name in SERVICES for operation in services()[name].operations.values()]
QUERY_OPERATIONS = [
    operation for name in QUERY_SERVICES for operation in services()[name].operations.values()
]

# Strings that between them fit every pattern of an input. A new pattern may need a new line.
WELL_FORMED = (
    "ab",
    "123456789012",
    "us-east-1",
    "sha256:" + "0a" * 32,
    "5e0b1f6e-1111-2222-3333-444455556666",
    "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d",
    "arn:aws:iam::123456789012:role/puller",
    "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf",
)


def operation_of(service: str, name: str) -> Operation:
    return services()[service].operations[name]


def a_value(shape: Shape) -> Any:
    """A valid value with every member, lists and strings as short as they may be, numbers as low."""
    match shape.type:
        case "structure":
            return {name: a_value(member) for name, member in shape.members.items()}
        case "list":
            assert shape.element is not None
            return [a_value(shape.element)] * max(1, shape.min or 0)
        case "boolean":
            return True
        case "integer" | "long":
            return shape.min or 0
        case "blob":
            return bytes(shape.min or 0)
        case "string":
            if shape.enum:
                return shape.enum[0]
            if shape.pattern is None:
                return "x" * max(1, shape.min or 0)
            return next(
                text
                for text in WELL_FORMED
                if re.fullmatch(shape.pattern, text, re.ASCII)
                and (shape.min or 0) <= len(text) <= (shape.max or len(text))
            )
    raise AssertionError(f"no input has a {shape.type}")


def an_input(operation: Operation) -> dict[str, Any]:
    """A valid input with every member there is. Digests and tags are well formed too."""
    value = with_digests(a_value(operation.input))
    assert isinstance(value, dict)
    return value


def with_digests(value: Any) -> Any:
    """The same with a digest for every imageDigest, which has a form though the model shows none."""
    if isinstance(value, list):
        return [with_digests(element) for element in value]
    if isinstance(value, dict):
        return {
            name: WELL_FORMED[3] if name == "imageDigest" else with_digests(member)
            for name, member in value.items()
        }
    return value


def shapes_of(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Every shape in an input with the way to it: names of members, and "0" for into a list."""
    yield path, shape
    for name, member in shape.members.items():
        yield from shapes_of(member, (*path, name))
    if shape.element is not None:
        yield from shapes_of(shape.element, (*path, "0"))


def replaced(value: Any, path: tuple[str, ...], new: Any) -> Any:
    """The same value with another one at the end of the path; a member is taken out by None."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, list):
        return [replaced(value[0], tuple(rest), new), *value[1:]]
    changed = {**value, step: replaced(value[step], tuple(rest), new)}
    return {name: member for name, member in changed.items() if member is not None}


# Any values, valid or not.

_TEXT = st.text(max_size=8) | st.text(string.ascii_lowercase, max_size=8)
_SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    "string": _TEXT,
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "blob": st.binary(max_size=20),
    "timestamp": st.integers(0, 4_102_444_800_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC)),
}


@cache
def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Any value of the shape's type, whatever else the model says of it."""
    match shape.type:
        case "structure":
            required = {
                name: values(member) for name, member in shape.members.items() if name in shape.required
            }
            optional = {
                name: values(member) for name, member in shape.members.items() if name not in required
            }
            return st.fixed_dictionaries(required, optional=optional)
        case "list":
            assert shape.element is not None
            return st.lists(values(shape.element), max_size=2)
        case "map":
            assert shape.value is not None
            return st.dictionaries(_TEXT, values(shape.value), max_size=2)
        case other:
            return _SCALARS[other]


# What botocore makes of the same models.


@cache
def botocore_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)
