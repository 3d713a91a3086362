"""`openecr account`: make an account, list those there are. May run beside the server."""

import argparse
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from openecr.domain.registry import ACCOUNT
from openecr.settings import InvalidSettings, Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    create = commands.add_parser(
        "create",
        help="make an account; print a role that users of the default account may be allowed to assume, "
        "and the root key, this once",
    )
    create.add_argument("--name", default="", help="What people call it.")
    create.add_argument("--account", metavar="NUMBER", help="Its 12 digits. [any that are free]")
    listing = commands.add_parser("list", help="print the number and the name of each account")
    for command in (create, listing):
        command.add_argument("--data-dir", metavar="VALUE", help="Where everything is kept. [openecr-data]")
        command.add_argument("--config", metavar="FILE", help="A TOML file with settings.")


def run(arguments: argparse.Namespace) -> int:
    from openecr.identity.sealed import InvalidMasterKey, OtherMasterKey

    try:
        settings = Settings.read({"data_dir": arguments.data_dir, "config": arguments.config})
        if arguments.what == "list":
            return _list(settings)
        return _create(settings, arguments.account or _any_number(), arguments.name)
    except OtherMasterKey:
        return _fail("the secrets in this data directory were sealed with another master key")
    except (InvalidSettings, InvalidMasterKey, OSError, ValueError) as error:
        return _fail(error)


def _create(settings: Settings, number: str, name: str) -> int:
    from openecr.metadata.database import Database
    from openecr.server.master_key import open_sealer
    from openecr.server.secrets import ADMINISTRATOR_ROLE, make_account

    if not ACCOUNT.fullmatch(number):
        raise ValueError("The number of an account has 12 digits.")
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_path)
    try:
        sealer = open_sealer(settings.data_dir, settings.master_key, settings.new_master_key)
        key = make_account(database, sealer, number, name, datetime.now(UTC), administrator=settings.account)
    finally:
        database.close()
    _say(f"account {number}")
    _say(f"role arn:aws:iam::{number}:role/{ADMINISTRATOR_ROLE}")
    _say(f"export AWS_ACCESS_KEY_ID={key.id}")
    _say(f"export AWS_SECRET_ACCESS_KEY={key.secret}")
    return 0


def _list(settings: Settings) -> int:
    from openecr.metadata.database import Database

    if not settings.database_path.is_file():  # opening it would make one
        raise ValueError(f"There is no database {settings.database_path}.")
    database = Database(settings.database_path)
    with database.reading() as db:
        accounts = db.accounts.list()
    database.close()
    for number, name in accounts:
        _say(f"{number}  {name}".rstrip())
    return 0


def _any_number() -> str:
    return f"{100_000_000_000 + secrets.randbelow(900_000_000_000)}"


def _say(line: Any) -> None:
    print(line)  # noqa: T201 - this is what the command says


def _fail(why: Any) -> int:
    print(f"openecr: {why}", file=sys.stderr)  # noqa: T201 - as above
    return 2
