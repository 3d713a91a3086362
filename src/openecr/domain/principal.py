"""Accounts' identities as they are stored: users, groups, roles, access keys, sessions, policies.

An identity is found by its name, whose case does not count but is kept, and known by its unique id, which
is never given twice: a user made anew under an old name is another. Source: auth-iam.md §2.2, §4.2.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

ACTIVE = "Active"
INACTIVE = "Inactive"
AWS_ACCOUNT = "aws"
"""The account that AWS's own managed policies are of, as their ARNs say."""
AWS_POLICIES = f"arn:aws:iam::{AWS_ACCOUNT}:policy/"
"""Where the ARNs of AWS's managed policies begin. Source: auth-iam.md §5.5."""


class IdentityKind(StrEnum):
    USER = "user"
    GROUP = "group"
    ROLE = "role"


ID_PREFIXES = {IdentityKind.USER: "AIDA", IdentityKind.GROUP: "AGPA", IdentityKind.ROLE: "AROA"}
POLICY_ID_PREFIX = "ANPA"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, a group or a role. What only a role has is empty for the others."""

    id: str  # AIDA…, AGPA…, AROA…
    kind: IdentityKind
    account: str
    path: str  # /, /division/team/
    name: str
    created_at: datetime
    boundary_arn: str | None = None  # of the managed policy that bounds its permissions; no group has one
    tags: Mapping[str, str] = field(default_factory=dict)  # in the order they were set; no group has any
    trust_policy: str = ""  # JSON, principals as unique ids where they were known
    description: str | None = None
    max_session_seconds: int = 3600

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:{self.kind}{self.path}{self.name}"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term key of a user or, without one, of the account's root."""

    id: str  # AKIA…, or one that was chosen
    account: str
    user_id: str | None  # AIDA…; None: the root's
    sealed_secret: bytes = field(repr=False)
    status: str  # Active, Inactive
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A temporary credential: of an assumed role, or of a user or root with GetSessionToken."""

    access_key_id: str  # ASIA…
    account: str
    identity_id: str | None  # AROA… or AIDA…; None: the root's
    arn: str  # what the caller is called: assumed-role/NAME/SESSION, or the user's or root's own
    principal_id: str  # AROA…:SESSION, AIDA…, the account's number
    sealed_secret: bytes = field(repr=False)
    token_sha256: bytes = field(repr=False)  # of the session token
    issued_at: datetime
    expires_at: datetime
    policies: tuple[str, ...] = ()  # session policies, as JSON texts; of several, the union
    tags: Mapping[str, str] = field(default_factory=dict)  # session tags; they overlay those of the role
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str = ""
    has_mfa: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    """Further context keys that hold for the session, such as an OIDC provider's `HOST:sub`."""


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    id: str  # ANPA…
    account: str  # 12 digits; `aws` for AWS's own
    path: str
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    default_version: int  # 1 for v1
    latest_version: int  # the highest number there ever was
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:policy{self.path}{self.name}"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    number: int  # 1 for v1
    document: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OidcProvider:
    account: str
    url: str  # without https://: oidc.example.com/path
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:oidc-provider/{self.url}"


def policy_size(text: str) -> int:
    """The characters of a policy that count against a quota: all but JSON's white space, wherever that is.

    Source: IAM user guide, "IAM and AWS STS quotas": "IAM doesn't count white space"
    """
    return len(text) - sum(map(text.count, " \t\n\r"))


def new_id(prefix: str) -> str:
    """A unique id: the prefix and 17 of A–Z and 2–7 (85 random bits)."""
    return prefix + base64.b32encode(secrets.token_bytes(11)).decode()[:17]
