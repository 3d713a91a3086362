"""Until when what a principal was given, tokens and sessions, holds no longer."""

from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.sqlite import insert

from openecr.metadata.query import Connection, Query, milliseconds, moment
from openecr.metadata.schema import revocation

_FIND = Query(select(revocation.c.not_before).where(revocation.c.identity_id == bindparam("identity")))
_putting = insert(revocation).values(identity_id=bindparam("identity"), not_before=bindparam("not_before"))
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["identity_id"],
        set_={"not_before": func.max(revocation.c.not_before, _putting.excluded.not_before)},
    )
)


class Revocations:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, identity_id: str) -> datetime | None:
        """identity_id  AIDA…, AROA…, or an account's number: its root"""
        row = self._connection.one(_FIND, identity=identity_id)
        return None if row is None else moment(row[0])

    def put(self, identity_id: str, not_before: datetime) -> None:
        """What was given before that moment holds no longer. A later moment, once put, stays."""
        self._connection.run(_PUT, identity=identity_id, not_before=milliseconds(not_before))
