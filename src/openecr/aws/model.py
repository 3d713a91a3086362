"""The service models: which operations there are, and the shapes they take and give.

Read as data from the installed botocore, which is not imported: that would cost a third of a second
at start, and nothing of its code is wanted. The newest version of a service's model is taken; a newer
botocore brings newer operations, and until they are written they answer that they are not implemented.

A shape is the model's own, with the names resolved: members are shapes. No model has a shape that
contains itself, so a shape is a finite tree. What is done with shapes is compiled per shape, once, by
`parse.py`, `validate.py`, `serialize.py` and `query.py`.
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
"""The services of the registries, which speak AWS JSON 1.1."""
QUERY_SERVICES = ("sts", "iam")
"""The services of accounts and credentials, which speak the query protocol."""


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
    is_sensitive: bool = False  # a secret, which no text repeats


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation as the wire sees it."""

    service: str  # ecr
    name: str  # PutImage
    input: Shape  # of an operation that takes nothing: a structure without members
    output: Shape
    errors: frozenset[str]  # names of the shapes of the errors it declares
    result_wrapper: str = ""  # query: GetUserResult; empty where there is no result
    is_unsigned: bool = False  # takes no signature: whoever asks shows something else


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    name: str  # ecr: what credentials are scoped to
    protocol: str  # json, query
    version: str  # 2015-09-21
    operations: Mapping[str, Operation]
    errors: Mapping[str, Shape]  # every error shape, by its name
    error_codes: Mapping[str, tuple[str, int]]  # by the same names: what the wire calls it, HTTP status
    target_prefix: str = ""  # json: of X-Amz-Target, before the dot
    xml_namespace: str = ""  # query


@cache
def services() -> dict[str, Service]:
    """The models by the names of their services; read at the first call, about 15 ms."""
    return {name: _service(name, _document(name)) for name in SERVICES + QUERY_SERVICES}


def find_target(target: str) -> tuple[Service | None, Operation | None]:
    """The service and the operation that X-Amz-Target names, as far as it names them."""
    return _targets().get(target) or (_prefixes().get(target.partition(".")[0]), None)


@cache
def _prefixes() -> dict[str, Service]:
    return {services()[name].target_prefix: services()[name] for name in SERVICES}


@cache
def _targets() -> dict[str, tuple[Service, Operation]]:
    return {
        f"{prefix}.{name}": (service, operation)
        for prefix, service in _prefixes().items()
        for name, operation in service.operations.items()
    }


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


def _service(name: str, document: Mapping[str, Any]) -> Service:
    metadata, described = document["metadata"], document["shapes"]
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
                is_sensitive=text.get("sensitive", False),
            )
        return made[name]

    operations = {
        operation: Operation(
            service=name,
            name=operation,
            input=shape(text.get("input")) or _NOTHING,
            output=shape(text.get("output")) or _NOTHING,
            errors=frozenset(error["shape"] for error in text.get("errors", ())),
            result_wrapper=text.get("output", {}).get("resultWrapper", ""),
            is_unsigned=text.get("authtype") == "none",
        )
        for operation, text in document["operations"].items()
    }
    errors = {error: text for error, text in described.items() if text.get("exception")}
    return Service(
        name=name,
        protocol=metadata["protocol"],
        version=metadata["apiVersion"],
        operations=operations,
        errors={error: named(error) for error in errors},
        error_codes={error: _code(error, text) for error, text in errors.items()},
        target_prefix=metadata.get("targetPrefix", ""),
        xml_namespace=metadata.get("xmlNamespace", ""),
    )


_NOTHING = Shape("Nothing", "structure")


def _code(error: str, text: Mapping[str, Any]) -> tuple[str, int]:
    """What the wire calls an error, and its HTTP status; a model that says nothing means the shape's name."""
    said = text.get("error", {})
    return said.get("code", error), said.get("httpStatusCode", 500 if text.get("fault") else 400)
