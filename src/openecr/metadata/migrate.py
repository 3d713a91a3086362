"""Bring a database to today's schema: make it, or run the migrations it has not seen.

A new database is made from `schema.py` at once, which spares every start the import of Alembic; a
test holds that the migrations lead to the very same tables.
"""

import sqlite3
from functools import cache
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from openecr.metadata.query import DIALECT
from openecr.metadata.schema import metadata

HEAD = "0003"
"""The newest migration in `migrations/versions`. They are numbered: a later one is greater."""
WAIT_SECONDS = 60
"""How long to wait for another server that makes or migrates the database."""

_VERSION_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


class NewerDatabase(ValueError):
    """Made by a later version of this program, which knows tables that we do not."""


def migrate(driver: sqlite3.Connection, path: Path) -> None:
    """Make or migrate the database, under its write lock: two servers at once do it once. One that is as
    it should be is only looked at, whoever holds it.

    Raises NewerDatabase, sqlite3.Error
    """
    version = _version(driver)
    if version is None:
        version = _create(driver)
    if version > HEAD:
        raise NewerDatabase(f"The database {path} was made by a newer openecr (migration {version}).")
    if version != HEAD:
        upgrade(path)


def _create(driver: sqlite3.Connection) -> str:
    """The version it has then: another server may have been faster."""
    driver.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
    driver.execute("BEGIN IMMEDIATE")
    try:
        version = _version(driver)
        if version is None:
            for statement in creation():
                driver.execute(statement)
            driver.execute(_VERSION_TABLE)
            driver.execute("INSERT INTO alembic_version VALUES (?)", (HEAD,))
        driver.execute("COMMIT")
    except BaseException:
        driver.execute("ROLLBACK")
        raise
    return version or HEAD


@cache
def creation() -> tuple[str, ...]:
    """The statements that make today's schema."""
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=DIALECT)))
        statements += [
            str(CreateIndex(index).compile(dialect=DIALECT))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return tuple(statements)


def upgrade(path: Path, to: str = "head") -> None:
    """Run the migrations that the database at `path` has not seen, up to that one. Raises sqlite3.Error."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["path"] = path
    try:
        command.upgrade(config, to)
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise


def _version(driver: sqlite3.Connection) -> str | None:
    known = driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    if known is None:
        return None
    row = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])
