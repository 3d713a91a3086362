"""Referrers: images that name another as their subject."""

from collections.abc import Sequence
from heapq import merge
from itertools import islice

from sqlalchemy import bindparam, select

from openecr.domain.image import Image
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.metadata.images import ANY, COLUMNS, image_of
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import image

_AFTER = Query(
    select(*COLUMNS)
    .where(
        image.c.repository_id == bindparam("repository"),
        image.c.subject == bindparam("subject"),
        image.c.digest > bindparam("after"),
    )
    .order_by(image.c.digest)
)
PAGE_BYTES = 8 << 20
"""A page ends once the manifests of its referrers have so many bytes: their annotations are shown."""


class Referrers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_subject(self, repository: Repository, subject: Digest, *, after: bytes, limit: int) -> list[Image]:
        """Up to `limit` referrers that name the subject by that digest, whatever their status."""
        rows = self._connection.each(_AFTER, repository=repository.id, subject=subject.raw, after=after)
        return [image_of(row) for row in islice(rows, limit)]

    def page(
        self,
        repository: Repository,
        subjects: Sequence[bytes],
        *,
        artifact_types: Sequence[str],
        status: str,
        after: bytes,
        limit: int,
    ) -> tuple[list[Image], bool]:
        """Up to `limit` referrers by digest, from the one after `after`; and whether there may be more.

        subjects        the bytes of the digests by which the subject is known (its sha256, its aliases)
        artifact_types  any of these; empty: all
        status          ACTIVE, ARCHIVED, ACTIVATING, ANY
        """
        found: list[Image] = []
        size_bytes = 0
        rows = (
            self._connection.each(_AFTER, repository=repository.id, subject=subject, after=after)
            for subject in subjects
        )
        for row in merge(*rows, key=lambda row: row[1]):
            each = image_of(row)
            if artifact_types and each.artifact_media_type not in artifact_types:
                continue
            if status not in (ANY, each.status):
                continue
            if len(found) == limit or size_bytes > PAGE_BYTES:
                return found, True
            found.append(each)
            size_bytes += each.manifest_size_bytes
        return found, False
