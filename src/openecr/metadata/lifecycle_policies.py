"""Lifecycle policies of repositories, and when they were followed last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import BigInteger, BindParameter, ColumnElement, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.repository import Repository
from openecr.metadata.query import EPOCH, Connection, Query, milliseconds, moment
from openecr.metadata.schema import lifecycle_policy

NEVER = EPOCH
"""When a policy was evaluated that was not. Source: control-plane.md §6.2."""

_HERE = lifecycle_policy.c.repository_id == bindparam("repository")
_FIND = Query(
    select(
        lifecycle_policy.c.id,
        lifecycle_policy.c.document,
        lifecycle_policy.c.put_at,
        lifecycle_policy.c.evaluated_at,
    ).where(_HERE)
)
_putting = insert(lifecycle_policy).values(
    {column.name: bindparam(column.name) for column in lifecycle_policy.c}
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["repository_id"],
        set_={
            column.name: _putting.excluded[column.name]
            for column in lifecycle_policy.c
            if column.name != "repository_id"
        },
    )
)
_DELETE = Query(delete(lifecycle_policy).where(_HERE))
_EVALUATED = Query(
    update(lifecycle_policy)
    .where(_HERE, lifecycle_policy.c.id == bindparam("policy"))
    .values(evaluated_at=bindparam("at"))
)


def _is_past(column: ColumnElement[int], before: BindParameter[int]) -> ColumnElement[bool]:
    return (column <= before) | (column > bindparam("now"))


_DUE = Query(
    select(lifecycle_policy.c.repository_id)
    .where(
        lifecycle_policy.c.repository_id > bindparam("after"),
        _is_past(lifecycle_policy.c.evaluated_at, bindparam("evaluated_before", type_=BigInteger)),
        _is_past(lifecycle_policy.c.put_at, bindparam("put_before", type_=BigInteger)),
    )
    .order_by(lifecycle_policy.c.repository_id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    id: str  # of this text, put at that time: put again it has another
    text: str  # without blanks
    put_at: datetime
    evaluated_at: datetime  # NEVER, or when it was followed last


class LifecyclePolicies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository) -> StoredPolicy | None:
        row = self._connection.one(_FIND, repository=repository.id)
        if row is None:
            return None
        id_, document, put_at, evaluated_at = row
        return StoredPolicy(id_, document, moment(put_at), moment(evaluated_at))

    def put(self, repository: Repository, text: str, *, at: datetime) -> None:
        """In place of the one it may have had. It was not evaluated yet."""
        self._connection.run(
            _PUT,
            repository_id=repository.id,
            id=str(uuid4()),
            document=text,
            put_at=milliseconds(at),
            evaluated_at=milliseconds(NEVER),
        )

    def delete(self, repository: Repository) -> None:
        self._connection.run(_DELETE, repository=repository.id)

    def note_evaluated(self, repository: Repository, which: StoredPolicy, *, at: datetime) -> None:
        """It was followed; unless another has its place by now."""
        self._connection.run(_EVALUATED, repository=repository.id, policy=which.id, at=milliseconds(at))

    def due(
        self, *, now: datetime, evaluated_before: datetime, put_before: datetime, after: int, limit: int
    ) -> Sequence[int]:
        """Ids of up to `limit` repositories, from the one after `after`, whose policies were not evaluated
        since then, and are not as new as that. A time that is not yet was written under a clock that was
        wrong: it is as good as long ago."""
        rows = self._connection.all(
            _DUE,
            now=milliseconds(now),
            evaluated_before=milliseconds(evaluated_before),
            put_before=milliseconds(put_before),
            after=after,
            limit=limit,
        )
        return [id_ for (id_,) in rows]
