"""What an installation makes at its first start, sealed: the keys that sign tokens, the keys of roots."""

from datetime import datetime

from openecr.domain.principal import ACTIVE
from openecr.domain.principal import AccessKey as StoredKey
from openecr.identity.credentials import AccessKey, make_access_key
from openecr.identity.sealed import Sealer
from openecr.identity.tokens import TokenKey, Tokens, make_token_key
from openecr.metadata.database import Database, Transaction


def open_tokens(database: Database, sealer: Sealer, now: datetime) -> Tokens:
    """The signer of tokens, with all keys there are; the first start makes one."""
    with database.transaction() as db:
        if not db.signing_keys.list():
            key = make_token_key()
            db.signing_keys.add(key.id, sealer.seal(key.secret, key.id.encode()), at=now)
        kept = db.signing_keys.list()
    return Tokens([TokenKey(id_, sealer.open(sealed, id_.encode())) for id_, sealed in kept])


def ensure_root_key(
    database: Database, sealer: Sealer, account: str, given: AccessKey | None, now: datetime
) -> AccessKey | None:
    """See to it that the account exists and its root has a key that may be used.

    given    the one that the settings name, if they do; one that they named before and no longer name
             is gone from now on
    returns  the key, if it was made now and must be shown
    Raises ValueError where the given id is somebody else's key; OtherMasterKey
    """
    with database.transaction() as db:
        _check_master_key(db, sealer)
        if not db.accounts.has(account):
            db.accounts.add(account, "default", at=now)
        db.access_keys.delete_given(but=None if given is None else given.id)
        if given is not None:
            known = db.access_keys.find(given.id)
            if known is not None and (known.account, known.user_id) != (account, None):
                raise ValueError(f"The access key {given.id} belongs to somebody else, in {known.account}.")
            db.access_keys.put_given(_root_key(sealer, given, account, now))
            return None
        if db.access_keys.has_root_key(account):
            return None
        made = make_access_key()
        db.access_keys.add(_root_key(sealer, made, account, now))
        return made


def make_account(database: Database, sealer: Sealer, account: str, name: str, now: datetime) -> AccessKey:
    """A new account; returns its root key. Raises ValueError where the number is taken; OtherMasterKey."""
    with database.transaction() as db:
        _check_master_key(db, sealer)
        if db.accounts.has(account):
            raise ValueError(f"There is an account {account} already.")
        db.accounts.add(account, name, at=now)
        made = make_access_key()
        db.access_keys.add(_root_key(sealer, made, account, now))
    return made


def _check_master_key(db: Transaction, sealer: Sealer) -> None:
    """Let no two secrets be sealed under different keys. Raises OtherMasterKey."""
    kept = db.signing_keys.list() or [(id_, sealed) for _, id_, sealed in db.sealed.all()]
    for id_, sealed in kept[:1]:
        sealer.open(sealed, id_.encode())


def _root_key(sealer: Sealer, key: AccessKey, account: str, now: datetime) -> StoredKey:
    return StoredKey(key.id, account, None, sealer.seal(key.secret.encode(), key.id.encode()), ACTIVE, now)
