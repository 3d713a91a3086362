"""Where something that goes on for long has come to. A value is whatever JSON can say."""

from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import bookmark

_FIND = Query(select(bookmark.c.value).where(bookmark.c.name == bindparam("name")))
_putting = insert(bookmark).values(name=bindparam("name"), value=bindparam("value"))
_PUT = Query(_putting.on_conflict_do_update(index_elements=["name"], set_={"value": _putting.excluded.value}))


class Bookmarks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> Any:
        """None where there is none."""
        row = self._connection.one(_FIND, name=name)
        return None if row is None else orjson.loads(row[0])

    def put(self, name: str, value: Any) -> None:
        self._connection.run(_PUT, name=name, value=orjson.dumps(value).decode())
