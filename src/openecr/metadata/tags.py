"""Tags of images."""

from datetime import datetime

from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.image import Image, TagDetail
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.metadata.images import COLUMNS, LOSE, digest_of, image_of
from openecr.metadata.query import Connection, Query, milliseconds, moment
from openecr.metadata.schema import image, tag

_HERE = tag.c.repository_id == bindparam("repository")
_putting = insert(tag).values(
    repository_id=bindparam("repository"),
    name=bindparam("name"),
    image_id=bindparam("image"),
    digest=bindparam("digest"),
    created_at=bindparam("at"),
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["repository_id", "name"],
        set_={column: _putting.excluded[column] for column in ("image_id", "digest", "created_at")},
    )
)
_IMAGE = Query(select(tag.c.image_id).where(_HERE, tag.c.name == bindparam("name")))
_has_tags = exists().where(tag.c.image_id == bindparam("image"))
_MARK = Query(
    update(image)
    .where(image.c.id == bindparam("image"), image.c.is_tagged != _has_tags)
    .values(is_tagged=_has_tags)
)
_PUSHED_AS = Query(select(tag.c.digest).where(_HERE, tag.c.name == bindparam("name")))
_REMOVE = Query(delete(tag).where(_HERE, tag.c.name == bindparam("name")))
_OF_IMAGE = Query(select(tag.c.name).where(tag.c.image_id == bindparam("image")).order_by(tag.c.name))
_IS_THERE_BEYOND = Query(
    select(tag.c.name)
    .where(tag.c.image_id == bindparam("image"))
    .order_by(tag.c.name)
    .limit(1)
    .offset(bindparam("count"))
)
_NAMES = Query(
    select(tag.c.name)
    .where(_HERE, tag.c.name > bindparam("after"))
    .order_by(tag.c.name)
    .limit(bindparam("limit"))
)
_DETAILS = Query(
    select(tag.c.name, tag.c.created_at, *COLUMNS)
    .join_from(tag, image, image.c.id == tag.c.image_id)
    .where(_HERE, tag.c.name > bindparam("after"))
    .order_by(tag.c.name)
    .limit(bindparam("limit"))
)


class Tags:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self, repository: Repository, name: str, which: Image, *, pushed_as: Digest | None, at: datetime
    ) -> None:
        """Point the tag to that image, wherever it pointed before.

        pushed_as  the sha512 that the client named the image by, if it did
        """
        before = self._connection.one(_IMAGE, repository=repository.id, name=name)
        self._connection.run(
            _PUT,
            repository=repository.id,
            name=name,
            image=which.id,
            digest=None if pushed_as is None else pushed_as.raw,
            at=milliseconds(at),
        )
        is_first = self._mark(which.id)
        is_moved = before is not None and before[0] != which.id
        if before is not None and is_moved:
            self._mark(before[0])
        if is_moved or (is_first and milliseconds(which.pushed_at) < milliseconds(at)):
            self._connection.run(LOSE, repository=repository.id, losses=1)

    def pushed_as(self, repository: Repository, name: str) -> Digest | None:
        """The sha512 that the client named the image by when it set the tag, if it did."""
        row = self._connection.one(_PUSHED_AS, repository=repository.id, name=name)
        return None if row is None or row[0] is None else digest_of(row[0])

    def remove(self, repository: Repository, name: str) -> None:
        before = self._connection.one(_IMAGE, repository=repository.id, name=name)
        self._connection.run(_REMOVE, repository=repository.id, name=name)
        if before is not None:
            self._mark(before[0])
            self._connection.run(LOSE, repository=repository.id, losses=1)

    def has_more_than(self, which: Image, count: int) -> bool:
        """Whether the image has more tags than that."""
        return self._connection.one(_IS_THERE_BEYOND, image=which.id, count=count) is not None

    def of_image(self, which: Image) -> list[str]:
        return [name for (name,) in self._connection.all(_OF_IMAGE, image=which.id)]

    def names(self, repository: Repository, *, after: str, limit: int) -> list[str]:
        """Up to `limit` tags that come after that one, in ASCII order."""
        rows = self._connection.all(_NAMES, repository=repository.id, after=after, limit=limit)
        return [name for (name,) in rows]

    def details(self, repository: Repository, *, after: str, limit: int) -> list[TagDetail]:
        rows = self._connection.all(_DETAILS, repository=repository.id, after=after, limit=limit)
        return [TagDetail(name, image_of(tuple(row)), moment(at)) for name, at, *row in rows]

    def _mark(self, image_id: int) -> bool:
        """Write down whether the image has a tag now, for the lists that filter by it; if that is news."""
        return self._connection.run(_MARK, image=image_id) > 0
