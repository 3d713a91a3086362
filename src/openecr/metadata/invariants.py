"""What must hold between rows, asked of all of them: the queries of fsck.

The first five after `repositories` return what breaks a rule, as (repository's id, tag or digest): in
a sound database nothing. Pages are by key, so that no view of the database is held open for long.
Source: reliability.md §4, fsck.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from sqlalchemy import bindparam, exists, func, or_, select

from openecr.domain.names import Digest
from openecr.domain.registry import Kind, Registry
from openecr.domain.tier import STANDARD
from openecr.metadata.images import digest_of
from openecr.metadata.layers import LIVE
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import (
    blob,
    digest_alias,
    image,
    image_blob,
    image_child,
    manifest,
    repository,
    repository_blob,
    repository_count,
    tag,
)

_PLACE = (repository.c.kind, repository.c.account_id, repository.c.region, repository.c.name)
_REPOSITORIES = Query(select(repository.c.id, *_PLACE))

# An outer join finds the row that should be there; where it is not, its columns are NULL.
_TAGS = Query(
    select(tag.c.repository_id, tag.c.name)
    .outerjoin_from(tag, image, image.c.id == tag.c.image_id)
    .where(or_(image.c.id.is_(None), image.c.repository_id != tag.c.repository_id))
)
_MANIFESTS = Query(
    select(image.c.repository_id, image.c.digest)
    .outerjoin_from(image, manifest, manifest.c.image_id == image.c.id)
    .where(manifest.c.image_id.is_(None))
)
_images = select(func.count()).where(image.c.repository_id == repository.c.id).scalar_subquery()
_MISCOUNTED = Query(
    select(repository.c.id, repository.c.image_count, _images).where(repository.c.image_count != _images)
)
_OF_REGISTRIES = Query(
    select(*_PLACE[:3], func.count()).group_by(
        repository.c.kind, repository.c.account_id, repository.c.region
    )
)
_COUNTS_OF_REGISTRIES = Query(select(repository_count))
_MISMARKED = Query(
    select(image.c.repository_id, image.c.digest).where(
        image.c.is_tagged != exists().where(tag.c.image_id == image.c.id)
    )
)
_parent, _child = image.alias("parent"), image.alias("child")
_CHILDREN = Query(
    select(_parent.c.repository_id, _parent.c.digest)
    .join_from(image_child, _parent, _parent.c.id == image_child.c.parent_id)
    .outerjoin(_child, _child.c.id == image_child.c.child_id)
    .where(or_(_child.c.id.is_(None), _child.c.repository_id != _parent.c.repository_id))
)
_USES = Query(
    select(image.c.repository_id, image.c.digest)
    .join_from(image_blob, image, image.c.id == image_blob.c.image_id)
    .outerjoin(blob, blob.c.id == image_blob.c.blob_id)
    .outerjoin(
        repository_blob,
        (repository_blob.c.blob_id == image_blob.c.blob_id)
        & (repository_blob.c.repository_id == image.c.repository_id),
    )
    .where(
        or_(
            blob.c.id.is_(None),
            blob.c.state != LIVE,
            repository_blob.c.blob_id.is_(None),
            image_blob.c.repository_id != image.c.repository_id,
        )
    )
)
_BLOBS = Query(
    select(blob.c.id, blob.c.digest, blob.c.key, blob.c.size_bytes, blob.c.tier)
    .where(blob.c.id > bindparam("after"), blob.c.state == LIVE)
    .order_by(blob.c.id)
    .limit(bindparam("limit"))
)
_BEYOND = Query(select(blob.c.id).where(blob.c.id > bindparam("after")).limit(1))
_IS_LIVE = Query(
    select(blob.c.id).where(
        blob.c.id == bindparam("blob"), blob.c.key == bindparam("key"), blob.c.state == LIVE
    )
)
_CONTENTS = Query(
    select(image.c.id, image.c.repository_id, image.c.digest, image.c.media_type, manifest.c.content)
    .join_from(image, manifest, manifest.c.image_id == image.c.id)
    .where(image.c.id > bindparam("after"))
    .order_by(image.c.id)
    .limit(bindparam("limit"))
)
_BLOBS_OF_IMAGE = Query(
    select(blob.c.digest)
    .join_from(image_blob, blob, blob.c.id == image_blob.c.blob_id)
    .where(image_blob.c.image_id == bindparam("image"))
)
_CHILDREN_OF_IMAGE = Query(
    select(image.c.digest)
    .join_from(image_child, image, image.c.id == image_child.c.child_id)
    .where(image_child.c.parent_id == bindparam("image"))
)
_ALIASES = Query(
    select(digest_alias.c.digest)
    .where(digest_alias.c.repository_id == bindparam("repository"))
    .where(digest_alias.c.target == bindparam("target"))
)
_TAGGED = Query(
    select(image.c.digest)
    .join_from(tag, image, image.c.id == tag.c.image_id)
    .where(tag.c.repository_id == bindparam("repository"), tag.c.name == bindparam("name"))
)
_IMAGE = Query(
    select(image.c.id).where(
        image.c.repository_id == bindparam("repository"), image.c.digest == bindparam("digest")
    )
)
_LAYER = Query(
    select(blob.c.id)
    .join_from(repository_blob, blob, blob.c.id == repository_blob.c.blob_id)
    .where(
        repository_blob.c.repository_id == bindparam("repository"),
        blob.c.digest == bindparam("digest"),
        blob.c.state == LIVE,
    )
)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    id: int
    digest: Digest
    key: str
    size_bytes: int
    tier: str = STANDARD


@dataclass(frozen=True, slots=True)
class StoredManifest:
    image_id: int
    repository_id: int
    digest: Digest
    media_type: str
    content: bytes


class Invariants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def damage(self) -> list[str]:
        """What the database says of its own state: nothing where it is whole. SQLite reads all of it."""
        found = self._connection.driver.execute("PRAGMA integrity_check").fetchall()
        return [text for (text,) in found if text != "ok"]

    def repositories(self) -> dict[int, str]:
        """The ARN of every repository."""
        rows = self._connection.all(_REPOSITORIES)
        return {
            id_: Registry(Kind(kind), account, region).repository_arn(name)
            for id_, kind, account, region, name in rows
        }

    def broken_tags(self) -> list[tuple[int, str]]:
        """(repository, tag) whose image is not there, or in another repository."""
        return [(place, name) for place, name in self._connection.all(_TAGS)]

    def images_without_manifest(self) -> list[tuple[int, Digest]]:
        return self._images(_MANIFESTS)

    def miscounted_repositories(self) -> list[tuple[int, int, int]]:
        """(repository, how many images it is said to have, how many it has) where the two differ."""
        return [(place, said, count) for place, said, count in self._connection.all(_MISCOUNTED)]

    def miscounted_registries(self) -> list[tuple[Registry, int, int]]:
        """(registry, how many repositories it is said to have, how many it has) where the two differ."""
        found: list[dict[Registry, int]] = []
        for query in (_COUNTS_OF_REGISTRIES, _OF_REGISTRIES):
            rows = self._connection.all(query)
            found.append({Registry(Kind(kind), *place): count for kind, *place, count in rows})
        said, has = found
        return [
            (each, said.get(each, 0), has.get(each, 0))
            for each in sorted(said.keys() | has.keys(), key=astuple)
            if said.get(each, 0) != has.get(each, 0)
        ]

    def mismarked_images(self) -> list[tuple[int, Digest]]:
        """Images of which the lists think that they have a tag and they have none, or the other way round."""
        return self._images(_MISMARKED)

    def images_without_child(self) -> list[tuple[int, Digest]]:
        """Indexes that list an image which is not there, or in another repository."""
        return self._images(_CHILDREN)

    def images_without_blob(self) -> list[tuple[int, Digest]]:
        """Images that use a blob which is not live, or which their repository was not given."""
        return self._images(_USES)

    def blobs(self, *, after: int, limit: int) -> list[StoredBlob]:
        """Up to `limit` live blobs, from the one after that id."""
        rows = self._connection.all(_BLOBS, after=after, limit=limit)
        return [StoredBlob(id_, Digest.of_sha256(raw), *rest) for id_, raw, *rest in rows]

    def has_blob_after(self, id_: int) -> bool:
        """Ids are given one after the other: whether there may be more blobs than that."""
        return self._connection.one(_BEYOND, after=id_) is not None

    def is_live(self, which: StoredBlob) -> bool:
        """Whether it still is, under that key."""
        return self._connection.one(_IS_LIVE, blob=which.id, key=which.key) is not None

    def manifests(self, *, after: int, limit: int) -> list[StoredManifest]:
        """Up to `limit` manifests with their bytes, from the image after that id."""
        rows = self._connection.all(_CONTENTS, after=after, limit=limit)
        return [
            StoredManifest(id_, place, Digest.of_sha256(raw), media_type, content)
            for id_, place, raw, media_type, content in rows
        ]

    def references(self, which: StoredManifest) -> set[Digest]:
        """What the rows say the manifest refers to, by every digest the repository knows it by."""
        return set(self._references(which))

    def _references(self, which: StoredManifest) -> Iterator[Digest]:
        for query in (_BLOBS_OF_IMAGE, _CHILDREN_OF_IMAGE):
            for (raw,) in self._connection.all(query, image=which.image_id):
                yield Digest.of_sha256(raw)
                for (alias,) in self._connection.all(_ALIASES, repository=which.repository_id, target=raw):
                    yield digest_of(alias)

    def tagged(self, place: int, name: str) -> Digest | None:
        """What that tag of a repository points to."""
        row = self._connection.one(_TAGGED, repository=place, name=name)
        return None if row is None else Digest.of_sha256(row[0])

    def has(self, place: int, digest: Digest) -> bool:
        """Whether the repository has an image or a layer of that digest (sha256)."""
        return any(
            self._connection.one(query, repository=place, digest=digest.raw) for query in (_IMAGE, _LAYER)
        )

    def _images(self, query: Query) -> list[tuple[int, Digest]]:
        return [(place, Digest.of_sha256(raw)) for place, raw in self._connection.all(query)]
