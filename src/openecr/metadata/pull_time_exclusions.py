"""Whose pulls do not count as pulls, in a registry."""

from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select

from openecr.domain.registry import Registry
from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import pull_time_exclusion as exclusion

_OF_REGISTRY = (
    exclusion.c.account_id == bindparam("account"),
    exclusion.c.region == bindparam("region"),
)
_WHICH = (*_OF_REGISTRY, exclusion.c.principal_arn == bindparam("principal"))
_HAS = Query(select(exclusion.c.created_at).where(*_WHICH))
_COUNT = Query(select(func.count()).select_from(exclusion).where(*_OF_REGISTRY))
_ADD = Query(
    insert(exclusion).values(
        account_id=bindparam("account"),
        region=bindparam("region"),
        principal_arn=bindparam("principal"),
        created_at=bindparam("at"),
    )
)
_REMOVE = Query(delete(exclusion).where(*_WHICH))
_PAGE = Query(
    select(exclusion.c.principal_arn)
    .where(*_OF_REGISTRY, exclusion.c.principal_arn > bindparam("after"))
    .order_by(exclusion.c.principal_arn)
    .limit(bindparam("limit"))
)


class PullTimeExclusions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has(self, registry: Registry, principal: str) -> bool:
        return self._connection.one(_HAS, **_place(registry), principal=principal) is not None

    def count(self, registry: Registry) -> int:
        row = self._connection.one(_COUNT, **_place(registry))
        assert row is not None
        count: int = row[0]
        return count

    def add(self, registry: Registry, principal: str, *, at: datetime) -> None:
        """It must not be there."""
        self._connection.run(_ADD, **_place(registry), principal=principal, at=milliseconds(at))

    def remove(self, registry: Registry, principal: str) -> bool:
        """Whether it was there."""
        return self._connection.run(_REMOVE, **_place(registry), principal=principal) > 0

    def page(self, registry: Registry, *, after: str, limit: int) -> list[str]:
        """Up to `limit` ARNs, from the one after `after`."""
        rows = self._connection.all(_PAGE, **_place(registry), after=after, limit=limit)
        return [principal for (principal,) in rows]


def _place(registry: Registry) -> dict[str, str]:
    return {"account": registry.account, "region": registry.region}
