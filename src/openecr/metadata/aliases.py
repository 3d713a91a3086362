"""The names of public registries."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select

from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import alias

_ACCOUNT = Query(select(alias.c.account_id).where(alias.c.name == bindparam("name")))
_OF_ACCOUNT = Query(
    select(alias.c.name, alias.c.is_primary, alias.c.is_default)
    .where(alias.c.account_id == bindparam("account"))
    .order_by(alias.c.is_primary.desc(), alias.c.name)
)
_ADD = Query(insert(alias))


class Aliases:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_account(self, name: str) -> str | None:
        """The account whose public registry has that alias."""
        row = self._connection.one(_ACCOUNT, name=name)
        return None if row is None else row[0]

    def of_account(self, account: str) -> list[tuple[str, bool, bool]]:
        """Its aliases as (name, is primary, is default), the primary one first."""
        rows = self._connection.all(_OF_ACCOUNT, account=account)
        return [(name, bool(primary), bool(default)) for name, primary, default in rows]

    def find_primary(self, account: str) -> str | None:
        """The alias that is shown in URIs."""
        of_account = self.of_account(account)
        return of_account[0][0] if of_account else None

    def add_default(self, account: str, name: str, *, at: datetime) -> None:
        """Give an account its first alias."""
        self._connection.run(
            _ADD,
            name=name,
            account_id=account,
            is_primary=True,
            is_default=True,
            created_at=milliseconds(at),
        )
