"""What a path and a query say: percent-encoding undone, digests and tags told from what is none.

Source: data-plane.md §1.1; the texts of refusals: control-plane.md §1.7.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from openecr.domain import names
from openecr.domain.names import DIGEST_PATTERN, TAG_PATTERN, Digest, InvalidName
from openecr.errors import InvalidParameterException
from openecr.oci.error_response import Refused, error

COUNT: Final = re.compile(r"[0-9]{1,19}")
"""How many, as `?n=` says it, in no more digits than the largest 64-bit number has."""


def values_of(query: str, parameter: str) -> list[str]:
    """The values of a parameter, decoded, in order; "" where it stands without one.

    A plus sign stays one: no value of this protocol holds a blank, and media types are often sent bare.
    """
    pairs = (part.partition("=") for part in query.split("&"))
    return [decoded(value) for name, _, value in pairs if decoded(name) == parameter]


def decoded(text: str) -> str:
    """Percent-encoding undone, once.

    What is no UTF-8, and control characters, NUL among them, become U+FFFD, which no grammar of names,
    tags or digests accepts and every database does.
    """
    if "%" not in text and text.isascii() and text.isprintable():
        return text
    plain = unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in plain)


def parse_digest(text: str, member: str) -> Digest:
    """Refused with 400 DIGEST_INVALID unless it is one; `member` is ECR's name for what it stands for."""
    try:
        return Digest.parse(text)
    except InvalidName:
        raise Refused(error(400, "DIGEST_INVALID", _pattern_failed(member, DIGEST_PATTERN))) from None


def parse_tag(text: str) -> str:
    """Refused with 400 TAG_INVALID unless it is one."""
    try:
        return names.parse_tag(text)
    except InvalidName:
        raise Refused(error(400, "TAG_INVALID", _pattern_failed("imageTag", TAG_PATTERN))) from None


def _pattern_failed(member: str, pattern: str) -> str:
    reason = f"must satisfy regular expression '{pattern}'"
    return InvalidParameterException(member=member, reason=reason).text
