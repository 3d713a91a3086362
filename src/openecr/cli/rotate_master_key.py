"""`openecr rotate-master-key`: seal all secrets under a new master key. May run beside the server.

Where the master key comes from the environment it may run beside a server that was started with both
keys, the old one and the new one, and beside no other.
"""

import argparse

from openecr.cli.installation import add_place, must_be_there, opened, settings_of
from openecr.cli.saying import fail, faults_told, say
from openecr.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.epilog = (
        "The key of the file master.key gives way to one that is made now. Where OPENECR_MASTER_KEY is set, "
        "OPENECR_NEW_MASTER_KEY must be too: start the servers with both, run this, and then start them with "
        "the new one as OPENECR_MASTER_KEY."
    )


def run(arguments: argparse.Namespace) -> int:
    from openecr.server.master_key import RotationUnderWay

    with faults_told():
        try:
            _rotate(settings_of(arguments))
        except RotationUnderWay:
            return fail("another rotation is under way")
    return 0


def _rotate(settings: Settings) -> None:
    from openecr.server.master_key import MASTER_KEY_FILE, open_sealer, rotate, seal_anew

    must_be_there(settings)
    if settings.master_key is not None and settings.new_master_key is None:
        raise ValueError(
            "OPENECR_MASTER_KEY is set: the key to take its place goes to OPENECR_NEW_MASTER_KEY."
        )
    with opened(settings) as database:
        if settings.master_key is None:
            count = rotate(settings.data_dir, database)
            say(f"{count} secrets are sealed under the new key in {settings.data_dir / MASTER_KEY_FILE}.")
            return
        sealer = open_sealer(settings.data_dir, settings.master_key, settings.new_master_key)
        count = seal_anew(database, sealer)
    say(f"{count} secrets are sealed under OPENECR_NEW_MASTER_KEY.")
    say("Make it OPENECR_MASTER_KEY now, wherever a server is started: the old key opens nothing any more.")
