"""`openecr rotate-master-key`: seal all secrets under a new master key. May run beside the server.

Where the master key comes from the environment it may run beside a server that was started with both
keys, the old one and the new one, and beside no other.
"""

import argparse
import sys
from contextlib import closing
from typing import Any

from openecr.settings import InvalidSettings, Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="VALUE", help="Where everything is kept. [openecr-data]")
    parser.add_argument("--config", metavar="FILE", help="A TOML file with settings.")
    parser.epilog = (
        "The key of the file master.key gives way to one that is made now. Where OPENECR_MASTER_KEY is set, "
        "OPENECR_NEW_MASTER_KEY must be too: start the servers with both, run this, and then start them with "
        "the new one as OPENECR_MASTER_KEY."
    )


def run(arguments: argparse.Namespace) -> int:
    from openecr.errors import ServiceUnavailable
    from openecr.identity.sealed import InvalidMasterKey, OtherMasterKey, SealBroken
    from openecr.server.master_key import RotationUnderWay

    try:
        _rotate(Settings.read({"data_dir": arguments.data_dir, "config": arguments.config}))
    except OtherMasterKey:
        return _fail("the secrets in this data directory were sealed with another master key")
    except SealBroken:
        return _fail("a secret in the database is damaged; nothing was changed")
    except RotationUnderWay:
        return _fail("another rotation is under way")
    except ServiceUnavailable:
        return _fail("the database is busy; nothing was changed, try again")
    except (InvalidSettings, InvalidMasterKey, OSError, ValueError) as error:
        return _fail(error)
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
            _say(f"{count} secrets are sealed under the new key in {settings.data_dir / MASTER_KEY_FILE}.")
            return
        sealer = open_sealer(settings.data_dir, settings.master_key, settings.new_master_key)
        count = seal_anew(database, sealer)
    _say(f"{count} secrets are sealed under OPENECR_NEW_MASTER_KEY.")
    _say("Make it OPENECR_MASTER_KEY now, wherever a server is started: the old key opens nothing any more.")


def _say(line: str) -> None:
    print(line)  # noqa: T201 - this is what the command says


def _fail(why: Any) -> int:
    print(f"openecr: {why}", file=sys.stderr)  # noqa: T201 - as above
    return 2
