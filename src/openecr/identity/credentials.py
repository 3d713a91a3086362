"""Access keys: make, parse, check. Where they are kept, and whose they are, is for others to know.

Source: auth-iam.md §2.2.
"""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, field

LONG_TERM_PREFIX = "AKIA"

_ID = re.compile(r"[A-Za-z0-9_]{16,128}")  # the service model's AccessKeyIdType
_SECRET = re.compile(r"[!-~]{16,128}")


class InvalidAccessKey(ValueError):
    """A text that can be no access key id, or no secret. The message never holds the secret."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str
    secret: str = field(repr=False)


def make_access_key() -> AccessKey:
    """A new long-term key: AKIA and 16 of A–Z and 2–7; 40 characters of secret (240 random bits)."""
    tail = base64.b32encode(secrets.token_bytes(10)).decode()
    return AccessKey(LONG_TERM_PREFIX + tail, base64.b64encode(secrets.token_bytes(30)).decode())


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
