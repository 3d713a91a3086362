"""An alias: a name of an account's public registry, as in `public.ecr.aws/ALIAS/repository`.

An account is given one, the default, with its first public repository; others are the operator's to give. Any
of them works wherever a registry is named, and the primary one is shown. Source: control-plane.md §9.2.
"""

import re
from dataclasses import dataclass
from typing import Final

from openecr.domain.registry import ALIAS

SHORTEST: Final = 2
LONGEST: Final = 50

RESERVED: Final = frozenset(
    {"amazon", "aws", "docker", "ecr", "gallery", "library", "marketplace", "openecr", "public", "test"}
)
"""Words that would say of a publisher what is not so. Source: advanced-features.md §9.1; and ours."""


@dataclass(frozen=True, slots=True)
class RegistryAlias:
    name: str
    is_primary: bool
    is_default: bool


def check_name(name: str) -> str | None:
    """What is wrong with a name for an alias, or None."""
    if not SHORTEST <= len(name) <= LONGEST or not ALIAS.fullmatch(name):
        return (
            f"An alias has {SHORTEST} to {LONGEST} lower-case letters and digits, of which the first is a "
            "letter; between them may be single dots, hyphens and underscores."
        )
    return None


def reserved_word(name: str) -> str | None:
    """The word in the name, if any, that no publisher should be called by."""
    return next((word for word in re.split("[._-]", name) if word in RESERVED), None)
