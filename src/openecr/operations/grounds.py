"""What a decision rests on: the policies that are in force for one principal and one resource, as stored.

They are read once per state of the database (Database.recall, by authorize.py), compiled once per text
(policy.document.parse_stored), and decisions are remembered with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from openecr.domain.account_settings import REGISTRY_POLICY_SCOPE
from openecr.domain.principal import Identity
from openecr.domain.registry import Kind, parse_repository_arn
from openecr.identity.caller import Caller
from openecr.metadata.database import Transaction
from openecr.operations.context_keys import Value, folded, is_lasting
from openecr.policy import document
from openecr.policy.evaluate import Decision, evaluate
from openecr.policy.request import AccessRequest, Policies, Principal, Source

REMEMBERED = 64
"""Decisions about one action by one principal on one resource: by source address, say, or time."""
REMEMBERED_CHARACTERS = 256
"""Of the values a decision is remembered by: a caller may send what it likes."""
V1_ACTIONS = frozenset({"ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"})
"""The actions a registry policy of scope V1 speaks of. Source: control-plane.md §5.5."""
TRUSTS_NOBODY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.invalid"},'
    '"Action":"sts:AssumeRole"}]}'
)


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


def read_grounds(
    db: Transaction, caller: Caller, resource: str, *, repository_policy: str | None = None
) -> Grounds:
    """What a decision about a caller and a resource, an ARN or `*`, rests on.

    repository_policy  as it is stored, to be in force in place of the one that is
    """
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
        text = repository_policy or db.repository_policies.find_named(registry, name)
        if text is not None:
            parsed = document.parse_stored(text, document.Kind.REPOSITORY, service=registry.kind)
            policies = replace(
                policies, resource=(Source("resource", f"repository policy of {name}", parsed),)
            )
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


def trust_of(role: Identity | None) -> Source:
    """The trust policy of a role. One that is not there trusts nobody, so nobody learns which there are."""
    if role is None:
        return Source("trust", "the trust policy", document.parse_stored(TRUSTS_NOBODY, document.Kind.TRUST))
    parsed = document.parse_stored(role.trust_policy, document.Kind.TRUST)
    return Source("trust", f"trust policy of {role.name}", parsed)


def principal_of(caller: Caller) -> Principal:
    return Principal(caller.type, caller.arn, caller.account, caller.principal_id, caller.role_arn)


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


def _source(kind: str, name: str, text: str) -> Source:
    return Source(kind, name, document.parse_stored(text, document.Kind.IDENTITY))
