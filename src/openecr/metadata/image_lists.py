"""Lists of a repository's images, by digest.

Whatever the filter, a page reads the rows it shows: the index `image_by_status` has a run of digests for each
status, tagged or not, and those that a filter lets through (six at most) are merged.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, islice, product

from sqlalchemy import bindparam, select

from openecr.domain.image import STATUSES, Image
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.metadata.images import COLUMNS, image_of
from openecr.metadata.query import Connection, Query, Row
from openecr.metadata.schema import image, tag

ANY = "ANY"
_TAGGED = {ANY: (False, True), "TAGGED": (True,), "UNTAGGED": (False,)}

_RUN = (
    image.c.repository_id == bindparam("repository"),
    image.c.status == bindparam("status"),
    image.c.is_tagged == bindparam("is_tagged"),
)
_PAGE = Query(
    select(image.c.digest, *COLUMNS)
    .where(*_RUN, image.c.digest > bindparam("after"))
    .order_by(image.c.digest)
)
_IDS = Query(
    select(image.c.digest, tag.c.name)
    .outerjoin_from(image, tag, tag.c.image_id == image.c.id)
    .where(*_RUN, image.c.digest > bindparam("after"))
    .order_by(image.c.digest, tag.c.name)
)
_REST_OF_IDS = Query(
    select(image.c.digest, tag.c.name)
    .join_from(image, tag, tag.c.image_id == image.c.id)
    .where(*_RUN, image.c.digest == bindparam("after"), tag.c.name > bindparam("after_tag"))
    .order_by(tag.c.name)
)
_FROM_NEW_TO_OLD = Query(
    select(image.c.id).where(image.c.repository_id == bindparam("repository")).order_by(image.c.id.desc())
)


class ImageLists:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self, repository: Repository, *, tagged: str, status: str, after: bytes, limit: int
    ) -> list[Image]:
        """Up to `limit` images by digest, from the one after `after`.

        tagged   TAGGED, UNTAGGED, ANY
        status   ACTIVE, ARCHIVED, ACTIVATING, ANY
        """
        rows = self._runs(_PAGE, repository, tagged, status, after=after)
        return [image_of(row[1:]) for row in islice(rows, limit)]

    def ids(
        self, repository: Repository, *, tagged: str, status: str, after: tuple[bytes, str], limit: int
    ) -> list[tuple[Digest, str | None]]:
        """Up to `limit` pairs of digest and tag, in that order; an untagged image is one pair without.

        after   the pair before; its tag is empty where it had none
        """
        digest, name = after
        rows = self._runs(_IDS, repository, tagged, status, after=digest)
        if name:
            rest = self._runs(_REST_OF_IDS, repository, tagged, status, after=digest, after_tag=name)
            rows = chain(rest, rows)
        return [(Digest.of_sha256(raw), tag) for raw, tag in islice(rows, limit)]

    def from_new_to_old(self, repository: Repository) -> list[int]:
        """The ids of all images: what lists others comes before them."""
        return [id_ for (id_,) in self._connection.all(_FROM_NEW_TO_OLD, repository=repository.id)]

    def _runs(
        self, query: Query, repository: Repository, tagged: str, status: str, **values: bytes | str
    ) -> Iterator[Row]:
        """The rows of every run that passes, by digest, as they are asked for."""
        each = (
            self._connection.each(query, repository=repository.id, status=one, is_tagged=is_tagged, **values)
            for one, is_tagged in product(statuses(status), _TAGGED[tagged])
        )
        return merge(*each, key=lambda row: row[0])


def statuses(asked: str) -> Sequence[str]:
    """Those that a filter lets through."""
    return STATUSES if asked == ANY else (asked,)
