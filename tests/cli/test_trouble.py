"""A database that is held, damaged or of a newer version: each command says so in a line."""

import sqlite3
from contextlib import closing

import pytest

from openecr.cli import main
from openecr.metadata.database import Database
from tests.cli.commands import openecr

ARN = "arn:aws:ecr:us-east-1:000000000000:repository/team/app"
WRITING = {
    "account create": ["account", "create"],
    "revoke": ["revoke", "--principal", "root", "--account", "111122223333"],
    "rotate-master-key": ["rotate-master-key"],
}
READING = {
    "account list": ["account", "list"],
    "explain": ["explain", "--principal", "root", "--action", "ecr:PutImage", "--resource", ARN],
    "fsck": ["fsck"],
}
ALL = WRITING | READING
SERVE = {"serve": ["serve", "--port", "0"]}


@pytest.fixture
def data(tmp_path, run):
    run("account", "create", "--account", "111122223333")
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a command there: exit code, and what it complained of."""

    def run(*arguments):
        if arguments[0] == "serve":  # which leaves the closing of its sockets to the end of the process
            ended = openecr(*arguments, "--data-dir", tmp_path / "data")
            return ended.returncode, ended.stderr
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--data-dir", str(tmp_path / "data")])
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.fixture
def driver(data):
    """Of another program."""
    with closing(sqlite3.connect(data / "openecr.sqlite3", isolation_level=None)) as driver:
        yield driver


@pytest.fixture
def impatient(data, monkeypatch):
    """Nobody waits for others as long as is usual."""
    monkeypatch.setattr(Database.__init__, "__kwdefaults__", {"busy_seconds": 0.05})


@pytest.mark.parametrize("command", (ALL | SERVE).values(), ids=ALL | SERVE)
def test_a_database_of_a_newer_version_is_told(driver, run, command):
    driver.execute("UPDATE alembic_version SET version_num = '9999'")

    code, complaint = run(*command)

    assert code == 2
    assert complaint.endswith("openecr.sqlite3 was made by a newer openecr (migration 9999).\n")
    assert complaint.startswith("openecr: The database ")


@pytest.mark.parametrize("command", (ALL | SERVE).values(), ids=ALL | SERVE)
def test_a_database_that_is_none_is_told(data, run, command):
    (data / "openecr.sqlite3").write_bytes(b"something else" * 1000)
    # To fsck that is a breach like others, of which it prints what it finds.
    told = (
        (1, "")
        if command[0] == "fsck"
        else (2, "openecr: the database cannot be read: file is not a database\n")
    )

    assert run(*command) == told


@pytest.mark.parametrize("command", WRITING.values(), ids=WRITING)
def test_a_database_that_is_held_is_told_to_who_would_write(driver, run, command, impatient):
    driver.execute("BEGIN IMMEDIATE")

    assert run(*command) == (
        2,
        "openecr: the database cannot be used now: database is locked; nothing was changed\n",
    )


@pytest.mark.parametrize("command", ALL.values(), ids=ALL)
def test_a_database_that_cannot_even_be_opened_is_told(driver, run, command, impatient):
    driver.execute("PRAGMA locking_mode=EXCLUSIVE")
    driver.execute("BEGIN EXCLUSIVE")

    assert run(*command) == (
        2,
        "openecr: the database cannot be used now: database is locked; nothing was changed\n",
    )
