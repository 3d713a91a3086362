"""Names people give: parsed once at the edge, so a value of these types is valid because it exists.

Grammar: OCI distribution specification ("Pulling manifests") and the service models' patterns.
Parsing raises InvalidName with the text that failed; which error that is, the caller knows.
"""

import re
from dataclasses import dataclass
from typing import Self

PRIVATE_REPOSITORY_NAME = re.compile(
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)
PUBLIC_REPOSITORY_NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
DIGEST = re.compile(r"(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})")

DIGEST_PATTERN = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
"""What ECR takes for a digest, and prints where something is none (control-plane.md §1.7). Our grammar is
stricter: what fits this pattern alone is a digest that nothing here has."""
TAG_PATTERN = "[a-zA-Z0-9-_.]+"
"""What ECR prints where a tag is malformed (control-plane.md §1.7)."""

_LIKE_DIGEST = re.compile(DIGEST_PATTERN)


class InvalidName(ValueError):
    """A text that is no name of the kind asked for."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """`sha256:…` or `sha512:…` of exact bytes."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        if not DIGEST.fullmatch(text):
            raise InvalidName(text)
        return cls(text)

    @classmethod
    def of_sha256(cls, raw: bytes) -> Self:
        """The digest whose 32 bytes these are."""
        return cls("sha256:" + raw.hex())

    @property
    def algorithm(self) -> str:
        return self.text[:6]

    @property
    def raw(self) -> bytes:
        """Its 32 or 64 bytes."""
        return bytes.fromhex(self.text[7:])

    def __str__(self) -> str:
        return self.text


def find_digest(text: str) -> Digest | None:
    """The digest that something here may be known by; None where nothing can: `md5:…`, `sha256:ABC`."""
    return Digest(text) if DIGEST.fullmatch(text) else None


def is_like_digest(text: str) -> bool:
    """Whether ECR takes a text for a digest, be it of something or of nothing."""
    return _LIKE_DIGEST.fullmatch(text) is not None


def parse_tag(text: str) -> str:
    if not TAG.fullmatch(text):
        raise InvalidName(text)
    return text
