"""What perhaps nobody needs any more, and what nobody does. Source: reliability.md §3.

Whoever takes a reference or a lease away from a blob writes, in the same transaction, since when it may be
without any; the collector reads that queue alone, so its cost follows what changes and not what is there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, bindparam, cast, delete, exists, func, select, update
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.sql import ColumnElement

from openecr.domain.garbage import UNUSED, Amount, Removal
from openecr.domain.names import Digest
from openecr.failpoints import fp
from openecr.metadata.query import Connection, Query, chosen, json_ids, milliseconds, moment
from openecr.metadata.removals import Removals
from openecr.metadata.schema import (
    blob,
    bookmark,
    digest_alias,
    garbage_review,
    image,
    image_blob,
    repository_blob,
)

CLOCK = "clock"
"""The bookmark with the latest time that was believed (domain/collecting.py), in milliseconds."""


def by_the_clock(name: str) -> ColumnElement[int]:
    """The time in the parameter of that name, but none before the latest that was believed: where the clock
    goes back and comes right again, what was promised meanwhile is not over at once (rule 10)."""
    mark = select(cast(bookmark.c.value, BigInteger)).where(bookmark.c.name == CLOCK).scalar_subquery()
    return func.max(bindparam(name, type_=BigInteger), func.coalesce(mark, 0))


_since = by_the_clock("at") + bindparam("after", type_=BigInteger)


def _later(adding: Insert) -> Query:
    """A blob that is to be looked at already is looked at at the later of both times."""
    return Query(
        adding.on_conflict_do_update(
            index_elements=["blob_id"],
            set_={"since": func.max(garbage_review.c.since, adding.excluded.since)},
        )
    )


_REVIEW = _later(insert(garbage_review).values(blob_id=bindparam("blob"), since=_since))
_REVIEW_IMAGES = _later(
    insert(garbage_review).from_select(
        ["blob_id", "since"],
        select(image_blob.c.blob_id, _since).where(image_blob.c.image_id.in_(chosen)).distinct(),
    )
)
_REVIEW_REPOSITORY = _later(
    insert(garbage_review).from_select(
        ["blob_id", "since"],
        select(repository_blob.c.blob_id, _since).where(
            repository_blob.c.repository_id == bindparam("repository")
        ),
    )
)

# Of the blob of a review.
_THE_BLOB = blob.c.id == bindparam("blob")
_LINK_OF_BLOB = repository_blob.c.blob_id == bindparam("blob")
_is_used_here = exists().where(
    image_blob.c.blob_id == repository_blob.c.blob_id,
    image_blob.c.repository_id == repository_blob.c.repository_id,
)
_DUE = Query(
    select(garbage_review.c.blob_id, blob.c.key, blob.c.tier, blob.c.digest, blob.c.size_bytes)
    .join_from(garbage_review, blob, blob.c.id == garbage_review.c.blob_id)
    .where(garbage_review.c.since <= bindparam("before"))
    .order_by(garbage_review.c.since)
    .limit(bindparam("limit"))
)
_ENDED_LINKS = Query(
    select(repository_blob.c.repository_id).where(
        _LINK_OF_BLOB, repository_blob.c.lease_until <= bindparam("before"), ~_is_used_here
    )
)
_UNLINK = Query(
    delete(repository_blob).where(_LINK_OF_BLOB, repository_blob.c.repository_id == bindparam("repository"))
)
# A manifest may have been pushed as a layer, too: then the alias is its image's.
_FORGET_ALIASES = Query(
    delete(digest_alias).where(
        digest_alias.c.repository_id == bindparam("repository"),
        digest_alias.c.target == bindparam("digest"),
        ~exists().where(
            image.c.repository_id == bindparam("repository"), image.c.digest == bindparam("digest")
        ),
    )
)
_LAST_LEASE = Query(select(func.max(repository_blob.c.lease_until)).where(_LINK_OF_BLOB, ~_is_used_here))
_IS_REFERRED_TO = Query(select(exists().where(image_blob.c.blob_id == bindparam("blob"))))
_UNLINK_ALL = Query(delete(repository_blob).where(_LINK_OF_BLOB))
_DROP = Query(delete(garbage_review).where(garbage_review.c.blob_id == bindparam("blob")))
_POSTPONE = Query(
    update(garbage_review)
    .where(garbage_review.c.blob_id == bindparam("blob"))
    .values(since=bindparam("until"))
)
_DELETE = Query(delete(blob).where(_THE_BLOB))

# Of all that is due.
_is_unused = ~exists().where(image_blob.c.blob_id == blob.c.id)
_has_no_lease = ~exists().where(
    repository_blob.c.blob_id == blob.c.id, repository_blob.c.lease_until > bindparam("before")
)
_dead = (garbage_review.c.since <= bindparam("before"), _is_unused, _has_no_lease)
_DEAD_AMOUNT = Query(
    select(func.count(), func.coalesce(func.sum(blob.c.size_bytes), 0))
    .join_from(garbage_review, blob, blob.c.id == garbage_review.c.blob_id)
    .where(*_dead)
)
_DEAD = Query(
    select(blob.c.digest, blob.c.size_bytes)
    .join_from(garbage_review, blob, blob.c.id == garbage_review.c.blob_id)
    .where(*_dead)
    .order_by(garbage_review.c.since)
    .limit(bindparam("limit"))
)
_HAS_DUE = Query(
    select(
        exists().where(garbage_review.c.since <= bindparam("before"), blob.c.id == garbage_review.c.blob_id)
    )
)
_STORED = Query(select(func.count(), func.coalesce(func.sum(blob.c.size_bytes), 0)).select_from(blob))
_WAITING = Query(select(func.count(), func.min(garbage_review.c.since)).select_from(garbage_review))


class Garbage:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Whoever takes something away.

    def review(self, blob_id: int, *, since: datetime, after: timedelta = timedelta(0)) -> None:
        """Perhaps nothing holds the blob, from so long after that moment on."""
        self._connection.run(_REVIEW, blob=blob_id, at=milliseconds(since), after=_milliseconds(after))

    def review_images(self, ids: Sequence[int], *, since: datetime) -> None:
        """Perhaps nothing holds the blobs that these images use, which are about to go."""
        self._connection.run(_REVIEW_IMAGES, ids=json_ids(ids), at=milliseconds(since), after=0)

    def review_repository(self, repository_id: int, *, since: datetime) -> None:
        """The same for all blobs that a repository was given, before it goes."""
        self._connection.run(_REVIEW_REPOSITORY, repository=repository_id, at=milliseconds(since), after=0)

    # The collector.

    def has_due(self, *, before: datetime) -> bool:
        """Whether any review has waited since then."""
        return self._connection.holds(_HAS_DUE, before=milliseconds(before))

    def collect(self, *, before: datetime, due_at: datetime, limit: int) -> list[Removal]:
        """Look at up to `limit` blobs whose reviews have waited since `before`; whether anything holds them
        is asked now, in this transaction (rule 5).

        A blob that nothing holds is nobody's from the commit on (rule 6): its row goes, and its bytes are
        to be removed at `due_at`. Where others hold it, the right of a repository goes that has no use for
        it and whose lease has ended. Either way its review waits no more, or for later.
        Returns what is to be removed.
        """
        rows = self._connection.all(_DUE, before=milliseconds(before), limit=limit)
        removals = []
        for blob_id, key, tier, digest, size_bytes in rows:
            self._take_rights(blob_id, digest, before)
            if fp("gc.recheck") or not self._is_held(blob_id):
                removals.append(Removal(key, tier, Digest.of_sha256(digest), size_bytes, UNUSED, due_at))
                self._delete(blob_id, removals[-1])
        return removals

    def _take_rights(self, blob_id: int, digest: bytes, before: datetime) -> None:
        """From the repositories that have no use for the blob and whose leases ended before then."""
        for (place,) in self._connection.all(_ENDED_LINKS, blob=blob_id, before=milliseconds(before)):
            self._connection.run(_UNLINK, blob=blob_id, repository=place)
            self._connection.run(_FORGET_ALIASES, repository=place, digest=digest)

    def _is_held(self, blob_id: int) -> bool:
        """By an image or by a lease (rule 1). If so it is looked at again when its last lease ends or,
        without any, when something is taken from it again."""
        [last_lease] = self._connection.one(_LAST_LEASE, blob=blob_id) or (None,)
        is_used = self._connection.holds(_IS_REFERRED_TO, blob=blob_id)
        if last_lease is not None:
            self._connection.run(_POSTPONE, blob=blob_id, until=last_lease)
        elif is_used:
            self._connection.run(_DROP, blob=blob_id)
        return last_lease is not None or is_used

    def _delete(self, blob_id: int, removal: Removal) -> None:
        Removals(self._connection).add(removal)
        self._connection.run(_UNLINK_ALL, blob=blob_id)
        self._connection.run(_DROP, blob=blob_id)
        self._connection.run(_DELETE, blob=blob_id)

    # Who wants to know.

    def dead(self, *, before: datetime) -> Amount:
        """How much `collect` would take, all in all."""
        row = self._connection.one(_DEAD_AMOUNT, before=milliseconds(before))
        assert row is not None
        return Amount(*row)

    def list_dead(self, *, before: datetime, limit: int) -> list[tuple[Digest, int]]:
        """The first of them: digest, bytes."""
        rows = self._connection.all(_DEAD, before=milliseconds(before), limit=limit)
        return [(Digest.of_sha256(digest), size_bytes) for digest, size_bytes in rows]

    def stored(self) -> Amount:
        """All blobs there are."""
        row = self._connection.one(_STORED)
        assert row is not None
        return Amount(*row)

    def waiting(self) -> tuple[int, datetime | None]:
        """How many reviews wait, and since when the first may be without a holder."""
        row = self._connection.one(_WAITING)
        assert row is not None
        return row[0], None if row[1] is None else moment(row[1])


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
