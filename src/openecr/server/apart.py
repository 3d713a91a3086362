"""Heavy jobs, each in a process of its own: Python does one thing at a time, and who is served comes first.

The process is made anew (spawn), not forked: the server has threads. It ends with whoever started it, so
that a lease is never left to one of whom nobody knows. When its worker stops it is told to, and gives the
job back at its next step. It is ended, as by `kill -9`, which a job survives, when it does not come to one,
or has not come to its end for long.
"""

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import resource_tracker

from openecr.blobs.files import FileBlobs
from openecr.domain.job import Job
from openecr.jobs.work import Bounds, Tools
from openecr.jobs.worker import RunApart, Worker
from openecr.metadata.database import Database
from openecr.server.telemetry import AUDIT_FILE, AuditFile, Log
from openecr.settings import Settings

LIMIT_SECONDS = 3600.0
STOP_SECONDS = 3.0
"""How long it may take to its next step. Less than its worker waits (jobs/worker.py)."""
POLL_SECONDS = 0.2
NEW_OBJECTS = 200_000
"""After so many Python looks for cycles, of which jobs make few; by its own 700 it looks a third of the time
where a job reads the facts of a hundred thousand images."""


def open_blobs(settings: Settings) -> FileBlobs:
    """The bytes of the installation, with its archive if it has one. Raises OSError."""
    return FileBlobs(settings.blob_root, archive_root=settings.archive_blob_url)


def tools_of(
    settings: Settings,
    database: Database,
    blobs: FileBlobs,
    *,
    clock: Callable[[], datetime],
    audit: AuditFile,
    log: Log,
    is_apart: bool = False,
) -> Tools:
    """What jobs are given, by the settings."""
    bounds = Bounds(
        gc_grace=timedelta(minutes=settings.gc_grace_minutes),
        scrub_bytes_per_second=settings.scrub_bytes_per_second,
        scrub_days=settings.scrub_days,
    )
    return Tools(database, blobs, clock, audit.write, log.write, bounds, is_apart=is_apart)


def runner(settings: Settings, *, limit_seconds: float = LIMIT_SECONDS) -> RunApart:
    """What runs a job in another process."""
    context = multiprocessing.get_context("spawn")

    def run_apart(job: Job, owner: str, is_stopping: Callable[[], bool]) -> int | None:
        process = context.Process(target=_attempt, args=(settings, job, owner), name=f"job {job.kind}")
        with _told_to_stop_when_it_listens():
            process.start()
        until = time.monotonic() + limit_seconds
        is_stopped = False
        while process.is_alive() and not is_stopped and time.monotonic() < until:
            process.join(POLL_SECONDS)
            is_stopped = is_stopping()
        if is_stopped:
            process.terminate()
            process.join(STOP_SECONDS)
        process.kill()
        process.join()
        code = process.exitcode
        process.close()
        return None if is_stopped else code

    return run_apart


@contextmanager
def _told_to_stop_when_it_listens() -> Iterator[None]:
    """A process started in here begins with SIGTERM blocked. Afterwards signals are as they were: the helper
    process that multiprocessing starts with the first one would leave SIGINT and SIGTERM to this thread."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask | {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _attempt(settings: Settings, job: Job, owner: str) -> None:
    """In the new process: do that job."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # a terminal tells all; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.set_threshold(NEW_OBJECTS)
    database = Database(settings.database_path)
    log = Log(settings.log_format)
    audit = AuditFile(settings.data_dir / AUDIT_FILE, log)
    try:
        blobs = open_blobs(settings)
        tools = tools_of(settings, database, blobs, clock=_now, audit=audit, log=log, is_apart=True)
        worker = Worker(tools)
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        worker.attempt(job, owner)
    finally:
        database.close()
        audit.close()
        log.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _now() -> datetime:
    return datetime.now(UTC)
