"""`openecr jobs`: the jobs that wait, are run or were given up. May run beside the server."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, say

if TYPE_CHECKING:
    from openecr.domain.job import Job
    from openecr.metadata.database import Transaction

PAGE = 500
ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = commands.add_parser(
        "list", help="print each job: number, state, when it is due, how often it was tried, what it is"
    )
    listing.add_argument("--state", choices=("waiting", "running", "dead"), help="Only those. [all]")
    retry = commands.add_parser("retry", help="have a job tried again, now")
    retry.add_argument("job", metavar="JOB", help="Its number; or `all`, of those that were given up.")
    cancel = commands.add_parser("cancel", help="have a job not done; one that is run ends at its next step")
    cancel.add_argument("job", metavar="JOB", help="Its number; or `all`, of those that were given up.")
    for command in (listing, retry, cancel):
        add_place(command)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments)
        with opened(settings) as database:
            if arguments.what == "list":
                with database.reading() as db:
                    for job in _each(db):
                        if arguments.state in (None, job.state):
                            _show(job)
                return 0
            with database.transaction() as db:
                for job in _chosen(db, arguments.job):
                    if arguments.what == "retry":
                        if job.state == "running":
                            raise ValueError(f"Job {job.id} is being done.")
                        db.jobs.retry(job, at=datetime.now(UTC))
                    else:
                        db.jobs.cancel(job)
                    say(f"{job.id}  {job.kind}")
    return 0


def _each(db: "Transaction") -> "list[Job]":
    found: list[Job] = []
    while page := db.jobs.page(after=found[-1].id if found else 0, limit=PAGE):
        found += page
    return found


def _chosen(db: "Transaction", which: str) -> "list[Job]":
    from openecr.domain.job import State

    if which == ALL:
        return [job for job in _each(db) if job.state is State.DEAD]
    job = db.jobs.find(int(which)) if which.isdecimal() and which.isascii() else None
    if job is None:
        raise ValueError(f"There is no job {which}.")
    return [job]


def _show(job: "Job") -> None:
    payload = " ".join(f"{name}={value}" for name, value in job.payload.items())
    due = f"{job.run_at:%Y-%m-%dT%H:%M:%SZ}"
    say(f"{job.id}  {job.state}  {due}  {job.attempt}  {job.kind}  {payload}".rstrip())
    if job.error:
        say(f"    {job.error.strip().splitlines()[-1]}")
