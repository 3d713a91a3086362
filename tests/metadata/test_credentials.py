"""Access keys, sessions, revocations, the server's signing keys; and all that is sealed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from openecr.domain.principal import ACTIVE, INACTIVE
from tests.metadata.people import ACCOUNT, NOW, OTHER, ROLE, USER, a_document, a_key, a_session, an_identity

SECOND = timedelta(seconds=1)


@pytest.fixture
def ann(db):
    user = an_identity(USER, "ann")
    db.identities.add(user)
    return user


def ids(keys):
    return [each.id for each in keys]


def test_an_access_key_comes_back_as_it_was_stored(db, ann):
    for key in (a_key("AKIAUSER", ann.id, status=INACTIVE), a_key("AKIAROOT", sealed=b"\x00\xff")):
        db.access_keys.add(key)
        assert db.access_keys.find(key.id) == key
    assert db.access_keys.find("akiauser") is None


def test_the_keys_of_a_user_and_those_of_the_root_are_apart(db, ann):
    bob = an_identity(USER, "bob")
    db.identities.add(bob)
    for key in (
        a_key("AKIA3", ann.id, at=NOW),
        a_key("AKIA2", ann.id, at=NOW + SECOND),
        a_key("AKIA1", ann.id, at=NOW),
        a_key("AKIA4", bob.id),
        a_key("AKIA5"),
        a_key("AKIA6", account=OTHER),
    ):
        db.access_keys.add(key)

    assert ids(db.access_keys.list(ACCOUNT, ann.id)) == ["AKIA1", "AKIA3", "AKIA2"]
    assert ids(db.access_keys.list(ACCOUNT, None)) == ["AKIA5"]
    assert ids(db.access_keys.list(OTHER, None)) == ["AKIA6"]
    assert ids(db.access_keys.list(OTHER, ann.id)) == []


def test_a_key_is_disabled_and_deleted_alone(db, ann):
    one, two = a_key("AKIA1", ann.id), a_key("AKIA2", ann.id)
    for key in (one, two):
        db.access_keys.add(key)

    db.access_keys.set_status("AKIA1", INACTIVE)
    assert db.access_keys.list(ACCOUNT, ann.id) == [replace(one, status=INACTIVE), two]
    db.access_keys.set_status("AKIA1", ACTIVE)
    assert db.access_keys.find("AKIA1") == one
    db.access_keys.delete("AKIA1")
    assert db.access_keys.list(ACCOUNT, ann.id) == [two]


def test_a_root_has_a_key_only_while_one_is_active(db, ann):
    db.access_keys.add(a_key("AKIA1", ann.id))
    db.access_keys.add(a_key("AKIA2", account=OTHER))
    assert db.access_keys.has_root_key(ACCOUNT) is False
    db.access_keys.add(a_key("AKIA3"))
    assert db.access_keys.has_root_key(ACCOUNT) is True
    db.access_keys.set_status("AKIA3", INACTIVE)
    assert db.access_keys.has_root_key(ACCOUNT) is False


def test_the_key_a_setting_gives_takes_the_place_of_the_one_it_gave_before(db, ann):
    db.access_keys.add(a_key("AKIAUSER", ann.id))
    db.access_keys.add(a_key("AKIAMADE"))
    db.access_keys.put_given(a_key("given_to_another", account=OTHER))
    db.access_keys.put_given(a_key("given1", sealed=b"1"))
    assert db.access_keys.find("given1").sealed_secret == b"1"

    db.access_keys.put_given(a_key("given2", sealed=b"2", at=NOW + SECOND))

    assert ids(db.access_keys.list(ACCOUNT, None)) == ["AKIAMADE", "given2"]
    assert db.access_keys.find("given_to_another") is not None
    assert db.access_keys.find("AKIAUSER") is not None


def test_a_key_given_again_is_active_under_its_new_secret(db):
    db.access_keys.put_given(a_key("given", sealed=b"1"))
    db.access_keys.set_status("given", INACTIVE)

    db.access_keys.put_given(a_key("given", sealed=b"2", at=NOW + SECOND, status=INACTIVE))

    assert db.access_keys.list(ACCOUNT, None) == [a_key("given", sealed=b"2")]


def test_a_key_that_was_made_is_given_from_then_on_where_a_setting_names_it(db):
    db.access_keys.add(a_key("AKIAMADE", sealed=b"1"))
    db.access_keys.put_given(a_key("AKIAMADE", sealed=b"2"))
    assert db.access_keys.find("AKIAMADE").sealed_secret == b"2"

    db.access_keys.put_given(a_key("given"))

    assert ids(db.access_keys.list(ACCOUNT, None)) == ["given"]


def test_keys_that_settings_gave_are_taken_away_from_every_root(db, ann):
    db.access_keys.add(a_key("AKIAUSER", ann.id))
    db.access_keys.add(a_key("AKIAMADE"))
    for id_, account in (("given1", ACCOUNT), ("given2", OTHER)):
        db.access_keys.put_given(a_key(id_, account=account))

    db.access_keys.delete_given(but="given2")
    assert ids(db.access_keys.list(ACCOUNT, None)) == ["AKIAMADE"]
    assert ids(db.access_keys.list(OTHER, None)) == ["given2"]
    db.access_keys.delete_given(but=None)
    assert ids(db.access_keys.list(OTHER, None)) == []
    assert ids(db.access_keys.list(ACCOUNT, ann.id)) == ["AKIAUSER"]


def test_a_session_comes_back_as_it_was_stored(db, ann):
    session = a_session(
        "ASIA1",
        ann,
        policies=(a_document(), a_document("ecr:Get*")),
        tags={"z": "1", "a": "é"},
        transitive_tag_keys=("z",),
        source_identity="somebody",
        has_mfa=True,
        facts={"oidc.example.com:sub": "system:serviceaccount:ns:sa"},
    )
    of_root = replace(a_session("ASIA2", ann), identity_id=None, principal_id=ACCOUNT)
    for each in (session, of_root):
        db.sessions.add(each)
        assert db.sessions.find(each.access_key_id) == each
    assert db.sessions.find("ASIA3") is None


def test_expired_sessions_are_forgotten_the_oldest_first(db, ann):
    for number in (3, 1, 2, 4):
        db.sessions.add(a_session(f"ASIA{number}", ann, expires_at=NOW + number * SECOND))

    def left():
        return [number for number in range(1, 5) if db.sessions.find(f"ASIA{number}")]

    assert db.sessions.delete_expired(NOW, 100) == 0
    assert db.sessions.delete_expired(NOW + 3 * SECOND, 2) == 2
    assert left() == [3, 4]
    assert db.sessions.delete_expired(NOW + 3 * SECOND, 2) == 1
    assert left() == [4]


def test_a_revocation_moves_forwards_only(db):
    assert db.revocations.find("AIDA1") is None
    db.revocations.put("AIDA1", NOW)
    assert db.revocations.find("AIDA1") == NOW
    db.revocations.put("AIDA1", NOW + SECOND)
    db.revocations.put("AIDA1", NOW - SECOND)
    db.revocations.put("AIDA2", NOW - SECOND)

    assert db.revocations.find("AIDA1") == NOW + SECOND
    assert db.revocations.find("AIDA2") == NOW - SECOND


def test_a_revocation_goes_with_whom_it_is_of_and_with_nobody_else(db, ann):
    other = an_identity(USER, "other")
    db.identities.add(other)
    for id_ in (ann.id, other.id, ACCOUNT):
        db.revocations.put(id_, NOW)

    db.identities.delete(ann)

    assert [db.revocations.find(id_) for id_ in (ann.id, other.id, ACCOUNT)] == [None, NOW, NOW]


def test_the_newest_signing_key_comes_first(db):
    assert db.signing_keys.list() == []
    for id_, at in (("b", NOW), ("c", NOW + SECOND), ("a", NOW - SECOND)):
        db.signing_keys.add(id_, id_.encode(), at=at)
    assert db.signing_keys.list() == [("c", b"c"), ("b", b"b"), ("a", b"a")]


def test_every_sealed_secret_is_listed_and_replaced(db):
    role = an_identity(ROLE, "builder")
    db.identities.add(role)
    db.signing_keys.add("x", b"1", at=NOW)
    db.access_keys.add(a_key("x", sealed=b"2"))
    db.sessions.add(replace(a_session("x", role), sealed_secret=b"3"))
    db.access_keys.add(a_key("y", sealed=b"4"))

    for kind, id_, sealed in db.sealed.all():
        db.sealed.replace(kind, id_, f"{kind} {id_} ".encode() + sealed)

    assert db.sealed.all() == [
        ("access_key", "x", b"access_key x 2"),
        ("access_key", "y", b"access_key y 4"),
        ("session", "x", b"session x 3"),
        ("signing_key", "x", b"signing_key x 1"),
    ]
    assert db.access_keys.find("x") == a_key("x", sealed=b"access_key x 2")
    assert db.signing_keys.list() == [("x", b"signing_key x 1")]


def test_of_each_kind_one_is_a_sample_of_those_sealed_under_the_same_key(db):
    def sealed(key, text):
        return b"\x01" + key.ljust(8) + text

    for id_, secret in (
        ("c", sealed(b"new", b"1")),
        ("b", sealed(b"old", b"2")),
        ("a", sealed(b"new", b"3")),
    ):
        db.access_keys.add(a_key(id_, sealed=secret))
    db.signing_keys.add("kid", sealed(b"new", b"4"), at=NOW)

    assert sorted(db.sealed.samples()) == [
        ("access_key", "a", sealed(b"new", b"3")),
        ("access_key", "b", sealed(b"old", b"2")),
        ("signing_key", "kid", sealed(b"new", b"4")),
    ]


def test_every_column_that_is_sealed_is_among_them(db):
    from openecr.metadata.schema import metadata
    from openecr.metadata.sealed import KINDS

    sealed = {table.name for table in metadata.sorted_tables if "sealed_secret" in table.c}
    assert set(KINDS) == sealed


def test_secrets_are_not_shown(ann):
    for each in (a_key("AKIA1", ann.id), a_session("ASIA1", ann)):
        assert "sealed" not in repr(each)
