"""The service models: which operations there are, and the shapes they take and give.

Read as data from the installed botocore, which is not imported: that would cost a third of a second
at start, and nothing of its code is wanted. The newest version of a service's model is taken; a newer
botocore brings newer operations, and until they are written they answer that they are not implemented.

A shape is the model's own, with the names resolved: members are shapes. Neither model has a shape that
contains itself, so a shape is a finite tree. What is done with shapes is compiled per shape, once, by
`parse.py`, `validate.py` and `serialize.py`.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

SERVICES = ("ecr", "ecr-public")


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A type of the model. Fields that do not belong to the type are empty or None."""

    name: str  # RepositoryName
    type: str  # structure, list, map, string, integer, long, double, boolean, blob, timestamp
    members: Mapping[str, "Shape"] = field(default_factory=dict)  # of a structure, in the model's order
    required: frozenset[str] = frozenset()  # names among the members
    element: "Shape | None" = None  # of a list
    key: "Shape | None" = None  # of a map
    value: "Shape | None" = None
    min: int | None = None  # length of a string (characters), blob (bytes) or list; value of a number
    max: int | None = None
    pattern: str | None = None  # a Java regular expression that must match the whole string
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation as the wire sees it."""

    service: str  # ecr
    name: str  # PutImage
    input: Shape
    output: Shape
    errors: frozenset[str]  # codes it declares, which are the names of their shapes


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    name: str  # ecr: what credentials are scoped to
    target_prefix: str  # of X-Amz-Target, before the dot
    operations: Mapping[str, Operation]
    errors: Mapping[str, Shape]  # every error shape, by its code


@cache
def services() -> dict[str, Service]:
    """The models by the names of their services; read at the first call, about 10 ms."""
    return {name: _service(_document(name)) for name in SERVICES}


def find_target(target: str) -> tuple[Service | None, Operation | None]:
    """The service and the operation that X-Amz-Target names, as far as it names them."""
    prefix, _, name = target.partition(".")
    for service in services().values():
        if service.target_prefix == prefix:
            return service, service.operations.get(name)
    return None, None


def coverage() -> dict[str, tuple[str, ...]]:
    """All that could be asked: per service the names of the model's operations, in its order."""
    return {service.name: tuple(service.operations) for service in services().values()}


def _document(service: str) -> dict[str, Any]:
    found = find_spec("botocore")
    assert found is not None
    assert found.origin is not None
    newest = max((Path(found.origin).parent / "data" / service).glob("*/service-2.json*"))
    content = newest.read_bytes()
    document = orjson.loads(gzip.decompress(content) if newest.suffix == ".gz" else content)
    assert isinstance(document, dict)
    return document


def _service(document: Mapping[str, Any]) -> Service:
    metadata, described = document["metadata"], document["shapes"]
    name = metadata["signingName"]
    made: dict[str, Shape] = {}

    def shape(of: Mapping[str, Any] | None) -> Shape | None:
        return None if of is None else named(of["shape"])

    def named(name: str) -> Shape:
        if name not in made:
            text = described[name]
            made[name] = Shape(
                name=name,
                type=text["type"],
                members={member: named(of["shape"]) for member, of in text.get("members", {}).items()},
                required=frozenset(text.get("required", ())),
                element=shape(text.get("member")),
                key=shape(text.get("key")),
                value=shape(text.get("value")),
                min=text.get("min"),
                max=text.get("max"),
                pattern=text.get("pattern"),
                enum=tuple(text.get("enum", ())),
            )
        return made[name]

    operations = {
        operation: Operation(
            service=name,
            name=operation,
            input=named(text["input"]["shape"]),
            output=named(text["output"]["shape"]),
            errors=frozenset(error["shape"] for error in text["errors"]),
        )
        for operation, text in document["operations"].items()
    }
    errors = {code: named(code) for code, text in described.items() if text.get("exception")}
    return Service(name, metadata["targetPrefix"], operations, errors)
