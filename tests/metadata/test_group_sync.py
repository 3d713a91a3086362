"""One sync for all who wait: which sync covers whom, and what a sync that fails does to them."""

import errno
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from openecr.errors import ServiceUnavailable
from openecr.metadata.database import Database
from openecr.metadata.group_sync import GroupSync
from tests.operations.interrupted import until

THREADS = 8
PATIENCE_SECONDS = 10


class Disk:
    """Syncs as a test wants them: each begins, tells, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.written = 0  # what there is to make safe
        self.safe = 0
        self.failure: OSError | None = None
        self._began = threading.Semaphore(0)
        self._may_end = threading.Semaphore(0)

    def sync(self, descriptor: int) -> None:
        os.fstat(descriptor)  # it is open
        self.begun += 1
        covered = self.written
        self._began.release()
        assert self._may_end.acquire(timeout=PATIENCE_SECONDS)
        if self.failure is not None:
            raise self.failure
        self.safe = covered

    def wait_for_begin(self) -> None:
        assert self._began.acquire(timeout=PATIENCE_SECONDS)

    def let_go(self, syncs: int = 1) -> None:
        self._may_end.release(syncs)


class Writers:
    """Threads that write something each and wait for it to be safe."""

    def __init__(self, log: GroupSync, disk: Disk, pool: ThreadPoolExecutor) -> None:
        self._log = log
        self._disk = disk
        self._pool = pool
        self._writing = threading.Lock()

    def start(self, count: int) -> list[Future[bool]]:
        """Each tells whether what it wrote was safe when its wait was over. All have written by now."""
        written = threading.Barrier(count + 1)
        futures = [self._pool.submit(self._write, written) for _ in range(count)]
        written.wait(PATIENCE_SECONDS)
        return futures

    def _write(self, written: threading.Barrier) -> bool:
        with self._writing:
            self._disk.written += 1
            mine = self._disk.written
        written.wait(PATIENCE_SECONDS)
        self._log.wait()
        return self._disk.safe >= mine


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def log(tmp_path: Path, disk):
    path = tmp_path / "log"
    path.touch()
    log = GroupSync(str(path), disk.sync)
    yield log
    log.close()


@pytest.fixture
def writers(log, disk):
    with ThreadPoolExecutor(2 * THREADS) as pool:
        yield Writers(log, disk, pool)
        disk.let_go(2 * THREADS)  # whatever a test that failed left waiting


def test_who_comes_while_a_sync_runs_is_covered_by_the_next_and_all_share_it(writers, log, disk):
    (first,) = writers.start(1)
    disk.wait_for_begin()
    others = writers.start(THREADS)  # written after the first sync began: it may not cover them
    until(lambda: len(log._changed._waiters) == THREADS)

    disk.let_go()
    assert first.result(PATIENCE_SECONDS)
    disk.wait_for_begin()
    assert not any(other.done() for other in others)
    disk.let_go()

    assert all(other.result(PATIENCE_SECONDS) for other in others)
    assert disk.begun == 2


def test_who_waits_when_no_sync_runs_begins_one(log, disk):
    disk.let_go(3)

    for number in range(1, 4):
        disk.written += 1
        log.wait()
        assert (disk.begun, disk.safe) == (number, number)


def test_after_a_sync_that_failed_every_wait_fails_and_no_other_is_tried(writers, log, disk):
    """The kernel may have dropped the bytes and would call a second sync of them a success."""
    disk.failure = OSError(errno.EIO, "Input/output error")
    (first,) = writers.start(1)
    disk.wait_for_begin()
    others = writers.start(THREADS)

    disk.let_go()

    for each in (first, *others):
        with pytest.raises(ServiceUnavailable):
            each.result(PATIENCE_SECONDS)
    disk.failure = None
    with pytest.raises(ServiceUnavailable):
        log.wait()
    assert disk.begun == 1


def test_what_is_closed_again_closes_nobody_elses_file(log, disk, tmp_path):
    log.close()
    with (tmp_path / "other").open("wb") as other:  # it has the number now that the log had
        log.close()
        other.write(b"still open")
        other.flush()
    with pytest.raises(ServiceUnavailable):
        log.wait()
    assert disk.begun == 0


def test_a_database_is_closed_as_often_as_one_likes(tmp_path):
    database = Database(tmp_path / "metadata.sqlite3")
    with database.transaction() as db:
        db.uploads.release_all()
    for _ in range(2):
        database.close()
