"""Heavy jobs, each in a process of its own: Python does one thing at a time, and who is served comes first.

The process is made anew (spawn), not forked: the server has threads. It ends with whoever started it, so
that a lease is never left to one of whom nobody knows.
"""

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from openecr.blobs.files import FileBlobs
from openecr.domain.job import Job
from openecr.jobs.work import Bounds, Tools
from openecr.jobs.worker import Worker
from openecr.metadata.database import Database
from openecr.server.telemetry import AUDIT_FILE, AuditFile, Log
from openecr.settings import Settings


def tools_of(
    settings: Settings,
    database: Database,
    blobs: FileBlobs,
    *,
    clock: Callable[[], datetime],
    audit: AuditFile,
    log: Log,
) -> Tools:
    """What jobs are given, by the settings."""
    bounds = Bounds(
        gc_grace=timedelta(minutes=settings.gc_grace_minutes),
        scrub_bytes_per_second=settings.scrub_bytes_per_second,
        scrub_days=settings.scrub_days,
    )
    return Tools(database, blobs, clock, audit.write, log.write, bounds)


def runner(settings: Settings) -> Callable[[Job, str], int]:
    """What runs a job in another process (Worker's `run_apart`)."""
    context = multiprocessing.get_context("spawn")

    def run_apart(job: Job, owner: str) -> int:
        process = context.Process(target=_attempt, args=(settings, job, owner), name=f"job {job.kind}")
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        return code

    return run_apart


def _attempt(settings: Settings, job: Job, owner: str) -> None:
    """In the new process: do that job."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    database = Database(settings.database_path)
    log = Log(settings.log_format)
    audit = AuditFile(settings.data_dir / AUDIT_FILE, log)
    try:
        blobs = FileBlobs(settings.blob_root, archive_root=settings.archive_blob_url)
        tools = tools_of(settings, database, blobs, clock=_now, audit=audit, log=log)
        Worker(tools).attempt(job, owner)
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
