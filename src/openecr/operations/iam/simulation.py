"""A simulation: who asks, what is known of the requests, which policies have a say in them; and what comes of
a request by them. What it rests on has been gathered by simulate.py: nothing is looked up here.

A request is judged by the engine that the gate asks: so the policy of a resource counts for roles too, which
AWS's simulator leaves out; where a role is assumed it counts as its trust policy, which must allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from openecr.domain.registry import owner_of
from openecr.errors import PolicyEvaluationException
from openecr.operations.context_keys import Value
from openecr.policy.document import Policy
from openecr.policy.evaluate import Decision, Found, evaluate, matched_statements
from openecr.policy.inquiry import Inquiry
from openecr.policy.principals import Grant
from openecr.policy.request import AccessRequest, Policies, Principal, Source

ALLOWED, IMPLICIT_DENY, EXPLICIT_DENY = "allowed", "implicitDeny", "explicitDeny"
RESTRICTIVENESS = (ALLOWED, IMPLICIT_DENY, EXPLICIT_DENY)
"""PolicyEvaluationDecisionType, the most restrictive last."""

OF_TRUST = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)
"""What trust policies are about, in lower case."""

STEPS_OF_REQUEST, STEPS_OF_STATEMENT, STEPS_OF_KEY = 200, 25, 5
"""What a request takes at least; what each statement adds, and each context key it asks for; in the steps of
policy/effort.py [measured]."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of one request."""

    resource: str
    decision: str
    matched: tuple[Found, ...]  # the Deny that decides; else the Allows, be they enough or not
    missing: tuple[str, ...]  # context keys that policies ask for and the request does not have
    details: Mapping[str, str] | None  # across accounts, the decision of each kind of policy
    is_in_bounds: bool | None  # None where there is no boundary
    has_organizations_leave: bool | None  # None where there is no organisation
    steps: int  # that it took at most, beside what every request takes


class Measured(Inquiry):
    """An inquiry that tells how many steps it took."""

    __slots__ = ("steps",)

    def __init__(self, request: AccessRequest) -> None:
        super().__init__(request)
        self.steps = 0

    def spend(self, steps: int) -> None:
        self.steps += steps
        super().spend(steps)


@dataclass(frozen=True, slots=True)
class Simulation:
    principal: Principal  # without an ARN: anybody of the account that owns the resource
    context: Mapping[str, Value]  # keys in lower case: what is known whatever the resource
    owner: str  # the account of resources that do not tell theirs; empty: the principal's
    policies: Policies  # all but the resource's
    resource_policy: Policy | None

    @property
    def steps(self) -> int:
        """What every request takes: statements are looked at, and their keys, for those that are missing."""
        statements = [each for source in self._policies("").every_source for each in source.policy.statements]
        keys = sum(len(each.context_keys) for each in statements)
        return STEPS_OF_REQUEST + STEPS_OF_STATEMENT * len(statements) + STEPS_OF_KEY * keys

    def outcome(self, action: str, resource: str) -> Outcome:
        """What comes of a request. Raises PolicyEvaluationException where to tell takes too much work."""
        request, policies = self._request(action, resource), self._policies(action)
        decision = evaluate(request, policies)
        inquiry = Measured(request)
        matched = matched_statements(inquiry, policies)
        _check_agreement(decision, matched)
        levels, boundary = policies.service_control, policies.boundary
        has_leave = None if levels is None else all(_verdict(matched, level) == ALLOWED for level in levels)
        is_foreign = request.resource_account != request.principal.account
        return Outcome(
            resource=resource,
            decision=_named(decision),
            matched=_shown(decision, matched, request),
            missing=_missing(request, policies),
            # Where the organisation gives no leave "the simulation ends". Source: the service model.
            details=_details(matched, policies) if is_foreign and has_leave is not False else None,
            is_in_bounds=None if boundary is None else _verdict(matched, (boundary,)) == ALLOWED,
            has_organizations_leave=has_leave,
            steps=2 * inquiry.steps,  # the decision was made by some of the statements that were asked here
        )

    def _request(self, action: str, resource: str) -> AccessRequest:
        owner = owner_of(resource) or self.owner
        account = owner or self.principal.account
        return AccessRequest(
            principal=self.principal if self.principal.arn else replace(self.principal, account=account),
            action=action,
            resource=resource,
            resource_account=account,
            context={"aws:resourceaccount": owner, **self.context} if owner else self.context,
        )

    def _policies(self, action: str) -> Policies:
        if self.resource_policy is None:
            return self.policies
        if action.lower() in OF_TRUST:
            return replace(self.policies, trust=Source("trust", "ResourcePolicy", self.resource_policy))
        return replace(self.policies, resource=(Source("resource", "ResourcePolicy", self.resource_policy),))


def _named(decision: Decision) -> str:
    if decision.reason is None:
        return ALLOWED
    return EXPLICIT_DENY if decision.reason.endswith("_DENY") else IMPLICIT_DENY


def _check_agreement(decision: Decision, matched: tuple[Found, ...]) -> None:
    """Raises PolicyEvaluationException where work was left undone: what was found then is not the truth."""
    has_deny = any(statement.effect == "Deny" for _, statement in matched)
    is_explicit = _named(decision) == EXPLICIT_DENY
    if decision.is_cut_off or has_deny is not is_explicit or not {*decision.deciding} <= {*matched}:
        raise PolicyEvaluationException("The policies ask for more comparisons than one request may cause.")


def _shown(decision: Decision, matched: tuple[Found, ...], request: AccessRequest) -> tuple[Found, ...]:
    """What answers call the matched statements. Those of service control policies are not among them, nor
    what a boundary allows, which by itself gives no permission. Source: the service model."""
    if _named(decision) == EXPLICIT_DENY:
        return tuple(found for found in decision.deciding if found[0].kind != "service control")
    return tuple(found for found in matched if _gives_permission(found, request))


def _gives_permission(found: Found, request: AccessRequest) -> bool:
    """Whether an Allow counts by itself. That of a resource leaves it to the identity's policies where it
    names no more than the account that both are of."""
    source, statement = found
    if source.kind != "resource":
        return source.kind in ("identity", "trust")
    assert statement.principals is not None, "a resource's policy says of whom it speaks"
    is_own = request.resource_account == request.principal.account
    return not (is_own and statement.principals.grant(request.principal) is Grant.ACCOUNT)


def _details(matched: tuple[Found, ...], policies: Policies) -> dict[str, str]:
    """By kind of policy. Source: API reference, SimulatePrincipalPolicy, "Examples"."""
    details = {
        "IAM Policy": _verdict(matched, policies.identity),
        "Resource Policy": _verdict(matched, policies.resource_side),
    }
    if policies.boundary is not None:
        details["Permissions Boundary Policy"] = _verdict(matched, (policies.boundary,))
    return details


def _verdict(matched: tuple[Found, ...], sources: tuple[Source, ...]) -> str:
    """What these policies say by themselves."""
    effects = {statement.effect for source, statement in matched if source in sources}
    return EXPLICIT_DENY if "Deny" in effects else ALLOWED if effects else IMPLICIT_DENY


def _missing(request: AccessRequest, policies: Policies) -> tuple[str, ...]:
    """The keys that the request does not have, of all statements that could speak of it; of service control
    policies none. Each once, as it is written where it comes first. Source: the service model."""
    is_any, part = request.resource == "*", request.resource.split(":", 5)[-1]
    keys: dict[str, str] = {}
    for source in replace(policies, service_control=None).every_source:
        candidates = source.policy.candidates(request.action)
        for beginnings, statement in (*candidates.denies, *candidates.allows):
            named = statement.principals
            is_about = is_any or part.startswith(beginnings)
            if is_about and (named is None or named.grant(request.principal)):
                for key in sorted(statement.context_keys):
                    if key.lower() not in request.context:
                        keys.setdefault(key.lower(), key)
    return tuple(sorted(keys.values(), key=str.lower))
