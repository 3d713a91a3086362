"""What an installation makes at its first start, sealed: the keys that sign tokens, the keys of roots."""

import json
from contextlib import suppress
from datetime import datetime

from openecr.domain.principal import ACTIVE, AWS_POLICIES, ID_PREFIXES, Identity, IdentityKind, new_id
from openecr.domain.principal import AccessKey as StoredKey
from openecr.identity.caller import root_arn
from openecr.identity.credentials import AccessKey, make_access_key
from openecr.identity.sealed import SealBroken, Sealer
from openecr.identity.tokens import TokenKey, Tokens, make_token_key
from openecr.metadata.database import Database, Transaction

ADMINISTRATOR_ROLE = "OrganizationAccountAccessRole"
"""What AWS Organizations calls the role through which an account it has made is administered."""


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


def make_account(
    database: Database,
    sealer: Sealer,
    account: str,
    name: str,
    now: datetime,
    *,
    administrator: str | None = None,
) -> AccessKey:
    """A new account; returns its root key.

    administrator  the account whose users may assume the role ADMINISTRATOR_ROLE of the new one, if their
                   own policies let them: so AWS Organizations makes accounts
    Raises ValueError where the number is taken, or there is no such administrator; OtherMasterKey
    """
    with database.transaction() as db:
        _check_master_key(db, sealer)
        if db.accounts.has(account):
            raise ValueError(f"There is an account {account} already.")
        if administrator is not None and not db.accounts.has(administrator):
            raise ValueError(
                f"There is no account {administrator} to administer the new one: OPENECR_ACCOUNT is to be "
                "the server's, whose first start makes that account."
            )
        db.accounts.add(account, name, at=now)
        made = make_access_key()
        db.access_keys.add(_root_key(sealer, made, account, now))
        if administrator is not None:
            _add_administrator_role(db, account, administrator, now)
    return made


def _add_administrator_role(db: Transaction, account: str, administrator: str, now: datetime) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": root_arn(administrator)},
        "Action": "sts:AssumeRole",
    }
    role = Identity(
        id=new_id(ID_PREFIXES[IdentityKind.ROLE]),
        kind=IdentityKind.ROLE,
        account=account,
        path="/",
        name=ADMINISTRATOR_ROLE,
        created_at=now.replace(microsecond=0),
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    db.identities.add(role)
    db.identity_policies.attach(role.id, f"{AWS_POLICIES}AdministratorAccess")


def _check_master_key(db: Transaction, sealer: Sealer) -> None:
    """Every secret is sealed under a key that we have, or nothing goes on. Raises OtherMasterKey."""
    for _, id_, sealed in db.sealed.samples():
        with suppress(SealBroken):  # damage is told to who needs the row, and keeps nobody else from theirs
            sealer.open(sealed, id_.encode())


def _root_key(sealer: Sealer, key: AccessKey, account: str, now: datetime) -> StoredKey:
    return StoredKey(key.id, account, None, sealer.seal(key.secret.encode(), key.id.encode()), ACTIVE, now)
