"""Does jobs: claims one that is due, runs it, has it ended or tried again.

Delivery is at least once. A job that was claimed is the worker's until its lease ends; a thread renews the
leases of all jobs that are run, so a lease ends when its process has, or when the job has not come to a step
for long: then it is stuck, and another may do better. What a job did is its own to make
safe; the row that says it is done may be lost with the power, and then the job, which is idempotent, is
done once more (so these transactions need not wait for the disk).
Source: design.md §2 "Jobs"; dependencies.md §6: why this is our own.
"""

import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from openecr.domain.job import Job, State
from openecr.errors import ServiceError
from openecr.failpoints import fp
from openecr.jobs.dispatch import dispatch
from openecr.jobs.kinds import KINDS
from openecr.jobs.work import Interrupted, Tools, Work

THREADS = 3
"""Jobs that are run at once: one that takes long, and the one that reads all bytes, leave room for others."""
POLL_SECONDS = 1.0
"""How often to look for what another process has written; what this one wrote is known at once."""
LEASE = timedelta(seconds=60)
STUCK_SECONDS = 900.0
"""How long a job may take for one step, and have its lease renewed still."""
NICENESS = 10
STOP_SECONDS = 10.0
MANY = 1000
"""Jobs `run_due` does before it is sure that they breed."""

RunApart = Callable[[Job, str, Callable[[], bool]], int | None]
"""Runs `attempt` for that owner in another process; returns its exit code. Where the third says that it is to
stop, the process is ended, and None returned."""


@dataclass(slots=True)
class _Run:
    """A job that is run here."""

    job: Job
    owner: str  # of this claim alone: who lost it is not taken for who has it now
    stepped_at: float  # by the stopwatch
    is_apart: bool = False  # its steps are not seen here
    is_stuck: bool = False


class Worker:
    """Does the jobs of one installation, in threads of its own or (`run_due`) in the caller's.

    run_apart  for heavy jobs; None: they are run here like any other
    """

    def __init__(self, tools: Tools, *, lease: timedelta = LEASE, run_apart: RunApart | None = None) -> None:
        self._tools = tools
        self._lease = lease
        self._run_apart = run_apart
        self._is_stopping = threading.Event()
        self._running: dict[str, _Run] = {}  # by owner
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
            self._do("no events are dispatched", self._look_for_work)
            if not self._do("no jobs are done", self._do_next):
                self._tools.database.news.wait(POLL_SECONDS)
                self._tools.database.news.clear()

    def _renew_leases(self) -> None:
        while not self._is_stopping.wait(self._lease.total_seconds() / 4):
            self._do("no leases are renewed", self.renew)  # else the next time comes before they end

    def _do(self, failure: str, work: Callable[[], bool]) -> bool:
        """Whatever goes wrong is told, and does not end the thread: nobody would start another."""
        try:
            return work()
        except (ServiceError, OSError) as error:
            self._tools.tell("error", failure, reason=f"{type(error).__name__}: {error}")
        except Exception as error:  # a mistake of ours, or a database that is damaged
            self._tools.tell("error", failure, trace="".join(traceback.format_exception(error)))
        return False

    def renew(self) -> bool:
        """Keep what is run here for longer, but for what is stuck. Whether there was anything to renew."""
        now = self._tools.stopwatch()
        with self._lock:
            running = list(self._running.values())
        for run in running:
            is_stuck = not run.is_apart and now - run.stepped_at > STUCK_SECONDS
            if is_stuck and not run.is_stuck:
                self._tools.tell("error", "job stuck", job=run.job.id, kind=run.job.kind)
            run.is_stuck = is_stuck
        going = [run for run in running if not run.is_stuck]
        if going:
            with self._tools.database.transaction(durable=False) as db:
                for run in going:
                    db.jobs.renew(run.job, run.owner, until=self._tools.clock() + self._lease)
        return bool(going)

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
        self._look_for_work()
        return self._do_next()

    def _look_for_work(self) -> bool:
        self._schedule()
        return dispatch(self._tools) > 0

    def _do_next(self) -> bool:
        now = self._tools.clock()
        with self._tools.database.reading() as db:
            if not db.jobs.has_due(now):
                return False
        owner = f"{os.getpid()}.{uuid4()}"
        with self._tools.database.transaction(durable=False) as db:
            job = db.jobs.claim(owner, now=now, lease=self._lease)
        if job is None:
            return False
        if job.state is State.DEAD:
            self._tell_of_failure(job, State.DEAD, job.error)
            return True
        fp("job.claimed")
        run = _Run(job, owner, self._tools.stopwatch())
        with self._lock:
            self._running[owner] = run
        try:
            self._run(run)
        finally:
            with self._lock:
                del self._running[owner]
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

    def _run(self, run: _Run) -> None:
        job, owner = run.job, run.owner
        if KINDS.get(job.kind) is None:  # of a version that knew more
            self._fail(job, owner, f"there is no job {job.kind}")
        elif self._run_apart is None or not self._is_heavy(run):
            self.attempt(job, owner, run)
        else:
            run.is_apart = True
            code = self._run_apart(job, owner, self._is_stopping.is_set)
            if code is None:
                with self._tools.database.transaction(durable=False) as db:
                    db.jobs.give_back(job, owner, at=self._tools.clock())
            elif code != 0:
                self._fail(job, owner, f"its process ended with {code}")

    def _is_heavy(self, run: _Run) -> bool:
        is_heavy = KINDS[run.job.kind].is_heavy
        return is_heavy is not None and is_heavy(self._work_of(run.job, run.owner, run))

    def attempt(self, job: Job, owner: str, run: _Run | None = None) -> None:
        """Do a job that `owner` has claimed, and write down how it ended."""
        work = self._work_of(job, owner, run)
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
            self._tell_of_failure(job, state, error)

    def _tell_of_failure(self, job: Job, state: State, error: str) -> None:
        self._tools.tell(
            "error",
            "job failed",
            job=job.id,
            kind=job.kind,
            attempt=job.attempt,
            state=state,
            trace=error,
        )

    def _work_of(self, job: Job, owner: str, run: _Run | None) -> Work:
        def is_wanted() -> bool:
            if run is not None:
                run.stepped_at = self._tools.stopwatch()
            if self._is_stopping.is_set():
                return False
            with self._tools.database.reading() as db:
                return db.jobs.is_wanted(job, owner)

        return Work(self._tools, job.payload, self._tools.clock(), is_wanted)


def _is_due(next_at: datetime | None, now: datetime, every: timedelta) -> bool:
    """A time far further off than `every` was written under a clock that was wrong."""
    return next_at is None or next_at <= now or next_at > now + 2 * every


def _give_way() -> None:
    """To whoever is served beside. On Linux niceness is a thread's own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
