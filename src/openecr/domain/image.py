"""An image: a manifest in a repository, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from openecr.domain.names import Digest
from openecr.domain.tier import STANDARD

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
ACTIVATING = "ACTIVATING"
STATUSES = (ACTIVE, ARCHIVED, ACTIVATING)

LEASE = timedelta(hours=24)
"""How long a layer given to a repository is kept for a manifest to come (reliability.md §3, rule 2)."""
LEASE_RENEWAL = timedelta(hours=12)
"""Whoever is told that a layer is there has at least so much of a lease before him: he need not upload it,
and his manifest may come late. Below that the lease is renewed."""


@dataclass(frozen=True, slots=True)
class Image:
    id: int
    digest: Digest  # sha256 of the manifest's bytes
    media_type: str
    artifact_media_type: str | None
    size_bytes: int  # of what it refers to; of an index, its largest child's
    manifest_size_bytes: int
    subject: Digest | None
    annotations: Mapping[str, str]
    pushed_at: datetime  # the first push of this digest, UTC
    status: str = ACTIVE  # ACTIVE, ARCHIVED, ACTIVATING
    pulled_at: datetime | None = None  # as last recorded
    archived_at: datetime | None = None
    activated_at: datetime | None = None  # when it was last restored


@dataclass(frozen=True, slots=True)
class TagDetail:
    """A tag, and since when it has its name."""

    name: str
    image: Image
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Layer:
    """Content that a repository was given: uploaded to it whole, or mounted."""

    blob_id: int
    digest: Digest
    size_bytes: int
    key: str  # where the blob store has it
    lease_until: datetime  # kept in the repository until then, used or not
    tier: str = STANDARD

    def needs_renewal(self, at: datetime) -> bool:
        """Whether its lease is too short to promise that it is there."""
        return self.lease_until - at < LEASE_RENEWAL
