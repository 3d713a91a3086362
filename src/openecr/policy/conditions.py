"""Conditions: what a statement asks of a request beyond its action, resource and principal.

A condition is one operator, one key and some values; all of a statement's must hold. The operators
are one table, OPERATORS, which says how each reads and compares values. The prefixes ForAllValues:
and ForAnyValue: go with any of them, the suffix IfExists with any but Null.
Source: auth-iam.md §4.4, §4.5.
"""

import re
from collections.abc import Callable, Collection, ItemsView
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, TypeVar

from openecr.policy.inquiry import Inquiry
from openecr.policy.malformed import MalformedPolicy
from openecr.policy.matching import Patterns
from openecr.policy.values import (
    read_address,
    read_boolean,
    read_bytes,
    read_moment,
    read_network,
    read_number,
)
from openecr.policy.variables import Template, fill_all, read_all

Test = Callable[[str, Inquiry], bool | None]
"""Whether a value of the request is one that the policy lists. None where it cannot be read as what the
operator compares: that satisfies neither the operator nor its negation."""
Build = Callable[[Collection[str]], Test]
"""Makes the test for the listed values; raises MalformedPolicy for one that cannot be read."""
Value = TypeVar("Value")

NAME = re.compile(r"(ForAllValues:|ForAnyValue:)?([A-Za-z]+?)(IfExists)?")


@dataclass(frozen=True, slots=True)
class Operator:
    build: Build
    is_negated: bool = False
    has_wildcards: bool = False
    has_variables: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the name of an operator says, prefix and suffix included."""

    name: str
    operator: Operator
    is_null: bool
    asks_every: bool  # value the request has to satisfy it, where else one is enough
    if_exists: bool


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    comparison: Comparison
    key: str  # as written
    folded_key: str  # as it is asked for
    values: tuple[str, ...]  # as written
    templates: tuple[Template, ...]  # those of the values that hold variables
    _test: Test  # for the other values

    def holds(self, inquiry: Inquiry) -> bool:
        """Whether the request meets the condition. Raises TooMuchWork."""
        comparison = self.comparison
        given = inquiry.look_up(self.folded_key)
        if given == ():
            given = None
        if comparison.is_null:
            return self._test("true" if given is None else "false", inquiry) is True
        if given is None:
            return comparison.asks_every or comparison.if_exists
        test = self._test_in(inquiry) if self.templates else self._test
        is_negated = comparison.operator.is_negated
        if isinstance(given, str):
            answer = test(given, inquiry)
            return answer is not None and answer is not is_negated
        inquiry.spend(2 * len(given))
        for value in given:
            answer = test(value, inquiry)
            is_satisfied = answer is not None and answer is not is_negated
            if is_satisfied is not comparison.asks_every:
                return is_satisfied
        return comparison.asks_every

    def _test_in(self, inquiry: Inquiry) -> Test:
        """The test for all values, those with variables filled in; one that cannot be matches nothing."""
        plain, filled = self._test, self.comparison.operator.build(fill_all(self.templates, inquiry))
        return lambda value, effort: plain(value, effort) or filled(value, effort)


def compile_conditions(block: object, *, has_variables: bool) -> tuple[Condition, ...]:
    """The conditions of a statement's Condition element.

    has_variables  the policy's version knows variables
    Raises MalformedPolicy.
    """
    conditions: list[Condition] = []
    for name, keys in _members(block, "Condition"):
        comparison = _comparison(name)
        with_variables = has_variables and comparison.operator.has_variables
        for key, listed in _members(keys, name):
            conditions.append(_condition(comparison, key, _texts(listed), with_variables))
    return tuple(conditions)


def _members(value: object, name: str) -> ItemsView[str, object]:
    if not isinstance(value, dict):
        raise MalformedPolicy(f"{name[:60]} is no object")
    return value.items()


def _texts(listed: object) -> tuple[str, ...]:
    """The values of one key. Booleans compare as text; numbers have been read as text already."""
    texts = []
    for each in listed if isinstance(listed, list) else [listed]:
        if not isinstance(each, str | bool):
            raise MalformedPolicy("a condition value is a text, a number or a boolean")
        texts.append(str(each).lower() if isinstance(each, bool) else each)
    return tuple(texts)


def _comparison(name: str) -> Comparison:
    matched = NAME.fullmatch(name)
    prefix, base, suffix = matched.groups() if matched else (None, "", None)
    operator = OPERATORS.get(base)
    is_null = base == "Null"
    if operator is None or (is_null and suffix):
        raise MalformedPolicy(f"there is no condition operator {name[:60]}")
    asks_every = prefix == "ForAllValues:" or (prefix is None and operator.is_negated)
    return Comparison(name, operator, is_null, asks_every, if_exists=suffix is not None)


def _condition(comparison: Comparison, key: str, listed: tuple[str, ...], has_variables: bool) -> Condition:
    if not key:
        raise MalformedPolicy(f"{comparison.name} is given a key without a name")
    operator = comparison.operator
    plain, templates = read_all(listed, has_wildcards=operator.has_wildcards, has_variables=has_variables)
    return Condition(comparison, key, key.lower(), listed, templates, operator.build(plain))


def _same(reading: Callable[[str], Value | None]) -> Build:
    """Equal to one of the values, each read by `reading`."""

    def build(listed: Collection[str]) -> Test:
        wanted = frozenset(_read_all(reading, listed))

        def test(value: str, _: Inquiry) -> bool | None:
            given = reading(value)
            return None if given is None else given in wanted

        return test

    return build


def _ordered(reading: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Build:
    """Before or after one of the values: so before the last, or after the first of them."""

    def build(listed: Collection[str]) -> Test:
        bounds = _read_all(reading, listed)
        farthest = max if compare in (lt, le) else min
        bound = farthest(bounds, default=None)

        def test(value: str, _: Inquiry) -> bool | None:
            given = reading(value)
            return None if given is None else bound is not None and compare(given, bound)

        return test

    return build


def _like(listed: Collection[str]) -> Test:
    return Patterns(listed).match


def _arn_like(listed: Collection[str]) -> Test:
    patterns = Patterns(listed, colons=5)

    def test(value: str, inquiry: Inquiry) -> bool | None:
        return patterns.match(value, inquiry) if value.count(":") >= 5 else None

    return test


def _inside(listed: Collection[str]) -> Test:
    """Within one of the networks. They are kept by length, so that a thousand cost a few look-ups."""
    networks: dict[tuple[int, int], set[int]] = {}
    for octets, length in _read_all(read_network, listed):
        host_bits = 8 * len(octets) - length
        networks.setdefault((len(octets), host_bits), set()).add(int.from_bytes(octets) >> host_bits)
    sizes = [(size, host_bits, prefixes) for (size, host_bits), prefixes in networks.items()]

    def test(value: str, _: Inquiry) -> bool | None:
        octets = read_address(value)
        if octets is None:
            return None
        given_size, number = len(octets), int.from_bytes(octets)
        for size, host_bits, prefixes in sizes:
            if size == given_size and number >> host_bits in prefixes:
                return True
        return False

    return test


def _read_all(reading: Callable[[str], Value | None], listed: Collection[str]) -> list[Value]:
    read_values = []
    for each in listed:
        value = reading(each)
        if value is None:
            raise MalformedPolicy(f"a condition value cannot be read: {each[:60]!r}")
        read_values.append(value)
    return read_values


OPERATORS = {
    "StringEquals": Operator(_same(str), has_variables=True),
    "StringNotEquals": Operator(_same(str), is_negated=True, has_variables=True),
    "StringEqualsIgnoreCase": Operator(_same(str.lower), has_variables=True),
    "StringNotEqualsIgnoreCase": Operator(_same(str.lower), is_negated=True, has_variables=True),
    "StringLike": Operator(_like, has_wildcards=True, has_variables=True),
    "StringNotLike": Operator(_like, is_negated=True, has_wildcards=True, has_variables=True),
    "NumericEquals": Operator(_same(read_number)),
    "NumericNotEquals": Operator(_same(read_number), is_negated=True),
    "NumericLessThan": Operator(_ordered(read_number, lt)),
    "NumericLessThanEquals": Operator(_ordered(read_number, le)),
    "NumericGreaterThan": Operator(_ordered(read_number, gt)),
    "NumericGreaterThanEquals": Operator(_ordered(read_number, ge)),
    "DateEquals": Operator(_same(read_moment)),
    "DateNotEquals": Operator(_same(read_moment), is_negated=True),
    "DateLessThan": Operator(_ordered(read_moment, lt)),
    "DateLessThanEquals": Operator(_ordered(read_moment, le)),
    "DateGreaterThan": Operator(_ordered(read_moment, gt)),
    "DateGreaterThanEquals": Operator(_ordered(read_moment, ge)),
    "Bool": Operator(_same(read_boolean)),
    "BinaryEquals": Operator(_same(read_bytes)),
    "IpAddress": Operator(_inside),
    "NotIpAddress": Operator(_inside, is_negated=True),
    "ArnEquals": Operator(_arn_like, has_wildcards=True, has_variables=True),
    "ArnLike": Operator(_arn_like, has_wildcards=True, has_variables=True),
    "ArnNotEquals": Operator(_arn_like, is_negated=True, has_wildcards=True, has_variables=True),
    "ArnNotLike": Operator(_arn_like, is_negated=True, has_wildcards=True, has_variables=True),
    "Null": Operator(_same(read_boolean)),
}
"""Every operator. ArnEquals is ArnLike by another name. Source: auth-iam.md §4.5."""
