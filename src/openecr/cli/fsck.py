"""`openecr fsck`: is everything there that must be?

Opens the same database and blobs as the server, and may run beside it. Prints each breach, one a line.
Exit code 0: none; 1: there are some; 2: it could not be checked.
"""

import argparse
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from openecr.cli.installation import add_place, must_be_there, opened, settings_of
from openecr.cli.saying import faults_told, say
from openecr.settings import Settings

if TYPE_CHECKING:
    from openecr.jobs.fsck import Journal

SOUND, BREACHES = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help="Read and hash all bytes, parse all manifests.")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="Check what a client wrote down as acknowledged, too."
    )
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments)
        journal = None if arguments.journal is None else _read(arguments.journal)
        must_be_there(settings)  # one made now would be found sound
        count = _check(settings, deep=arguments.deep, journal=journal)
    say(f"Breaches: {count}." if count else "No breach.")
    return BREACHES if count else SOUND


def _check(settings: Settings, *, deep: bool, journal: "Journal | None") -> int:
    """Print every breach; how many."""
    from openecr.jobs import fsck
    from openecr.server.apart import open_blobs

    blobs = open_blobs(settings)
    count = 0
    try:
        with opened(settings) as database:
            for count, breach in enumerate(  # noqa: B007 - the last one counts
                fsck.fsck(database, blobs, deep=deep, journal=journal), 1
            ):
                say(breach)
    except sqlite3.DatabaseError as error:  # so damaged that it cannot be asked
        say(fsck.Breach("I0", f"the database is damaged: {error}"))
        count += 1
    return count


def _read(path: Path) -> "Journal":
    from openecr.jobs.fsck import parse_journal

    with path.open() as lines:
        return parse_journal(lines)
