"""An output and its shape → the bytes of a JSON document.

Each service's shape picks its members: what an operation returns and the shape does not have stays
home, so one operation can serve two services and two fronts. A member that is None is left out, never
null (control-plane.md §1.3).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import orjson
import pybase64

from openecr.aws.model import Shape

Serializer = Callable[[Any], Any]


def serialize(output: Mapping[str, Any], shape: Shape) -> bytes:
    """Compact JSON of an output, whose members are spelled as on the wire.

    Times must be aware; they become seconds since 1970 with at most three decimals, which every SDK
    reads (control-plane.md §1.4). Blobs become base64.
    """
    return orjson.dumps(serializer(shape)(output))


@cache
def serializer(shape: Shape) -> Serializer:
    """A function that turns a value of this shape into what orjson writes as the wire has it."""
    match shape.type:
        case "structure":
            return _structure({name: serializer(member) for name, member in shape.members.items()})
        case "list":
            assert shape.element is not None
            return _list(serializer(shape.element))
        case "map":
            assert shape.value is not None
            return _map(serializer(shape.value))
        case "timestamp":
            return _timestamp
        case "blob":
            return pybase64.b64encode_as_string
        case _:
            return _as_it_is


def _structure(members: dict[str, Serializer]) -> Serializer:
    # Most members go as they are: a look-up in a set is cheaper than a call.
    plain = {name for name, member in members.items() if member is _as_it_is}

    def serialize_structure(value: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: content if name in plain else members[name](content)
            for name, content in value.items()
            if content is not None and name in members
        }

    return serialize_structure


def _list(element: Serializer) -> Serializer:
    if element is _as_it_is:
        return _as_it_is
    return lambda value: [element(content) for content in value]


def _map(value: Serializer) -> Serializer:
    if value is _as_it_is:
        return _as_it_is
    return lambda document: {key: value(content) for key, content in document.items()}


def _timestamp(value: datetime) -> float:
    assert value.tzinfo is not None, "a time without a zone says nothing"
    return round(value.timestamp(), 3)


def _as_it_is(value: Any) -> Any:
    return value
