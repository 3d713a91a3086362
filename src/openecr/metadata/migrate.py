"""Bring a database to today's schema: make it, or run the migrations it has not seen.

A new database is made from `schema.py` at once, which spares every start the import of Alembic; a
test holds that the migrations lead to the very same tables.
"""

import sqlite3
from pathlib import Path

from sqlalchemy.schema import CreateIndex, CreateTable

from openecr.metadata.query import DIALECT
from openecr.metadata.schema import metadata

HEAD = "0002"
"""The newest migration in `migrations/versions`."""

_VERSION_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def migrate(driver: sqlite3.Connection, path: Path) -> None:
    """Make or migrate the database, under its write lock: two servers at once do it once."""
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
    if version not in (None, HEAD):
        upgrade(path)


def creation() -> list[str]:
    """The statements that make today's schema."""
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=DIALECT)))
        statements += [
            str(CreateIndex(index).compile(dialect=DIALECT))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return statements


def upgrade(path: Path, to: str = "head") -> None:
    """Run the migrations that the database at `path` has not seen, up to that one."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["path"] = path
    command.upgrade(config, to)


def _version(driver: sqlite3.Connection) -> str | None:
    known = driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    if known is None:
        return None
    row = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])
