"""The names of public registries. An account that has any has one primary, and at most one default."""

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from openecr.domain.registry_alias import RegistryAlias
from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import alias

_ACCOUNT = Query(select(alias.c.account_id).where(alias.c.name == bindparam("name")))
_OF_ACCOUNT = Query(
    select(alias.c.name, alias.c.is_primary, alias.c.is_default)
    .where(alias.c.account_id == bindparam("account"))
    .order_by(alias.c.is_primary.desc(), alias.c.is_default.desc(), alias.c.name)
)
_LIST = Query(
    select(alias.c.account_id, alias.c.name, alias.c.is_primary, alias.c.is_default).order_by(
        alias.c.account_id, alias.c.is_primary.desc(), alias.c.is_default.desc(), alias.c.name
    )
)
_ADD = Query(insert(alias))
_REMOVE = Query(delete(alias).where(alias.c.name == bindparam("alias_name")))
_SET_PRIMARY = Query(
    update(alias)
    .where(alias.c.account_id == bindparam("account"))
    .values(is_primary=alias.c.name == bindparam("alias_name"))
)


class Aliases:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_account(self, name: str) -> str | None:
        """The account whose public registry has that alias."""
        row = self._connection.one(_ACCOUNT, name=name)
        return None if row is None else row[0]

    def of_account(self, account: str) -> list[RegistryAlias]:
        """The primary one first, then the default one, then the others by name."""
        rows = self._connection.all(_OF_ACCOUNT, account=account)
        return [RegistryAlias(name, bool(primary), bool(default)) for name, primary, default in rows]

    def list(self) -> list[tuple[str, RegistryAlias]]:
        """All there are, as (account, alias), by account."""
        rows = self._connection.all(_LIST)
        return [
            (account, RegistryAlias(name, bool(primary), bool(default)))
            for account, name, primary, default in rows
        ]

    def find_primary(self, account: str) -> str | None:
        """The alias that is shown in URIs."""
        of_account = self.of_account(account)
        return of_account[0].name if of_account else None

    def add(self, account: str, name: str, *, is_default: bool = False, at: datetime) -> None:
        """Give an account an alias that nobody has. Its first is its primary one."""
        self._connection.run(
            _ADD,
            name=name,
            account_id=account,
            is_primary=not self.of_account(account),
            is_default=is_default,
            created_at=milliseconds(at),
        )

    def set_primary(self, account: str, name: str) -> None:
        """Show that alias of the account from now on."""
        self._connection.run(_SET_PRIMARY, account=account, alias_name=name)

    def remove(self, account: str, name: str) -> None:
        """Take an alias away. If it was the primary one, the default one is, or else the first by name."""
        self._connection.run(_REMOVE, alias_name=name)
        left = self.of_account(account)
        if left and not left[0].is_primary:
            self.set_primary(account, left[0].name)
