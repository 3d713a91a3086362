"""A database made anew and one that was migrated are the same."""

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from openecr.domain.principal import ACTIVE, AccessKey
from openecr.domain.registry import public_registry
from openecr.metadata.database import Database
from openecr.metadata.migrate import HEAD, NewerDatabase, creation, upgrade
from openecr.metadata.query import milliseconds, moment

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:alembic")


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


def test_accounts_and_their_root_keys_outlive_the_coming_of_users(tmp_path):
    upgrade(tmp_path / "x.db", "0001")
    driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    driver.execute("INSERT INTO account VALUES ('123456789012', 'ours', 1000), ('210987654321', '', 2000)")
    driver.execute(
        "INSERT INTO access_key (id, account_id, sealed_secret, created_at) VALUES "
        "('AKIA1', '123456789012', x'00ff', 3000), ('AKIA2', '210987654321', x'01', 4000)"
    )
    driver.execute("INSERT INTO signing_key VALUES ('s', x'02', 5000)")
    driver.execute(
        "INSERT INTO repository VALUES "
        "(7, 'ecr', '123456789012', 'eu-central-1', 'app', 6000, 'MUTABLE', '[]', 0, 'AES256', NULL, '{}')"
    )
    driver.execute("INSERT INTO resource_tag VALUES (1, 7, 'team', 'blue')")
    driver.close()

    database = Database(tmp_path / "x.db")

    with database.transaction() as db:
        assert db.accounts.list() == [("123456789012", "ours"), ("210987654321", "")]
        assert db.access_keys.list("123456789012", None) == [
            AccessKey("AKIA1", "123456789012", None, b"\x00\xff", ACTIVE, moment(3000))
        ]
        assert db.access_keys.find("AKIA2").created_at == moment(4000)
        assert db.signing_keys.list() == [("s", b"\x02")]
        assert db.connection.driver.execute("SELECT key, value FROM resource_tag").fetchall() == [
            ("team", "blue")
        ]
        db.access_keys.put_given(AccessKey("given", "123456789012", None, b"", ACTIVE, moment(0)))
        assert db.access_keys.find("AKIA1") is not None  # nothing says that a setting gave it
        assert db.connection.driver.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.connection.driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    driver = sqlite3.connect(tmp_path / "x.db")
    assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    driver.close()


def test_images_are_marked_as_tagged_and_lists_of_them_filter(tmp_path):
    upgrade(tmp_path / "x.db", "0002")
    driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    driver.execute(
        "INSERT INTO repository VALUES"
        " (7, 'ecr', '1', 'eu', 'app', 0, 'MUTABLE', '[]', 0, 'AES256', NULL, '{}')"
    )
    for image in (1, 2):
        driver.execute(
            "INSERT INTO image VALUES (?, 7, ?, '', NULL, 0, 0, NULL, '{}', 'ACTIVE', 0)",
            (image, bytes([image]) * 32),
        )
    driver.execute("INSERT INTO tag VALUES (7, 'latest', 2, NULL, 0)")
    driver.close()

    database = Database(tmp_path / "x.db")

    with database.reading() as db:
        repository = db.repositories.find_by_id(7)
        for tagged, expected in (("TAGGED", [2]), ("UNTAGGED", [1]), ("ANY", [1, 2])):
            page = db.image_lists.page(repository, tagged=tagged, status="ACTIVE", after=b"", limit=9)
            assert [image.id for image in page] == expected
    database.close()


def test_blobs_of_before_are_looked_at_after_a_whole_time_of_grace(tmp_path):
    upgrade(tmp_path / "x.db", "0002")
    driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    driver.execute(
        "INSERT INTO repository VALUES"
        " (7, 'ecr', '1', 'eu', 'app', 0, 'MUTABLE', '[]', 0, 'AES256', NULL, '{}')"
    )
    began = datetime.now(UTC).replace(microsecond=0)
    ends = began + timedelta(hours=9)
    for blob, lease_until in ((1, moment(0)), (2, ends)):
        driver.execute(
            "INSERT INTO blob VALUES (?, ?, 5, ?, 1, 'live', 0)", (blob, bytes([blob]) * 32, str(blob))
        )
        driver.execute("INSERT INTO repository_blob VALUES (7, ?, ?)", (blob, milliseconds(lease_until)))
    driver.execute("INSERT INTO image VALUES (1, 7, x'00', '', NULL, 0, 0, NULL, '{}', 'ACTIVE', 0)")
    driver.close()

    database = Database(tmp_path / "x.db")

    with database.reading() as db:
        assert db.images.count(db.repositories.find_by_id(7)) == 1
        assert not db.garbage.has_due(before=began - timedelta(milliseconds=1))
        count, first = db.garbage.waiting()
        assert count == 2
        assert began <= first <= datetime.now(UTC)
        [(last,)] = db.connection.driver.execute("SELECT max(since) FROM garbage_review").fetchall()
        assert moment(last) == ends
    database.close()


def test_catalog_data_outlive_their_parting_from_repositories(tmp_path):
    upgrade(tmp_path / "x.db", "0002")
    driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    rows = [(7, "ecr", "{}"), (8, "ecr-public", '{"aboutText": "of “tools”"}')]
    for number, kind, data in rows:
        driver.execute(
            "INSERT INTO repository VALUES"
            " (?, ?, '1', 'us-east-1', 'app', 0, 'MUTABLE', '[]', 0, 'AES256', NULL, ?)",
            (number, kind, data),
        )
    driver.close()

    database = Database(tmp_path / "x.db")

    with database.reading() as db:
        assert db.repositories.count(public_registry("1")) == 1
        assert db.catalogs.texts(db.repositories.find_by_id(8)) == {"aboutText": "of “tools”"}
        assert db.connection.driver.execute("SELECT repository_id FROM catalog").fetchall() == [(8,)]
    database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path):
    upgrade(tmp_path / "x.db", "0001")
    driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    driver.execute("CREATE TABLE session (in_the_way)")
    before = schema_of(tmp_path / "x.db")

    with pytest.raises(sqlite3.OperationalError, match="session already exists"):
        Database(tmp_path / "x.db")

    assert schema_of(tmp_path / "x.db") == before
    assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    driver.execute("DROP TABLE session")
    driver.close()
    Database(tmp_path / "x.db").close()


def test_of_two_servers_that_start_at_once_one_migrates(tmp_path):
    upgrade(tmp_path / "x.db", "0001")
    opening = (
        "import sys; from pathlib import Path; from openecr.metadata.database import Database; "
        "Database(Path(sys.argv[1])).close()"
    )
    servers = [subprocess.Popen([sys.executable, "-c", opening, str(tmp_path / "x.db")]) for _ in range(3)]

    assert [server.wait(timeout=60) for server in servers] == [0, 0, 0]
    Database(tmp_path / "new.db").close()
    assert schema_of(tmp_path / "x.db") == schema_of(tmp_path / "new.db")


@pytest.mark.parametrize("version", [None, "0001"])
def test_who_starts_while_another_server_makes_or_migrates_it_waits(tmp_path, version):
    """Longer than a writer does."""
    path = tmp_path / "x.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    if version is not None:
        upgrade(path, version)
    other.execute("BEGIN IMMEDIATE")
    is_open = threading.Event()

    def start():
        Database(path, busy_seconds=0).close()
        is_open.set()

    thread = threading.Thread(target=start)
    thread.start()
    assert not is_open.wait(0.2)
    assert thread.is_alive()
    other.execute("COMMIT")
    thread.join()

    assert is_open.is_set()
    assert other.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    other.close()


def test_a_database_that_is_as_it_should_be_is_opened_whoever_writes(tmp_path):
    Database(tmp_path / "x.db").close()
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    Database(tmp_path / "x.db", busy_seconds=0).close()

    other.close()


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a%b", "a#b", "a b"])
def test_the_database_that_is_migrated_is_the_one_at_that_path(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()

    upgrade(folder / "x.db", "0001")

    assert [path.name for path in tmp_path.iterdir()] == [name]
    Database(folder / "x.db").close()
    driver = sqlite3.connect(folder / "x.db")
    assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    driver.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    Database(tmp_path / "x.db").close()
    driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    driver.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(NewerDatabase, match=r"x.db was made by a newer openecr \(migration 9999\)"):
        Database(tmp_path / "x.db")

    assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    driver.close()
