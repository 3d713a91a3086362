"""Principals: whom a statement of a resource or trust policy speaks of. Source: auth-iam.md §4.2.

A user or role is written as its ARN, or as its unique id where it was known when the policy was
saved: then a namesake made later is another. An account stands for all that is in it.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from openecr.policy.malformed import MalformedPolicy
from openecr.policy.request import Principal

ACCOUNT = re.compile(r"[0-9]{12}")
ROOT_ARN = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")
AWS = re.compile(
    r"\*|[0-9]{12}|A(?:IDA|ROA)[A-Z0-9]{12,124}"
    r"|arn:aws[a-z-]*:iam::[0-9]{12}:(?:root|(?:user|role)/[!-)+->@-~]+)"  # no * and no ?
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:(?:assumed-role/[\w+=,.@-]+|federated-user)/[\w+=,.@-]+",
    re.ASCII,
)
HOST = r"[a-z0-9-]+(?:\.[a-z0-9-]+)+"
KINDS = {
    "AWS": AWS,
    "Service": re.compile(HOST),
    "Federated": re.compile(rf"(?:arn:aws[a-z-]*:iam::[0-9]{{12}}:(?:oidc|saml)-provider/|{HOST})[^\s*?]*"),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}"),  # an owner of S3's: never a caller here
}
"""How principals are written, by kind. A wildcard never stands for part of a name."""


class Grant(IntEnum):
    """How a statement names a principal: the more directly, the less else it takes to be allowed."""

    NONE = 0
    ACCOUNT = 1  # by its account, which leaves it to the principal's own policies
    ROLE = 2  # by its role, which boundary and session policy limit
    DIRECT = 3  # itself, or everyone


@dataclass(frozen=True, slots=True, eq=False)
class Principals:
    """What a Principal or NotPrincipal element names."""

    is_not: bool = False  # a NotPrincipal: all but those named
    is_everyone: bool = False  # "*"
    is_every_aws: bool = False  # {"AWS": "*"}: everyone but those a provider vouches for
    accounts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()  # AWS principals as written: ARNs, unique ids
    services: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    aws: tuple[str, ...] = ()  # accounts and names as written

    def grant(self, principal: Principal) -> Grant:
        """How, if at all, the element means the principal; one that NotPrincipal leaves in, directly."""
        if self.is_not:
            return Grant.NONE if self._exempts(principal) else Grant.DIRECT
        return self._named(principal)

    def _named(self, principal: Principal) -> Grant:
        if self.is_everyone:
            return Grant.DIRECT
        if principal.type == "WebIdentity":
            return Grant.DIRECT if self._names_provider(principal) else Grant.NONE
        if self.is_every_aws or self._names_itself(principal):
            return Grant.DIRECT
        if self._names_role(principal):
            return Grant.ROLE
        if principal.has_identity and principal.account in self.accounts:
            return Grant.DIRECT if principal.type == "Account" else Grant.ACCOUNT
        return Grant.NONE

    def _exempts(self, principal: Principal) -> bool:
        """Whether a NotPrincipal element leaves the principal out: it must name all that it is, its
        account, its role if it has one, and itself. Source: auth-iam.md §4.2, vectors R16, R17."""
        if not principal.has_identity:
            return self._named(principal) is Grant.DIRECT
        if self.is_everyone or self.is_every_aws:
            return True
        return (
            principal.account in self.accounts
            and (principal.type != "AssumedRole" or self._names_role(principal))
            and (principal.type == "Account" or self._names_itself(principal))
        )

    def _names_itself(self, principal: Principal) -> bool:
        if principal.type == "Service":
            return principal.arn in self.services
        return principal.arn in self.names or (principal.type == "User" and principal.id in self.names)

    def _names_role(self, principal: Principal) -> bool:
        return principal.type == "AssumedRole" and (
            principal.role_arn in self.names or principal.id.partition(":")[0] in self.names
        )

    def _names_provider(self, principal: Principal) -> bool:
        return bool(self.providers & {principal.arn, principal.arn.partition("oidc-provider/")[2]})


def compile_principals(element: object, *, is_not: bool, takes_providers: bool) -> Principals:
    """What a Principal or NotPrincipal element says.

    is_not           it is a NotPrincipal
    takes_providers  identity providers may be named: in trust policies
    Raises MalformedPolicy.
    """
    if element == "*":
        return Principals(is_not=is_not, is_everyone=True)
    if not isinstance(element, dict) or not element:
        raise MalformedPolicy('a principal is "*" or an object that names some')
    named = {kind: _texts(kind, value) for kind, value in element.items()}
    if unknown := named.keys() - KINDS.keys():
        raise MalformedPolicy(f"there are no {min(unknown)[:60]!r} principals")
    if "Federated" in named and not takes_providers:
        raise MalformedPolicy("identity providers are principals of trust policies alone")
    for kind, texts in named.items():
        for text in texts:
            if not KINDS[kind].fullmatch(text):
                raise MalformedPolicy(f"{text[:120]!r} is no {kind} principal")
    aws = named.get("AWS", ())
    return Principals(
        is_not=is_not,
        is_every_aws="*" in aws,
        accounts=frozenset(filter(None, map(account_of, aws))),
        names=frozenset(aws),
        services=frozenset(named.get("Service", ())),
        providers=frozenset(named.get("Federated", ())),
        aws=tuple(text for text in aws if text != "*"),
    )


def account_of(text: str) -> str | None:
    """The account an AWS principal names as a whole, by its number or its root; None for any other."""
    if ACCOUNT.fullmatch(text):
        return text
    root = ROOT_ARN.fullmatch(text)
    return root[1] if root else None


def _texts(kind: str, value: object) -> tuple[str, ...]:
    texts = tuple(value) if isinstance(value, list) else (value,)
    if not texts or not all(type(each) is str for each in texts):
        raise MalformedPolicy(f"{kind[:60]} principals are one text or a list of some")
    return texts
