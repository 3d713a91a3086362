"""`openecr scrub`: are the stored bytes still what they were?

Reads every blob, now, and marks those that are damaged; may run beside the server, which does the same by
itself. Prints each damaged blob, and the images that use it.
Exit code 0: none; 1: there are some; 2: it could not be done.
"""

import argparse
import re
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, say
from openecr.settings import Settings

if TYPE_CHECKING:
    from openecr.jobs.scrub import Pass
    from openecr.metadata.database import Database

SOUND, DAMAGED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate",
        type=_rate,
        metavar="BYTES",
        help="Read no more than that a second, at least 65536; 0: as fast as it goes. [the setting]",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="Mark all that is missing, even where so much is that the store seems not to be there.",
    )
    parser.add_argument(
        "--status", action="store_true", help="Only print when the last pass ended, and what it found."
    )
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments)
        with opened(settings) as database:
            if arguments.status:
                return _status(database)
            rate = settings.scrub_bytes_per_second if arguments.rate is None else arguments.rate
            return _scrub(settings, database, rate, marks_all=arguments.all)


def _scrub(settings: Settings, database: "Database", rate: int, *, marks_all: bool) -> int:
    from openecr.jobs.scrub import Pass, Scrubber, keep_result
    from openecr.metadata.query import milliseconds
    from openecr.server.apart import open_blobs, tools_of
    from openecr.server.telemetry import AUDIT_FILE, AuditFile, Log

    def clock() -> datetime:
        return datetime.now(UTC)

    whole = Pass(milliseconds(clock()))
    with (
        closing(Log(settings.log_format)) as log,
        closing(AuditFile(settings.data_dir / AUDIT_FILE, log)) as audit,
    ):
        tools = tools_of(settings, database, open_blobs(settings), clock=clock, audit=audit, log=log)
        for each in Scrubber(tools, whole, rate, marks_all=marks_all).go_on():
            say(f"{each.blob.digest} under key {each.blob.key} {each.wrong or 'is whole again'}")
            for image in each.images:
                say(f"    {image}")
    with database.transaction() as db:
        keep_result(db, whole)
    say(_told(whole))
    return DAMAGED if whole.damaged else SOUND


def _status(database: "Database") -> int:
    from openecr.jobs.scrub import LAST, find_pass

    with database.reading() as db:
        last, going_on = find_pass(db, LAST), find_pass(db)
    if last is None:
        say("No pass has ended yet.")
    else:
        assert last.ended_at is not None
        say(f"The last pass ended {_time(last.ended_at)}. {_told(last)}")
    if going_on is not None and going_on.ended_at is None:
        say(f"One is under way since {_time(going_on.began_at)}. So far: {_told(going_on)}")
    return DAMAGED if last is not None and last.damaged else SOUND


def _told(run: "Pass") -> str:
    return f"Blobs: {run.blobs}. Bytes: {run.size_bytes}. Damaged: {run.damaged}. Whole again: {run.healed}."


def _time(stored: int) -> str:
    from openecr.metadata.query import moment

    return f"{moment(stored):%Y-%m-%dT%H:%M:%SZ}"


def _rate(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError("must be 0, or a number of at least 65536")
    return int(text)
