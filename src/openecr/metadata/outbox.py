"""Events that wait to become jobs.

One that this version does not know stays, for the newer one that wrote it.
"""

from dataclasses import asdict

import orjson
from sqlalchemy import bindparam, delete, exists, func, insert, or_, select

from openecr.domain.events import EVENTS, Event
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import outbox

_is_known = or_(*(outbox.c.event == name for name in EVENTS))
_ADD = Query(insert(outbox).values(event=bindparam("event"), facts=bindparam("facts")))
_OLDEST = Query(
    select(outbox.c.id, outbox.c.event, outbox.c.facts)
    .where(_is_known)
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
_HAS_ANY = Query(select(exists().where(_is_known)))
_COUNT = Query(select(func.count()).select_from(outbox))
_DELETE = Query(delete(outbox).where(outbox.c.id <= bindparam("last"), _is_known))


class Outbox:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: Event) -> None:
        """It has happened if this transaction has."""
        self._connection.run(_ADD, event=type(event).__name__, facts=orjson.dumps(asdict(event)).decode())
        self._connection.has_news = True

    def has_any(self) -> bool:
        return self._connection.holds(_HAS_ANY)

    def count(self) -> int:
        row = self._connection.one(_COUNT)
        assert row is not None
        return int(row[0])

    def take(self, limit: int) -> list[Event]:
        """The oldest events; they are gone with this transaction."""
        rows = self._connection.all(_OLDEST, limit=limit)
        if rows:
            self._connection.run(_DELETE, last=rows[-1][0])
        return [EVENTS[name](**orjson.loads(facts)) for _, name, facts in rows]
