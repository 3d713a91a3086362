"""What lies in the data directory, and who may read it."""

import os

import pytest

from openecr.metadata.database import Database
from openecr.server.secrets import MASTER_KEY_FILE, open_sealer


@pytest.fixture
def open_to_all(tmp_path):
    """A data directory that was there before us, and a umask that takes nothing away."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    before = os.umask(0)
    yield tmp_path / "data"
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_start_that_was_killed_does_not_keep_the_next_one_from_making_the_key(open_to_all):
    for name in ("master", f"master.{os.getpid()}", "master.draft"):
        (open_to_all / name).write_text("half a k")

    sealed = open_sealer(open_to_all, None).seal(b"secret", b"about")

    assert open_sealer(open_to_all, None).open(sealed, b"about") == b"secret"
    assert mode(open_to_all / MASTER_KEY_FILE) == 0o600
    assert len(list(open_to_all.iterdir())) == 4  # no draft of ours is left


def test_only_we_may_read_the_database(open_to_all):
    database = Database(open_to_all / "x.db")
    with database.transaction() as db:
        db.uploads.release_all()

    assert {path.name: mode(path) for path in open_to_all.iterdir()} == dict.fromkeys(
        ("x.db", "x.db-shm", "x.db-wal"), 0o600
    )
    database.close()
