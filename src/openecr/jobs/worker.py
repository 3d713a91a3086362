"""Does jobs: claims one that is due, runs it, has it ended or tried again.

Delivery is at least once. A job that was claimed is the worker's until its lease ends; a thread renews the
leases of all jobs that are run, so a lease ends when its process has. What a job did is its own to make
safe; the row that says it is done may be lost with the power, and then the job, which is idempotent, is
done once more (so these transactions need not wait for the disk).
Source: design.md §2 "Jobs"; dependencies.md §6: why this is our own.
"""

import os
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from openecr.domain.job import Job
from openecr.errors import ServiceError, ServiceUnavailable
from openecr.failpoints import fp
from openecr.jobs.dispatch import dispatch
from openecr.jobs.kinds import KINDS
from openecr.jobs.work import Interrupted, Tools, Work

THREADS = 2
"""Jobs that are run at once: one that takes long leaves room for the others."""
POLL_SECONDS = 1.0
"""How often to look for what another process has written; what this one wrote is known at once."""
LEASE = timedelta(seconds=60)
NICENESS = 10
STOP_SECONDS = 10.0
MANY = 1000
"""Jobs `run_due` does before it is sure that they breed."""

RunApart = Callable[[Job, str], int]
"""Runs `attempt` for that owner in another process; returns its exit code."""


class Worker:
    """Does the jobs of one installation, in threads of its own or (`run_due`) in the caller's.

    run_apart  for heavy jobs; None: they are run here like any other
    """

    def __init__(self, tools: Tools, *, lease: timedelta = LEASE, run_apart: RunApart | None = None) -> None:
        self._tools = tools
        self._lease = lease
        self._run_apart = run_apart
        self._owner = f"{os.getpid()}.{uuid4()}"
        self._is_stopping = threading.Event()
        self._running: dict[int, Job] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    # In threads.

    def start(self) -> None:
        works = [("jobs", self._work)] * THREADS + [("leases", self._renew_leases)]
        for name, work in works:
            self._threads.append(threading.Thread(target=work, name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """No more jobs. Those that are run end at their next step, and are done again later.

        Whether all have ended; where a step takes longer than STOP_SECONDS, its thread uses the stores still.
        """
        until = time.monotonic() + STOP_SECONDS
        self._is_stopping.set()
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < until:
                self._tools.database.news.set()  # one of them may have taken it from the others
                thread.join(0.05)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        _give_way()
        while not self._is_stopping.is_set():
            try:
                has_worked = self.run_next()
            except (ServiceError, OSError) as error:
                self._tools.tell("error", "no jobs are done", reason=f"{type(error).__name__}: {error}")
                has_worked = False
            if not has_worked:
                self._tools.database.news.wait(POLL_SECONDS)
                self._tools.database.news.clear()

    def _renew_leases(self) -> None:
        while not self._is_stopping.wait(self._lease.total_seconds() / 4):
            with self._lock:
                running = list(self._running.values())
            if not running:
                continue
            try:
                with self._tools.database.transaction(durable=False) as db:
                    for job in running:
                        db.jobs.renew(job, self._owner, until=self._tools.clock() + self._lease)
            except ServiceUnavailable:  # the next time comes before the lease ends
                continue

    # One after the other.

    def run_due(self) -> int:
        """Do all that is due now, what follows from it too. How many jobs."""
        count = 0
        while self.run_next():
            count += 1
            assert count < MANY, "jobs that are always due"
        return count

    def run_next(self) -> bool:
        """Do the next job that is due. False where there is none."""
        self._schedule()
        dispatch(self._tools)
        now = self._tools.clock()
        with self._tools.database.reading() as db:
            if not db.jobs.has_due(now):
                return False
        with self._tools.database.transaction(durable=False) as db:
            job = db.jobs.claim(self._owner, now=now, lease=self._lease)
        if job is None:
            return False
        fp("job.claimed")
        with self._lock:
            self._running[job.id] = job
        try:
            self._run(job)
        finally:
            with self._lock:
                del self._running[job.id]
        return True

    def _schedule(self) -> None:
        now = self._tools.clock()
        with self._tools.database.reading() as db:
            times = db.jobs.schedules()
        due = [
            name for name, kind in KINDS.items() if kind.every and _is_due(times.get(name), now, kind.every)
        ]
        if not due:
            return
        with self._tools.database.transaction() as db:
            for name in due:
                every = KINDS[name].every
                assert every is not None
                if _is_due(db.jobs.schedules().get(name), now, every):
                    db.jobs.add(name, {}, at=now, topic=name)
                    db.jobs.schedule(name, at=now + every)

    def _run(self, job: Job) -> None:
        kind = KINDS.get(job.kind)
        if kind is None:  # of a version that knew more
            self._fail(job, self._owner, f"there is no job {job.kind}")
        elif self._run_apart is None or kind.is_heavy is None or not kind.is_heavy(self._work_of(job)):
            self.attempt(job, self._owner)
        elif (code := self._run_apart(job, self._owner)) != 0:
            self._fail(job, self._owner, f"its process ended with {code}")

    def attempt(self, job: Job, owner: str) -> None:
        """Do a job that `owner` has claimed, and write down how it ended."""
        work = self._work_of(job, owner)
        try:
            rest = KINDS[job.kind].run(work)
        except Interrupted:
            with self._tools.database.transaction(durable=False) as db:
                db.jobs.give_back(job, owner, at=self._tools.clock())
            return
        except (ServiceError, OSError) as error:
            self._fail(job, owner, f"{type(error).__name__}: {error}")
            return
        except Exception as error:  # a mistake of ours: told with its story, and tried again later
            self._fail(job, owner, "".join(traceback.format_exception(error)))
            return
        fp("job.before_done")
        with self._tools.database.transaction(durable=False) as db:
            if rest is None:
                db.jobs.finish(job, owner)
            else:
                db.jobs.go_on(job, owner, payload=rest.payload, at=rest.at)
        fp("job.done")
        if any(work.counts.values()):
            self._tools.tell("info", "job done", job=job.id, kind=job.kind, **work.counts)

    def _fail(self, job: Job, owner: str, error: str) -> None:
        with self._tools.database.transaction() as db:
            state = db.jobs.fail(job, owner, error, now=self._tools.clock())
        if state is not None:  # else somebody else has it, and will tell
            self._tools.tell(
                "error",
                "job failed",
                job=job.id,
                kind=job.kind,
                attempt=job.attempt,
                state=state,
                trace=error,
            )

    def _work_of(self, job: Job, owner: str | None = None) -> Work:
        def is_wanted() -> bool:
            if self._is_stopping.is_set():
                return False
            with self._tools.database.reading() as db:
                return db.jobs.is_wanted(job, owner or self._owner)

        return Work(self._tools, job.payload, self._tools.clock(), is_wanted)


def _is_due(next_at: datetime | None, now: datetime, every: timedelta) -> bool:
    """A time far further off than `every` was written under a clock that was wrong."""
    return next_at is None or next_at <= now or next_at > now + 2 * every


def _give_way() -> None:
    """To whoever is served beside. On Linux niceness is a thread's own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
