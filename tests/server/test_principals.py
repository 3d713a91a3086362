"""Whose a key or a token is: as the database has it at that moment, whoever wrote to it."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from openecr.domain.principal import ACTIVE, INACTIVE, AccessKey, Identity, IdentityKind, Session
from openecr.errors import UnrecognizedClientException
from openecr.identity.caller import Caller, PrincipalType, root_caller
from openecr.identity.sealed import Sealer
from openecr.identity.tokens import Tokens, make_token_key
from openecr.metadata.database import CHECKED_NANOSECONDS, Database
from openecr.server.principals import Principals

NOW = datetime(2026, 11, 21, 12, 0, 0, 500_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ACCOUNT = "111122223333"
SEALER = Sealer(bytes(32))
TOKENS = Tokens([make_token_key()])
USER = Identity("AIDAUSER", IdentityKind.USER, ACCOUNT, "/team/", "ci", NOW)
ROLE = Identity("AROAROLE", IdentityKind.ROLE, ACCOUNT, "/team/", "deploy", NOW)
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/monday"


class Installation:
    """An account whose root and user have a key each, and sessions of all there can be.

    `writer` is another process's view of the database: what it writes, `principals` must see.
    """

    def __init__(self, file):
        self.writer, self.reader = Database(file), Database(file)
        self.principals = Principals(self.reader, SEALER)
        with self.writer.transaction() as db:
            db.accounts.add(ACCOUNT, "", at=NOW)
            db.identities.add(USER)
            db.identities.add(ROLE)
            for id_, owner in (("AKIAROOT", None), ("AKIAUSER", USER.id)):
                db.access_keys.add(AccessKey(id_, ACCOUNT, owner, sealed(id_), ACTIVE, NOW))
            for id_, owner, arn, principal in (
                ("ASIAROOT", None, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
                ("ASIAUSER", USER.id, USER.arn, USER.id),
                ("ASIAROLE", ROLE.id, SESSION_ARN, f"{ROLE.id}:monday"),
            ):
                db.sessions.add(
                    Session(
                        access_key_id=id_,
                        account=ACCOUNT,
                        identity_id=owner,
                        arn=arn,
                        principal_id=principal,
                        sealed_secret=sealed(id_),
                        token_sha256=id_.encode(),
                        issued_at=NOW,
                        expires_at=NOW + timedelta(hours=1),
                        has_mfa=id_ == "ASIAUSER",
                    )
                )

    def close(self):
        self.writer.close()
        self.reader.close()

    def write(self, change):
        """And then as long as the shortest way of a client's next request takes."""
        with self.writer.transaction() as db:
            change(db)
        until = time.monotonic_ns() + CHECKED_NANOSECONDS
        while time.monotonic_ns() < until:
            pass

    def knows(self, key, token=None):
        """Whether the key may be used, and the token that was got with it."""
        try:
            found = self.principals.find_key(key) is not None
        except UnrecognizedClientException:
            found = False
        return found if token is None else (found, self.principals.find_principal(token) is not None)

    def token(self, key, *, now=NOW):
        """What a token says that was got with that key."""
        caller = self.principals.find_key(key).caller
        minted = TOKENS.mint(
            "private",
            account=caller.account,
            region="eu-west-1",
            principal_arn=caller.arn,
            principal_id=caller.principal_id,
            key=key,
            now=now,
        )
        return TOKENS.verify(minted.password, now)


def sealed(id_):
    return SEALER.seal(f"secret of {id_}".encode(), id_.encode())


@pytest.fixture
def installation(tmp_path):
    installation = Installation(tmp_path / "x.db")
    yield installation
    installation.close()


KEYS = ["AKIAROOT", "AKIAUSER", "ASIAROOT", "ASIAUSER", "ASIAROLE"]


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        ("AKIAROOT", root_caller(ACCOUNT, access_key_id="AKIAROOT")),
        ("AKIAUSER", Caller(PrincipalType.USER, USER.arn, ACCOUNT, USER.id, access_key_id="AKIAUSER")),
        (
            "ASIAROOT",
            Caller(
                PrincipalType.ROOT,
                f"arn:aws:iam::{ACCOUNT}:root",
                ACCOUNT,
                ACCOUNT,
                access_key_id="ASIAROOT",
                session_id="ASIAROOT",
                token_issued_at=NOW,
            ),
        ),
        (
            "ASIAUSER",
            Caller(
                PrincipalType.USER,
                USER.arn,
                ACCOUNT,
                USER.id,
                access_key_id="ASIAUSER",
                session_id="ASIAUSER",
                token_issued_at=NOW,
                has_mfa=True,
            ),
        ),
        (
            "ASIAROLE",
            Caller(
                PrincipalType.ROLE,
                SESSION_ARN,
                ACCOUNT,
                f"{ROLE.id}:monday",
                access_key_id="ASIAROLE",
                session_id="ASIAROLE",
                role_arn=ROLE.arn,
                token_issued_at=NOW,
            ),
        ),
    ],
)
def test_a_key_and_its_token_stand_for_their_principal_with_all_that_is_known_of_it(
    installation, key, caller
):
    found = installation.principals.find_key(key)

    assert found.caller == installation.principals.find_principal(installation.token(key)) == caller
    assert found.secret == f"secret of {key}"
    assert found.secret not in repr(found)
    if key.startswith("ASIA"):
        assert (found.session_token_sha256, found.expires_at) == (key.encode(), NOW + timedelta(hours=1))
    else:
        assert (found.session_token_sha256, found.expires_at) == (None, None)


def test_a_key_that_nobody_has_is_nobody_s_until_somebody_has(installation):
    assert not installation.knows("AKIANEW")
    new = AccessKey("AKIANEW", ACCOUNT, USER.id, sealed("AKIANEW"), ACTIVE, NOW)
    installation.write(lambda db: db.access_keys.add(new))
    assert installation.knows("AKIANEW")


@pytest.mark.parametrize("key", ["AKIAROOT", "AKIAUSER"])
def test_a_disabled_key_and_its_token_hold_no_longer_and_hold_again(installation, key):
    token = installation.token(key)
    for status, holds in ((INACTIVE, False), (ACTIVE, True)):
        installation.write(lambda db, status=status: db.access_keys.set_status(key, status))
        assert installation.knows(key, token) == (holds, holds)


@pytest.mark.parametrize("key", ["AKIAROOT", "AKIAUSER"])
def test_a_deleted_key_takes_its_token_with_it(installation, key):
    token = installation.token(key)
    installation.write(lambda db: db.access_keys.delete(key))
    assert installation.knows(key, token) == (False, False)


@pytest.mark.parametrize(
    ("gone", "ended"), [(USER, {"AKIAUSER", "ASIAUSER"}), (ROLE, {"ASIAROLE"})], ids=["user", "role"]
)
def test_a_principal_that_is_gone_takes_keys_sessions_and_tokens_with_it(installation, gone, ended):
    tokens = {key: installation.token(key) for key in KEYS}
    installation.write(lambda db: db.identities.delete(gone))
    for key, token in tokens.items():
        assert installation.knows(key, token) == (key not in ended, key not in ended)


def test_a_token_is_not_its_successor_s_of_the_same_name_and_key(installation):
    token = installation.token("AKIAUSER")
    again = Identity("AIDAOTHER", IdentityKind.USER, ACCOUNT, USER.path, USER.name, NOW)

    def replace(db):
        db.identities.delete(USER)
        db.identities.add(again)
        db.access_keys.add(AccessKey("AKIAUSER", ACCOUNT, again.id, sealed("AKIAUSER"), ACTIVE, NOW))

    installation.write(replace)
    assert installation.knows("AKIAUSER", token) == (True, False)


def test_who_is_renamed_goes_on_under_the_new_name(installation):
    renamed = Identity(USER.id, USER.kind, ACCOUNT, "/", "robot", NOW)
    tokens = [installation.token(key) for key in ("AKIAUSER", "ASIAUSER")]
    installation.write(lambda db: db.identities.update(renamed))
    for token in tokens:
        assert installation.principals.find_principal(token).arn == renamed.arn


@pytest.mark.parametrize(
    ("owner", "keys"),
    [
        (ACCOUNT, ("AKIAROOT", "ASIAROOT")),
        (USER.id, ("AKIAUSER", "ASIAUSER")),
        (ROLE.id, (None, "ASIAROLE")),
    ],
)
def test_a_revocation_ends_what_its_principal_was_given_before_and_nothing_else(installation, owner, keys):
    tokens = {key: installation.token(key) for key in KEYS}
    installation.write(lambda db: db.revocations.put(owner, NOW + MILLISECOND))
    lasting, temporary = keys

    for key, token in tokens.items():
        assert installation.knows(key, token) == (key != temporary, key not in keys)
    if lasting is not None:  # it stays, and may ask for a new token
        assert installation.knows(lasting, installation.token(lasting, now=NOW + MILLISECOND)) == (True, True)


@pytest.mark.parametrize("later", range(-3, 4))
def test_within_a_second_a_token_ends_by_a_later_revocation_and_outlives_an_earlier_one(installation, later):
    token = installation.token("AKIAUSER", now=NOW + later * MILLISECOND)
    installation.write(lambda db: db.revocations.put(USER.id, NOW))
    assert installation.knows("AKIAUSER", token) == (True, later >= 0)


def test_a_session_that_was_made_when_it_was_revoked_holds(installation):
    installation.write(lambda db: db.revocations.put(ROLE.id, NOW))
    assert installation.knows("ASIAROLE")


def test_a_session_without_a_user_or_role_is_the_root_s_only_if_it_says_so(installation):
    """Whatever makes a row lose the name of its user: it does not make its owner the root."""
    one = {"account": ACCOUNT, "identity_id": None, "issued_at": NOW, "expires_at": NOW + timedelta(hours=1)}
    for id_, principal in (("ASIALOST", USER.id), ("ASIALOSTROLE", f"{ROLE.id}:monday")):
        lost = Session(
            access_key_id=id_,
            arn=USER.arn,
            principal_id=principal,
            sealed_secret=sealed(id_),
            token_sha256=id_.encode(),
            has_mfa=False,
            **one,
        )
        installation.write(lambda db, lost=lost: db.sessions.add(lost))
        with pytest.raises(UnrecognizedClientException):
            installation.principals.find_key(id_)


def test_a_key_that_may_not_be_used_is_told_from_one_that_nobody_has(installation):
    installation.write(lambda db: db.access_keys.set_status("AKIAUSER", INACTIVE))
    installation.write(lambda db: db.revocations.put(ROLE.id, NOW + MILLISECOND))
    for id_ in ("AKIAUSER", "ASIAROLE"):
        with pytest.raises(UnrecognizedClientException):
            installation.principals.find_key(id_)
    assert installation.principals.find_key("AKIANOBODY") is None


def test_a_token_speaks_only_for_the_principal_of_its_key(installation):
    """Whoever could sign one for another key's principal: the look-up goes by the key."""
    forged = TOKENS.mint(
        "private",
        account=ACCOUNT,
        region="eu-west-1",
        principal_arn=f"arn:aws:iam::{ACCOUNT}:root",
        principal_id=ACCOUNT,
        key="AKIAUSER",
        now=NOW,
    )
    assert installation.principals.find_principal(TOKENS.verify(forged.password, NOW)) is None


def test_what_is_asked_again_is_read_again_only_when_something_was_written(installation):
    first = installation.principals.find_key("AKIAUSER")
    assert installation.principals.find_key("AKIAUSER") is first
    installation.write(lambda db: db.access_keys.set_status("AKIAROOT", INACTIVE))
    assert installation.principals.find_key("AKIAUSER") == first
    assert installation.principals.find_key("AKIAUSER") is not first


def test_in_development_the_token_of_a_key_that_nobody_has_is_the_root_s_it_names(installation):
    def claims(account, principal_id, key):
        arn = f"arn:aws:iam::{account}:root"
        who = {"account": account, "principal_arn": arn, "principal_id": principal_id, "key": key}
        return TOKENS.verify(TOKENS.mint("private", **who, region="eu-west-1", now=NOW).password, NOW)

    development = Principals(installation.reader, SEALER, takes_any_key=True)
    for account, key in ((ACCOUNT, "any"), (ACCOUNT, ""), ("4" * 12, "4" * 12)):
        token = claims(account, account, key)
        assert development.find_principal(token) == root_caller(account, access_key_id=key)
        assert installation.principals.find_principal(token) is None
    assert development.find_principal(claims(ACCOUNT, "AIDAGONE", "AKIAGONE")) is None
    assert development.find_key("any") is None

    ended = installation.token("AKIAROOT")
    installation.write(lambda db: db.access_keys.set_status("AKIAROOT", INACTIVE))
    assert development.find_principal(ended) is None
