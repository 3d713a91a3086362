"""What lifecycle policies judge images by: a few columns of all images of a repository, or of some again.

All of a hundred thousand are read at once, in three passes over an index each: a policy that keeps the newest
ten needs to see every one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, case, func, select

from openecr.domain.lifecycle import Candidate, Snapshot
from openecr.domain.repository import Repository
from openecr.metadata import schema
from openecr.metadata.query import Connection, Query, Row, chosen, json_ids
from openecr.metadata.schema import digest_alias, image, image_child, tag

SHA512_BYTES = 64
_target = (
    select(digest_alias.c.target)
    .where(digest_alias.c.repository_id == image.c.repository_id, digest_alias.c.digest == image.c.subject)
    .scalar_subquery()
)
_SUBJECT = case(
    (func.length(image.c.subject) == SHA512_BYTES, func.coalesce(_target, image.c.subject)),
    else_=image.c.subject,
)
_COLUMNS = (
    image.c.id,
    image.c.digest,
    image.c.status,
    image.c.pushed_at,
    image.c.pulled_at,
    image.c.archived_at,
    image.c.activated_at,
    _SUBJECT,
)
_HERE = image.c.repository_id == bindparam("repository")
_IMAGES = Query(select(*_COLUMNS).where(_HERE))
_TAGS = Query(
    select(tag.c.image_id, tag.c.name)
    .where(tag.c.repository_id == bindparam("repository"))
    .order_by(tag.c.name)
)
_CHILDREN = Query(
    select(image_child.c.child_id, image_child.c.parent_id)
    .join_from(image, image_child, image_child.c.parent_id == image.c.id)
    .where(_HERE)
)
_IS_HERE = Query(select(image.c.id).where(_HERE, image.c.digest == bindparam("digest")))
_IS_TAG_BEYOND = Query(
    select(tag.c.name)
    .where(tag.c.repository_id == bindparam("repository"))
    .order_by(tag.c.name)
    .limit(1)
    .offset(bindparam("count"))
)
_LOSSES = Query(
    select(schema.repository.c.loss_count).where(schema.repository.c.id == bindparam("repository"))
)
_SOME_IMAGES = Query(select(*_COLUMNS).where(image.c.id.in_(chosen)))
_TAGS_OF_SOME = Query(
    select(tag.c.image_id, tag.c.name).where(tag.c.image_id.in_(chosen)).order_by(tag.c.name)
)
_PARENTS_OF_SOME = Query(
    select(image_child.c.child_id, image_child.c.parent_id).where(image_child.c.child_id.in_(chosen))
)


class LifecycleFacts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, repository: Repository) -> Snapshot:
        """All of its images."""
        place = {"repository": repository.id}
        return self._read(
            self._connection.each(_IMAGES, **place),
            self._connection.each(_TAGS, **place),
            self._connection.each(_CHILDREN, **place),
        )

    def read_some(self, ids: Sequence[int]) -> Snapshot:
        """Those of the images with these ids that are there still. Of their indexes only the ids are said:
        they need not be among the images."""
        place = {"ids": json_ids(ids)}
        return self._read(
            self._connection.each(_SOME_IMAGES, **place),
            self._connection.each(_TAGS_OF_SOME, **place),
            self._connection.each(_PARENTS_OF_SOME, **place),
        )

    def is_here(self, repository: Repository, digest: bytes) -> bool:
        """Whether it has an image with that sha256."""
        return self._connection.one(_IS_HERE, repository=repository.id, digest=digest) is not None

    def has_more_tags_than(self, repository: Repository, count: int) -> bool:
        """Whether its images have more tags than that, together. So many rows of an index are read."""
        return self._connection.one(_IS_TAG_BEYOND, repository=repository.id, count=count) is not None

    def losses(self, repository: Repository) -> int:
        """How many of its images were lost since ever to those who count them (images.py, LOSE). The more it
        is than before, the fewer there may be of those there were then."""
        row = self._connection.one(_LOSSES, repository=repository.id)
        return 0 if row is None else int(row[0])

    def _read(self, images: Iterable[Row], tags: Iterable[Row], children: Iterable[Row]) -> Snapshot:
        tags_of = _grouped(tags)
        found = [Candidate._make((*row, tuple(tags_of.get(row[0], ())))) for row in images]
        return Snapshot(found, _grouped(children))


def _grouped(rows: Iterable[Row]) -> dict[int, list[Any]]:
    """The second of each pair, by the first."""
    made: dict[int, list[Any]] = {}
    for key, value in rows:
        made.setdefault(key, []).append(value)
    return made
