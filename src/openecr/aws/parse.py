"""A request's body and an input shape → the input, as operations know it.

What the wire leaves open is settled here: members the shape does not have are dropped, null is the
same as absent (in a list too), a number without a fraction is an integer however it is written, a
blob is bytes. So behind this module a member has the type the model says, or is not there.

What does not fit is a SerializationException. Texts: control-plane.md §1.6, and where that is silent
or differs ("to Integer"), what services of the same protocol are reported to answer, of which Athena
was measured most fully (reports of September 2026).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pybase64

from openecr.aws.model import Shape
from openecr.errors import SerializationException

Parser = Callable[[Any], Any]

INTEGERS = range(-(2**31), 2**31)
LONGS = range(-(2**63), 2**63)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VALUES = 100_000
"""The most values a body may hold, far above any real input: 28 MiB of `[],` would become a gigabyte, and
hold up everybody for seconds [measured]. They are told by the signs that begin or part them. Those in
strings count too, so as many more may stand there as the longest text of the input may have."""


def parse(body: bytes, shape: Shape) -> dict[str, Any]:
    """The input in a body, by wire names. Of a name that comes twice, the last counts.

    body    as received; empty is `{}`. Nested at most 1,024 deep, which is orjson's bound
    shape   the structure it must be
    Raises  SerializationException: no JSON, no object, too many values, a member of the wrong type
    """
    if not body:
        return {}
    if sum(map(body.count, (b"{", b"[", b","))) > _most_signs(shape):
        raise SerializationException
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise SerializationException from None
    if not isinstance(document, dict | list):
        raise SerializationException
    parsed: dict[str, Any] = parser(shape)(document)
    return parsed


@cache
def _most_signs(shape: Shape) -> int:
    texts = (member.max or 0 for member in shape.members.values() if member.type == "string")
    return VALUES + max(texts, default=0)


@cache
def parser(shape: Shape) -> Parser:
    """A function that turns a JSON value into one of this shape, or raises SerializationException."""
    match shape.type:
        case "structure":
            return _structure({name: parser(member) for name, member in shape.members.items()})
        case "list":
            assert shape.element is not None
            return _list(parser(shape.element))
        case "map":
            assert shape.key is not None
            assert shape.value is not None
            return _map(parser(shape.key), parser(shape.value))
        case other:
            return _SCALARS[other]


def _structure(members: dict[str, Parser]) -> Parser:
    def parse_structure(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _mismatch(value, "Expected null")
        return {
            name: member(content)
            for name, content in value.items()
            if content is not None and (member := members.get(name)) is not None
        }

    return parse_structure


def _list(element: Parser) -> Parser:
    def parse_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise _mismatch(value, "Expected list or null")
        return [element(content) for content in value if content is not None]

    return parse_list


def _map(key: Parser, value: Parser) -> Parser:
    def parse_map(document: Any) -> dict[Any, Any]:
        if type(document) is not dict:
            raise _mismatch(document, "Expected null")
        return {key(name): value(content) for name, content in document.items() if content is not None}

    return parse_map


# Scalars.


def _string(value: Any) -> str:
    if type(value) is not str:
        raise _not_converted(value, "a String")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _not_converted(value, "a Boolean")
    return value


def _integer(values: range, wanted: str) -> Parser:
    def parse_integer(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or value not in values:
            raise _not_converted(value, wanted)
        return value

    return parse_integer


def _double(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise _not_converted(value, "a Double")
    return float(value)


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise _not_converted(value, "a Blob")
    try:
        return pybase64.b64decode(value, validate=True)
    except ValueError:
        raise SerializationException from None


def _timestamp(value: Any) -> datetime:
    """Seconds since 1970. No input of either service has one; our own outputs do."""
    if type(value) is float or type(value) is int:
        try:
            return EPOCH + timedelta(seconds=value)
        except OverflowError:
            pass
    raise _not_converted(value, "milliseconds since epoch")


_SCALARS: dict[str, Parser] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer(INTEGERS, "an Integer"),
    "long": _integer(LONGS, "a Long"),
    "double": _double,
    "blob": _blob,
    "timestamp": _timestamp,
}


# What to say.


def _not_converted(value: Any, wanted: str) -> SerializationException:
    return _mismatch(value, f"{_token(value)} can not be converted to {wanted}")


def _mismatch(value: Any, otherwise: str) -> SerializationException:
    """For a value that should be something else; `otherwise` is the text if it is neither list nor object."""
    if type(value) is list:
        return SerializationException("Start of list found where not expected")
    if type(value) is dict:
        return SerializationException("Start of structure or map found where not expected.")
    return SerializationException(otherwise)


def _token(value: Any) -> str:
    """What the service's JSON reader calls a scalar."""
    if value is True:
        return "TRUE_VALUE"
    if value is False:
        return "FALSE_VALUE"
    return "STRING_VALUE" if type(value) is str else "NUMBER_VALUE"
