"""Blobs whose bytes are not their digest's any more, and who needs them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from openecr.domain.names import Digest
from openecr.domain.registry import Kind, Registry
from openecr.metadata.layers import LIVE
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import blob, image, image_blob, repository, repository_blob

DAMAGED = "damaged"

_STORED = Query(
    select(blob.c.id, blob.c.digest, blob.c.key, blob.c.size_bytes, blob.c.state, blob.c.tier)
    .where(blob.c.id > bindparam("after"), (blob.c.state == LIVE) | (blob.c.state == DAMAGED))
    .order_by(blob.c.id)
    .limit(bindparam("limit"))
)
_SET = Query(
    update(blob)
    .where(
        blob.c.id == bindparam("blob"),
        blob.c.key == bindparam("its_key"),
        blob.c.state == bindparam("before"),
    )
    .values(state=bindparam("after"))
)
_PLACE = (repository.c.kind, repository.c.account_id, repository.c.region, repository.c.name)
_IMAGES = Query(
    select(*_PLACE, image.c.digest)
    .join_from(image_blob, image, image.c.id == image_blob.c.image_id)
    .join(repository, repository.c.id == image.c.repository_id)
    .where(image_blob.c.blob_id == bindparam("blob"))
    .distinct()
    .order_by(*_PLACE, image.c.digest)
)
_REPOSITORIES = Query(
    select(*_PLACE)
    .join_from(repository_blob, repository, repository.c.id == repository_blob.c.repository_id)
    .where(repository_blob.c.blob_id == bindparam("blob"))
    .order_by(*_PLACE)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob, as it should lie in the store."""

    id: int
    digest: Digest
    key: str
    size_bytes: int
    is_damaged: bool  # as far as is known
    tier: str


class Damage:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stored(self, *, after: int, limit: int) -> list[Stored]:
        """Up to `limit` blobs, from the one after that id, that are live or known to be damaged."""
        return [
            Stored(id_, Digest.of_sha256(raw), key, size_bytes, state == DAMAGED, tier)
            for id_, raw, key, size_bytes, state, tier in self._connection.all(
                _STORED, after=after, limit=limit
            )
        ]

    def mark(self, which: Stored) -> bool:
        """It is not served any more. False where it was replaced, collected or marked meanwhile."""
        return self._set(which, LIVE, DAMAGED)

    def clear(self, which: Stored) -> bool:
        """It is whole again. False where it was replaced or collected meanwhile."""
        return self._set(which, DAMAGED, LIVE)

    def images(self, which: Stored) -> Iterator[tuple[Registry, str, Digest]]:
        """Those that use it: registry, name of the repository, digest."""
        for *where, digest in self._connection.each(_IMAGES, blob=which.id):
            yield *_place(*where), Digest.of_sha256(digest)

    def repositories(self, which: Stored, *, limit: int) -> list[tuple[Registry, str]]:
        """Up to `limit` that were given it: registry, name."""
        return [_place(*row) for row in self._connection.all(_REPOSITORIES, blob=which.id, limit=limit)]

    def _set(self, which: Stored, before: str, after: str) -> bool:
        return self._connection.run(_SET, blob=which.id, its_key=which.key, before=before, after=after) == 1


def _place(kind: str, account: str, region: str, name: str) -> tuple[Registry, str]:
    return Registry(Kind(kind), account, region), name
