"""Whose a credential is, as the database has it now: access keys by their ids, tokens by what they claim.

A token of docker's is only as good as the access key it was asked for with: one look-up answers for both. It
is done once per state of the database and thread (Database.recall), so what a key, a user, a role or a
session comes to counts from the next request on, in every process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial

from openecr.domain.principal import ACTIVE, AccessKey, IdentityKind, Session
from openecr.errors import UnrecognizedClientException
from openecr.identity.caller import Caller, PrincipalType, root_caller
from openecr.identity.credentials import KnownKey
from openecr.identity.sealed import Sealer
from openecr.identity.tokens import TokenClaims
from openecr.metadata.database import Database, Transaction

CACHED_SECRETS = 4096


@dataclass(frozen=True, slots=True)
class _Found:
    key: KnownKey | None  # None: its row is there, and it may not be used
    not_before: datetime | None  # what its principal was given before that moment holds no longer


class Principals:
    """takes_any_key  for `--dev`: a token that was asked for with a key nobody has speaks for the root it
    names, as that key did
    """

    def __init__(self, database: Database, sealer: Sealer, *, takes_any_key: bool = False) -> None:
        self._database = database
        self._takes_any_key = takes_any_key
        # A sealed secret never changes without its row doing so.
        self._open: Callable[[str, bytes], str] = lru_cache(maxsize=CACHED_SECRETS)(
            lambda id_, sealed: sealer.open(sealed, id_.encode()).decode()
        )

    def find_key(self, access_key_id: str) -> KnownKey | None:
        """The key with that id; None where nobody has one.

        Of a session that has ended too, as long as its row is kept, so that its owner can be told so.
        Raises UnrecognizedClientException where it may not be used: it is inactive, or of a session that was
        revoked; OtherMasterKey where the master key in the environment is not the one it was sealed under.
        """
        found = self._find(access_key_id)
        if found is None:
            return None
        if found.key is None:
            raise UnrecognizedClientException
        return found.key

    def find_principal(self, claims: TokenClaims) -> Caller | None:
        """Whom a token speaks for; None where its key may no longer be used or its principal's tokens were
        revoked. A session's end needs no look here: its tokens do not outlast it."""
        found = self._find(claims.key)
        if found is None:
            if self._takes_any_key and claims.principal_id == claims.account:
                return root_caller(claims.account, access_key_id=claims.key)
            return None
        if found.key is None or found.key.caller.principal_id != claims.principal_id:
            return None
        if found.not_before is not None and claims.issued_at < found.not_before:
            return None
        return found.key.caller

    def _find(self, access_key_id: str) -> _Found | None:
        return self._database.recall(
            ("access key", access_key_id),
            partial(self._read, access_key_id),
            size_of=lambda _: len(access_key_id),
        )

    def _read(self, access_key_id: str, db: Transaction) -> _Found | None:
        if (key := db.access_keys.find(access_key_id)) is not None:
            return self._of_key(key, db)
        if (session := db.sessions.find(access_key_id)) is not None:
            return self._of_session(session, db)
        return None

    def _of_key(self, key: AccessKey, db: Transaction) -> _Found:
        if key.status != ACTIVE:
            return _UNUSABLE
        if key.user_id is None:
            caller = root_caller(key.account, access_key_id=key.id)
        else:
            user = db.identities.find_by_id(key.user_id)
            assert user is not None, "a key goes with its user"
            caller = Caller(PrincipalType.USER, user.arn, user.account, user.id, access_key_id=key.id)
        not_before = db.revocations.find(key.user_id or key.account)
        return _Found(KnownKey(caller, self._open(key.id, key.sealed_secret)), not_before)

    def _of_session(self, session: Session, db: Transaction) -> _Found:
        not_before = db.revocations.find(session.identity_id or session.account)
        caller = _caller_of(session, db)
        if caller is None or (not_before is not None and session.issued_at < not_before):
            return _UNUSABLE
        known = KnownKey(
            caller,
            self._open(session.access_key_id, session.sealed_secret),
            session.token_sha256,
            session.expires_at,
        )
        return _Found(known, not_before)


_UNUSABLE = _Found(None, None)


def _caller_of(session: Session, db: Transaction) -> Caller | None:
    """A user's session is called as the user is now, a role's as it was made: by the name it was given.

    One that names no user or role is the root's if it says so itself. Else it is nobody's: that a name is
    missing makes nobody the root.
    """
    arn, role_arn, kind = session.arn, "", PrincipalType.ROOT
    if session.identity_id is None:
        if session.principal_id != session.account:
            return None
    else:
        identity = db.identities.find_by_id(session.identity_id)
        assert identity is not None, "a session goes with its user or role"
        if identity.kind is IdentityKind.ROLE:
            kind, role_arn = PrincipalType.ROLE, identity.arn
        else:
            kind, arn = PrincipalType.USER, identity.arn
    return Caller(
        kind,
        arn,
        session.account,
        session.principal_id,
        access_key_id=session.access_key_id,
        session_id=session.access_key_id,
        role_arn=role_arn,
        token_issued_at=session.issued_at,
        has_mfa=session.has_mfa,
    )
