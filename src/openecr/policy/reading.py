"""The JSON of a policy, read so that nothing in it goes unseen.

A key given twice is refused, where a plain reader lets the last one win; numbers keep their
spelling, because conditions compare them as text; and it is known where each statement stands.
"""

import json
import re
from typing import Any, NoReturn

from openecr.policy.malformed import MalformedPolicy

OTHER_CHARACTERS = re.compile(r"[^\t\n\r\x20-\xff]")
"""What no policy may hold, escaped or not. Source: auth-iam.md §4.1."""
BLANKS = re.compile(r"[ \t\n\r]*")

Span = tuple[int, int]
"""Where something starts in a text, and where it has ended."""


class Number(str):
    """A number as it was written; no other text of a document is one of these."""

    __slots__ = ()


def read_document(text: str) -> tuple[dict[str, Any], list[Span]]:
    """The members of a policy document, and the places of its statements.

    Raises MalformedPolicy for what is no JSON object, gives a key twice, or holds characters that no
    policy may hold.
    """
    if other := OTHER_CHARACTERS.search(text):
        raise MalformedPolicy("a policy is written in U+0020 to U+00FF, tabs and line ends", other.start())
    try:
        members, places = _read_members(text)
    except json.JSONDecodeError as error:
        raise MalformedPolicy(f"this is no JSON: {error.msg}", error.pos) from None
    except RecursionError:
        raise MalformedPolicy("this is nested too deeply") from None
    if "\\" in text:
        _check_escaped(members)
    return members, places


def position(text: str, offset: int) -> tuple[int, int]:
    """The line and the column of a character, each counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _read_members(text: str) -> tuple[dict[str, Any], list[Span]]:
    """Goes through the outermost object and its list of statements; the decoder reads all else."""
    members: dict[str, Any] = {}
    places: list[Span] = []
    place = _after(text, "{", 0)
    if not text.startswith("}", place):
        while True:
            if not text.startswith('"', place):
                raise json.JSONDecodeError("a key is expected", text, place)
            key, end = DECODER.raw_decode(text, place)
            if key in members:
                raise MalformedPolicy(f"the key {key[:60]!r} is given twice", place)
            place = _after(text, ":", end)
            if key == "Statement" and text.startswith("[", place):
                members[key], places, place = _read_statements(text, place)
            else:
                members[key], end = DECODER.raw_decode(text, place)
                places, place = ([(place, end)] if key == "Statement" else places), end
            place = _after_blanks(text, place)
            if not text.startswith(",", place):
                break
            place = _after(text, ",", place)
    place = _after(text, "}", place)
    if place < len(text):
        raise json.JSONDecodeError("there is more after the end", text, place)
    return members, places


def _read_statements(text: str, place: int) -> tuple[list[Any], list[Span], int]:
    """The elements of the list that starts here, their places, and where the list has ended."""
    elements: list[Any] = []
    places: list[Span] = []
    place = _after(text, "[", place)
    if not text.startswith("]", place):
        while True:
            element, end = DECODER.raw_decode(text, place)
            elements.append(element)
            places.append((place, end))
            place = _after_blanks(text, end)
            if not text.startswith(",", place):
                break
            place = _after(text, ",", place)
    return elements, places, _after(text, "]", place)


def _after(text: str, sign: str, place: int) -> int:
    """Where the text goes on after the sign that must stand here, blanks before and after it aside."""
    place = _after_blanks(text, place)
    if not text.startswith(sign, place):
        raise json.JSONDecodeError(f"'{sign}' is expected", text, place)
    return _after_blanks(text, place + 1)


def _after_blanks(text: str, place: int) -> int:
    blanks = BLANKS.match(text, place)
    assert blanks is not None  # for it matches nothing at all
    return blanks.end()


def _check_escaped(members: dict[str, Any]) -> None:
    """Raises for a character that is written in an escape because it may not be written at all."""
    waiting: list[Any] = [members]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += (*value.keys(), *value.values())
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and OTHER_CHARACTERS.search(value):
            raise MalformedPolicy("an escape stands for a character that no policy may hold")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedPolicy("a key is given twice in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedPolicy(f"{name} is no JSON")


DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_int=Number,
    parse_float=Number,
    parse_constant=_refuse_constant,
)
