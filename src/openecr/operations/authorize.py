"""May this caller do that? Which policies apply to a call, and what they decide.

The engine (`policy/`) judges values; here they are gathered: the policies of the caller, of the repository
and of its registry are read once per state of the database (Database.recall), compiled once per text
(policy.document.parse_stored), and decisions are remembered with them (_Known). Changed policies count from
the next request on, in every process.

One rule stands before all policies: anybody, anonymous callers too, may pull from a public registry
(data-plane.md §3.3: "Public pulls need no permission and a repository policy cannot deny them").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from openecr.domain.account_settings import OPENECR_EXPLAIN_DENIALS, REGISTRY_POLICY_SCOPE
from openecr.domain.principal import Identity
from openecr.domain.registry import Kind, Registry, owner_of, parse_repository_arn
from openecr.errors import AccessDeniedException
from openecr.identity.caller import Caller
from openecr.metadata.database import Transaction
from openecr.operations.context_keys import Asked, Context, Value, folded, is_lasting
from openecr.policy import document
from openecr.policy.evaluate import Decision, evaluate
from openecr.policy.request import AccessRequest, Policies, Principal, Source

if TYPE_CHECKING:
    from openecr.operations.call import Call

REMEMBERED = 64
"""Decisions about one action by one principal on one resource: by source address, say, or time."""
REMEMBERED_CHARACTERS = 256
"""Of the values a decision is remembered by: a caller may send what it likes."""
PULL_ACTIONS = frozenset(
    {"BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability", "ListImages"}
)
"""What a pull over `/v2/` consists of. None but the availability check exists in the public API."""

TRUSTS_NOBODY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.invalid"},'
    '"Action":"sts:AssumeRole"}]}'
)
V1_ACTIONS = frozenset({"ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"})
"""The actions a registry policy of scope V1 speaks of. Source: control-plane.md §5.5."""


class _Known:
    """What was decided about one action, by the values of those context keys that can change from request to
    request. An evaluation looks at keys one after the other and each only because of the values before: with
    the same values it is the same evaluation."""

    def __init__(self) -> None:
        self.keys: tuple[str, ...] = ()
        self.decisions: dict[tuple[Value | None, ...], Decision] = {}

    def find(self, request: AccessRequest) -> Decision | None:
        return self.decisions.get(self._values(request))

    def add(self, request: AccessRequest, decision: Decision) -> None:
        keys = {key for key in decision.keys if not is_lasting(key)}
        if not keys <= set(self.keys):
            self.keys = (*self.keys, *sorted(keys - set(self.keys)))
            self.decisions.clear()
        values = self._values(request)
        if sum(len(value) for value in values if value is not None) > REMEMBERED_CHARACTERS:
            return
        if len(self.decisions) >= REMEMBERED:
            self.decisions.clear()
        self.decisions[values] = decision

    def _values(self, request: AccessRequest) -> tuple[Value | None, ...]:
        return tuple([request.context.get(key) for key in self.keys])


@dataclass(frozen=True, slots=True)
class Grounds:
    """All that a decision about one principal and one resource rests on, but the request itself."""

    principal: Principal
    principal_tags: Mapping[str, str]  # keys in lower case
    session_facts: Mapping[str, str]  # further context keys, in lower case
    policies: Policies
    without_registry_policy: Policies | None  # for the actions of which one of scope V1 does not speak
    known: dict[str, "_Known"] = field(default_factory=dict)  # by action

    def policies_for(self, action: str) -> Policies:
        if self.without_registry_policy is not None and action not in V1_ACTIONS:
            return self.without_registry_policy
        return self.policies

    def is_allowed(self, action: str) -> bool:
        """Whether that is known to be allowed whatever the request."""
        known = self.known.get(action)
        decision = None if known is None or known.keys else known.decisions.get(())
        return decision is not None and decision.allowed

    def decide(self, request: AccessRequest) -> Decision:
        known = self.known.setdefault(request.action, _Known())
        found = known.find(request)
        if found is None:
            found = evaluate(request, self.policies_for(request.action))
            known.add(request, found)
        return found

    @property
    def size(self) -> int:
        """What it takes to remember this, in bytes, roughly: compiled policies are kept once for all."""
        return 500 + sum(len(source.policy.text) for source in self.policies.every_source) // 8


def may(call: "Call", action: str, resource: str, *, context: Mapping[str, Value] | None = None) -> bool:
    """Whether the caller may do `action` on `resource`, for what is left out where it may not."""
    return _is_open_to_all(call, action) or _refusal(call, action, resource, context) is None


def require(call: "Call", action: str, resource: str, *, context: Mapping[str, Value] | None = None) -> None:
    """Return if the caller may. Raises AccessDeniedException, in AWS's words, otherwise.

    action    PutImage, of the service that is asked, or with its own: sts:GetServiceBearerToken
    resource  an ARN, or `*` for actions that have no resource type
    context   further context keys, in lower case
    Source    auth-iam.md §4.9
    """
    if _is_open_to_all(call, action):
        return
    refusal = _refusal(call, action, resource, context)
    if refusal is not None:
        raise denial(call, *refusal)


def _refusal(
    call: "Call", action: str, resource: str, context: Mapping[str, Value] | None
) -> tuple[AccessRequest, Decision] | None:
    """What the policies were asked, and why they refuse; None if they do not."""
    action = action if ":" in action else f"{call.service}:{action}"
    grounds = grounds_of(call, resource)
    if grounds.is_allowed(action):
        return None
    request = request_of(call, grounds, action, resource, context)
    decision = grounds.decide(request)
    return None if decision.allowed else (request, decision)


def denial(call: "Call", request: AccessRequest, decision: Decision) -> AccessDeniedException:
    """The refusal; with the explanation, which a caller sees only where `_may_see_why` says so."""
    error = AccessDeniedException(
        arn=request.principal.arn,
        action=request.action,
        resource=request.resource,
        reason=decision.suffix(request.action),
    )
    error.why = decision.explain(request)
    if _may_see_why(call, request):
        error.explanation = error.why
    return error


def grounds_of(call: "Call", resource: str) -> Grounds:
    """The grounds of a decision about the caller and a resource, as they are now."""
    caller = call.caller
    return call.stores.database.recall(
        ("grounds", caller.arn, caller.principal_id, caller.session_id, resource),
        partial(read_grounds, caller=caller, resource=resource),
        size_of=lambda grounds: grounds.size,
    )


def read_grounds(db: Transaction, caller: Caller, resource: str) -> Grounds:
    """The same, read anew."""
    identity = db.identities.find_by_id(caller.identity_id) if caller.identity_id else None
    session = db.sessions.find(caller.session_id) if caller.session_id else None
    tags = {} if identity is None else dict(identity.tags)
    facts: Mapping[str, str] = {}
    policies = Policies()
    if identity is not None:
        boundary = db.identity_policies.boundary(identity)
        policies = replace(
            policies,
            identity=tuple(
                _source("identity", name, text) for name, text in db.identity_policies.in_force(identity.id)
            ),
            boundary=None if boundary is None else _source("boundary", *boundary),
        )
    if session is not None:
        tags |= session.tags
        facts = session.facts
        if session.policies:
            sources = [
                _source("session", f"session policy {number}", text)
                for number, text in enumerate(session.policies, 1)
            ]
            policies = replace(policies, session=tuple(sources))
    elif caller.session_id:
        policies = replace(policies, session=())  # it ended a moment ago: what limited it is gone, so all is

    narrow: Policies | None = None
    if (found := parse_repository_arn(resource)) is not None:
        registry, name = found
        text = db.repository_policies.find_named(registry, name)
        if text is not None:
            policies = with_repository_policy(policies, text, registry, name)
        text = db.registry_policies.find(registry) if registry.kind is Kind.PRIVATE else None
        if text is not None:
            if db.account_settings.find(registry, REGISTRY_POLICY_SCOPE) == "V1":
                narrow = policies
            source = Source(
                "resource", "registry policy", document.parse_stored(text, document.Kind.REGISTRY)
            )
            policies = replace(policies, resource=(*policies.resource, source))

    return Grounds(
        principal=principal_of(caller),
        principal_tags=folded(tags),
        session_facts={key.lower(): value for key, value in facts.items()},
        policies=policies,
        without_registry_policy=narrow,
    )


def with_repository_policy(policies: Policies, text: str, registry: Registry, name: str) -> Policies:
    """The policies, with that one as the repository's."""
    parsed = document.parse_stored(text, document.Kind.REPOSITORY, service=registry.kind)
    source = Source("resource", f"repository policy of {name}", parsed)
    others = tuple(each for each in policies.resource if not each.name.startswith("repository policy of "))
    return replace(policies, resource=(source, *others))


def trust_of(role: Identity | None) -> Source:
    """The trust policy of a role. One that is not there trusts nobody, so nobody learns which there are."""
    if role is None:
        return Source("trust", "the trust policy", document.parse_stored(TRUSTS_NOBODY, document.Kind.TRUST))
    parsed = document.parse_stored(role.trust_policy, document.Kind.TRUST)
    return Source("trust", f"trust policy of {role.name}", parsed)


def request_of(
    call: Asked, grounds: Grounds, action: str, resource: str, context: Mapping[str, Value] | None
) -> AccessRequest:
    """What the engine is asked. Context keys are found when a condition asks for them.

    action  with its service: ecr:PutImage
    """
    return AccessRequest(
        principal=grounds.principal,
        action=action,
        resource=resource,
        resource_account=owner_of(resource) or call.caller.account,
        context=Context(call, resource, grounds.principal_tags, {**grounds.session_facts, **(context or {})}),
    )


def principal_of(caller: Caller) -> Principal:
    return Principal(caller.type, caller.arn, caller.account, caller.principal_id, caller.role_arn)


def _source(kind: str, name: str, text: str) -> Source:
    return Source(kind, name, document.parse_stored(text, document.Kind.IDENTITY))


def _is_open_to_all(call: "Call", action: str) -> bool:
    return call.via_oci and call.registry.kind is Kind.PUBLIC and action in PULL_ACTIONS


def _may_see_why(call: "Call", request: AccessRequest) -> bool:
    """In `--dev` everybody; else whoever is of the account that owns the resource, if that wants it: the
    explanation tells of both sides' policies."""
    if call.stores.is_dev:
        return True
    if call.caller.account != request.resource_account:
        return False
    with call.reading() as db:
        return db.account_settings.find(call.registry, OPENECR_EXPLAIN_DENIALS) == "ENABLED"
