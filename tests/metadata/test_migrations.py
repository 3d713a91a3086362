"""A database made anew and one that was migrated are the same."""

import sqlite3

import pytest

from openecr.metadata.database import Database
from openecr.metadata.migrate import HEAD, creation, upgrade


def schema_of(path):
    """Tables with columns, foreign keys, indexes and their ways of storage."""
    driver = sqlite3.connect(path)
    found = {}
    for name, text in driver.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
        if name.startswith(("sqlite_", "alembic_")):
            continue
        indexes = {
            (unique, origin, partial, tuple(row[2] for row in driver.execute(f"PRAGMA index_info({index})")))
            for _, index, unique, origin, partial in driver.execute(f"PRAGMA index_list({name})").fetchall()
        }
        found[name] = (
            driver.execute(f"PRAGMA table_info({name})").fetchall(),
            sorted(row[2:] for row in driver.execute(f"PRAGMA foreign_key_list({name})")),
            indexes,
            "WITHOUT ROWID" in text,
            "AUTOINCREMENT" in text,
        )
    driver.close()
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning:alembic")
def test_the_migrations_lead_to_the_schema_that_a_new_database_has(tmp_path):
    Database(tmp_path / "new.db").close()
    upgrade(tmp_path / "migrated.db")
    assert schema_of(tmp_path / "migrated.db") == schema_of(tmp_path / "new.db")


def test_a_new_database_says_which_migration_it_is_at(tmp_path):
    Database(tmp_path / "new.db").close()
    driver = sqlite3.connect(tmp_path / "new.db")
    assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    driver.close()


def test_opening_a_database_again_changes_nothing(tmp_path):
    Database(tmp_path / "x.db").close()
    before = schema_of(tmp_path / "x.db")
    Database(tmp_path / "x.db").close()
    assert schema_of(tmp_path / "x.db") == before
    assert len(creation()) > len(before)
