"""Accounts, and the alias that IAM knows an account by (not one of a public registry: aliases.py)."""

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from openecr.metadata.query import Connection, Query, milliseconds, moment
from openecr.metadata.schema import account, account_alias

_HAS = Query(select(account.c.id).where(account.c.id == bindparam("id")))
_LIST = Query(select(account.c.id, account.c.name).order_by(account.c.id))
_CREATED_AT = Query(select(account.c.created_at).where(account.c.id == bindparam("id")))
_ADD = Query(insert(account))
_ALIAS = Query(select(account_alias.c.name).where(account_alias.c.account_id == bindparam("account")))
_OF_ALIAS = Query(select(account_alias.c.account_id).where(account_alias.c.name == bindparam("name")))
_ADD_ALIAS = Query(insert(account_alias))
_REMOVE_ALIASES = Query(delete(account_alias).where(account_alias.c.account_id == bindparam("account")))
_REMOVE_ALIAS = Query(
    delete(account_alias).where(
        account_alias.c.account_id == bindparam("account"), account_alias.c.name == bindparam("name")
    )
)


class Accounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has(self, id: str) -> bool:
        return self._connection.one(_HAS, id=id) is not None

    def list(self) -> list[tuple[str, str]]:
        """All accounts as (id, name)."""
        return [(id_, name) for id_, name in self._connection.all(_LIST)]

    def created_at(self, id: str) -> datetime:
        """When an account that is there was made."""
        row = self._connection.one(_CREATED_AT, id=id)
        assert row is not None
        return moment(row[0])

    def add(self, id: str, name: str, *, at: datetime) -> None:
        self._connection.run(_ADD, id=id, name=name, created_at=milliseconds(at))

    def find_alias(self, account: str) -> str | None:
        row = self._connection.one(_ALIAS, account=account)
        return None if row is None else row[0]

    def find_by_alias(self, name: str) -> str | None:
        """The account that has the alias."""
        row = self._connection.one(_OF_ALIAS, name=name)
        return None if row is None else row[0]

    def set_alias(self, account: str, name: str) -> None:
        """Give an account its alias, in place of the one it may have had.

        Raises EntityAlreadyExistsException where an account, be it this one, has that alias
        """
        if self.find_by_alias(name) is not None:
            raise EntityAlreadyExistsException(f"The account alias {name} already exists.")
        self._connection.run(_REMOVE_ALIASES, account=account)
        self._connection.run(_ADD_ALIAS, name=name, account_id=account)

    def remove_alias(self, account: str, name: str) -> None:
        """Raises NoSuchEntityException."""
        if not self._connection.run(_REMOVE_ALIAS, account=account, name=name):
            raise NoSuchEntityException(f"The account alias {name} does not exist.")
