"""A statement: one Allow or Deny of a policy. Source: auth-iam.md §4.1, §6.4."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from openecr.policy.actions import Actions, check_actions
from openecr.policy.conditions import Condition, compile_conditions
from openecr.policy.effort import Effort, TooMuchWork
from openecr.policy.inquiry import Inquiry
from openecr.policy.malformed import MalformedPolicy
from openecr.policy.principals import Grant, Principals, compile_principals
from openecr.policy.reading import Span
from openecr.policy.resources import ANY_BEGINNING, Resources, check_resources

PLAIN_SID = re.compile(r"[A-Za-z0-9]*")
MEMBERS = frozenset(
    [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ]
)


class Kind(StrEnum):
    """The grammars."""

    IDENTITY = "identity"  # of boundaries, session policies and service control policies too
    TRUST = "trust"
    REPOSITORY = "repository"
    REGISTRY = "registry"
    RESOURCE_CONTROL = "resource control"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one grammar asks for that another does not."""

    has_principal: bool  # must be there; where not, must not
    has_resource: bool  # likewise
    has_id: bool  # the document may have one
    has_plain_sids: bool  # of letters and digits, none twice


RULES = {
    Kind.IDENTITY: Rules(has_principal=False, has_resource=True, has_id=False, has_plain_sids=True),
    Kind.TRUST: Rules(has_principal=True, has_resource=False, has_id=True, has_plain_sids=True),
    Kind.REPOSITORY: Rules(has_principal=True, has_resource=False, has_id=True, has_plain_sids=False),
    Kind.REGISTRY: Rules(has_principal=True, has_resource=True, has_id=True, has_plain_sids=False),
    Kind.RESOURCE_CONTROL: Rules(has_principal=True, has_resource=True, has_id=False, has_plain_sids=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    sid: str  # empty where there is none
    effect: str  # Allow or Deny
    index: int  # from 0
    start: int  # in the policy's text, the offset of its first character
    end: int  # and of the one after its last
    actions: Actions
    resources: Resources | None  # None: whatever the policy is attached to
    principals: Principals | None  # None: whomever the policy is attached to
    conditions: tuple[Condition, ...]

    def means(self, action: str, effort: Effort) -> bool:
        """Whether its action part means the action. If telling takes too much work, that of a Deny does."""
        try:
            return self.actions.match(action, effort)
        except TooMuchWork:
            return self.effect == "Deny"

    def applies(self, inquiry: Inquiry) -> bool:
        """Whether a statement that means the action speaks of the request. If telling takes too much
        work, a Deny does and an Allow does not."""
        try:
            return (
                (self.resources is None or self.resources.match(inquiry))
                and (self.principals is None or self.principals.grant(inquiry.request.principal) > Grant.NONE)
                and (not self.conditions or self.failing(inquiry) is None)
            )
        except TooMuchWork:
            return self.effect == "Deny"

    def failing(self, inquiry: Inquiry) -> Condition | None:
        """The first of its conditions that the request does not meet. Raises TooMuchWork."""
        for condition in self.conditions:
            if not condition.holds(inquiry):
                return condition
        return None

    @property
    def beginnings(self) -> tuple[str, ...]:
        """See Resources.beginnings."""
        return self.resources.beginnings if self.resources else ANY_BEGINNING

    @property
    def context_keys(self) -> frozenset[str]:
        """The keys of its conditions and variables, as written."""
        templates = [*(self.resources.templates if self.resources else ())]
        for condition in self.conditions:
            templates += condition.templates
        return frozenset(condition.key for condition in self.conditions) | {
            variable.key for template in templates for variable in template.variables
        }


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a statement is to be read by."""

    kind: Kind
    service: str  # of a repository or registry policy: ecr or ecr-public
    has_variables: bool
    effort: Effort  # checking is work too

    @property
    def rules(self) -> Rules:
        return RULES[self.kind]


def compile_statement(members: object, index: int, place: Span, dialect: Dialect) -> Statement:
    """The statement an element of a policy's Statement is. Raises MalformedPolicy and TooMuchWork."""
    if not isinstance(members, dict):
        raise MalformedPolicy("a statement is an object")
    if unknown := members.keys() - MEMBERS:
        raise MalformedPolicy(f"a statement has no member {min(unknown)[:60]!r}")
    effect = members.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy("the Effect of a statement is Allow or Deny")
    statement = Statement(
        sid=_sid(members.get("Sid", ""), dialect),
        effect=effect,
        index=index,
        start=place[0],
        end=place[1],
        actions=_actions(members, dialect),
        resources=_resources(members, dialect),
        principals=_principals(members, effect, dialect),
        conditions=compile_conditions(members.get("Condition", {}), has_variables=dialect.has_variables),
    )
    if dialect.kind is Kind.RESOURCE_CONTROL:
        _check_resource_control(statement)
    return statement


def _sid(sid: object, dialect: Dialect) -> str:
    if type(sid) is not str:
        raise MalformedPolicy("a Sid is a text")
    if dialect.rules.has_plain_sids and not PLAIN_SID.fullmatch(sid):
        raise MalformedPolicy("a Sid is made of letters and digits")
    return sid


def _actions(members: dict[str, Any], dialect: Dialect) -> Actions:
    written, is_not = _listed(members, "Action")
    if dialect.kind is Kind.TRUST:
        if "*" in written:
            raise MalformedPolicy("a trust policy names actions of sts alone")
        check_actions(written, "sts", dialect.effort)
    elif dialect.kind is Kind.REPOSITORY:
        check_actions(written, dialect.service, dialect.effort, are_known=True)
    elif dialect.kind is Kind.REGISTRY:
        check_actions(written, dialect.service, dialect.effort)
    else:
        check_actions(written, None, dialect.effort)
    return Actions(written, is_not=is_not)


def _resources(members: dict[str, Any], dialect: Dialect) -> Resources | None:
    if not dialect.rules.has_resource:
        if members.keys() & {"Resource", "NotResource"}:
            raise MalformedPolicy("a policy of this kind speaks of what it is attached to, no other Resource")
        return None
    written, is_not = _listed(members, "Resource")
    # PutRegistryPolicy takes any text; one that is no ARN matches nothing. Source: auth-iam.md §6.3.
    if dialect.kind is not Kind.REGISTRY:
        check_resources(written)
    return Resources(written, is_not=is_not, has_variables=dialect.has_variables)


def _principals(members: dict[str, Any], effect: str, dialect: Dialect) -> Principals | None:
    if not dialect.rules.has_principal:
        if members.keys() & {"Principal", "NotPrincipal"}:
            raise MalformedPolicy(
                "a policy of this kind speaks of whom it is attached to, no other Principal"
            )
        return None
    element, is_not = _one_of(members, "Principal")
    if is_not and effect == "Allow":
        raise MalformedPolicy("NotPrincipal goes with Deny alone")
    return compile_principals(element, is_not=is_not, takes_providers=dialect.kind is Kind.TRUST)


def _check_resource_control(statement: Statement) -> None:
    """Source: auth-iam.md §4.7."""
    assert statement.principals is not None  # the grammar asks for both
    assert statement.resources is not None
    if statement.principals.is_not or not statement.principals.is_everyone:
        raise MalformedPolicy('the Principal of a resource control policy is "*"')
    is_full = (
        statement.actions.is_everything and statement.resources.is_everything and not statement.conditions
    )
    if statement.effect == "Allow" and not is_full:
        raise MalformedPolicy("a resource control policy allows everything or denies")


def _listed(members: dict[str, Any], name: str) -> tuple[tuple[str, ...], bool]:
    """The texts of an element or of its Not… twin, and whether it is the twin."""
    element, is_not = _one_of(members, name)
    texts = tuple(element) if isinstance(element, list) else (element,)
    if not texts or not all(type(each) is str for each in texts):
        raise MalformedPolicy(f"{name} is one text or a list of some")
    return texts, is_not


def _one_of(members: dict[str, Any], name: str) -> tuple[object, bool]:
    """An element or its Not… twin, of which a statement has exactly one; and whether it is the twin."""
    twin = f"Not{name}"
    if (name in members) is (twin in members):
        raise MalformedPolicy(f"a statement has either {name} or {twin}")
    return (members[twin], True) if twin in members else (members[name], False)
