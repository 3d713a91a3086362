"""An input and its shape → the violations of the model's constraints, in the service's own wording.

    Invalid parameter at 'repositoryName' failed to satisfy constraint: 'Member must not be null'
    1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null

The JSON services report one violation: the first in the order required, length or value, pattern or enum,
and among equals in the model's order of members. A member is called by its own name however deep it lies,
an element of a list by that of the list. A list is judged up to its first bad element, and one of the
wrong length not at all.
The query services report all there are, in the model's order of members, each with the value and the way
to it.
A type that is wrong never gets here (`parse.py`, `query.py`).
Source: control-plane.md §1.7; auth-iam.md §2.4, and for several violations measurements of STS that were
published in July 2026: lengths are in characters, and the pattern mostly comes before the length.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from openecr.aws.model import Operation, Shape, services
from openecr.domain.names import DIGEST_PATTERN, TAG_PATTERN
from openecr.errors import InvalidParameterException, ValidationError

REQUIRED, SIZE, CONTENT = range(3)
"""The order in which the JSON services prefer kinds of violations."""

LONGEST_MATCHED = 65_536
"""A string of more characters matches no pattern: what the model gives no maximum gets one here."""
ECHO_CHARACTERS = 4096
"""As much of a value as an error repeats."""
MOST_TOLD = 100
"""As many violations as an error tells; it always tells how many there are."""

UNMODELLED_PATTERNS = {"imageDigest": DIGEST_PATTERN, "imageTag": TAG_PATTERN}
"""By member: what the service checks although the model does not say so. Source: control-plane.md §1.7."""
JUDGED_ONE_BY_ONE = frozenset({"BatchGetImage", "BatchDeleteImage"})
"""Operations that report a malformed digest or tag as a failure of that image (§4.3, §4.5 there)."""

SAFE_PATTERNS = {
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}
"""Model pattern → one that matches the same strings. The first takes exponential time to refuse some."""
LETTERS_SEPARATORS_NUMBERS = (
    r"\p{L}\p{Z}\p{N}_",
    r"\w\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
)
"""Inside a class: as Java has it, as Python does. Python knows no \\p, but \\w is all letters and numbers."""


class Violation(NamedTuple):
    rank: int
    member: str  # its own name, however deep it lies; of an element, that of the list
    reason: str
    value: str  # as the query services repeat it: " 'x'", " null", or nothing
    path: str = ""  # as they call it: roleSessionName, tags.1.member.key

    def within(self, step: str) -> "Violation":
        return self._replace(path=f"{step}.{self.path}" if self.path else step)


Check = Callable[[Any], Sequence[Violation]]


class Manner(NamedTuple):
    """What the services of one protocol do in their own way."""

    pattern: str  # what they say of a string that does not match
    tells_all: bool  # whether a list is judged beyond its first bad element


MANNERS = {
    "json": Manner("must satisfy regular expression '{}'", tells_all=False),
    "query": Manner("Member must satisfy regular expression pattern: {}", tells_all=True),
}


def validate(input: Mapping[str, Any], operation: Operation) -> None:
    """Return if a parsed input keeps the model's constraints.

    Raises InvalidParameterException for a JSON service, ValidationError for one of the query protocol
    """
    check, manner = _checker(operation)
    if check is None or not (found := check(input)):
        return
    if manner.tells_all:
        raise ValidationError(_all_of(found))
    first = min(found, key=lambda violation: violation.rank)
    raise InvalidParameterException(member=first.member, reason=first.reason)


@cache
def _checker(operation: Operation) -> tuple[Check | None, Manner]:
    patterns = {} if operation.name in JUDGED_ONE_BY_ONE else UNMODELLED_PATTERNS
    manner = MANNERS[services()[operation.service].protocol]
    return _compile(operation.input, "", patterns, manner), manner


def _all_of(found: Sequence[Violation]) -> str:
    told = [
        f"Value{each.value} at '{each.path}' failed to satisfy constraint: {each.reason}"
        for each in found[:MOST_TOLD]
    ]
    errors = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {errors} detected: {'; '.join(told)}"


def _compile(shape: Shape, member: str, patterns: Mapping[str, str], manner: Manner) -> Check | None:
    """A function that finds the violations in a value of this shape; None if nothing can be wrong.

    member    what to call it
    patterns  by member, for strings whose shape has none
    """
    match shape.type:
        case "structure":
            members = [
                (name, name in shape.required, _compile(of, name, patterns, manner))
                for name, of in shape.members.items()
            ]
            return _structure([item for item in members if item[1] or item[2] is not None])
        case "list":
            assert shape.element is not None
            size = _constraints(_size(shape, "length", len), member=member, is_told=False)
            elements = _list(_compile(shape.element, member, patterns, manner), manner)
            return _both(size, elements) if manner.tells_all else _either(size, elements)
        case "map":
            assert shape.value is not None
            return _map(_compile(shape.value, member, patterns, manner))
        case "blob":
            return _constraints(_size(shape, "length", len), member=member, is_told=False)
        case "integer" | "long":
            return _constraints(_size(shape, "value", int), member=member)
        case "string":
            return _constraints(
                _pattern(shape.pattern or patterns.get(member), manner, shape.max),
                _enum(shape.enum),
                _size(shape, "length", len),
                member=member,
                is_told=not shape.is_sensitive,
            )
        case _:  # The model has nothing more to say about a boolean; no input has another type.
            return None


# Values that hold others.


def _structure(members: Sequence[tuple[str, bool, Check | None]]) -> Check | None:
    if not members:
        return None

    def check_structure(value: Mapping[str, Any]) -> Sequence[Violation]:
        found: list[Violation] = []
        for name, required, check in members:
            content = value.get(name)
            if content is not None:
                if check is not None and (inner := check(content)):
                    found += [violation.within(_in_camel_case(name)) for violation in inner]
            elif required:
                missing = Violation(REQUIRED, name, "Member must not be null", " null")
                found.append(missing.within(_in_camel_case(name)))
        return found

    return check_structure


def _list(check: Check | None, manner: Manner) -> Check | None:
    if check is None:
        return None

    def check_list(value: Sequence[Any]) -> Sequence[Violation]:
        found: list[Violation] = []
        for place, element in enumerate(value, start=1):
            if inner := check(element):
                found += [violation.within(f"{place}.member") for violation in inner]
                if not manner.tells_all:
                    break
        return found

    return check_list


def _map(check: Check | None) -> Check | None:
    if check is None:
        return None

    def check_map(value: Mapping[str, Any]) -> Sequence[Violation]:
        return [
            violation.within(f"{key}.member")
            for key, content in value.items()
            for violation in check(content)
        ]

    return check_map


def _either(first: Check | None, then: Check | None) -> Check | None:
    """One check, and where it finds nothing, the other."""
    if first is None or then is None:
        return first or then
    return lambda value: first(value) or then(value)


def _both(first: Check | None, then: Check | None) -> Check | None:
    if first is None or then is None:
        return first or then
    return lambda value: [*first(value), *then(value)]


def _in_camel_case(name: str) -> str:
    return name[0].lower() + name[1:]


# Constraints on one value.


class Constraint(NamedTuple):
    rank: int
    find: Callable[[Any], str | None]  # what is wrong with a value


def _constraints(*given: Constraint | None, member: str, is_told: bool = True) -> Check | None:
    """A check of all the constraints given. `is_told`: whether an error may repeat the value."""
    constraints = [constraint for constraint in given if constraint is not None]
    if not constraints:
        return None

    def check_value(value: Any) -> Sequence[Violation]:
        for _, find in constraints:
            if find(value) is not None:
                break
        else:
            return ()
        told = f" '{str(value)[:ECHO_CHARACTERS]}'" if is_told else ""
        return [
            Violation(rank, member, reason, told)
            for rank, find in constraints
            if (reason := find(value)) is not None
        ]

    return check_value


def _size(shape: Shape, measure: str, size_of: Callable[[Any], int]) -> Constraint | None:
    if shape.min is None and shape.max is None:
        return None
    low = -math.inf if shape.min is None else shape.min
    high = math.inf if shape.max is None else shape.max
    too_low = f"Member must have {measure} greater than or equal to {low}"
    too_high = f"Member must have {measure} less than or equal to {high}"

    def find(value: Any) -> str | None:
        size = size_of(value)
        if size < low:
            return too_low
        return too_high if size > high else None

    return Constraint(SIZE, find)


def _pattern(pattern: str | None, manner: Manner, longest: int | None) -> Constraint | None:
    if pattern is None:
        return None
    matches = _compiled(pattern).fullmatch
    reason = manner.pattern.format(pattern)
    most = max(longest or 0, LONGEST_MATCHED)

    def find(value: str) -> str | None:
        return reason if len(value) > most or matches(value) is None else None

    return Constraint(CONTENT, find)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the model, which is Java's, to match whole strings with."""
    letters, translated = LETTERS_SEPARATORS_NUMBERS
    if letters in pattern:
        return re.compile(pattern.replace(letters, translated))
    # Java's classes \w, \d and \S know ASCII alone; in all else the models' patterns mean the same here.
    return re.compile(SAFE_PATTERNS.get(pattern, pattern), re.ASCII)


def _enum(values: Sequence[str]) -> Constraint | None:
    if not values:
        return None
    allowed = frozenset(values)
    reason = f"Member must satisfy enum value set: [{', '.join(_as_a_java_set(values))}]"
    return Constraint(CONTENT, lambda value: None if value in allowed else reason)


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
