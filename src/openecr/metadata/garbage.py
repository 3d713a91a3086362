"""What perhaps nobody needs any more. Source: reliability.md §3.

Whoever takes a reference or a lease away from a blob writes, in the same transaction, since when it may be
without any; the collector reads that queue alone, so its cost follows what changes and not what is there.
"""

from datetime import datetime

from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import garbage_review, image_blob, repository_blob

_since = bindparam("since", type_=BigInteger)


def _later(adding: Insert) -> Query:
    """A blob that is to be looked at already is looked at at the later of both times."""
    return Query(
        adding.on_conflict_do_update(
            index_elements=["blob_id"],
            set_={"since": func.max(garbage_review.c.since, adding.excluded.since)},
        )
    )


_REVIEW = _later(insert(garbage_review).values(blob_id=bindparam("blob"), since=_since))
_REVIEW_IMAGE = _later(
    insert(garbage_review).from_select(
        ["blob_id", "since"],
        select(image_blob.c.blob_id, _since).where(image_blob.c.image_id == bindparam("image")),
    )
)
_REVIEW_REPOSITORY = _later(
    insert(garbage_review).from_select(
        ["blob_id", "since"],
        select(repository_blob.c.blob_id, _since).where(
            repository_blob.c.repository_id == bindparam("repository")
        ),
    )
)


class Garbage:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def review(self, blob_id: int, *, since: datetime) -> None:
        """Perhaps nothing holds the blob, from that moment on."""
        self._connection.run(_REVIEW, blob=blob_id, since=milliseconds(since))

    def review_image(self, image_id: int, *, since: datetime) -> None:
        """The same for all blobs that an image uses, before it goes."""
        self._connection.run(_REVIEW_IMAGE, image=image_id, since=milliseconds(since))

    def review_repository(self, repository_id: int, *, since: datetime) -> None:
        """The same for all blobs that a repository was given, before it goes."""
        self._connection.run(_REVIEW_REPOSITORY, repository=repository_id, since=milliseconds(since))
