"""A policy: its text, read and compiled. Source: auth-iam.md §4.1, §6.4.

A text is compiled once and kept, so that a request costs comparisons only; and most statements are
told apart by the action alone, which a policy remembers.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from openecr.policy.effort import Effort, TooMuchWork
from openecr.policy.malformed import MalformedPolicy
from openecr.policy.reading import position, read_document
from openecr.policy.statement import RULES, Dialect, Kind, Statement, compile_statement

__all__ = [
    "Candidates",
    "Kind",
    "MalformedPolicy",
    "Policy",
    "Statement",
    "context_keys",
    "parse",
    "parse_stored",
    "position",
]

PARSED = 1_024
"""How many policies are kept compiled; the least used goes first."""
ACTIONS = 256
"""For how many actions a policy remembers its candidates: more than there are. A simulation may name
any: then all are forgotten, lest made-up ones stand for good where those belong that are asked for daily."""
WITH_VARIABLES = "2012-10-17"
VERSIONS = ("2008-10-17", WITH_VARIABLES)


Listed = tuple[tuple[tuple[str, ...], Statement], ...]
"""Statements, each with the beginnings of what it covers (Resources.beginnings)."""


class Candidates(NamedTuple):
    """The statements of a policy that mean an action."""

    denies: Listed
    allows: Listed
    is_cut_off: bool  # telling took too much work: what stayed open, counted as meant in a Deny alone


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    text: str
    version: str
    id: str  # empty where there is none
    statements: tuple[Statement, ...]
    _candidates: dict[str, Candidates] = field(default_factory=dict, repr=False)

    @property
    def principals(self) -> tuple[str, ...]:
        """Every AWS principal a statement names, as written and in order, `*` left out."""
        return tuple(text for each in self.statements if each.principals for text in each.principals.aws)

    def candidates(self, action: str) -> Candidates:
        """The statements that mean the action."""
        found = self._candidates.get(action)
        if found is None:
            effort = Effort()
            meant = [each for each in self.statements if each.means(action, effort)]
            # Those that ask nothing of the context come first: then it need not be looked at for others.
            meant.sort(key=lambda each: bool(each.context_keys))
            found = Candidates(
                tuple((each.beginnings, each) for each in meant if each.effect == "Deny"),
                tuple((each.beginnings, each) for each in meant if each.effect == "Allow"),
                effort.is_used_up,
            )
            if len(self._candidates) >= ACTIONS:
                self._candidates.clear()
            self._candidates[action] = found
        return found


def parse(text: str, kind: Kind, service: str = "ecr") -> Policy:
    """The policy a text is.

    kind     whose grammar holds. Left to the caller: its size, whether its principals exist, and
             which actions the scope of a registry policy allows
    service  of a repository or registry policy, the one it is for: ecr or ecr-public
    Raises MalformedPolicy.
    """
    members, places = read_document(text)
    known = {"Version", "Id", "Statement"} if RULES[kind].has_id else {"Version", "Statement"}
    if unknown := members.keys() - known:
        raise MalformedPolicy(f"a policy of this kind has no member {min(unknown)[:60]!r}")
    version, identifier = members.get("Version", VERSIONS[0]), members.get("Id", "")
    if version not in VERSIONS:
        raise MalformedPolicy(f"the Version of a policy is {' or '.join(VERSIONS)}")
    if type(identifier) is not str:
        raise MalformedPolicy("the Id of a policy is a text")
    if not places:
        raise MalformedPolicy("a policy has a Statement, or some")

    elements = members["Statement"] if isinstance(members["Statement"], list) else [members["Statement"]]
    dialect = Dialect(kind, service, version == WITH_VARIABLES, Effort())
    statements: list[Statement] = []
    for index, (element, place) in enumerate(zip(elements, places, strict=True)):
        try:
            statements.append(compile_statement(element, index, place, dialect))
        except MalformedPolicy as error:
            raise MalformedPolicy(error.reason, place[0]) from None
        except TooMuchWork:
            raise MalformedPolicy("there are more patterns here than actions to match", place[0]) from None
    if RULES[kind].has_plain_sids:
        _check_sids(statements)
    return Policy(text, version, identifier, tuple(statements))


@lru_cache(maxsize=PARSED)
def parse_stored(text: str, kind: Kind, service: str = "ecr") -> Policy:
    """The same, for policies in force, which are asked again and again and are no longer than may be kept."""
    return parse(text, kind, service)


def context_keys(policy: Policy) -> frozenset[str]:
    """Every context key that a condition or variable of the policy asks for, as written."""
    return frozenset().union(*(each.context_keys for each in policy.statements))


def _check_sids(statements: list[Statement]) -> None:
    seen: set[str] = set()
    for statement in statements:
        if statement.sid in seen:
            raise MalformedPolicy(f"the Sid {statement.sid!r} is given twice", statement.start)
        if statement.sid:
            seen.add(statement.sid)
