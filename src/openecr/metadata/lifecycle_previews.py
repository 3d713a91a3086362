"""What a policy would do to a repository, as it was found when somebody asked. One preview per repository.

Its images are written and removed by a job, some at a time; nobody is shown them before it is complete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import orjson
from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.lifecycle import Decision
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.metadata.query import Connection, Query, Row, milliseconds, moment
from openecr.metadata.schema import lifecycle_preview, lifecycle_preview_image

IN_PROGRESS, COMPLETE = "IN_PROGRESS", "COMPLETE"

_HERE = lifecycle_preview.c.repository_id == bindparam("repository")
_FIND = Query(
    select(
        lifecycle_preview.c.id,
        lifecycle_preview.c.document,
        lifecycle_preview.c.status,
        lifecycle_preview.c.started_at,
        lifecycle_preview.c.expiring_count,
        lifecycle_preview.c.transitioning_count,
    ).where(_HERE)
)
_putting = insert(lifecycle_preview).values(
    {column.name: bindparam(column.name) for column in lifecycle_preview.c}
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["repository_id"],
        set_={
            column.name: _putting.excluded[column.name]
            for column in lifecycle_preview.c
            if column.name != "repository_id"
        },
    )
)
_COMPLETE = Query(
    update(lifecycle_preview)
    .where(_HERE)
    .values(
        status=COMPLETE,
        expiring_count=bindparam("expiring"),
        transitioning_count=bindparam("transitioning"),
    )
)
_IMAGES_HERE = lifecycle_preview_image.c.repository_id == bindparam("repository")
_ADD_IMAGE = Query(insert(lifecycle_preview_image))
_CLEAR = Query(
    delete(lifecycle_preview_image).where(
        _IMAGES_HERE,
        exists().where(_HERE, lifecycle_preview.c.id == bindparam("preview")),
        lifecycle_preview_image.c.digest.in_(
            select(lifecycle_preview_image.c.digest).where(_IMAGES_HERE).limit(bindparam("limit"))
        ),
    )
)
_IMAGE_COLUMNS = (
    lifecycle_preview_image.c.digest,
    lifecycle_preview_image.c.tags,
    lifecycle_preview_image.c.pushed_at,
    lifecycle_preview_image.c.action,
    lifecycle_preview_image.c.priority,
    lifecycle_preview_image.c.status,
)
_page = (
    select(*_IMAGE_COLUMNS)
    .where(_IMAGES_HERE, lifecycle_preview_image.c.digest > bindparam("after"))
    .order_by(lifecycle_preview_image.c.digest)
    .limit(bindparam("limit"))
)
_PAGE = Query(_page)
_PAGE_BY_TAGS = Query(_page.where(lifecycle_preview_image.c.is_tagged == bindparam("is_tagged")))
_IS_TAGGED = {"TAGGED": True, "UNTAGGED": False}
_IMAGE = Query(
    select(*_IMAGE_COLUMNS).where(_IMAGES_HERE, lifecycle_preview_image.c.digest == bindparam("digest"))
)
_OLD = Query(
    select(lifecycle_preview.c.repository_id, lifecycle_preview.c.id)
    .where(
        lifecycle_preview.c.started_at <= bindparam("before"),
        exists().where(lifecycle_preview_image.c.repository_id == lifecycle_preview.c.repository_id),
    )
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Preview:
    id: str  # of this one and none before
    text: str  # of the policy, as it was given
    status: str  # IN_PROGRESS, COMPLETE
    started_at: datetime
    expiring_count: int
    transitioning_count: int


@dataclass(frozen=True, slots=True)
class PreviewedImage:
    digest: Digest
    tags: Sequence[str]  # as they were then, like all else here
    pushed_at: datetime
    action: str  # expire, transition
    priority: int
    status: str


class LifecyclePreviews:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository) -> Preview | None:
        row = self._connection.one(_FIND, repository=repository.id)
        if row is None:
            return None
        id_, document, status, started_at, expiring, transitioning = row
        return Preview(id_, document, status, moment(started_at), expiring, transitioning)

    def start(self, repository: Repository, text: str, *, at: datetime) -> None:
        """In place of the one before, whose images are still there."""
        self._connection.run(
            _PUT,
            repository_id=repository.id,
            id=str(uuid4()),
            document=text,
            status=IN_PROGRESS,
            started_at=milliseconds(at),
            expiring_count=0,
            transitioning_count=0,
        )

    def clear(self, repository_id: int, preview_id: str, *, limit: int) -> int:
        """Forget up to `limit` of its images, and of those before it; how many. None, if there is another
        preview by now: the images may be that one's."""
        return self._connection.run(_CLEAR, repository=repository_id, preview=preview_id, limit=limit)

    def add(self, repository: Repository, decisions: Iterable[Decision]) -> None:
        for each in decisions:
            self._connection.run(
                _ADD_IMAGE,
                repository_id=repository.id,
                digest=each.image.sha256,
                tags=orjson.dumps(each.image.tags).decode(),
                is_tagged=bool(each.image.tags),
                pushed_at=each.image.pushed_at,
                action=each.rule.action,
                priority=each.rule.priority,
                status=each.image.status,
            )

    def complete(self, repository: Repository, *, expiring: int, transitioning: int) -> None:
        self._connection.run(
            _COMPLETE, repository=repository.id, expiring=expiring, transitioning=transitioning
        )

    def page(self, repository: Repository, *, tagged: str, after: bytes, limit: int) -> list[PreviewedImage]:
        """Up to `limit` images by digest, from the one after `after`. `tagged`: TAGGED, UNTAGGED, ANY."""
        place = {"repository": repository.id, "after": after, "limit": limit}
        if tagged in _IS_TAGGED:
            rows = self._connection.all(_PAGE_BY_TAGS, is_tagged=_IS_TAGGED[tagged], **place)
        else:
            rows = self._connection.all(_PAGE, **place)
        return [_previewed(row) for row in rows]

    def find_image(self, repository: Repository, digest: Digest) -> PreviewedImage | None:
        """None where the policy leaves it alone."""
        row = self._connection.one(_IMAGE, repository=repository.id, digest=digest.raw)
        return None if row is None else _previewed(row)

    def old(self, *, before: datetime, limit: int) -> list[tuple[int, str]]:
        """The repositories and ids of previews that were started before then and have images still."""
        rows = self._connection.all(_OLD, before=milliseconds(before), limit=limit)
        return [(repository_id, preview_id) for repository_id, preview_id in rows]


def _previewed(row: Row) -> PreviewedImage:
    digest, tags, pushed_at, action, priority, status = row
    return PreviewedImage(
        Digest.of_sha256(digest), orjson.loads(tags), moment(pushed_at), action, priority, status
    )
