"""Inputs at random: mostly such as a client would send, about things that are there, and with faults in them.

    Inputs(Random(7)).make(operation)    → the JSON of one input

An input is first made right: each member from what is known by its name (known.py), or else by its shape, at
its bounds. Then, about every second time, one or two FAULTS are put somewhere into it. It depends on nothing
but one Random and what the server said before.
"""

import base64
import re
import string
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from openecr.aws.model import SERVICES, Operation, Shape
from tests.aws.shapes import WELL_FORMED
from tests.builders import sha256
from tests.every_operation.known import SETTLED, UNSETTLED, Known, singular

KNOWN_SHARE = 0.9
"""How often a member is given what is known by its name, where anything is."""
RARE_MEMBERS = {"nextToken", "registryId", "repositoryNames"}
"""Left out mostly: they rarely go together with the others."""
LONGEST = 5_000
"""Of what is made by its shape alone; the few longer bounds are stood upon in test_every_operation.py."""

Path = tuple[str | int, ...]


class Inputs:
    def __init__(self, random: Random) -> None:
        self._random = random
        self.known = {service: Known() for service in SERVICES}
        self._parts: dict[str, deque[dict[str, Any]]] = {service: deque() for service in SERVICES}

    def make(self, operation: Operation) -> Any:
        document = self._right(operation)
        for _ in range(self._random.choice((0, 0, 1, 1, 2))):
            document = self._wrong(operation, document)
        return document

    # What is right.

    def _right(self, operation: Operation) -> dict[str, Any]:
        is_fatal = operation.name == "DeleteRepository"
        places = UNSETTLED if is_fatal == (self._random.random() < 0.9) else SETTLED
        repository = self._random.choice(places)
        document = self._structure(operation.input, self.known[operation.service], repository)
        if "repositoryName" in document:
            document["repositoryName"] = repository
        if operation.name == "UploadLayerPart":
            document |= self._part(operation.service, document)
        if operation.name == "CompleteLayerUpload" and self._parts[operation.service]:
            document |= self._parts[operation.service].popleft()
        for name in RARE_MEMBERS & document.keys():
            if self._random.random() < 0.8:
                del document[name]
        return document

    def _part(self, service: str, document: dict[str, Any]) -> dict[str, Any]:
        """A whole layer as one part, and then what completes it: members that do not agree reach nothing."""
        content = b"layer %d" % self._random.randrange(1_000)
        upload = {name: document[name] for name in ("repositoryName", "uploadId")}
        self._parts[service].append(upload | {"layerDigests": [sha256(content)]})
        return {
            "layerPartBlob": base64.b64encode(content).decode(),
            "partFirstByte": 0,
            "partLastByte": len(content) - 1,
        }

    def _structure(self, shape: Shape, known: Known, repository: str) -> dict[str, Any]:
        return {
            name: self._value(name, member, known, repository)
            for name, member in shape.members.items()
            if name in shape.required or self._random.random() < 0.5
        }

    def _value(self, name: str, shape: Shape, known: Known, repository: str) -> Any:
        random = self._random
        match shape.type:
            case "structure":
                return self._structure(shape, known, repository)
            case "list":
                assert shape.element is not None
                count = random.choice((shape.min or 0, 1, 1, 2, 3))
                element = shape.element
                return [self._value(singular(name), element, known, repository) for _ in range(count)]
            case "boolean":
                return random.random() < 0.5
            case "integer" | "long":
                return random.choice((shape.min or 0, (shape.min or 0) + 1, 2, 100, shape.max or 2**31 - 1))
        if shape.enum:
            return random.choice(shape.enum)
        value = known.one(random, name, repository) if random.random() < KNOWN_SHARE else None
        return self._scalar(shape) if value is None else value

    def _scalar(self, shape: Shape) -> str:
        """A text (or the base64 of bytes) of the shape: short, or as long as it may be."""
        random = self._random
        if shape.pattern is not None:
            fitting = [text for text in WELL_FORMED if re.fullmatch(shape.pattern, text, re.ASCII)]
            return random.choice(fitting or ["x"])
        least = shape.min or 0
        most = min(shape.max or LONGEST, LONGEST)
        length = random.choice((least, least + 1, min(most, 20), min(most, 20), most))
        if shape.type == "blob":
            return base64.b64encode(random.randbytes(length)).decode()
        return "".join(random.choices(string.ascii_lowercase + string.digits + "-/.", k=length))

    # What is wrong.

    def _wrong(self, operation: Operation, document: Any) -> Any:
        """The same with a fault somewhere: in a part of it, or as a whole."""
        random = self._random
        path, shape = random.choice(list(_parts(document, operation.input)))
        new = random.choice(FAULTS)(random, shape, _at(document, path))
        return _replaced(document, path, new)


# Faults: (random, the shape that belongs there, what is there) → what stands there in its place.

GONE = object()
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a\nb",
    "\u202egnp.exe",
    "\ud800",  # half a character
    "\U0001f433",
    "１２３４５６７８９０１２",  # digits, but not ASCII's
    "ＡＢ",
    "é",
    "e\u0301",
    "İ",
    "../../etc/passwd",
    "a//b",
    "a" * 2_000,
    "%00%2F",
    "' OR 1=1 --",
    "{}",
    "sha256:" + "g" * 64,
    "sha512:" + "0" * 128,
    "latest@sha256:" + "0" * 64,
)
ODD_NUMBERS = (-1, 0, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, 1e308, float("inf"))
ANYTHING = (None, True, False, 7, 1.5, "x", "", [], {}, [[]], [None], {"": None}, {"a": {"a": {"a": 1}}})


def _gone(random: Random, shape: Shape, value: Any) -> Any:
    return GONE


def _null(random: Random, shape: Shape, value: Any) -> Any:
    return None


def _other_type(random: Random, shape: Shape, value: Any) -> Any:
    return random.choice(ANYTHING)


def _odd_text(random: Random, shape: Shape, value: Any) -> Any:
    return random.choice(ODD_TEXTS)


def _odd_number(random: Random, shape: Shape, value: Any) -> Any:
    return random.choice(ODD_NUMBERS)


def _past_a_bound(random: Random, shape: Shape, value: Any) -> Any:
    """One more than the most, or one less than the least; a text or list is repeated for it."""
    bounds = [bound for bound in ((shape.min or 0) - 1, (shape.max or LONGEST) + 1) if bound >= 0]
    size = random.choice(bounds)
    if size > 10 * LONGEST:
        return value
    match value:
        case bool():
            return value
        case int():
            return size
        case str():
            return (
                (value or "x") * size
                if size == 0
                else ((value or "x") * (size // max(1, len(value)) + 1))[:size]
            )
        case list():
            return ((value or [{}]) * (size + 1))[:size]
    return value


def _repeated(random: Random, shape: Shape, value: Any) -> Any:
    return value * 2 if isinstance(value, list | str) else value


def _unknown_member(random: Random, shape: Shape, value: Any) -> Any:
    unknown = random.choice(("unknown", "__type", "RepositoryName", "", "x" * 300))
    return value | {unknown: random.choice(ANYTHING)} if isinstance(value, dict) else value


def _other_case(random: Random, shape: Shape, value: Any) -> Any:
    return value.swapcase() if isinstance(value, str) else value


def _cut(random: Random, shape: Shape, value: Any) -> Any:
    return value[: random.randrange(len(value))] if isinstance(value, str | list) and value else value


def _deep(random: Random, shape: Shape, value: Any) -> Any:
    for _ in range(random.choice((10, 200))):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value


FAULTS: tuple[Callable[[Random, Shape, Any], Any], ...] = (
    _gone,
    _null,
    _other_type,
    _odd_text,
    _odd_number,
    _past_a_bound,
    _repeated,
    _unknown_member,
    _other_case,
    _cut,
    _deep,
)


# Parts of a document.


def _parts(document: Any, shape: Shape, path: Path = ()) -> Iterator[tuple[Path, Shape]]:
    """Every part that is as its shape says, with the way to it; the whole comes first."""
    yield path, shape
    if shape.type == "structure" and isinstance(document, dict):
        for name in document.keys() & shape.members.keys():
            yield from _parts(document[name], shape.members[name], (*path, name))
    if shape.type == "list" and isinstance(document, list):
        assert shape.element is not None
        for index, element in enumerate(document[:3]):
            yield from _parts(element, shape.element, (*path, index))


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _replaced(document: Any, path: Path, new: Any) -> Any:
    """The same document with another part at the end of the path, or without that part."""
    if not path:
        return {} if new is GONE else new
    step, *rest = path
    changed = dict(document) if isinstance(document, dict) else list(document)
    if not rest and new is GONE:
        del changed[step]
    else:
        changed[step] = _replaced(document[step], tuple(rest), new)
    return changed
