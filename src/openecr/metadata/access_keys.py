"""Access keys that last: of users, and of accounts' roots. Secrets come sealed."""

from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from openecr.domain.principal import ACTIVE, AccessKey
from openecr.metadata.query import Connection, Query, Row, milliseconds, moment
from openecr.metadata.schema import access_key

_COLUMNS = (
    access_key.c.id,
    access_key.c.account_id,
    access_key.c.user_id,
    access_key.c.sealed_secret,
    access_key.c.status,
    access_key.c.created_at,
)
_FIND = Query(select(*_COLUMNS).where(access_key.c.id == bindparam("id")))
_LIST = Query(
    select(*_COLUMNS)
    .where(
        access_key.c.account_id == bindparam("account"),
        access_key.c.user_id.is_not_distinct_from(bindparam("user")),
    )
    .order_by(access_key.c.created_at, access_key.c.id)
)
_ADD = Query(insert(access_key))
_SET_STATUS = Query(
    update(access_key).where(access_key.c.id == bindparam("key")).values(status=bindparam("new_status"))
)
_DELETE = Query(delete(access_key).where(access_key.c.id == bindparam("id")))
_putting = upsert(access_key).values({column.name: bindparam(column.name) for column in access_key.c})
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["id"],
        set_={name: _putting.excluded[name] for name in ("sealed_secret", "status", "is_given")},
    )
)
_of_root = (access_key.c.account_id == bindparam("account"), access_key.c.user_id.is_(None))
_DELETE_OTHERS_GIVEN = Query(
    delete(access_key).where(*_of_root, access_key.c.is_given, access_key.c.id != bindparam("id"))
)
_DELETE_GIVEN = Query(
    delete(access_key).where(access_key.c.is_given, access_key.c.id.is_distinct_from(bindparam("but")))
)
_HAS_ROOT_KEY = Query(select(exists().where(*_of_root, access_key.c.status == bindparam("status"))))


class AccessKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, id: str) -> AccessKey | None:
        row = self._connection.one(_FIND, id=id)
        return None if row is None else _access_key(row)

    def list(self, account: str, user_id: str | None) -> list[AccessKey]:
        """The keys of a user, or of the account's root without one, oldest first."""
        return [_access_key(row) for row in self._connection.all(_LIST, account=account, user=user_id)]

    def add(self, key: AccessKey, *, is_given: bool = False) -> None:
        """Store a key whose id nobody has.

        is_given  by a setting, which takes it away again when it names another (`put_given`)
        """
        self._connection.run(_ADD, **_values(key, is_given))

    def set_status(self, id: str, status: str) -> None:
        self._connection.run(_SET_STATUS, key=id, new_status=status)

    def delete(self, id: str) -> None:
        self._connection.run(_DELETE, id=id)

    def put_given(self, key: AccessKey) -> None:
        """The key that a setting gives an account's root: active, in place of another it gave before.

        key  of the root; its id is nobody's, or a key of this root already, which takes the new secret
        """
        self._connection.run(_DELETE_OTHERS_GIVEN, account=key.account, id=key.id)
        self._connection.run(_PUT, **_values(key, True) | {"status": ACTIVE})

    def delete_given(self, *, but: str | None) -> None:
        """Take away the keys that settings gave to roots, of whatever account, but the one with that id."""
        self._connection.run(_DELETE_GIVEN, but=but)

    def has_root_key(self, account: str) -> bool:
        """Whether the account's root has a key that is active."""
        return self._connection.holds(_HAS_ROOT_KEY, account=account, status=ACTIVE)


def _values(key: AccessKey, is_given: bool) -> dict[str, Any]:
    return {
        "id": key.id,
        "account_id": key.account,
        "user_id": key.user_id,
        "sealed_secret": key.sealed_secret,
        "status": key.status,
        "is_given": is_given,
        "created_at": milliseconds(key.created_at),
    }


def _access_key(row: Row) -> AccessKey:
    id_, account, user_id, sealed, status, created_at = row
    return AccessKey(id_, account, user_id, sealed, status, moment(created_at))
