"""Connections, and what a caller is told when the database is held or cannot be read."""

import sqlite3
import threading
import time

import pytest

from openecr.errors import ServiceUnavailable
from openecr.metadata.database import Database

BUSY_SECONDS = 0.5


@pytest.fixture
def database(tmp_path):
    (tmp_path / "data").mkdir()
    database = Database(tmp_path / "data" / "x.db", busy_seconds=BUSY_SECONDS)
    yield database
    database.close()


@pytest.fixture
def other(tmp_path, database):
    """A connection of another program."""
    driver = sqlite3.connect(tmp_path / "data" / "x.db", isolation_level=None, timeout=0)
    yield driver
    driver.close()


def write(database):
    with database.transaction() as db:
        db.uploads.release_all()


def seconds_until_refused(database):
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        write(database)
    return time.monotonic() - began


def has_account(database):
    with database.reading() as db:
        return db.accounts.has("123456789012")


def test_writers_who_come_together_wait_together(database, other):
    other.execute("BEGIN EXCLUSIVE")
    waited = []
    writers = [
        threading.Thread(target=lambda: waited.append(seconds_until_refused(database))) for _ in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(waited) == 8
    assert 0.9 * BUSY_SECONDS < max(waited) < 1.9 * BUSY_SECONDS
    other.execute("ROLLBACK")
    write(database)


def test_after_one_has_waited_in_vain_the_next_are_told_at_once(database, other):
    other.execute("BEGIN EXCLUSIVE")
    assert seconds_until_refused(database) > 0.9 * BUSY_SECONDS
    assert sum(seconds_until_refused(database) for _ in range(20)) < 4 * BUSY_SECONDS
    assert has_account(database) is False  # whoever reads waits for nobody

    other.execute("ROLLBACK")
    write(database)
    other.execute("BEGIN EXCLUSIVE")
    assert seconds_until_refused(database) > 0.9 * BUSY_SECONDS


def test_a_writer_waits_for_one_that_ends_in_time(tmp_path, other):
    patient = Database(tmp_path / "data" / "x.db", busy_seconds=30)
    other.execute("BEGIN EXCLUSIVE")
    is_done = threading.Event()

    def work():
        write(patient)
        is_done.set()

    writer = threading.Thread(target=work)
    writer.start()
    assert not is_done.wait(0.05)
    other.execute("ROLLBACK")
    writer.join()
    assert is_done.is_set()
    patient.close()


def test_trouble_within_is_told_as_such_to_writers_and_readers(database, other):
    with pytest.raises(ServiceUnavailable), database.transaction():
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ServiceUnavailable), database.reading() as db:
        db.connection.driver.execute("UPDATE account SET name = ''")
    other.execute("ROLLBACK")
    write(database)
    assert has_account(database) is False


def test_a_database_that_cannot_be_opened_to_read_is_told_as_such(database, tmp_path):
    (tmp_path / "data").rename(tmp_path / "away")
    with pytest.raises(ServiceUnavailable):
        has_account(database)
    with pytest.raises(ServiceUnavailable):
        database.recall("key", lambda db: b"", size_of=len)
    (tmp_path / "away").rename(tmp_path / "data")
    assert has_account(database) is False
    assert database.recall("key", lambda db: b"found", size_of=len) == b"found"


def test_a_database_that_is_held_when_it_is_opened_is_told_as_such(database, other, tmp_path):
    database.close()
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ServiceUnavailable):
        Database(tmp_path / "data" / "x.db", busy_seconds=0)


def test_a_statement_that_is_wrong_is_a_mistake_of_ours(database):
    for begin in (database.transaction, database.reading):
        with pytest.raises(sqlite3.OperationalError, match="no such table"), begin() as db:
            db.connection.driver.execute("SELECT * FROM nowhere")
    write(database)
