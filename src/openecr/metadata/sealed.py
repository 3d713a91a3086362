"""Every sealed secret there is, for who puts all of them under another master key."""

from sqlalchemy import bindparam, func, select, update

from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import access_key, session, signing_key

# A table with sealed secrets has a line here.
KINDS = {"access_key": access_key.c.id, "session": session.c.access_key_id, "signing_key": signing_key.c.id}
_ALL = {kind: Query(select(id_, id_.table.c.sealed_secret).order_by(id_)) for kind, id_ in KINDS.items()}
_HEAD_BYTES = 9  # format and key id, with which every sealed text begins (identity/sealed.py)
_SAMPLES = {
    # Beside min() SQLite takes what else is asked for from the row that has the least.
    kind: Query(
        select(func.min(id_), id_.table.c.sealed_secret).group_by(
            func.substr(id_.table.c.sealed_secret, 1, _HEAD_BYTES)
        )
    )
    for kind, id_ in KINDS.items()
}
_REPLACE = {
    kind: Query(update(id_.table).where(id_ == bindparam("which")).values(sealed_secret=bindparam("sealed")))
    for kind, id_ in KINDS.items()
}


class Sealed:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[tuple[str, str, bytes]]:
        """(kind, id, sealed secret); the kinds are access_key, session and signing_key."""
        return [
            (kind, id_, sealed) for kind, query in _ALL.items() for id_, sealed in self._connection.all(query)
        ]

    def samples(self) -> list[tuple[str, str, bytes]]:
        """As `all`, but of each kind one for each master key that something is sealed under."""
        return [
            (kind, id_, sealed)
            for kind, query in _SAMPLES.items()
            for id_, sealed in self._connection.all(query)
        ]

    def replace(self, kind: str, id: str, sealed: bytes) -> None:
        self._connection.run(_REPLACE[kind], which=id, sealed=sealed)
