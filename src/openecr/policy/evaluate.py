"""May this principal do this to that? All policies that have a say, and one answer.

First every Deny is asked, then only those Allows that it takes: so the context is looked at no more
than needed. Source: auth-iam.md §4.7 (who must allow), §4.8 (which of several denials is reported).
"""

from dataclasses import dataclass, field
from itertools import chain

from openecr.policy.explain import Found, explain
from openecr.policy.inquiry import Inquiry
from openecr.policy.principals import Grant
from openecr.policy.reasons import SUFFIXES, Reason
from openecr.policy.request import AccessRequest, Policies, Source

__all__ = ["Decision", "Found", "Reason", "evaluate", "matched_statements"]

Answer = tuple[Reason | None, tuple[Found, ...]]
"""None and the Allows it took; or why it is denied, and the Deny if there is one."""


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    reason: Reason | None  # None where allowed
    deciding: tuple[Found, ...]  # the Deny, or the Allows it took; none where one is wanting
    keys: frozenset[str]  # of the context, in lower case: with the same values of these it is the same
    is_cut_off: bool  # it took more work than one request may cause; what stayed open, counted against it
    policies: Policies = field(repr=False)

    def suffix(self, action: str) -> str:
        """What a denial's message says after `… on resource: X `. Source: auth-iam.md §4.9."""
        assert self.reason is not None, "of what is allowed there is nothing to say"
        return SUFFIXES[self.reason].format(action=action)

    def explain(self, request: AccessRequest) -> str:
        """For people, in some lines: the decision, what decided it and where that stands; of a denial
        also what came close and what it would take."""
        return explain(request, self.policies, self.reason, self.deciding, is_cut_off=self.is_cut_off)


def evaluate(request: AccessRequest, policies: Policies) -> Decision:
    """The decision on a request. The order of policies, and of statements in one, has no part in it."""
    inquiry = Inquiry(request)
    reason, deciding = _ask_denies(inquiry, policies) or _ask_allows(inquiry, policies)
    return Decision(
        allowed=reason is None,
        reason=reason,
        deciding=deciding,
        keys=frozenset(inquiry.keys),
        is_cut_off=inquiry.is_cut_off,
        policies=policies,
    )


def matched_statements(inquiry: Inquiry, policies: Policies) -> tuple[Found, ...]:
    """Every statement of every policy that speaks of the request asked about, whether or not it decides it.

    This is what SimulateCustomPolicy shows. Work that one evaluation may not do counts as in one.
    """
    return tuple(
        (source, statement)
        for source in policies.every_source
        for statement in source.policy.statements
        if statement.means(inquiry.request.action, inquiry) and statement.applies(inquiry)
    )


def _ask_denies(inquiry: Inquiry, policies: Policies) -> Answer | None:
    """One Deny that applies is the end of it. Of several, that of the first kind here is reported."""
    part = inquiry.resource_part
    for reason, sources in (
        (Reason.SCP_DENY, chain(*_levels(inquiry, policies))),
        (Reason.RCP_DENY, chain(*policies.resource_control)),
        (Reason.TRUST_DENY if policies.trust else Reason.RP_DENY, policies.resource_side),
        (Reason.ID_DENY, policies.identity),
        (Reason.PB_DENY, (policies.boundary,) if policies.boundary else ()),
        (Reason.SP_DENY, policies.session or ()),
    ):
        for source in sources:
            for beginnings, statement in inquiry.candidates(source.policy).denies:
                if part.startswith(beginnings) and statement.applies(inquiry):
                    return reason, ((source, statement),)
    return None


def _ask_allows(inquiry: Inquiry, policies: Policies) -> Answer:
    """What must allow, one after the other; the first that does not is reported."""
    principal = inquiry.request.principal
    is_own = principal.account == inquiry.request.resource_account
    deciding: list[Found] = []
    for level in _levels(inquiry, policies):
        found = _first_allow(level, inquiry)
        if found is None:
            return Reason.SCP_IMPLICIT, ()
        deciding.append(found)

    must_grant = policies.trust is not None or not is_own or not principal.has_identity
    grant, found = _resource_grant(inquiry, policies)
    if found is None and must_grant:
        return Reason.TRUST_IMPLICIT if policies.trust else Reason.RP_IMPLICIT, ()
    # Within the account, to name the account is to leave it to the identity's side.
    if found is not None and (must_grant or grant is not Grant.ACCOUNT):
        deciding.append(found)
    if not principal.has_identity or (is_own and grant is Grant.DIRECT):
        return None, tuple(deciding)

    identity_side: list[tuple[Reason, tuple[Source, ...]]] = []
    # A root user needs no policy; and within its account a role has from the resource what it lacks.
    if principal.type != "Account" and not (is_own and grant is Grant.ROLE):
        identity_side.append((Reason.ID_IMPLICIT, policies.identity))
    if policies.boundary is not None:
        identity_side.append((Reason.PB_IMPLICIT, (policies.boundary,)))
    if policies.session is not None:
        identity_side.append((Reason.SP_IMPLICIT, policies.session))
    for reason, sources in identity_side:
        found = _first_allow(sources, inquiry)
        if found is None:
            return reason, ()
        deciding.append(found)
    return None, tuple(deciding)


def _levels(inquiry: Inquiry, policies: Policies) -> tuple[tuple[Source, ...], ...]:
    """The service control policies that bind the principal: they bind those who belong to an account."""
    return policies.service_control or () if inquiry.request.principal.has_identity else ()


def _first_allow(sources: tuple[Source, ...], inquiry: Inquiry) -> Found | None:
    part = inquiry.resource_part
    for source in sources:
        for beginnings, statement in inquiry.candidates(source.policy).allows:
            if part.startswith(beginnings) and statement.applies(inquiry):
                return source, statement
    return None


def _resource_grant(inquiry: Inquiry, policies: Policies) -> tuple[Grant, Found | None]:
    """The most direct way in which the resource's side allows the principal, and where it does."""
    best, found = Grant.NONE, None
    for source in policies.resource_side:
        for _, statement in inquiry.candidates(source.policy).allows:
            assert statement.principals is not None, "a resource's policy says of whom it speaks"
            grant = statement.principals.grant(inquiry.request.principal)
            if grant > best and statement.applies(inquiry):
                best, found = grant, (source, statement)
                if best is Grant.DIRECT:
                    return best, found
    return best, found
