"""Referrers: images that name another as their subject.

As with all lists of images (image_lists.py), a page reads the rows it shows: there is a run of digests for
each subject and status, and one for each subject, type and status; those that pass a filter are merged.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice, product

from sqlalchemy import bindparam, select

from openecr.domain.image import ARCHIVED, Image
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.metadata.image_lists import ANY, statuses
from openecr.metadata.images import COLUMNS, image_of
from openecr.metadata.query import Connection, Query, Row
from openecr.metadata.schema import image

_run = (
    select(image.c.digest, *COLUMNS)
    .where(
        image.c.repository_id == bindparam("repository"),
        image.c.subject == bindparam("subject"),
        image.c.status == bindparam("status"),
        image.c.digest > bindparam("after"),
    )
    .order_by(image.c.digest)
)
_AFTER = Query(_run)
_AFTER_OF_TYPE = Query(_run.where(image.c.artifact_media_type == bindparam("artifact_type")))
_IS_ARCHIVED_WITH_SUBJECT = Query(
    select(image.c.id).where(
        image.c.id == bindparam("image"), image.c.status == ARCHIVED, image.c.archived_with_subject
    )
)
PAGE_BYTES = 8 << 20
"""A page ends once the manifests of its referrers have so many bytes: their annotations are shown."""


class Referrers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_subject(self, repository: Repository, subject: Digest, *, after: bytes, limit: int) -> list[Image]:
        """Up to `limit` referrers that name the subject by that digest, whatever their status."""
        return list(islice(self._each(repository, [subject.raw], (), ANY, after), limit))

    def is_archived_with_subject(self, which: Image) -> bool:
        """Whether it is archived because its subject was."""
        return self._connection.one(_IS_ARCHIVED_WITH_SUBJECT, image=which.id) is not None

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
        """Up to `limit` referrers by digest, from the one after `after`; and whether there are more.

        subjects        the bytes of the digests by which the subject is known (its sha256, its aliases)
        artifact_types  any of these; empty: all
        status          ACTIVE, ARCHIVED, ACTIVATING, ANY
        """
        found: list[Image] = []
        size_bytes = 0
        for each in self._each(repository, subjects, artifact_types, status, after):
            if len(found) == limit or size_bytes > PAGE_BYTES:
                return found, True
            found.append(each)
            size_bytes += each.manifest_size_bytes
        return found, False

    def _each(
        self,
        repository: Repository,
        subjects: Sequence[bytes],
        artifact_types: Sequence[str],
        status: str,
        after: bytes,
    ) -> Iterator[Image]:
        """All that pass, by digest, as they are asked for."""
        query = _AFTER_OF_TYPE if artifact_types else _AFTER
        types = [{"artifact_type": each} for each in dict.fromkeys(artifact_types)] or [{}]
        runs: Iterator[Iterator[Row]] = (
            self._connection.each(
                query, repository=repository.id, subject=subject, status=one, after=after, **of_type
            )
            for subject, one, of_type in product(subjects, statuses(status), types)
        )
        return (image_of(row[1:]) for row in merge(*runs, key=lambda row: row[0]))
