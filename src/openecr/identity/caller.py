"""Who asks: a principal, and the circumstances of the request that policies may ask about."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

ANONYMOUS = "anonymous"
REMEMBERED = 1024
REMEMBERED_CHARACTERS = 256
"""Of a User-Agent, which may be as long as a head: such callers are made anew each time."""


class PrincipalType(StrEnum):
    """The kinds of principals, by the values of `aws:PrincipalType`. Source: auth-iam.md §4.6."""

    ROOT = "Account"
    USER = "User"
    ROLE = "AssumedRole"
    FEDERATED = "FederatedUser"
    ANONYMOUS = "Anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    type: PrincipalType
    arn: str  # of a role's session: arn:aws:sts::A:assumed-role/NAME/SESSION; "anonymous"
    account: str  # 12 digits; empty for an anonymous caller
    principal_id: str  # AIDA…, AROA…:SESSION, the account's number for its root; empty if anonymous
    access_key_id: str = ""  # what the request was signed with, or its token was got with
    session_id: str = ""  # the access key id of a temporary credential: its session's row
    role_arn: str = ""  # of a role's session: arn:aws:iam::A:role/path/NAME
    token_issued_at: datetime | None = None  # when a temporary credential was issued
    has_mfa: bool = False
    source_address: str = ""
    user_agent: str = ""
    is_secure: bool = False  # over TLS, as far as we or a trusted proxy can tell

    def at(self, source_address: str, user_agent: str, is_secure: bool) -> "Caller":
        """The same in the circumstances of a request."""
        if len(user_agent) > REMEMBERED_CHARACTERS:
            return _at.__wrapped__(self, source_address, user_agent, is_secure)
        return _at(self, source_address, user_agent, is_secure)

    @property
    def is_anonymous(self) -> bool:
        return self.type is PrincipalType.ANONYMOUS

    @property
    def is_root(self) -> bool:
        return self.type is PrincipalType.ROOT

    @property
    def identity_id(self) -> str:
        """The unique id of the user or role whose policies count: AIDA…, AROA…; empty for all others."""
        if self.type is PrincipalType.USER or self.type is PrincipalType.ROLE:
            return self.principal_id.partition(":")[0]
        return ""


@lru_cache(maxsize=REMEMBERED)
def _at(caller: Caller, source_address: str, user_agent: str, is_secure: bool) -> Caller:
    """Remembered, because to make it takes 3 µs, and clients ask again and again."""
    return replace(caller, source_address=source_address, user_agent=user_agent, is_secure=is_secure)


def root_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def root_caller(
    account: str,
    *,
    access_key_id: str = "",
    source_address: str = "",
    user_agent: str = "",
    is_secure: bool = False,
) -> Caller:
    return Caller(
        PrincipalType.ROOT,
        root_arn(account),
        account,
        account,
        access_key_id,
        source_address=source_address,
        user_agent=user_agent,
        is_secure=is_secure,
    )


def anonymous_caller(*, source_address: str = "", user_agent: str = "", is_secure: bool = False) -> Caller:
    return Caller(
        PrincipalType.ANONYMOUS,
        ANONYMOUS,
        "",
        "",
        source_address=source_address,
        user_agent=user_agent,
        is_secure=is_secure,
    )
