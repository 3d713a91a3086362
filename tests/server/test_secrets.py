"""Root keys: made once, given by settings, taken away by them; and who may read what lies there."""

import os
from datetime import UTC, datetime

import pytest

from openecr.domain.principal import INACTIVE, Identity, IdentityKind, Session
from openecr.domain.principal import AccessKey as StoredKey
from openecr.identity.credentials import AccessKey
from openecr.identity.sealed import OtherMasterKey, Sealer
from openecr.metadata.database import Database
from openecr.server.secrets import ADMINISTRATOR_ROLE, ensure_root_key, make_account, open_tokens

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SEALER = Sealer(bytes(32))
ACCOUNT, OTHER = "111122223333", "444455556666"
FIRST, SECOND = AccessKey("AKIAFIRST0000000", "s" * 40), AccessKey("AKIASECOND000000", "t" * 40)


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "x.db")
    yield database
    database.close()


def start(database, given=None, *, account=ACCOUNT):
    return ensure_root_key(database, SEALER, account, given, NOW)


def root_keys(database, account=ACCOUNT):
    """The root's keys that may be used: id → secret."""
    with database.reading() as db:
        return {
            key.id: SEALER.open(key.sealed_secret, key.id.encode()).decode()
            for key in db.access_keys.list(account, None)
            if key.status != INACTIVE
        }


def test_the_first_start_makes_a_root_key_and_the_next_does_not(database):
    made = start(database)

    assert root_keys(database) == {made.id: made.secret}
    assert start(database) is None
    assert root_keys(database) == {made.id: made.secret}


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_a_root_whose_keys_are_all_gone_is_given_a_new_one(database, end):
    old = start(database)
    with database.transaction() as db:
        db.access_keys.set_status(old.id, INACTIVE) if end == "disabled" else db.access_keys.delete(old.id)

    made = start(database)

    assert made.id != old.id
    assert root_keys(database) == {made.id: made.secret}


def test_a_given_key_is_the_root_s_as_long_as_it_is_given(database):
    assert start(database, FIRST) is None
    assert root_keys(database) == {FIRST.id: FIRST.secret}

    assert start(database, AccessKey(FIRST.id, "another secret!!")) is None
    assert root_keys(database) == {FIRST.id: "another secret!!"}

    assert start(database, SECOND) is None
    assert root_keys(database) == {SECOND.id: SECOND.secret}

    made = start(database)
    assert root_keys(database) == {made.id: made.secret}


def test_a_given_key_goes_when_another_account_is_the_default_one(database):
    start(database, FIRST)
    start(database, SECOND, account=OTHER)

    assert root_keys(database) == {}
    assert root_keys(database, OTHER) == {SECOND.id: SECOND.secret}


def test_a_key_that_was_made_stays_beside_a_given_one(database):
    made = start(database)
    start(database, FIRST)
    assert root_keys(database) == {made.id: made.secret, FIRST.id: FIRST.secret}
    start(database)
    assert root_keys(database) == {made.id: made.secret}


def test_a_given_key_that_was_disabled_is_active_again(database):
    start(database, FIRST)
    with database.transaction() as db:
        db.access_keys.set_status(FIRST.id, INACTIVE)
    start(database, FIRST)
    assert root_keys(database) == {FIRST.id: FIRST.secret}


def test_a_given_id_that_somebody_else_s_key_has_is_refused_and_nothing_changes(database):
    start(database, FIRST)
    other = make_account(database, SEALER, OTHER, "other", NOW)
    with database.transaction() as db:
        db.identities.add(Identity("AIDA1", IdentityKind.USER, ACCOUNT, "/", "ci", NOW))
        db.access_keys.add(StoredKey("AKIAOFUSER000000", ACCOUNT, "AIDA1", b"", "Active", NOW))

    for id_, account in ((other.id, OTHER), ("AKIAOFUSER000000", ACCOUNT)):
        with pytest.raises(ValueError, match=f"{id_} belongs to somebody else, in {account}"):
            start(database, AccessKey(id_, "s" * 40))
    assert root_keys(database) == {FIRST.id: FIRST.secret}
    assert root_keys(database, OTHER) == {other.id: other.secret}


@pytest.mark.parametrize("is_started", [False, True])
def test_nothing_is_sealed_under_another_key_than_what_is_there(database, is_started):
    """An account may be made before the first start."""
    make_account(database, SEALER, OTHER, "other", NOW)
    if is_started:
        open_tokens(database, SEALER, NOW)
    another = Sealer(b"x" * 32)

    with pytest.raises(OtherMasterKey):
        ensure_root_key(database, another, ACCOUNT, None, NOW)
    with pytest.raises(OtherMasterKey):
        make_account(database, another, ACCOUNT, "", NOW)
    with database.reading() as db:
        assert db.accounts.list() == [(OTHER, "other")]


@pytest.mark.parametrize("kind", ["access_key", "session", "signing_key"])
def test_one_secret_under_another_key_is_enough_to_refuse(database, kind):
    """As after a change of the environment's key while a server went on under the old one."""
    start(database)
    open_tokens(database, SEALER, NOW)
    late = Sealer(b"x" * 32).seal(b"secret", b"zzz")
    with database.transaction() as db:
        if kind == "access_key":
            db.access_keys.add(StoredKey("zzz", ACCOUNT, None, late, "Active", NOW))
        elif kind == "session":
            db.sessions.add(Session("zzz", ACCOUNT, None, "arn", ACCOUNT, late, bytes(32), NOW, NOW))
        else:
            db.signing_keys.add("zzz", late, at=NOW.replace(year=2025))

    with pytest.raises(OtherMasterKey):
        start(database)
    with pytest.raises(OtherMasterKey):
        make_account(database, SEALER, OTHER, "", NOW)


def test_a_damaged_secret_keeps_nobody_else_from_theirs(database):
    start(database)
    with database.transaction() as db:
        db.access_keys.add(StoredKey("AKIADAMAGED", ACCOUNT, None, b"", "Active", NOW))

    assert start(database) is None


def test_who_administers_an_account_must_be_there(database):
    with pytest.raises(ValueError, match=f"There is no account {ACCOUNT} to administer the new one"):
        make_account(database, SEALER, OTHER, "", NOW, administrator=ACCOUNT)
    with database.reading() as db:
        assert db.accounts.list() == []

    start(database)
    make_account(database, SEALER, OTHER, "", NOW, administrator=ACCOUNT)

    with database.reading() as db:
        role = db.identities.get(OTHER, IdentityKind.ROLE, ADMINISTRATOR_ROLE)
    assert f"arn:aws:iam::{ACCOUNT}:root" in role.trust_policy


def test_the_first_start_makes_a_token_key_and_the_next_finds_it(database):
    anyone = {"account": "", "region": "", "principal_arn": "anonymous", "principal_id": ""}
    minted = open_tokens(database, SEALER, NOW).mint("anonymous", **anyone, now=NOW)

    assert open_tokens(database, SEALER, NOW).verify(minted.password, NOW).kind == "anonymous"


def test_only_we_may_read_the_database(tmp_path):
    before = os.umask(0)
    (tmp_path / "data").mkdir()
    database = Database(tmp_path / "data" / "x.db")
    os.umask(before)
    with database.transaction() as db:
        db.uploads.release_all()

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert modes == dict.fromkeys(("x.db", "x.db-shm", "x.db-wal"), 0o600)
    database.close()
