"""What to tell people of a decision: what decided it and where that stands, what came close, and what
it would take. The sentence a service answers with is another: reasons.SUFFIXES.
"""

import json
from itertools import chain

from openecr.policy.conditions import Condition
from openecr.policy.effort import TooMuchWork
from openecr.policy.inquiry import Inquiry
from openecr.policy.principals import Grant
from openecr.policy.reading import position
from openecr.policy.reasons import NEEDS, SUFFIXES, Reason
from openecr.policy.request import AccessRequest, Policies, Source
from openecr.policy.statement import Statement

Found = tuple[Source, Statement]

CLOSE = 5
"""How many statements that came close are told of, the closest first."""
SHOWN_VALUES = 3
SHOWN_CHARACTERS = 200
"""How much is shown of what a condition compares."""


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
        lines += [f"  close: {line}" for line in _near_misses(request, policies, reason)]
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
    inquiry = Inquiry(request)
    misses = [
        (distance, f"{_place(source, statement)} {what}")
        for source in sources
        for _, statement in source.policy.candidates(request.action).allows
        for distance, what in _miss(statement, inquiry)
    ]
    return [line for _, line in sorted(misses, key=lambda miss: miss[0])[:CLOSE]]


def _miss(statement: Statement, inquiry: Inquiry) -> list[tuple[int, str]]:
    """How far an Allow that means the action is from the request, and by what, if it is by one thing."""
    try:
        is_covered = statement.resources is None or statement.resources.match(inquiry)
        principals = statement.principals
        grant = Grant.DIRECT if principals is None else principals.grant(inquiry.request.principal)
        failing = statement.failing(inquiry) if is_covered and grant is not Grant.NONE else None
    except TooMuchWork:
        return []
    if failing is not None:
        return [(0, f"allows it, but on a condition: {_shown(failing, inquiry)}")]
    if is_covered and grant is Grant.ACCOUNT:
        return [(1, "names the account alone, which leaves it to identity-based policies")]
    if not is_covered and grant is not Grant.NONE:
        return [(2, "allows the action, but not on this resource")]
    if is_covered and grant is Grant.NONE:
        return [(3, "allows the action on this resource, but not to this principal")]
    return []


def _place(source: Source, statement: Statement) -> str:
    line, column = position(source.policy.text, statement.start)
    sid = f" {json.dumps(statement.sid)}" if statement.sid else ""
    return f"{source.name}, statement {statement.index + 1}{sid} (line {line}, column {column})"


def _shown(condition: Condition, inquiry: Inquiry) -> str:
    """A condition that fails, and what the request has in its stead."""
    given = inquiry.look_up(condition.key.lower())
    values = (given,) if isinstance(given, str) else given or ()
    has = f"the request has {_listed(values)}" if values else "the request has no such key"
    return f"{condition.comparison.name} {condition.key} {_listed(condition.values)}; {has}"


def _listed(values: tuple[str, ...]) -> str:
    shown = [json.dumps(each[:SHOWN_CHARACTERS], ensure_ascii=False) for each in values[:SHOWN_VALUES]]
    return ", ".join([*shown, f"… ({len(values)} in all)"] if len(values) > SHOWN_VALUES else shown)
