"""`openecr rotate-master-key`: everything works before, during and after it, however it ends."""

import fcntl
import os
import signal

import pytest

from openecr.server.master_key import MASTER_KEY_FILE
from tests.cli.commands import openecr, serving
from tests.registry_client import RegistryClient

OLD, NEW = "01" * 32, "23" * 32
OTHER_KEY = "openecr: the secrets in this data directory were sealed with another master key\n"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def rotate(data, **variables):
    return openecr("rotate-master-key", "--data-dir", data, **variables)


def keys(data):
    return (data / MASTER_KEY_FILE).read_text().split()


def made_account(data, **variables):
    """The root key of a new account."""
    ended = openecr("account", "create", "--data-dir", data, **variables)
    assert ended.returncode == 0, ended.stderr
    return tuple(line.partition("=")[2] for line in ended.stdout.splitlines()[-2:])


def test_a_server_goes_on_beside_it_and_so_does_the_next_one(data):
    with serving("--data-dir", data, "--workers", "2") as server:
        root = server.key
        [old], first = keys(data), made_account(data)
        docker = RegistryClient(server.url, server.password(root))

        ended = rotate(data)

        assert (ended.returncode, ended.stderr) == (0, "")
        # Two root keys, the key that signs tokens.
        assert ended.stdout == f"3 secrets are sealed under the new key in {data / MASTER_KEY_FILE}.\n"
        second = made_account(data)
        for _ in range(8):  # so that either worker is asked
            assert [server.repositories(key) for key in (root, first, second)] == [[], [], []]
            assert docker.ask("GET", "/v2/", Connection="close").status == 200
        later = server.made_access_key(root)
        [new] = keys(data)
        assert new != old

    (data / MASTER_KEY_FILE).write_text(old)
    ended = openecr("serve", "--port", "0", "--data-dir", data)
    assert (ended.returncode, ended.stderr) == (2, OTHER_KEY)
    (data / MASTER_KEY_FILE).write_text(new)
    with serving("--data-dir", data) as server:
        assert [server.repositories(key) for key in (root, first, second, later)] == [[]] * 4
        assert RegistryClient(server.url, docker.http.auth[1]).ask("GET", "/v2/").status == 200


@pytest.mark.parametrize(
    "point", ["rotation.begun=kill9", "rotation.sealing=kill9@2", "rotation.sealed_anew=kill9"]
)
def test_one_that_was_killed_keeps_nobody_from_anything(data, point):
    account = made_account(data)
    [old] = keys(data)
    with serving("--data-dir", data) as server:
        assert rotate(data, FAILPOINTS=point).returncode == -signal.SIGKILL
        assert keys(data)[1:] == [old]
        assert server.repositories(account) == []
        root = server.key
        later = server.made_access_key(root)
    with serving("--data-dir", data) as server:
        assert [server.repositories(key) for key in (account, root, later)] == [[], [], []]
        assert rotate(data).returncode == 0
        assert [server.repositories(key) for key in (account, root, later)] == [[], [], []]
    assert len(keys(data)) == 1
    assert old not in keys(data)


def test_a_key_of_the_environment_gives_way_to_another_there(data):
    def started(**variables):
        return openecr("serve", "--port", "0", "--data-dir", data, **variables)

    with serving("--data-dir", data, OPENECR_MASTER_KEY=OLD) as server:
        root = server.key
    both = {"OPENECR_MASTER_KEY": OLD, "OPENECR_NEW_MASTER_KEY": NEW}
    with serving("--data-dir", data, **both) as server:
        ended = rotate(data, **both)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "Make it OPENECR_MASTER_KEY now" in ended.stdout
        assert server.repositories(root) == []
    assert not (data / MASTER_KEY_FILE).exists()

    ended = started(OPENECR_MASTER_KEY=OLD)
    assert (ended.returncode, ended.stderr) == (2, OTHER_KEY)
    with serving("--data-dir", data, OPENECR_MASTER_KEY=NEW) as server:
        assert server.repositories(root) == []


def test_a_key_of_the_environment_needs_its_successor_there_and_the_other_way_round(data):
    made_account(data, OPENECR_MASTER_KEY=OLD)
    for variables, complaint in (
        ({"OPENECR_MASTER_KEY": OLD}, "OPENECR_MASTER_KEY is set: the key to take its place goes to"),
        ({"OPENECR_NEW_MASTER_KEY": NEW}, "OPENECR_NEW_MASTER_KEY: needs OPENECR_MASTER_KEY"),
        (
            {"OPENECR_MASTER_KEY": OLD, "OPENECR_NEW_MASTER_KEY": "short"},
            "A master key has 64 hexadecimal digits.",
        ),
        ({"OPENECR_MASTER_KEY": NEW, "OPENECR_NEW_MASTER_KEY": "45" * 32}, OTHER_KEY.partition(": ")[2]),
    ):
        ended = rotate(data, **variables)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith(f"openecr: {complaint}")
        assert OLD not in ended.stderr
    assert rotate(data, OPENECR_MASTER_KEY=OLD, OPENECR_NEW_MASTER_KEY=NEW).returncode == 0


def test_two_at_a_time_are_one_too_many(data):
    made_account(data)
    before, descriptor = keys(data), os.open(data, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    ended = rotate(data)
    os.close(descriptor)

    assert (ended.returncode, ended.stderr) == (2, "openecr: another rotation is under way\n")
    assert keys(data) == before


def test_where_nothing_is_nothing_is_made(data, tmp_path):
    ended = rotate(data)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"openecr: There is no database {data}/openecr.sqlite3.\n"
    assert list(tmp_path.iterdir()) == []
