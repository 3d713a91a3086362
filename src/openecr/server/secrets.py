"""The secrets of one installation: master key, signing keys, root keys; made at the first start.

The master key is a file of the data directory (mode 0600), or comes from the environment. Under it
are sealed, in the database, the keys that sign tokens and the access keys of the accounts' roots.
"""

import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from openecr.identity.caller import Caller, root_arn, root_caller
from openecr.identity.credentials import AccessKey, make_access_key
from openecr.identity.sealed import Sealer, make_master_key, parse_master_key
from openecr.identity.tokens import TokenClaims, TokenKey, Tokens, make_token_key
from openecr.metadata.database import Database

MASTER_KEY_FILE = "master.key"
CACHED_KEYS = 4096


def open_sealer(data_dir: Path, given: str | None) -> Sealer:
    """The sealer of this installation.

    given  the master key from the environment; without it, that of the file, made if it is missing
    Raises InvalidMasterKey
    """
    return Sealer(parse_master_key(given or _kept_master_key(data_dir / MASTER_KEY_FILE)))


def _kept_master_key(path: Path) -> str:
    """The text of the file, which is made whole and durable, or not at all, by one process only."""
    if not path.exists():
        # A name of its own each time: a start that was killed here may have left a draft.
        descriptor, draft = tempfile.mkstemp(prefix=f"{path.stem}.", dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(make_master_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was faster: its key is the one
        finally:
            os.unlink(draft)
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    return path.read_text()


def open_tokens(database: Database, sealer: Sealer, now: datetime) -> Tokens:
    """The signer of tokens, with all keys there are; the first start makes one."""
    with database.transaction() as db:
        if not db.principals.list_signing_keys():
            key = make_token_key()
            db.principals.add_signing_key(key.id, sealer.seal(key.secret, key.id.encode()), at=now)
        kept = db.principals.list_signing_keys()
    return Tokens([TokenKey(id_, sealer.open(sealed, id_.encode())) for id_, sealed in kept])


def ensure_root_key(
    database: Database, sealer: Sealer, account: str, given: AccessKey | None, now: datetime
) -> AccessKey | None:
    """See to it that the account exists and its root has a key: the given one, or a new one.

    returns  the key, if it was made now and must be shown
    Raises ValueError where the given id is another account's key
    """
    with database.transaction() as db:
        if not db.principals.has_account(account):
            db.principals.add_account(account, "default", at=now)
        if given is not None:
            known = db.principals.find_access_key(given.id)
            if known is not None and known[0] != account:
                raise ValueError(f"The access key {given.id} belongs to the account {known[0]}.")
            db.principals.put_access_key(given.id, account, _sealed(sealer, given), at=now)
            return None
        if db.principals.has_access_key(account):
            return None
        key = make_access_key()
        db.principals.put_access_key(key.id, account, _sealed(sealer, key), at=now)
        return key


def make_account(database: Database, sealer: Sealer, account: str, name: str, now: datetime) -> AccessKey:
    """A new account; returns its root key. Raises ValueError where the number is taken."""
    key = make_access_key()
    with database.transaction() as db:
        if db.principals.has_account(account):
            raise ValueError(f"There is an account {account} already.")
        db.principals.add_account(account, name, at=now)
        db.principals.put_access_key(key.id, account, _sealed(sealer, key), at=now)
    return key


def secret_finder(database: Database, sealer: Sealer) -> Callable[[str], tuple[str, str] | None]:
    """A look-up of (account, secret) by access key id, for the AWS front.

    A sealed secret never changes without its row doing so: what was opened once is remembered.
    """
    opened = lru_cache(maxsize=CACHED_KEYS)(lambda id_, sealed: sealer.open(sealed, id_.encode()).decode())

    def find(access_key_id: str) -> tuple[str, str] | None:
        known = database.recall(
            ("access key", access_key_id),
            lambda db: db.principals.find_access_key(access_key_id),
            size_of=lambda _: len(access_key_id),
        )
        return None if known is None else (known[0], opened(access_key_id, known[1]))

    return find


def principal_finder(database: Database, *, any_account: bool) -> Callable[[TokenClaims], Caller | None]:
    """A look-up of the principal that a token speaks for, as it is now: None if it is gone.

    any_account  take every account for one that exists (`--dev`)
    An account that was there once is there: nothing deletes one.
    """
    known: set[str] = set()

    def is_there(account: str) -> bool:
        if any_account or account in known:
            return True
        with database.reading() as db:
            if not db.principals.has_account(account):
                return False
        known.add(account)
        return True

    def find(claims: TokenClaims) -> Caller | None:
        if claims.arn != root_arn(claims.account) or not is_there(claims.account):
            return None
        return root_caller(claims.account)

    return find


def _sealed(sealer: Sealer, key: AccessKey) -> bytes:
    return sealer.seal(key.secret.encode(), key.id.encode())
