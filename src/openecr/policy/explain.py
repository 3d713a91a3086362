"""What to tell people of a decision: what decided it and where that stands, what came close, and what
it would take. The sentence a service answers with is another: reasons.SUFFIXES.

Whoever is denied causes this, so it costs no more than the decision itself: every Allow that means the
action is looked at briefly, as long as the steps last, and words are made for those alone that are shown.
"""

import json
from enum import IntEnum
from itertools import chain, islice
from typing import NamedTuple

from openecr.policy.conditions import Condition
from openecr.policy.effort import TooMuchWork
from openecr.policy.inquiry import Inquiry
from openecr.policy.principals import Grant
from openecr.policy.reading import position
from openecr.policy.reasons import NEEDS, SUFFIXES, Reason
from openecr.policy.request import AccessRequest, Policies, Source
from openecr.policy.statement import Statement

Found = tuple[Source, Statement]

STEPS = 4_000
"""The most work that looking for what came close may take: see effort.STEPS."""
PASSED = 3
"""How many statements are passed over in one step."""
LOOKED_AT = 15
"""What a statement costs that is not, besides the steps of its own comparisons."""
CLOSE = 5
"""How many statements that came close are told of, the closest first."""
SHOWN_VALUES = 3
SHOWN_CHARACTERS = 200
"""How much is shown of what a condition compares."""


class Distance(IntEnum):
    """How far an Allow that means the action is from the request, the nearest first."""

    CONDITION = 0
    ACCOUNT = 1
    RESOURCE = 2
    PRINCIPAL = 3


WORDS = {
    Distance.CONDITION: "allows it, but on a condition",
    Distance.ACCOUNT: "names the account alone, which leaves it to identity-based policies",
    Distance.RESOURCE: "allows the action, but not on this resource",
    Distance.PRINCIPAL: "allows the action on this resource, but not to this principal",
}


class Miss(NamedTuple):
    """A statement that came close: it would allow the request but for one thing."""

    source: Source
    statement: Statement
    failing: Condition | None  # of Distance.CONDITION


def explain(
    request: AccessRequest,
    policies: Policies,
    reason: Reason | None,
    deciding: tuple[Found, ...],
    *,
    is_cut_off: bool,
) -> str:
    about = f"{request.principal.arn} {request.action} {request.resource}"
    decided = [
        f"  {statement.effect} by {source.kind} policy: {_place(source, statement)}"
        for source, statement in deciding
    ]
    if reason is None:
        return "\n".join([f"ALLOWED {about}", *(decided or ["  a root user needs no policy in its account"])])
    lines = [f"DENIED {about}", f"  {SUFFIXES[reason].format(action=request.action)}", *decided]
    if is_cut_off:
        lines.append("  the policies ask for more comparisons than one request may cause")
    if deciding:
        lines.append("  needed: that this statement no longer applies, for no Allow outweighs a Deny")
    else:
        lines += _near_misses(request, policies, reason)
        need = NEEDS[reason].format(
            principal=request.principal.arn,
            action=request.action,
            resource=request.resource,
            owner=request.resource_account,
        )
        lines.append(f"  needed: {need}")
    return "\n".join(lines)


def _near_misses(request: AccessRequest, policies: Policies, reason: Reason) -> list[str]:
    """Of the statements that would have allowed it, those that allow nearly the same."""
    sources = {
        Reason.ID_IMPLICIT: (*policies.identity, *policies.resource_side),
        Reason.RP_IMPLICIT: policies.resource_side,
        Reason.TRUST_IMPLICIT: policies.resource_side,
        Reason.PB_IMPLICIT: (policies.boundary,) if policies.boundary else (),
        Reason.SP_IMPLICIT: policies.session or (),
        Reason.SCP_IMPLICIT: tuple(chain(*(policies.service_control or ()))),
    }[reason]
    found: dict[Distance, list[Miss]] = {distance: [] for distance in Distance}
    is_all = True
    try:
        _look(sources, Inquiry(request, STEPS), found)
    except TooMuchWork:
        is_all = False
    misses = ((distance, miss) for distance in Distance for miss in found[distance])
    lines = [f"  close: {_told(distance, miss, request)}" for distance, miss in islice(misses, CLOSE)]
    return lines if is_all else [*lines, "  others may have come close: there are too many to look at"]


def _look(sources: tuple[Source, ...], inquiry: Inquiry, found: dict[Distance, list[Miss]]) -> None:
    """Adds what comes close to `found`, until nothing comes closer. Raises TooMuchWork."""
    part = inquiry.resource_part
    elsewhere = found[Distance.RESOURCE]
    for source in sources:
        allows = inquiry.candidates(source.policy).allows
        inquiry.spend(1 + len(allows) // PASSED)
        for beginnings, statement in allows:
            # Most statements are about other resources: once a few of these are found, more are not needed.
            if len(elsewhere) >= CLOSE and not part.startswith(beginnings):
                continue
            inquiry.spend(LOOKED_AT)
            distance, failing = _distance(statement, inquiry)
            if distance is None:
                continue
            found[distance].append(Miss(source, statement, failing))
            if distance is Distance.CONDITION and len(found[distance]) == CLOSE:
                return


def _distance(statement: Statement, inquiry: Inquiry) -> tuple[Distance | None, Condition | None]:
    """How far an Allow that means the action is from the request, if by one thing; and the condition that
    fails, if it is that. Raises TooMuchWork."""
    is_covered = statement.resources is None or statement.resources.match(inquiry)
    principals = statement.principals
    grant = Grant.DIRECT if principals is None else principals.grant(inquiry.request.principal)
    if not is_covered:
        return (None if grant is Grant.NONE else Distance.RESOURCE), None
    if grant is Grant.NONE:
        return Distance.PRINCIPAL, None
    failing = statement.failing(inquiry)
    if failing is not None:
        return Distance.CONDITION, failing
    return (Distance.ACCOUNT if grant is Grant.ACCOUNT else None), None


def _told(distance: Distance, miss: Miss, request: AccessRequest) -> str:
    condition = "" if miss.failing is None else f": {_shown(miss.failing, request)}"
    return f"{_place(miss.source, miss.statement)} {WORDS[distance]}{condition}"


def _place(source: Source, statement: Statement) -> str:
    line, column = position(source.policy.text, statement.start)
    sid = f" {_quoted(statement.sid)}" if statement.sid else ""
    return f"{source.name}, statement {statement.index + 1}{sid} (line {line}, column {column})"


def _shown(condition: Condition, request: AccessRequest) -> str:
    """A condition that fails, and what the request has in its stead."""
    given = request.context.get(condition.folded_key)
    values = (given,) if isinstance(given, str) else given or ()
    has = f"the request has {_listed(values)}" if values else "the request has no such key"
    key = _quoted(condition.key)[1:-1]
    return f"{condition.comparison.name} {key} {_listed(condition.values)}; {has}"


def _listed(values: tuple[str, ...]) -> str:
    shown = [_quoted(each) for each in values[:SHOWN_VALUES]]
    return ", ".join([*shown, f"… ({len(values)} in all)"] if len(values) > SHOWN_VALUES else shown)


def _quoted(text: str) -> str:
    """A text of a policy or of a request, on one line, or its beginning."""
    return json.dumps(text[:SHOWN_CHARACTERS], ensure_ascii=False)
