"""A database with two accounts, and a transaction on it."""

import shutil

import pytest

from openecr.metadata.database import Database
from tests.metadata.people import ACCOUNT, NOW, OTHER


@pytest.fixture
def database(tmp_path, empty_database):
    shutil.copy(empty_database, tmp_path / "x.db")
    database = Database(tmp_path / "x.db")
    with database.transaction() as db:
        db.accounts.add(ACCOUNT, "ours", at=NOW)
        db.accounts.add(OTHER, "another", at=NOW)
    yield database
    database.close()


@pytest.fixture
def db(database):
    with database.transaction(durable=False) as transaction:
        yield transaction
