"""`openecr worker`, beside a server that does no jobs: started, shared, stopped, killed."""

import os
import re
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openecr.cli.worker import SIGNALS
from openecr.domain.job import Job, State
from openecr.jobs.kinds import KINDS
from openecr.metadata.database import Database
from openecr.settings import DATABASE_FILE
from tests.cli.commands import OPENECR, environment, serving
from tests.clients.programs import Daemon

PATIENCE_SECONDS = 30


class Installation:
    """The jobs of a data directory, seen from beside."""

    def __init__(self, data: Path):
        self.data = data
        self.database = Database(data / DATABASE_FILE)

    def add(self, kind: str, count: int = 1) -> None:
        with self.database.transaction() as db:
            for _ in range(count):
                db.jobs.add(kind, {}, at=datetime.now(UTC))

    def settle(self) -> None:
        """Nothing comes by itself for an hour."""
        self.ask("DELETE FROM job")
        with self.database.transaction() as db:
            for name, kind in KINDS.items():
                if kind.every is not None:
                    db.jobs.schedule(name, at=datetime.now(UTC) + min(kind.every, timedelta(hours=1)))

    def make_check_heavy(self) -> None:
        """By what looks like very many blobs."""
        self.ask(
            "INSERT INTO blob (id, digest, size_bytes, key, generation, state, created_at)"
            " VALUES (1000000, x'00', 0, 'none', 1, 'gone', 0)"
        )

    def jobs(self) -> list[Job]:
        with self.database.reading() as db:
            return db.jobs.page(after=0, limit=1000)

    def owners(self) -> set[str]:
        """The processes that are at a job just now."""
        rows = self.ask("SELECT owner FROM job WHERE owner IS NOT NULL")
        return {owner.partition(".")[0] for (owner,) in rows}

    def ask(self, statement: str) -> list[tuple[str]]:
        with closing(sqlite3.connect(self.data / DATABASE_FILE, isolation_level=None)) as driver:
            return driver.execute(statement).fetchall()


@pytest.fixture
def installation(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    installation = Installation(data)
    installation.settle()
    yield installation
    installation.database.close()


@pytest.fixture
def worker(installation):
    """Starts a worker on the installation; it is killed at the end, if it has not ended."""
    started = []

    def start(failpoints="", **variables):
        command = [*OPENECR, "worker", "--data-dir", installation.data]
        variables = environment(FAILPOINTS=failpoints, **variables)
        daemon = Daemon(*command, ready="^ready: ", environment=variables)
        started.append(daemon)
        return daemon

    yield start
    for each in started:
        each.kill()


def processes_of(pid):
    """Those that any of its threads has made."""
    return [
        int(each)
        for children in Path(f"/proc/{pid}/task").glob("*/children")
        for each in children.read_text().split()
    ]


def until(is_so):
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := is_so()):
        assert time.monotonic() < end, "it did not become so"
        threading.Event().wait(0.01)
    return found


def test_a_worker_does_what_a_server_leaves_to_it(installation, worker):
    installation.add("expire_sessions")
    with serving("--data-dir", installation.data, OPENECR_JOBS="false") as server:
        server.repositories(server.key)
        assert [job.state for job in installation.jobs()] == [State.WAITING]

        daemon = worker()
        until(lambda: not installation.jobs())
        assert server.repositories(server.key) == []
        assert daemon.stop() == 0


def test_a_server_does_the_jobs_itself_unless_it_is_told_not_to(installation):
    installation.add("expire_sessions")
    with serving("--data-dir", installation.data):
        until(lambda: not installation.jobs())


def test_two_workers_share_the_jobs(installation, worker):
    both = {str(worker(failpoints="job.claimed=sleep:0.05").pid) for _ in range(2)}
    installation.add("expire_sessions", 120)
    seen = set()

    def is_done():
        seen.update(installation.owners())
        return not installation.jobs()

    until(is_done)
    assert seen == both


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_gives_its_job_back_and_ends_well(installation, worker, number):
    installation.add("expire_sessions")
    daemon = worker(failpoints="job.step=sleep:0.3")
    until(installation.owners)

    os.kill(daemon.pid, number)

    assert daemon.stop() == 0
    assert [(job.state, job.attempt) for job in installation.jobs()] == [(State.WAITING, 0)]


def test_the_job_of_a_worker_that_was_killed_is_done_by_the_next_when_its_lease_has_ended(
    installation, worker
):
    installation.add("expire_sessions")
    daemon = worker(failpoints="job.step=sleep:60")
    until(installation.owners)
    daemon.kill()
    # A lease of a minute, had long ago.
    installation.ask("UPDATE job SET run_at = 0")

    worker()

    until(lambda: not installation.jobs())


def threads_that_hear(daemon):
    """Those that may take a signal to stop, and would wake nobody with it: the first one waits for it."""
    heard = []
    for thread in Path(f"/proc/{daemon.pid}/task").iterdir():
        [mask] = re.findall(r"^SigBlk:\t([0-9a-f]{16})$", (thread / "status").read_text(), re.MULTILINE)
        is_blocked = [int(mask, 16) >> (number - 1) & 1 for number in SIGNALS]
        if thread.name != str(daemon.pid) and not all(is_blocked):
            heard.append((thread / "comm").read_text())
    return heard


def test_a_worker_that_is_told_to_stop_many_times_at_once_ends_well(worker):
    daemon = worker()
    assert not threads_that_hear(daemon)
    with suppress(ProcessLookupError):
        for _ in range(200):
            os.kill(daemon.pid, signal.SIGINT)
            os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.stop() == 0


@pytest.mark.parametrize("end", ["told", "killed"])
def test_a_heavy_job_ends_with_its_worker(installation, worker, end):
    installation.make_check_heavy()
    installation.add("check")
    daemon = worker(failpoints="job.step=sleep:60")
    processes = until(lambda: processes_of(daemon.pid))
    until(installation.owners)

    assert not threads_that_hear(daemon)
    if end == "told":
        assert daemon.stop() == 0
        assert [(job.state, job.attempt) for job in installation.jobs()] == [(State.WAITING, 0)]
    else:
        daemon.kill()

    until(lambda: not any(Path(f"/proc/{each}").exists() for each in processes))
