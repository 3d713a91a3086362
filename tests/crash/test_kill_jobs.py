"""`kill -9` of a worker between every two steps of every job: it is done once, and nothing twice.

What a job leaves, in the database and in the store, is held against what it leaves when nobody is killed.
Source: reliability.md A5.
"""

import hashlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openecr.domain.garbage import UNFINISHED
from openecr.jobs.kinds import KINDS
from openecr.metadata.database import Database
from openecr.server.app import build
from openecr.settings import DATABASE_FILE, Settings
from tests.crash.job_cases import CASES
from tests.crash.server import DEATH_SECONDS, OPENECR, environment
from tests.jobs.installation import Installation

LEASE_SECONDS = 1
FINISH_SECONDS = LEASE_SECONDS + 10
"""Source: reliability.md A5."""
GIVE_UP_SECONDS = 60
AGE = timedelta(days=100)
MOST_STEPS = 50
POINTS = ("job.claimed", "job.before_done", "job.done")
UNTOLD = {"job", "schedule", "bookmark", "sqlite_sequence", "alembic_version"}
"""Tables of which nothing is compared: who does what when, and figures."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

State = tuple[list[tuple[str, str]], list[tuple[str, str]]]


class Worker:
    """`openecr worker` on the data directory."""

    def __init__(self, data: Path, failpoints: str = "") -> None:
        self._data = data
        self._log = data.parent / f"{data.name}.{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*OPENECR, "worker", "--data-dir", data],
                env=environment()
                | {
                    "FAILPOINTS": failpoints,
                    "OPENECR_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
                    "OPENECR_ARCHIVE_BLOB_URL": f"file://{data}/archive",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> bool:
        """Until it was killed (True), or all jobs are done (False); then it is stopped."""
        until = time.monotonic() + GIVE_UP_SECONDS
        while not self._is_ready() or has_jobs(self._data):
            if self._has_ended(0.05):
                break
            assert time.monotonic() < until, self._log.read_text()[-5000:]
        if not self._has_ended(0.3):  # the last point comes after the job is done
            self._process.terminate()
        code = self._process.wait(DEATH_SECONDS)
        assert code in (0, -signal.SIGKILL), self._log.read_text()[-5000:]
        return code != 0

    def _is_ready(self) -> bool:
        return b"ready: " in self._log.read_bytes()

    def _has_ended(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def has_jobs(data: Path) -> bool:
    """Whether anything is to be done soon, or follows from what was done."""
    soon = (time.time() + GIVE_UP_SECONDS) * 1000
    with closing(sqlite3.connect(data / DATABASE_FILE)) as driver:
        found = driver.execute(
            "SELECT EXISTS (SELECT 1 FROM job WHERE state <> 'waiting' OR run_at < ?)"
            " OR EXISTS (SELECT 1 FROM outbox)",
            (soon,),
        )
        return bool(found.fetchone()[0])


@pytest.fixture
def run() -> Iterator[Callable[..., bool]]:
    """Has a worker do the jobs of a data directory; whether it was killed."""
    workers = []

    def run(data: Path, failpoints: str = "") -> bool:
        workers.append(Worker(data, failpoints))
        return workers[-1].wait()

    yield run
    for each in workers:
        each.kill()


def test_every_kind_of_job_has_a_line() -> None:
    assert set(CASES) == set(KINDS)


@pytest.mark.parametrize("kind", CASES)
def test_a_job_survives_the_death_of_its_worker_between_any_two_steps(
    tmp_path: Path, kind: str, run: Callable[..., bool]
) -> None:
    prepared = tmp_path / "prepared"
    before = prepare(prepared, kind)
    copies = copies_of(prepared)
    unbroken = next(copies)
    assert not run(unbroken)
    wanted = state(unbroken)
    assert wanted != before or kind == "check", "it did nothing"

    def kill(point: str) -> bool:
        """Whether anybody was killed there. What is left then is finished by another."""
        data = next(copies)
        if not run(data, f"{point}=kill9@{number}"):
            assert state(data) == wanted
            return False
        began = time.monotonic()
        assert not run(data)
        assert time.monotonic() - began <= FINISH_SECONDS
        assert state(data) == wanted, point
        shutil.rmtree(data)
        return True

    number = 1
    for point in (*POINTS, *CASES[kind].points):
        assert kill(point), point
    while kill("job.step"):
        number += 1
        assert number <= MOST_STEPS
    assert number > 1, "it has no steps"


def prepare(data: Path, kind: str) -> State:
    """An installation in which there is something to do for that job, and for no other. What it is like."""
    data.mkdir()
    build(Settings.read({"data_dir": data}, environ={}), port=0).close()
    installation = Installation(data, archive=data / "archive")
    installation.now = datetime.now(UTC) - AGE
    payload = CASES[kind].prepare(installation)
    installation.ask_database("DELETE FROM job")
    installation.ask_database("DELETE FROM outbox")
    with installation.database.transaction() as db:
        db.jobs.add(kind, payload, at=installation.now)
    installation.database.close()
    return state(data)


def copies_of(prepared: Path) -> Iterator[Path]:
    number = 0
    while True:
        number += 1
        data = prepared.with_name(f"data{number}")
        shutil.copytree(prepared, data)
        settle(data)
        yield data


def settle(data: Path) -> None:
    """Nothing comes by itself for as long as may be."""
    with closing(Database(data / DATABASE_FILE)) as database, database.transaction() as db:
        for name, kind in KINDS.items():
            if kind.every is not None:
                db.jobs.schedule(name, at=datetime.now(UTC) + 1.9 * kind.every)


def state(data: Path) -> State:
    """(table, row) of all that is known, (folder, digest) of all that is stored.

    Keys are random, and times of today another each time: of those only that there is one. A copy that nobody
    finishes is written down as what the collector removes; how many there are is no matter.
    """
    today = (datetime.now(UTC) - AGE / 2).timestamp() * 1000

    def plain(value: Any) -> Any:
        if isinstance(value, int) and value > today:
            return "today"
        return "uuid" if isinstance(value, str) and UUID.fullmatch(value) else value

    with closing(sqlite3.connect(data / DATABASE_FILE)) as driver:
        tables = [name for (name,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [
            (table, repr(tuple(map(plain, row))))
            for table in tables
            if table not in UNTOLD
            for row in driver.execute(f"SELECT * FROM {table}")
            if UNFINISHED not in row
        ]
        unfinished = {
            key for (key,) in driver.execute("SELECT key FROM removal WHERE reason = ?", (UNFINISHED,))
        }
    files = [
        (path.relative_to(data).parts[0], hashlib.sha256(path.read_bytes()).hexdigest())
        for folder in ("blobs", "staging", "archive")
        for path in (data / folder).rglob("*")
        if path.is_file() and path.name not in unfinished
    ]
    return sorted(rows), sorted(files)
