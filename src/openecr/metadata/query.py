"""A statement, written once with SQLAlchemy and compiled once to the text the driver runs.

    FIND = Query(select(tag.c.image_id).where(tag.c.name == bindparam("name")))
    row = connection.one(FIND, name="latest")

No session, no engine, no result objects: a look-up by key costs little more than the driver's own
12 µs (performance.md §6).
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Compiled
from sqlalchemy.sql import ClauseElement

DIALECT = sqlite.dialect(paramstyle="named")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

chosen = select(func.json_each(bindparam("ids")).table_valued("value").c.value)
"""The ids in the parameter `ids`, as json_ids makes it: `image.c.id.in_(chosen)`."""

Row = tuple[Any, ...]


class Query:
    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement

    @cached_property
    def _compiled(self) -> Compiled:
        return self._statement.compile(dialect=DIALECT)

    @cached_property
    def text(self) -> str:
        return str(self._compiled)

    @cached_property
    def constants(self) -> dict[str, Any]:
        """Values that stand in the statement itself."""
        return {name: value for name, value in self._compiled.params.items() if value is not None}

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        return self.constants | given if self.constants else given


class Connection:
    """A driver connection that runs queries. One thread uses it at a time."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver
        self.has_news = False  # an event was written that nobody outside was told of (Database.news)

    @property
    def data_version(self) -> int:
        """Another number after each commit that was not this connection's own."""
        row: Row = self.driver.execute("PRAGMA data_version").fetchone()
        return int(row[0])

    def one(self, query: Query, **values: Any) -> Row | None:
        row: Row | None = self.driver.execute(query.text, query.values(values)).fetchone()
        return row

    def holds(self, query: Query, **values: Any) -> bool:
        """What `SELECT EXISTS` says."""
        row: Row = self.driver.execute(query.text, query.values(values)).fetchone()
        return bool(row[0])

    def all(self, query: Query, **values: Any) -> list[Row]:
        return self.driver.execute(query.text, query.values(values)).fetchall()

    def each(self, query: Query, **values: Any) -> Iterator[Row]:
        """The rows one by one, for who may not want them all."""
        return iter(self.driver.execute(query.text, query.values(values)))

    def run(self, query: Query, **values: Any) -> int:
        """Returns how many rows it changed."""
        return self.driver.execute(query.text, query.values(values)).rowcount

    def run_each(self, query: Query, rows: Sequence[dict[str, Any]]) -> None:
        """The statement once with each of the values, which costs half of running it as often."""
        self.driver.executemany(query.text, [query.values(each) for each in rows])

    def add(self, query: Query, **values: Any) -> int:
        """Insert a row; returns the id it was given."""
        identity = self.driver.execute(query.text, query.values(values)).lastrowid
        assert identity is not None
        return identity


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, as they are stored."""
    return round((moment - EPOCH).total_seconds() * 1000)


def moment(stored: int) -> datetime:
    return datetime.fromtimestamp(stored / 1000, UTC)


def json_text(value: tuple[str, ...] | Mapping[str, str]) -> str:
    """As it is kept in a column of JSON; `orjson.loads` reads it."""
    return orjson.dumps(value if isinstance(value, tuple) else dict(value)).decode()


def json_ids(ids: Sequence[int]) -> str:
    """The parameter of `chosen`."""
    return orjson.dumps(list(ids)).decode()
