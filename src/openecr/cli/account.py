"""`openecr account`: make an account, list those there are, vouch for one. May run beside the server."""

import argparse
import secrets
from contextlib import closing
from datetime import UTC, datetime

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, note, say
from openecr.domain.registry import ACCOUNT
from openecr.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    create = commands.add_parser(
        "create",
        help="make an account; print a role that users of the default account may be allowed to assume "
        "(none where it is the first account), and the root key, this once",
    )
    create.add_argument("--name", default="", help="What people call it.")
    create.add_argument("--account", metavar="NUMBER", help="Its 12 digits. [any that are free]")
    listing = commands.add_parser("list", help="print the number and the name of each account")
    verify = commands.add_parser(
        "verify", help="vouch for a publisher: its name and its logos are shown with its public repositories"
    )
    unverify = commands.add_parser("unverify", help="vouch for it no longer")
    for command in (verify, unverify):
        command.add_argument("account", metavar="NUMBER", help="The 12 digits of the account.")
    for command in (create, listing, verify, unverify):
        add_place(command)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments)
        if arguments.what == "list":
            _list(settings)
        elif arguments.what in ("verify", "unverify"):
            _set_verified(settings, arguments.account, arguments.what == "verify")
        else:
            _create(settings, arguments.account or _any_number(), arguments.name)
    return 0


def _create(settings: Settings, number: str, name: str) -> None:
    from openecr.metadata.database import Database
    from openecr.server.master_key import open_sealer
    from openecr.server.secrets import ADMINISTRATOR_ROLE, make_account

    if not ACCOUNT.fullmatch(number):
        raise ValueError("The number of an account has 12 digits.")
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(Database(settings.database_path)) as database:
        with database.reading() as db:
            administrator = settings.account if db.accounts.list() else None
        sealer = open_sealer(
            settings.data_dir, settings.master_key, settings.new_master_key, database=database
        )
        key = make_account(database, sealer, number, name, datetime.now(UTC), administrator=administrator)
    say(f"account {number}")
    if administrator is None:
        note("There is no other account yet: none may enter this one, so it has no administrator role.")
    else:
        say(f"role arn:aws:iam::{number}:role/{ADMINISTRATOR_ROLE}")
    say(f"export AWS_ACCESS_KEY_ID={key.id}")
    say(f"export AWS_SECRET_ACCESS_KEY={key.secret}")


def _list(settings: Settings) -> None:
    with opened(settings) as database, database.reading() as db:
        accounts = db.accounts.list()
    for number, name in accounts:
        say(f"{number}  {name}".rstrip())


def _set_verified(settings: Settings, number: str, is_verified: bool) -> None:
    with opened(settings) as database, database.transaction() as db:
        if not db.accounts.has(number):
            raise ValueError(f"There is no account {number}.")
        db.catalogs.set_verified(number, is_verified)
    say(f"{number}  {'verified' if is_verified else 'not verified'}")


def _any_number() -> str:
    return f"{100_000_000_000 + secrets.randbelow(900_000_000_000)}"
