"""Uploads: layers on their way.

One part at a time: who adds to an upload holds a *claim* in its row. A claim ends when its holder is
done or fails, when it expires, when the process that held it has died (a claim's name begins with
`claims_of` it), or when the server starts anew (nobody can be adding then).
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, null, select, update

from openecr.domain.repository import Repository
from openecr.domain.upload import CLAIM_LIFE, Upload
from openecr.metadata.query import Connection, Query, Row, milliseconds
from openecr.metadata.schema import upload

_COLUMNS = (
    upload.c.id,
    upload.c.repository_id,
    upload.c.size_bytes,
    upload.c.part_count,
    upload.c.last_part_bytes,
    upload.c.has_small_part,
)
_WHICH = upload.c.id == bindparam("upload")
_MINE = upload.c.claim == bindparam("mine")
_ADD = Query(insert(upload))
_FIND = Query(select(*_COLUMNS).where(_WHICH, upload.c.repository_id == bindparam("repository")))
_CLAIM = Query(
    update(upload)
    .where(_WHICH, upload.c.claim.is_(None) | (upload.c.claimed_until <= bindparam("now")))
    .values(claim=bindparam("mine"), claimed_until=bindparam("until"), touched_at=bindparam("now"))
)
_RENEW = Query(
    update(upload).where(_WHICH, _MINE).values(claimed_until=bindparam("until"), touched_at=bindparam("now"))
)
_RELEASE = Query(update(upload).where(_WHICH, _MINE).values(claim=null(), claimed_until=0))
_ADVANCE = Query(
    update(upload)
    .where(_WHICH, _MINE)
    .values(
        size_bytes=bindparam("size"),
        part_count=upload.c.part_count + 1,
        last_part_bytes=bindparam("part"),
        has_small_part=bindparam("small"),
        claim=null(),
        claimed_until=0,
        touched_at=bindparam("now"),
    )
)
_RELEASE_ALL = Query(update(upload).where(upload.c.claim.is_not(None)).values(claim=null(), claimed_until=0))
_RELEASE_OF = Query(
    update(upload)
    .where(upload.c.claim.startswith(bindparam("beginning"), autoescape=False))
    .values(claim=null(), claimed_until=0)
)
_DELETE = Query(delete(upload).where(_WHICH))
_OF_REPOSITORY = Query(select(upload.c.id).where(upload.c.repository_id == bindparam("repository")))
_IDLE = Query(
    select(upload.c.id)
    .where(upload.c.touched_at < bindparam("before"), upload.c.claimed_until <= bindparam("now"))
    .order_by(upload.c.touched_at)
    .limit(bindparam("limit"))
)
_ALL = Query(select(upload.c.id))


def claims_of(process: int) -> str:
    """How the name of each claim begins that the process (its id) holds."""
    return f"{process}/"


class Uploads:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository: Repository, id: str, *, at: datetime) -> None:
        self._connection.run(
            _ADD,
            id=id,
            repository_id=repository.id,
            size_bytes=0,
            part_count=0,
            last_part_bytes=0,
            has_small_part=False,
            claim=None,
            claimed_until=0,
            touched_at=milliseconds(at),
        )

    def find(self, repository: Repository, id: str) -> Upload | None:
        row = self._connection.one(_FIND, upload=id, repository=repository.id)
        return None if row is None else _upload(row)

    def claim(self, which: Upload, mine: str, *, at: datetime) -> bool:
        """Whether the upload is now held under the name `mine`. False: somebody else is adding to it."""
        return (
            self._connection.run(
                _CLAIM, upload=which.id, mine=mine, now=milliseconds(at), until=milliseconds(at + CLAIM_LIFE)
            )
            == 1
        )

    def renew(self, which: Upload, mine: str, *, at: datetime) -> bool:
        """Hold it longer. False: the claim is lost."""
        return (
            self._connection.run(
                _RENEW, upload=which.id, mine=mine, now=milliseconds(at), until=milliseconds(at + CLAIM_LIFE)
            )
            == 1
        )

    def release(self, which: Upload, mine: str) -> None:
        self._connection.run(_RELEASE, upload=which.id, mine=mine)

    def advance(self, which: Upload, mine: str, *, size_bytes: int, at: datetime) -> bool:
        """Another part is there: the upload now has `size_bytes`. Ends the claim. False: it was lost."""
        return (
            self._connection.run(
                _ADVANCE,
                upload=which.id,
                mine=mine,
                size=size_bytes,
                part=size_bytes - which.size_bytes,
                small=which.has_small_part_after(),
                now=milliseconds(at),
            )
            == 1
        )

    def release_all(self) -> None:
        """For the start of a server: nobody is adding to anything."""
        self._connection.run(_RELEASE_ALL)

    def release_of(self, process: int) -> None:
        """For whoever sees that one of the server's processes has ended: it is adding to nothing."""
        self._connection.run(_RELEASE_OF, beginning=claims_of(process))

    def delete(self, id: str) -> bool:
        """False where it was over already: what became of its bytes is then not the caller's affair."""
        return self._connection.run(_DELETE, upload=id) == 1

    def of_repository(self, repository: Repository) -> list[str]:
        return [id_ for (id_,) in self._connection.all(_OF_REPOSITORY, repository=repository.id)]

    def idle(self, *, before: datetime, now: datetime, limit: int) -> list[str]:
        """Ids of uploads nobody touched since `before` and nobody holds, the oldest first."""
        rows = self._connection.all(_IDLE, before=milliseconds(before), now=milliseconds(now), limit=limit)
        return [id_ for (id_,) in rows]

    def ids(self) -> Iterable[str]:
        return (id_ for (id_,) in self._connection.all(_ALL))


def _upload(row: Row) -> Upload:
    id_, repository_id, size_bytes, part_count, last_part_bytes, has_small_part = row
    return Upload(id_, repository_id, size_bytes, part_count, last_part_bytes, bool(has_small_part))
