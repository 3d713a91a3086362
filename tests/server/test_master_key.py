"""The master key in its file: made once, rotated without anything lost, whenever it is cut short."""

import fcntl
import os
import threading
from datetime import UTC, datetime

import pytest

from openecr import failpoints
from openecr.domain.principal import AccessKey, Session
from openecr.identity.sealed import InvalidMasterKey, OtherMasterKey, SealBroken
from openecr.metadata.database import Database
from openecr.server.master_key import (
    MASTER_KEY_FILE,
    RotationUnderWay,
    open_sealer,
    rotate,
    seal_anew,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
SECRETS = {"AKIA1": b"of a root", "ASIA1": b"of a session", "kid1": b"that signs tokens"}


def mode(path):
    return path.stat().st_mode & 0o777


def keys(folder):
    return (folder / MASTER_KEY_FILE).read_text().split()


# The file.


def test_a_start_that_was_killed_does_not_keep_the_next_one_from_making_the_key(tmp_path):
    before = os.umask(0)
    for name in ("master", f"master.{os.getpid()}", "master.draft"):
        (tmp_path / name).write_text("half a k")

    sealed = open_sealer(tmp_path, None).seal(b"secret", b"about")

    assert open_sealer(tmp_path, None).open(sealed, b"about") == b"secret"
    assert mode(tmp_path / MASTER_KEY_FILE) == 0o600
    assert len(list(tmp_path.iterdir())) == 4  # no draft of ours is left
    os.umask(before)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"00", b"\xff" * 64, b"0" * 64 + b"\nand more\n"])
def test_a_file_without_a_key_in_it_is_refused_and_kept(tmp_path, content):
    (tmp_path / MASTER_KEY_FILE).write_bytes(content)

    with pytest.raises(InvalidMasterKey):
        open_sealer(tmp_path, None)
    assert (tmp_path / MASTER_KEY_FILE).read_bytes() == content


def test_a_key_of_the_environment_leaves_no_file(tmp_path):
    sealed = open_sealer(tmp_path, "01" * 32).seal(b"secret", b"about")

    assert open_sealer(tmp_path, "01" * 32).open(sealed, b"about") == b"secret"
    with pytest.raises(OtherMasterKey):
        open_sealer(tmp_path, "23" * 32).open(sealed, b"about")
    assert list(tmp_path.iterdir()) == []


def test_of_two_keys_of_the_environment_the_new_one_seals_and_both_open(tmp_path):
    old, both, new = (
        open_sealer(tmp_path, *given) for given in (("01" * 32,), ("01" * 32, "23" * 32), ("23" * 32,))
    )

    assert both.open(old.seal(b"secret", b"about"), b"about") == b"secret"
    assert new.open(both.seal(b"secret", b"about"), b"about") == b"secret"


def test_no_key_is_made_where_it_would_open_nothing_that_is_there(tmp_path):
    (tmp_path / "data").mkdir()
    database = Database(tmp_path / "x.db")
    sealer = open_sealer(tmp_path / "data", "01" * 32, database=database)
    with database.transaction() as db:
        db.signing_keys.add("kid1", sealer.seal(b"secret", b"kid1"), at=NOW)

    with pytest.raises(InvalidMasterKey, match="OPENECR_MASTER_KEY"):
        open_sealer(tmp_path / "data", None, database=database)
    assert list((tmp_path / "data").iterdir()) == []

    (tmp_path / "data" / MASTER_KEY_FILE).write_text("01" * 32)
    sealer = open_sealer(tmp_path / "data", None, database=database)
    with database.reading() as db:
        assert sealer.open(db.signing_keys.list()[0][1], b"kid1") == b"secret"
    database.close()


# Rotation.


@pytest.fixture
def database(tmp_path):
    """In which each kind of sealed thing is, beside the file that has the key."""
    database = Database(tmp_path / "x.db")
    with database.transaction() as db:
        sealer = open_sealer(tmp_path, None)
        sealed = {id_: sealer.seal(secret, id_.encode()) for id_, secret in SECRETS.items()}
        db.accounts.add(ACCOUNT, "", at=NOW)
        db.access_keys.add(AccessKey("AKIA1", ACCOUNT, None, sealed["AKIA1"], "Active", NOW))
        db.sessions.add(Session("ASIA1", ACCOUNT, None, "arn", ACCOUNT, sealed["ASIA1"], bytes(32), NOW, NOW))
        db.signing_keys.add("kid1", sealed["kid1"], at=NOW)
    yield database
    database.close()


def sealed_in(database):
    with database.reading() as db:
        return {id_: sealed for _, id_, sealed in db.sealed.all()}


def secrets_in(database, sealer):
    return {id_: sealer.open(sealed, id_.encode()) for id_, sealed in sealed_in(database).items()}


def test_a_rotation_seals_everything_anew_under_a_key_that_is_the_only_one(tmp_path, database):
    [old], before = keys(tmp_path), sealed_in(database)

    assert rotate(tmp_path, database) == 3

    [new] = keys(tmp_path)
    assert new != old
    assert mode(tmp_path / MASTER_KEY_FILE) == 0o600
    assert secrets_in(database, open_sealer(tmp_path, None)) == SECRETS
    assert sealed_in(database).keys() == before.keys()
    with pytest.raises(OtherMasterKey):
        secrets_in(database, open_sealer(tmp_path, old))
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith("master")} == {MASTER_KEY_FILE}


@pytest.fixture
def broken_at():
    """Breaks a rotation off at a point, once."""
    yield lambda point: failpoints.arm(f"{point}=raise:EIO@1")
    failpoints.arm("")


@pytest.mark.parametrize(
    ("point", "is_sealed_anew"),
    [("rotation.begun", False), ("rotation.sealing", False), ("rotation.sealed_anew", True)],
)
def test_a_rotation_that_breaks_off_loses_nothing_and_the_next_ends_it(
    tmp_path, database, broken_at, point, is_sealed_anew
):
    """Whoever starts then opens everything, and so does who was running. (That a kill leaves no less is
    shown in tests/cli/test_rotate_master_key.py.)"""
    running, idle = open_sealer(tmp_path, None), open_sealer(tmp_path, None)
    [old] = keys(tmp_path)
    broken_at(point)
    with pytest.raises(OSError, match="Input/output"):
        rotate(tmp_path, database)

    # The new key is kept before anything is sealed under it, and the old one until nothing is.
    new, *rest = keys(tmp_path)
    assert rest == [old]
    assert secrets_in(database, open_sealer(tmp_path, new if is_sealed_anew else old)) == SECRETS
    for sealer in (running, open_sealer(tmp_path, None)):
        assert secrets_in(database, sealer) == SECRETS
        assert open_sealer(tmp_path, new).open(sealer.seal(b"later", b"x"), b"x") == b"later"

    rotate(tmp_path, database)

    [newest] = keys(tmp_path)
    assert newest not in (old, new)
    for sealer in (running, idle, open_sealer(tmp_path, None)):
        assert secrets_in(database, sealer) == SECRETS
        assert open_sealer(tmp_path, newest).open(sealer.seal(b"later", b"x"), b"x") == b"later"


def test_a_rotation_that_meets_damage_changes_nothing_and_can_be_tried_again(tmp_path, database):
    before = sealed_in(database)
    for damaged, fault in (
        (bytes([1]) + bytes(60), OtherMasterKey),
        (before["AKIA1"], SealBroken),  # another row's
    ):
        with database.transaction() as db:
            db.sealed.replace("session", "ASIA1", damaged)
        with pytest.raises(fault):
            rotate(tmp_path, database)
        assert sealed_in(database) == before | {"ASIA1": damaged}
    with database.transaction() as db:
        db.sealed.replace("session", "ASIA1", before["ASIA1"])

    rotate(tmp_path, database)

    assert len(keys(tmp_path)) == 1
    assert secrets_in(database, open_sealer(tmp_path, None)) == SECRETS


def test_a_key_that_is_kept_elsewhere_is_rotated_there(tmp_path, database):
    """The file of the data directory is a link to it."""
    (tmp_path / "volume").mkdir()
    link, file = tmp_path / MASTER_KEY_FILE, tmp_path / "volume" / "key"
    link.rename(file)
    link.symlink_to(file)
    [old] = keys(tmp_path)

    rotate(tmp_path, database)

    assert link.is_symlink()
    assert file.read_text().split() == keys(tmp_path) != [old]
    assert mode(file) == 0o600
    assert [path.name for path in (tmp_path / "volume").iterdir()] == ["key"]
    assert secrets_in(database, open_sealer(tmp_path, None)) == SECRETS


def test_only_one_rotation_at_a_time(tmp_path, database):
    before = keys(tmp_path)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(RotationUnderWay):
        rotate(tmp_path, database)
    assert keys(tmp_path) == before

    os.close(descriptor)
    rotate(tmp_path, database)
    assert keys(tmp_path) != before


def test_a_draft_that_a_killed_rotation_left_is_gone_with_the_next(tmp_path, database):
    (tmp_path / "master.draft").write_text("01" * 32)
    (tmp_path / "master.draft").chmod(0o644)

    rotate(tmp_path, database)

    assert not (tmp_path / "master.draft").exists()
    assert mode(tmp_path / MASTER_KEY_FILE) == 0o600


def test_what_is_stored_while_a_rotation_is_under_way_is_not_lost(tmp_path, database):
    """A server seals within the transaction that stores: that is before the rotation's, or knows of it."""
    server, ended, made = open_sealer(tmp_path, None), threading.Event(), []

    def store_keys():
        while not ended.is_set():
            id_ = f"AKIA{1000 + len(made)}"
            with database.transaction() as db:
                sealed = server.seal(b"made meanwhile", id_.encode())
                db.access_keys.add(AccessKey(id_, ACCOUNT, None, sealed, "Active", NOW))
            made.append(id_)

    thread = threading.Thread(target=store_keys)
    thread.start()
    try:
        for _ in range(10):
            rotate(tmp_path, database)
    finally:
        ended.set()
        thread.join()

    assert made
    assert secrets_in(database, open_sealer(tmp_path, None)) == SECRETS | dict.fromkeys(
        made, b"made meanwhile"
    )


def test_secrets_under_a_key_of_the_environment_are_sealed_anew_under_another(tmp_path, database):
    old, new = keys(tmp_path)[0], "23" * 32
    with_both = open_sealer(tmp_path, old, new)

    assert seal_anew(database, with_both) == 3

    assert secrets_in(database, open_sealer(tmp_path, new)) == secrets_in(database, with_both) == SECRETS
    with pytest.raises(OtherMasterKey):
        secrets_in(database, open_sealer(tmp_path, old))
