"""The settings of private registries, by name. What was never put has the value its reader knows."""

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.registry import Registry
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import account_setting

_OF_REGISTRY = (
    account_setting.c.account_id == bindparam("account"),
    account_setting.c.region == bindparam("region"),
)
_FIND = Query(
    select(account_setting.c.value).where(*_OF_REGISTRY, account_setting.c.name == bindparam("name"))
)
_LIST = Query(
    select(account_setting.c.name, account_setting.c.value)
    .where(*_OF_REGISTRY)
    .order_by(account_setting.c.name)
)
_putting = insert(account_setting).values(
    account_id=bindparam("account"),
    region=bindparam("region"),
    name=bindparam("name"),
    value=bindparam("value"),
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["account_id", "region", "name"], set_={"value": _putting.excluded.value}
    )
)


class AccountSettings:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry, name: str) -> str | None:
        row = self._connection.one(_FIND, account=registry.account, region=registry.region, name=name)
        return None if row is None else row[0]

    def put(self, registry: Registry, name: str, value: str) -> None:
        self._connection.run(_PUT, account=registry.account, region=registry.region, name=name, value=value)

    def list(self, registry: Registry) -> dict[str, str]:
        """Name to value, by name."""
        return dict(self._connection.all(_LIST, account=registry.account, region=registry.region))
