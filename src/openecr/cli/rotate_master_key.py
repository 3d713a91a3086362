"""`openecr rotate-master-key`: seal all secrets under a new master key. May run beside the server.

Where the master key comes from the environment it may run beside a server that was started with both
keys, the old one and the new one, and beside no other.
"""

import argparse
from contextlib import closing

from openecr.cli.saying import fail, faults_told, say
from openecr.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="VALUE", help="Where everything is kept. [openecr-data]")
    parser.add_argument("--config", metavar="FILE", help="A TOML file with settings.")
    parser.epilog = (
        "The key of the file master.key gives way to one that is made now. Where OPENECR_MASTER_KEY is set, "
        "OPENECR_NEW_MASTER_KEY must be too: start the servers with both, run this, and then start them with "
        "the new one as OPENECR_MASTER_KEY."
    )


def run(arguments: argparse.Namespace) -> int:
    from openecr.server.master_key import RotationUnderWay

    with faults_told():
        try:
            _rotate(Settings.read({"data_dir": arguments.data_dir, "config": arguments.config}))
        except RotationUnderWay:
            return fail("another rotation is under way")
    return 0


def _rotate(settings: Settings) -> None:
    from openecr.metadata.database import Database
    from openecr.server.master_key import MASTER_KEY_FILE, open_sealer, rotate, seal_anew

    if not settings.database_path.is_file():  # opening it would make one
        raise ValueError(f"There is no database {settings.database_path}.")
    if settings.master_key is not None and settings.new_master_key is None:
        raise ValueError(
            "OPENECR_MASTER_KEY is set: the key to take its place goes to OPENECR_NEW_MASTER_KEY."
        )
    with closing(Database(settings.database_path)) as database:
        if settings.master_key is None:
            count = rotate(settings.data_dir, database)
            say(f"{count} secrets are sealed under the new key in {settings.data_dir / MASTER_KEY_FILE}.")
            return
        sealer = open_sealer(settings.data_dir, settings.master_key, settings.new_master_key)
        count = seal_anew(database, sealer)
    say(f"{count} secrets are sealed under OPENECR_NEW_MASTER_KEY.")
    say("Make it OPENECR_MASTER_KEY now, wherever a server is started: the old key opens nothing any more.")
