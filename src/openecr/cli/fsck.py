"""`openecr fsck`: is everything there that must be?

Opens the same database and blobs as the server, and may run beside it. Prints each breach, one a line.
Exit code 0: none; 1: there are some; 2: it could not be checked.
"""

import argparse
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openecr.errors import ServiceUnavailable
from openecr.settings import InvalidSettings, Settings

if TYPE_CHECKING:
    from openecr.jobs.fsck import Journal

SOUND, BREACHES, CANNOT_CHECK = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help="Read and hash all bytes, parse all manifests.")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="Check what a client wrote down as acknowledged, too."
    )
    parser.add_argument("--data-dir", metavar="VALUE", help="Where everything is kept. [openecr-data]")
    parser.add_argument("--config", metavar="FILE", help="A TOML file with settings.")


def run(arguments: argparse.Namespace) -> int:
    try:
        settings = Settings.read({"data_dir": arguments.data_dir, "config": arguments.config})
        journal = None if arguments.journal is None else _read(arguments.journal)
    except (InvalidSettings, OSError, ValueError) as error:
        return _cannot_check(error)
    if not settings.database_path.is_file():  # opening it would make one, and find it sound
        return _cannot_check(f"There is no database {settings.database_path}.")
    count = _check(settings, deep=arguments.deep, journal=journal)
    _say(f"Breaches: {count}." if count else "No breach.")
    return BREACHES if count else SOUND


def _check(settings: Settings, *, deep: bool, journal: "Journal | None") -> int:
    """Print every breach; how many."""
    from openecr.blobs.files import FileBlobs
    from openecr.jobs import fsck
    from openecr.metadata.database import Database

    count = 0
    try:
        database = Database(settings.database_path)
        for count, breach in enumerate(  # noqa: B007 - the last one counts
            fsck.fsck(database, FileBlobs(settings.blob_root), deep=deep, journal=journal), 1
        ):
            _say(breach)
        database.close()
    except (sqlite3.DatabaseError, ServiceUnavailable) as error:  # so damaged that it cannot be asked
        _say(fsck.Breach("I0", f"the database is damaged: {error.__cause__ or error}"))
        count += 1
    return count


def _read(path: Path) -> "Journal":
    from openecr.jobs.fsck import parse_journal

    with path.open() as lines:
        return parse_journal(lines)


def _say(line: Any) -> None:
    print(line, flush=True)  # noqa: T201 - this is what the command says


def _cannot_check(why: Any) -> int:
    print(why, file=sys.stderr)  # noqa: T201 - as above
    return CANNOT_CHECK
