"""Where the bytes of blobs are, and where they might be."""

from datetime import datetime

from sqlalchemy import bindparam, exists, literal_column, select, update

from openecr.domain.image import ARCHIVED
from openecr.domain.names import Digest
from openecr.domain.tier import ARCHIVE, STANDARD
from openecr.metadata.images import UNDER
from openecr.metadata.invariants import StoredBlob
from openecr.metadata.layers import LIVE
from openecr.metadata.query import Connection, Query, Row, milliseconds
from openecr.metadata.schema import blob, image, image_blob, repository_blob

_COLUMNS = (blob.c.id, blob.c.digest, blob.c.key, blob.c.size_bytes, blob.c.tier)
_WHICH = (blob.c.id == bindparam("blob"), blob.c.key == bindparam("old_key"), blob.c.state == LIVE)
_user = select(image.c.id).join_from(image_blob, image, image.c.id == image_blob.c.image_id)
_is_needed = _user.where(image_blob.c.blob_id == blob.c.id, image.c.status != ARCHIVED).exists()
_MAY_BE_ARCHIVED = (
    blob.c.tier == STANDARD,
    ~_is_needed,
    ~exists().where(repository_blob.c.blob_id == blob.c.id, repository_blob.c.lease_until > bindparam("now")),
)
_TO_ARCHIVE = Query(
    select(*_COLUMNS)
    .join_from(image_blob, blob, blob.c.id == image_blob.c.blob_id)
    .where(image_blob.c.image_id == bindparam("image"), blob.c.state == LIVE, *_MAY_BE_ARCHIVED)
)
_CAN_BE_ARCHIVED = Query(select(blob.c.id).where(*_WHICH, *_MAY_BE_ARCHIVED))
_IN_ARCHIVE = Query(
    select(*_COLUMNS)
    .distinct()
    .join_from(image_blob, blob, blob.c.id == image_blob.c.blob_id)
    .where(image_blob.c.image_id.in_(UNDER), blob.c.state == LIVE, blob.c.tier == ARCHIVE, _is_needed)
    .order_by(blob.c.id)
)
_IS_WANTED = Query(select(blob.c.id).where(*_WHICH, blob.c.tier == ARCHIVE, _is_needed))
_HAS_DAMAGED = Query(
    select(
        exists().where(
            image_blob.c.image_id.in_(UNDER), blob.c.id == image_blob.c.blob_id, blob.c.state != LIVE
        )
    )
)
_MOVE = Query(
    update(blob)
    .where(*_WHICH)
    .values(key=bindparam("new_key"), tier=bindparam("new_tier"), generation=blob.c.generation + 1)
)
_ARCHIVED_IMAGES = Query(
    select(image.c.id)
    .where(
        image.c.id > bindparam("after"),
        image.c.status == ARCHIVED,
        exists().where(
            image_blob.c.image_id == image.c.id, image_blob.c.blob_id == blob.c.id, blob.c.tier == STANDARD
        ),
    )
    .order_by(image.c.id)
    .limit(bindparam("limit"))
)
_HAS_ARCHIVED = Query(select(exists().where(blob.c.tier != literal_column("'standard'"))))


class Tiers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def to_archive(self, image_id: int, *, now: datetime) -> list[StoredBlob]:
        """The blobs of an image that are at hand and need not be: only archived images use them, in whatever
        repository, and no lease holds them."""
        return _blobs(self._connection.all(_TO_ARCHIVE, image=image_id, now=milliseconds(now)))

    def can_be_archived(self, which: StoredBlob, *, now: datetime) -> bool:
        """Whether that still holds of one of them, and it is where it was."""
        values = {"blob": which.id, "old_key": which.key, "now": milliseconds(now)}
        return self._connection.one(_CAN_BE_ARCHIVED, **values) is not None

    def in_archive(self, image_id: int) -> list[StoredBlob]:
        """The blobs of an image, and of all that it lists, that should be at hand and are not."""
        return _blobs(self._connection.all(_IN_ARCHIVE, root=image_id))

    def is_wanted(self, which: StoredBlob) -> bool:
        """Whether that still holds of one of them, and it is where it was."""
        return self._connection.one(_IS_WANTED, blob=which.id, old_key=which.key) is not None

    def has_damaged(self, image_id: int) -> bool:
        """Whether a blob of an image, or of anything that it lists, is known to be damaged."""
        return self._connection.holds(_HAS_DAMAGED, root=image_id)

    def move(self, which: StoredBlob, *, key: str, tier: str) -> None:
        """From now on its bytes are those under that key. It must be where it was."""
        count = self._connection.run(_MOVE, blob=which.id, old_key=which.key, new_key=key, new_tier=tier)
        assert count == 1, "whoever moves a blob has looked whether it is there"

    def archived_images(self, *, after: int, limit: int) -> list[int]:
        """The ids of up to `limit` archived images with a blob at hand, from the one after `after`."""
        rows = self._connection.all(_ARCHIVED_IMAGES, after=after, limit=limit)
        return [id_ for (id_,) in rows]

    def has_archived(self) -> bool:
        """Whether any blob's bytes are in the archive."""
        return self._connection.holds(_HAS_ARCHIVED)


def _blobs(rows: list[Row]) -> list[StoredBlob]:
    return [StoredBlob(id_, Digest.of_sha256(raw), *rest) for id_, raw, *rest in rows]
