"""Garbage: blobs that nothing holds, and bytes that nobody can find any more. Source: reliability.md §3."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from openecr.domain.names import Digest

UNUSED = "nothing used it and no lease was left"
COPY = "the same bytes were there already"
ORPHAN = "no row speaks of it"
MOVED = "they are in another place now"
UNFINISHED = "they were to become a copy, which nobody finished"
REPLACED = "its bytes were lost or damaged, and came anew"

DOWNLOAD_LIFE = timedelta(hours=1)
"""How long the URL of a layer is good (control-plane.md §3.7)."""
REMOVAL_DELAY = max(DOWNLOAD_LIFE, timedelta(hours=1))
"""How long bytes stay that nobody finds any more: somebody may be on the way to them (rule 5)."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Bytes that are to go. From when this is written nobody finds them; who found them before has time
    until `due_at`."""

    key: str
    tier: str
    digest: Digest
    size_bytes: int
    reason: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Amount:
    blobs: int
    size_bytes: int
