"""What is asked, by whom, and which policies have a say in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openecr.policy.document import Policy

IAM_PRINCIPALS = frozenset({"Account", "User", "AssumedRole", "FederatedUser"})
"""The types that belong to an account and have policies of their own. A service, an anonymous caller
and one whom an identity provider vouches for have none: the resource's side alone decides."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as policies name them.

    type      Account (its root), User, AssumedRole, FederatedUser, Anonymous, Service, WebIdentity
    arn       of an assumed role that of the session, of a service its name, of a web identity that
              of its provider, "anonymous"
    account   12 digits; empty where there is none
    id        the unique id: AIDA…, AROA…:session, the account; empty where there is none
    role_arn  of an assumed role: the role, with its path
    """

    type: str
    arn: str
    account: str
    id: str
    role_arn: str = ""

    @property
    def has_identity(self) -> bool:
        return self.type in IAM_PRINCIPALS


@dataclass(frozen=True, slots=True)
class AccessRequest:
    principal: Principal
    action: str  # ecr:PutImage
    resource: str  # an ARN, or "*" where the action has no resource
    resource_account: str  # the resource's owner; of "*" the caller's own
    context: Mapping[str, str | tuple[str, ...]]
    """Keys in lower case; a tuple is the value of a multi-valued key. It may be lazy: a key is asked
    for only when a condition or a variable of an otherwise fitting statement needs it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A policy and where it comes from."""

    kind: str  # identity, resource, boundary, session, trust, service control, resource control
    name: str  # as people call it: "user policy pull", "repository policy of team/app"
    policy: "Policy"


@dataclass(frozen=True, slots=True)
class Policies:
    """All that have a say in one request. Source: auth-iam.md §4.7."""

    identity: tuple[Source, ...] = ()
    boundary: Source | None = None
    session: tuple[Source, ...] | None = None  # None: no session policy. Of several, any may allow
    resource: tuple[Source, ...] = ()  # of repository and registry policy either may allow
    trust: Source | None = None  # for sts:AssumeRole*, in place of the resource policies: it must allow
    service_control: tuple[tuple[Source, ...], ...] | None = None  # levels, of which each must allow
    resource_control: tuple[tuple[Source, ...], ...] = ()

    @property
    def resource_side(self) -> tuple[Source, ...]:
        return (self.trust,) if self.trust else self.resource

    @property
    def every_source(self) -> tuple[Source, ...]:
        return (
            *(source for level in self.service_control or () for source in level),
            *(source for level in self.resource_control for source in level),
            *self.resource_side,
            *self.identity,
            *((self.boundary,) if self.boundary else ()),
            *(self.session or ()),
        )
