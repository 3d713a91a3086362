"""`openecr alias`: the names of public registries. May run beside the server, which knows them at once.

AWS gives custom aliases by its console, on request; here the operator does. The default alias, which an
account was given with its first public repository, stays: people may have pulled by it.
"""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, say

if TYPE_CHECKING:
    from openecr.domain.registry_alias import RegistryAlias
    from openecr.metadata.database import Transaction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    add = commands.add_parser("add", help="give the public registry of an account one more name")
    add.add_argument("--account", metavar="NUMBER", help="Whose registry. [the default account]")
    add.add_argument("--primary", action="store_true", help="Show this name in URIs from now on.")
    add.add_argument("--force", action="store_true", help="Also a name with a word such as `aws` in it.")
    remove = commands.add_parser("remove", help="take a name away, but not the default one")
    primary = commands.add_parser("primary", help="show that name in URIs from now on")
    for command in (add, remove, primary):
        command.add_argument("name", metavar="NAME", help="The alias, as in public.ecr.aws/NAME.")
    listing = commands.add_parser("list", help="print each alias: account, name, whether primary or default")
    for command in (add, remove, primary, listing):
        add_place(command)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments)
        with opened(settings) as database:
            if arguments.what == "list":
                with database.reading() as db:
                    aliases = db.aliases.list()
                for account, alias in aliases:
                    say(_line(account, alias))
                return 0
            with database.transaction() as db:
                match arguments.what:
                    case "add":
                        account = arguments.account or settings.account
                        _add(db, account, arguments.name, force=arguments.force)
                        if arguments.primary:
                            db.aliases.set_primary(account, arguments.name)
                    case "remove":
                        account = _remove(db, arguments.name)
                    case _:
                        account = _owner(db, arguments.name)
                        db.aliases.set_primary(account, arguments.name)
                left = db.aliases.of_account(account)
        for alias in left:
            say(_line(account, alias))
    return 0


def _add(db: "Transaction", account: str, name: str, *, force: bool) -> None:
    from openecr.domain.registry_alias import check_name, reserved_word

    fault = check_name(name)
    if fault is not None:
        raise ValueError(fault)
    word = reserved_word(name)
    if word is not None and not force:
        raise ValueError(
            f"The word {word} says of a publisher what is not so; --force gives it all the same."
        )
    if not db.accounts.has(account):
        raise ValueError(f"There is no account {account}.")
    owner = db.aliases.find_account(name)
    if owner is not None:
        raise ValueError(f"The alias {name} is that of account {owner} already.")
    db.aliases.add(account, name, at=datetime.now(UTC))


def _remove(db: "Transaction", name: str) -> str:
    account = _owner(db, name)
    if any(alias.is_default and alias.name == name for alias in db.aliases.of_account(account)):
        raise ValueError(f"The alias {name} is the default one of account {account}, which stays.")
    db.aliases.remove(account, name)
    return account


def _owner(db: "Transaction", name: str) -> str:
    account = db.aliases.find_account(name)
    if account is None:
        raise ValueError(f"There is no alias {name}.")
    return account


def _line(account: str, alias: "RegistryAlias") -> str:
    marks = ["primary"] * alias.is_primary + ["default"] * alias.is_default
    return "  ".join([account, alias.name, *marks])
