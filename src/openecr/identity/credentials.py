"""Access keys: make, parse, check. Where they are kept, and whose they are, is for others to know.

Source: auth-iam.md §2.2.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from openecr.identity.caller import Caller

LONG_TERM_PREFIX = "AKIA"
SESSION_PREFIX = "ASIA"
TOKEN_PREFIX = "OECR"  # noqa: S105 - by which people and scanners know one of ours
TOKEN_BYTES = 48

_ID = re.compile(r"[A-Za-z0-9_]{16,128}")  # the service model's AccessKeyIdType
_SECRET = re.compile(r"[!-~]{16,128}")


class InvalidAccessKey(ValueError):
    """A text that can be no access key id, or no secret. The message never holds the secret."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An access key that exists and may be used, and whose it is: what a look-up by its id finds."""

    caller: Caller  # without the circumstances of a request
    secret: str = field(repr=False)
    session_token_sha256: bytes | None = field(default=None, repr=False)  # None: a long-term key
    expires_at: datetime | None = None  # of a temporary one: the first moment it no longer holds


def make_access_key() -> AccessKey:
    """A new long-term key: AKIA and 16 of A–Z and 2–7; 40 characters of secret (240 random bits)."""
    return _new_key(LONG_TERM_PREFIX)


def make_session_key() -> AccessKey:
    """A new temporary key, of the same form but for its ASIA. It is used with a session token."""
    return _new_key(SESSION_PREFIX)


def make_session_token() -> str:
    """What must come with a temporary key: OECR and 64 characters of base64 (384 random bits).

    It says nothing: what it stands for is kept, under its key's id.
    """
    return TOKEN_PREFIX + base64.b64encode(secrets.token_bytes(TOKEN_BYTES)).decode()


def token_sha256(token: str) -> bytes:
    """As which a session token is kept: it has so many random bits that no hash need be slow."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def parse_access_key(id: str, secret: str) -> AccessKey:
    """A key that someone chose, such as the root's in the environment.

    The id is of the service model's form, not necessarily of ours: tools have keys of their own. The
    secret is printable ASCII without blanks, 16 to 128 characters [proposed].
    Raises InvalidAccessKey
    """
    if not _ID.fullmatch(id):
        raise InvalidAccessKey("An access key id has 16 to 128 letters, digits and underscores.")
    if not _SECRET.fullmatch(secret):
        raise InvalidAccessKey("A secret access key has 16 to 128 printable characters and no blanks.")
    return AccessKey(id, secret)


def matches(given: str, expected: str) -> bool:
    """Whether two secret texts are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )


def _new_key(prefix: str) -> AccessKey:
    tail = base64.b32encode(secrets.token_bytes(10)).decode()
    return AccessKey(prefix + tail, base64.b64encode(secrets.token_bytes(30)).decode())
