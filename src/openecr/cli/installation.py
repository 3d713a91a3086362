"""Which installation a command is about: how it is told, and the database that is there."""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from openecr.settings import Settings

if TYPE_CHECKING:
    from openecr.metadata.database import Database


def add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="VALUE", help="Where everything is kept. [openecr-data]")
    parser.add_argument("--config", metavar="FILE", help="A TOML file with settings.")


def settings_of(arguments: argparse.Namespace, **more: str | None) -> Settings:
    """The settings of the installation there.

    more    further settings that the command has a flag for; None where it was not given
    Raises InvalidSettings
    """
    return Settings.read({"data_dir": arguments.data_dir, "config": arguments.config, **more})


def must_be_there(settings: Settings) -> None:
    """Raises ValueError where there is no database: opening it would make one."""
    if not settings.database_path.is_file():
        raise ValueError(f"There is no database {settings.database_path}.")


@contextmanager
def opened(settings: Settings) -> "Iterator[Database]":
    """The database, closed afterwards.

    Raises ValueError  where there is none
    """
    must_be_there(settings)
    from openecr.metadata.database import Database

    with closing(Database(settings.database_path)) as database:
        yield database
