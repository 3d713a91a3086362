"""Accounts, the access keys of their roots, and the server's own signing keys. Secrets come sealed."""

from datetime import datetime

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import access_key, account, signing_key

_ACCOUNT_EXISTS = Query(select(account.c.id).where(account.c.id == bindparam("id")))
_ACCOUNTS = Query(select(account.c.id, account.c.name).order_by(account.c.id))
_ADD_ACCOUNT = Query(insert(account))
_KEY = Query(
    select(access_key.c.account_id, access_key.c.sealed_secret).where(access_key.c.id == bindparam("id"))
)
_COUNT_KEYS = Query(
    select(func.count()).select_from(access_key).where(access_key.c.account_id == bindparam("account"))
)
_putting = upsert(access_key).values(
    id=bindparam("id"),
    account_id=bindparam("account"),
    sealed_secret=bindparam("sealed"),
    created_at=bindparam("at"),
)
_PUT_KEY = Query(
    _putting.on_conflict_do_update(
        index_elements=["id"], set_={"sealed_secret": _putting.excluded.sealed_secret}
    )
)
_SIGNING_KEYS = Query(
    select(signing_key.c.id, signing_key.c.sealed_secret).order_by(signing_key.c.created_at.desc())
)
_ADD_SIGNING_KEY = Query(insert(signing_key))


class Principals:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_account(self, id: str) -> bool:
        return self._connection.one(_ACCOUNT_EXISTS, id=id) is not None

    def list_accounts(self) -> list[tuple[str, str]]:
        """All accounts as (id, name)."""
        return [(id_, name) for id_, name in self._connection.all(_ACCOUNTS)]

    def add_account(self, id: str, name: str, *, at: datetime) -> None:
        self._connection.run(_ADD_ACCOUNT, id=id, name=name, created_at=milliseconds(at))

    def find_access_key(self, id: str) -> tuple[str, bytes] | None:
        """(account, sealed secret) of the root key with that id."""
        row = self._connection.one(_KEY, id=id)
        return None if row is None else (row[0], row[1])

    def has_access_key(self, account: str) -> bool:
        row = self._connection.one(_COUNT_KEYS, account=account)
        assert row is not None
        return bool(row[0])

    def put_access_key(self, id: str, account: str, sealed: bytes, *, at: datetime) -> None:
        """A key of the account's root; a secret it had under that id gives way."""
        self._connection.run(_PUT_KEY, id=id, account=account, sealed=sealed, at=milliseconds(at))

    def list_signing_keys(self) -> list[tuple[str, bytes]]:
        """(id, sealed secret), newest first."""
        return [(id_, sealed) for id_, sealed in self._connection.all(_SIGNING_KEYS)]

    def add_signing_key(self, id: str, sealed: bytes, *, at: datetime) -> None:
        self._connection.run(_ADD_SIGNING_KEY, id=id, sealed_secret=sealed, created_at=milliseconds(at))
