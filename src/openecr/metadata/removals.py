"""Bytes that are to go. Written in the transaction that takes them from everybody's sight."""

from datetime import datetime

from sqlalchemy import Boolean, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.garbage import COPY, Amount, Removal
from openecr.domain.names import Digest
from openecr.domain.tier import STANDARD
from openecr.metadata.query import Connection, Query, Row, milliseconds, moment
from openecr.metadata.schema import blob, removal, upload

_COLUMNS = (
    removal.c.key,
    removal.c.tier,
    removal.c.digest,
    removal.c.size_bytes,
    removal.c.reason,
    removal.c.due_at,
)
_ADD = Query(insert(removal).on_conflict_do_nothing())
# One whose bytes are a blob's would be a mistake of ours; they stay.
_is_a_blob = exists().where(blob.c.key == removal.c.key, blob.c.tier == removal.c.tier)
_is_at_hand = or_(removal.c.tier == STANDARD, bindparam("any_tier", type_=Boolean))
_is_due = (removal.c.due_at <= bindparam("now"), _is_at_hand, ~_is_a_blob)
_DUE = Query(select(*_COLUMNS).where(*_is_due).order_by(removal.c.due_at).limit(bindparam("limit")))
_DUE_COPIES = Query(
    select(*_COLUMNS)
    .where(*_is_due, removal.c.reason == COPY)
    .order_by(removal.c.due_at)
    .limit(bindparam("limit"))
)
_OF_DIGEST = Query(
    select(*_COLUMNS).where(removal.c.digest == bindparam("digest")).order_by(removal.c.due_at)
)
_WHICH = (removal.c.key == bindparam("its_key"), removal.c.tier == bindparam("its_tier"))
_DELETE = Query(delete(removal).where(*_WHICH))
_POSTPONE = Query(update(removal).where(*_WHICH).values(due_at=bindparam("until")))
_WAITING = Query(
    select(
        func.count(), func.coalesce(func.sum(removal.c.size_bytes), 0), func.min(removal.c.due_at)
    ).select_from(removal)
)

_IS_KNOWN = Query(
    select(
        exists().where(blob.c.key == bindparam("key"))
        | exists().where(removal.c.key == bindparam("key"))
        | exists().where(upload.c.id == bindparam("key"))
    )
)


class Removals:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: Removal) -> None:
        self._connection.run(
            _ADD,
            key=new.key,
            tier=new.tier,
            digest=new.digest.raw,
            size_bytes=new.size_bytes,
            reason=new.reason,
            due_at=milliseconds(new.due_at),
        )

    def due(
        self, *, now: datetime, limit: int, copies_only: bool = False, any_tier: bool = True
    ) -> list[Removal]:
        """Up to `limit` that may go, those first that are due for longest.

        copies_only  of bytes that were never a blob's
        any_tier     False where the archive is not at hand: what is there has to wait
        """
        query = _DUE_COPIES if copies_only else _DUE
        rows = self._connection.all(query, now=milliseconds(now), limit=limit, any_tier=any_tier)
        return [_removal(row) for row in rows]

    def of_digest(self, digest: Digest) -> list[Removal]:
        return [_removal(row) for row in self._connection.all(_OF_DIGEST, digest=digest.raw)]

    def is_known(self, key: str) -> bool:
        """Whether any row speaks of the bytes under that key: a blob's, a removal's, an upload's."""
        return self._connection.holds(_IS_KNOWN, key=key)

    def delete(self, which: Removal) -> bool:
        """Its bytes are gone. False where that was known already."""
        return self._connection.run(_DELETE, its_key=which.key, its_tier=which.tier) == 1

    def postpone(self, which: Removal, *, until: datetime) -> None:
        """Its bytes cannot be removed now."""
        self._connection.run(_POSTPONE, its_key=which.key, its_tier=which.tier, until=milliseconds(until))

    def waiting(self) -> tuple[Amount, datetime | None]:
        """How much there is, and when the first is due."""
        row = self._connection.one(_WAITING)
        assert row is not None
        return Amount(row[0], row[1]), None if row[2] is None else moment(row[2])


def _removal(row: Row) -> Removal:
    key, tier, digest, size_bytes, reason, due_at = row
    return Removal(key, tier, Digest.of_sha256(digest), size_bytes, reason, moment(due_at))
