"""An input and its shape → the violation to report, in the service's own wording.

    Invalid parameter at 'repositoryName' failed to satisfy constraint: 'Member must not be null'

One violation is reported: the first in the order required, length or value, pattern or enum, and among
equals in the model's order of members. A type that is wrong never gets here (`parse.py`). A member is
called by its own name however deep it lies, an element of a list by that of the list; a list is judged
up to its first bad element. Source: control-plane.md §1.7.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from openecr.aws.model import Operation, Shape
from openecr.domain.names import DIGEST_PATTERN, TAG_PATTERN
from openecr.errors import InvalidParameterException

REQUIRED, SIZE, CONTENT = range(3)
"""The order in which kinds of violations are reported."""

LONGEST_MATCHED = 65_536
"""A string of more characters matches no pattern: what the model gives no maximum gets one here."""

UNMODELLED_PATTERNS = {"imageDigest": DIGEST_PATTERN, "imageTag": TAG_PATTERN}
"""By member: what the service checks although the model does not say so. Source: control-plane.md §1.7."""
JUDGED_ONE_BY_ONE = frozenset({"BatchGetImage", "BatchDeleteImage"})
"""Operations that report a malformed digest or tag as a failure of that image (§4.3, §4.5 there)."""

SAFE_PATTERNS = {
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}
"""Model pattern → one that matches the same strings. The first takes exponential time to refuse some."""


class Violation(NamedTuple):
    rank: int
    member: str
    reason: str


Check = Callable[[Any], Violation | None]


def validate(input: Mapping[str, Any], operation: Operation) -> None:
    """Return if a parsed input keeps the model's constraints. Raises InvalidParameterException."""
    check = _checker(operation)
    if check is not None and (found := check(input)) is not None:
        raise InvalidParameterException(member=found.member, reason=found.reason)


@cache
def _checker(operation: Operation) -> Check | None:
    patterns = {} if operation.name in JUDGED_ONE_BY_ONE else UNMODELLED_PATTERNS
    return _compile(operation.input, "", patterns)


def _compile(shape: Shape, member: str, patterns: Mapping[str, str]) -> Check | None:
    """A function that finds the violation to report in a value of this shape; None if nothing can be wrong.

    member    what to call it
    patterns  by member, for strings whose shape has none
    """
    match shape.type:
        case "structure":
            members = [
                (name, name in shape.required, _compile(of, name, patterns))
                for name, of in shape.members.items()
            ]
            return _structure([item for item in members if item[1] or item[2] is not None])
        case "list":
            assert shape.element is not None
            return _both(
                _bounds(shape, member, "length", len), _list(_compile(shape.element, member, patterns))
            )
        case "blob":
            return _bounds(shape, member, "length", len)
        case "integer" | "long":
            return _bounds(shape, member, "value", int)
        case "string":
            content = shape.pattern or patterns.get(member)
            return _both(
                _bounds(shape, member, "length", len),
                _both(None if content is None else _pattern(content, member), _enum(shape.enum, member)),
            )
        case _:  # The model has nothing more to say about a boolean; no input has another type.
            return None


def _structure(members: Sequence[tuple[str, bool, Check | None]]) -> Check | None:
    if not members:
        return None

    def check_structure(value: Mapping[str, Any]) -> Violation | None:
        worst = None
        for name, required, check in members:
            content = value.get(name)
            if content is not None:
                found = None if check is None else check(content)
            elif required:
                found = Violation(REQUIRED, name, "Member must not be null")
            else:
                continue
            if found is not None and (worst is None or found.rank < worst.rank):
                worst = found
        return worst

    return check_structure


def _list(check: Check | None) -> Check | None:
    if check is None:
        return None

    def check_list(value: Sequence[Any]) -> Violation | None:
        for element in value:
            if (found := check(element)) is not None:
                return found
        return None

    return check_list


def _both(first: Check | None, then: Check | None) -> Check | None:
    """One check, and where it finds nothing, the other."""
    if first is None or then is None:
        return first or then
    return lambda value: first(value) or then(value)


def _bounds(shape: Shape, member: str, measure: str, size_of: Callable[[Any], int]) -> Check | None:
    if shape.min is None and shape.max is None:
        return None
    low = -math.inf if shape.min is None else shape.min
    high = math.inf if shape.max is None else shape.max
    too_low = Violation(SIZE, member, f"Member must have {measure} greater than or equal to {low}")
    too_high = Violation(SIZE, member, f"Member must have {measure} less than or equal to {high}")

    def check_bounds(value: Any) -> Violation | None:
        size = size_of(value)
        if size < low:
            return too_low
        return too_high if size > high else None

    return check_bounds


def _pattern(pattern: str, member: str) -> Check:
    # Java's classes \w and \S know ASCII alone; in all else the models' patterns mean the same here.
    matches = re.compile(SAFE_PATTERNS.get(pattern, pattern), re.ASCII).fullmatch
    violation = Violation(CONTENT, member, f"must satisfy regular expression '{pattern}'")

    def check_pattern(value: str) -> Violation | None:
        return violation if len(value) > LONGEST_MATCHED or matches(value) is None else None

    return check_pattern


def _enum(values: Sequence[str], member: str) -> Check | None:
    if not values:
        return None
    allowed = frozenset(values)
    printed = ", ".join(_as_a_java_set(values))
    violation = Violation(CONTENT, member, f"Member must satisfy enum value set: [{printed}]")

    return lambda value: None if value in allowed else violation


def _as_a_java_set(values: Sequence[str]) -> list[str]:
    """The values in the order in which a java.util.HashSet holds them.

    The service prints an enum so: the one order seen (control-plane.md §2.2, imageTagMutability) is
    neither the model's nor the alphabet's but this. Source: String.hashCode and HashMap.hash of Java 8.
    """
    buckets = 16
    while len(values) > buckets * 3 // 4:
        buckets *= 2

    def bucket(text: str) -> int:
        hash_code = 0
        for character in text:
            hash_code = (31 * hash_code + ord(character)) & 0xFFFF_FFFF
        return (hash_code ^ hash_code >> 16) & (buckets - 1)

    return sorted(values, key=bucket)
