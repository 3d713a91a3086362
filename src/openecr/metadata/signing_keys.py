"""The server's own keys, which sign tokens and URLs. Secrets come sealed."""

from datetime import datetime

from sqlalchemy import insert, select

from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import signing_key

_LIST = Query(
    select(signing_key.c.id, signing_key.c.sealed_secret).order_by(
        signing_key.c.created_at.desc(), signing_key.c.id
    )
)
_ADD = Query(insert(signing_key))


class SigningKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> list[tuple[str, bytes]]:
        """(id, sealed secret), newest first."""
        return [(id_, sealed) for id_, sealed in self._connection.all(_LIST)]

    def add(self, id: str, sealed: bytes, *, at: datetime) -> None:
        self._connection.run(_ADD, id=id, sealed_secret=sealed, created_at=milliseconds(at))
