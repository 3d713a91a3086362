"""Blobs, and the right of a repository to use them. A layer is a blob within a repository."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from openecr.domain.garbage import COPY, REMOVAL_DELAY, REPLACED, Removal
from openecr.domain.image import ACTIVE, ARCHIVED, LEASE, Layer
from openecr.domain.names import Digest
from openecr.domain.registry import Registry
from openecr.domain.repository import Repository
from openecr.domain.tier import STANDARD
from openecr.failpoints import fp
from openecr.metadata.garbage import Garbage, by_the_clock
from openecr.metadata.query import Connection, Query, milliseconds, moment
from openecr.metadata.removals import Removals
from openecr.metadata.repositories import IN_REGISTRY, place
from openecr.metadata.schema import blob, digest_alias, image, image_blob, repository, repository_blob

LIVE = "live"

_HERE = repository_blob.c.repository_id == bindparam("repository")
# A digest that nobody has is looked for in the repository too, as number 0: the time it takes does not tell
# whether the bytes are somebody else's (reliability.md J3).
_known = blob.alias("known")
_NUMBER = func.coalesce(
    select(_known.c.id).where(_known.c.digest == bindparam("digest")).scalar_subquery(), 0
)
_FIND = Query(
    select(blob.c.id, blob.c.size_bytes, blob.c.key, repository_blob.c.lease_until, blob.c.tier)
    .join_from(repository_blob, blob, blob.c.id == repository_blob.c.blob_id)
    .where(_HERE, repository_blob.c.blob_id == _NUMBER, blob.c.state == LIVE)
)
_BLOB = Query(
    select(blob.c.id, blob.c.state, blob.c.key, blob.c.tier).where(blob.c.digest == bindparam("digest"))
)
_ADD_BLOB = Query(
    insert(blob).values(
        {column.name: bindparam(column.name) for column in blob.c if column.name not in ("id", "tier")}
    )
)
_REVIVE = Query(
    update(blob)
    .where(blob.c.id == bindparam("blob"))
    .values(key=bindparam("new_key"), tier=STANDARD, state=LIVE, generation=blob.c.generation + 1)
)
_linking = upsert(repository_blob).values(
    repository_id=bindparam("repository"),
    blob_id=bindparam("blob"),
    lease_until=by_the_clock("at") + bindparam("lease", type_=BigInteger),
)
_LINK = Query(
    _linking.on_conflict_do_update(
        index_elements=["repository_id", "blob_id"],
        set_={"lease_until": func.max(repository_blob.c.lease_until, _linking.excluded.lease_until)},
    )
)
_UNLINK = Query(delete(repository_blob).where(_HERE, repository_blob.c.blob_id == bindparam("blob")))
_IS_USED = Query(
    select(
        exists().where(
            image_blob.c.blob_id == bindparam("blob"), image_blob.c.repository_id == bindparam("repository")
        )
    )
)
_uses = select(image.c.id).join_from(image_blob, image, image.c.id == image_blob.c.image_id)
_used_here = (
    image_blob.c.blob_id == bindparam("blob"),
    image_blob.c.repository_id == bindparam("repository"),
)
_STATUS = Query(
    select(_uses.where(*_used_here, image.c.status == ACTIVE).exists(), _uses.where(*_used_here).exists())
)
_MEDIA_TYPE = Query(
    select(image_blob.c.media_type)
    .where(image_blob.c.blob_id == bindparam("blob"), image_blob.c.repository_id == bindparam("repository"))
    .limit(1)
)
_HOLDERS = Query(
    select(repository.c.name)
    .join_from(blob, repository_blob, repository_blob.c.blob_id == blob.c.id)
    .join(repository, repository.c.id == repository_blob.c.repository_id)
    .where(blob.c.digest == bindparam("digest"), blob.c.state == LIVE, *IN_REGISTRY)
    .order_by(repository.c.name)
    .limit(bindparam("limit"))
)
_ALIAS_HOLDERS = Query(
    select(repository.c.name)
    .join_from(digest_alias, repository, repository.c.id == digest_alias.c.repository_id)
    .where(digest_alias.c.digest == bindparam("digest"), *IN_REGISTRY)
    .order_by(repository.c.name)
    .limit(bindparam("limit"))
)
_ALIAS = Query(
    select(digest_alias.c.target).where(
        digest_alias.c.repository_id == bindparam("repository"), digest_alias.c.digest == bindparam("digest")
    )
)
_ALIASES_OF = Query(
    select(digest_alias.c.digest).where(
        digest_alias.c.repository_id == bindparam("repository"), digest_alias.c.target == bindparam("target")
    )
)
_ADD_ALIAS = Query(
    upsert(digest_alias)
    .values(repository_id=bindparam("repository"), digest=bindparam("digest"), target=bindparam("target"))
    .on_conflict_do_nothing()
)


class Layers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository, digest: Digest) -> Layer | None:
        """The layer, by its sha256 or by a sha512 it was pushed under. Its digest is the sha256."""
        known = self.resolve(repository, digest)
        return None if known is None else self.find_in(repository.id, known)

    def find_in(self, repository_id: int, digest: Digest) -> Layer | None:
        """The layer with that sha256, in the repository with that id, whatever its name is by now."""
        row = self._connection.one(_FIND, digest=digest.raw, repository=repository_id)
        return None if row is None else Layer(row[0], digest, row[1], row[2], moment(row[3]), row[4])

    def resolve(self, repository: Repository, digest: Digest) -> Digest | None:
        """The sha256 we keep something by, for any digest a client of this repository may use."""
        if digest.algorithm == "sha256":
            return digest
        row = self._connection.one(_ALIAS, repository=repository.id, digest=digest.raw)
        return None if row is None else Digest.of_sha256(row[0])

    def add_alias(self, repository: Repository, digest: Digest, target: Digest) -> None:
        """From now on this repository knows `target` (sha256) by that digest (sha512) too."""
        self._connection.run(_ADD_ALIAS, repository=repository.id, digest=digest.raw, target=target.raw)

    def names_of(self, repository: Repository, digest: Digest) -> list[bytes]:
        """The bytes of every digest by which this repository knows the thing: itself and its aliases."""
        target = self.resolve(repository, digest)
        if target is None:
            return [digest.raw]
        rows = self._connection.all(_ALIASES_OF, repository=repository.id, target=target.raw)
        return [target.raw, *(alias for (alias,) in rows)]

    def give(
        self,
        repository: Repository,
        digest: Digest,
        size_bytes: int,
        key: str,
        *,
        is_whole: Callable[[str, str], bool],
        at: datetime,
    ) -> None:
        """Let a repository use bytes that were just stored under `key`.

        is_whole  whether the bytes under another key are there, in that tier: a blob that was lost is healed
        Where the digest is live already, its key stays and the bytes under the new one are removed soon.
        """
        found = self._connection.one(_BLOB, digest=digest.raw)
        if found is None:
            identity = self._connection.add(
                _ADD_BLOB,
                digest=digest.raw,
                size_bytes=size_bytes,
                key=key,
                generation=1,
                state=LIVE,
                created_at=milliseconds(at),
            )
        else:
            identity, state, old_key, tier = found
            removals = Removals(self._connection)
            if state == LIVE and is_whole(old_key, tier):
                removals.add(Removal(key, STANDARD, digest, size_bytes, COPY, at))
            else:
                self._connection.run(_REVIVE, blob=identity, new_key=key)
                removals.add(Removal(old_key, tier, digest, size_bytes, REPLACED, at + REMOVAL_DELAY))
        self._promise(repository, identity, at)

    def promise(self, repository: Repository, layer: Layer, *, at: datetime) -> None:
        """The repository may use the layer, and has it for a LEASE at least."""
        self._promise(repository, layer.blob_id, at)

    def _promise(self, repository: Repository, blob_id: int, at: datetime) -> None:
        lease = timedelta(0) if fp("layer.lease") else LEASE
        self._connection.run(
            _LINK,
            repository=repository.id,
            blob=blob_id,
            at=milliseconds(at),
            lease=round(lease.total_seconds() * 1000),
        )
        Garbage(self._connection).review(blob_id, since=at, after=lease)

    def take_away(self, repository: Repository, layer: Layer, *, at: datetime) -> None:
        """The repository has the layer no more. Whether its bytes are still needed is another question."""
        self._connection.run(_UNLINK, repository=repository.id, blob=layer.blob_id)
        Garbage(self._connection).review(layer.blob_id, since=at)

    def is_used(self, repository: Repository, layer: Layer) -> bool:
        """Whether an image of the repository refers to it."""
        return self._connection.holds(_IS_USED, repository=repository.id, blob=layer.blob_id)

    def status(self, repository: Repository, layer: Layer) -> str | None:
        """ACTIVE where an image of the repository that can be pulled uses it, ARCHIVED where only others
        do, None where none does."""
        row = self._connection.one(_STATUS, repository=repository.id, blob=layer.blob_id)
        assert row is not None
        is_active, is_used = row
        return ACTIVE if is_active else ARCHIVED if is_used else None

    def find_media_type(self, repository: Repository, layer: Layer) -> str | None:
        """What an image of the repository says the layer is."""
        row = self._connection.one(_MEDIA_TYPE, repository=repository.id, blob=layer.blob_id)
        return None if row is None else row[0]

    def holders(self, registry: Registry, digest: Digest, *, limit: int) -> list[str]:
        """Names of repositories of the registry that know something by that digest: look there."""
        rows = self._connection.all(
            _HOLDERS if digest.algorithm == "sha256" else _ALIAS_HOLDERS,
            digest=digest.raw,
            **place(registry),
            limit=limit,
        )
        return [name for (name,) in rows]
