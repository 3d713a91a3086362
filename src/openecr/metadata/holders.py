"""Who holds a blob: for whoever wants to know why it is kept."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select

from openecr.domain.names import Digest
from openecr.domain.registry import Kind, Registry
from openecr.metadata.query import Connection, Query, Row, moment
from openecr.metadata.schema import blob, digest_alias, garbage_review, image, image_blob, repository
from openecr.metadata.schema import repository_blob as link

_PLACE = (repository.c.kind, repository.c.account_id, repository.c.region, repository.c.name)
_TARGET = Query(select(digest_alias.c.target).where(digest_alias.c.digest == bindparam("digest")).limit(1))
_FIND = Query(
    select(blob.c.id, blob.c.digest, blob.c.size_bytes, blob.c.key, blob.c.state, garbage_review.c.since)
    .outerjoin_from(blob, garbage_review, garbage_review.c.blob_id == blob.c.id)
    .where(blob.c.digest == bindparam("digest"))
)
_USES = Query(
    select(*_PLACE, image.c.digest)
    .join_from(image_blob, image, image.c.id == image_blob.c.image_id)
    .join(repository, repository.c.id == image.c.repository_id)
    .where(image_blob.c.blob_id == bindparam("blob"))
    .order_by(repository.c.id, image.c.id)
    .limit(bindparam("limit"))
)
_USE_COUNT = Query(
    select(func.count()).select_from(image_blob).where(image_blob.c.blob_id == bindparam("blob"))
)
_LEASES = Query(
    select(*_PLACE, link.c.lease_until)
    .join_from(link, repository, repository.c.id == link.c.repository_id)
    .where(link.c.blob_id == bindparam("blob"))
    .order_by(link.c.lease_until.desc(), repository.c.id)
    .limit(bindparam("limit"))
)
_IMAGES = Query(
    select(*_PLACE)
    .join_from(image, repository, repository.c.id == image.c.repository_id)
    .where(image.c.digest == bindparam("digest"))
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class HeldBlob:
    id: int
    digest: Digest
    size_bytes: int
    key: str
    state: str
    since: datetime | None  # when it may have lost its last holder; None where it is not looked at


class Holders:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def resolve(self, digest: Digest) -> Digest:
        """The sha256 that something pushed under a sha512 is kept by, if anything was."""
        row = None if digest.algorithm == "sha256" else self._connection.one(_TARGET, digest=digest.raw)
        return digest if row is None else Digest.of_sha256(row[0])

    def find(self, digest: Digest) -> HeldBlob | None:
        row = self._connection.one(_FIND, digest=digest.raw)
        if row is None:
            return None
        id_, raw, size_bytes, key, state, since = row
        return HeldBlob(
            id_, Digest.of_sha256(raw), size_bytes, key, state, None if since is None else moment(since)
        )

    def uses(self, which: HeldBlob, *, limit: int) -> list[tuple[str, Digest]]:
        """Images that use it: repository's ARN, digest."""
        rows = self._connection.all(_USES, blob=which.id, limit=limit)
        return [(_arn(row), Digest.of_sha256(row[4])) for row in rows]

    def count_uses(self, which: HeldBlob) -> int:
        row = self._connection.one(_USE_COUNT, blob=which.id)
        assert row is not None
        return int(row[0])

    def leases(self, which: HeldBlob, *, limit: int) -> list[tuple[str, datetime]]:
        """Repositories that have it: their ARN, until when it is kept for them; the longest first."""
        return [
            (_arn(row), moment(row[4])) for row in self._connection.all(_LEASES, blob=which.id, limit=limit)
        ]

    def images(self, digest: Digest, *, limit: int) -> list[str]:
        """The ARNs of repositories that have an image of that digest."""
        return [_arn(row) for row in self._connection.all(_IMAGES, digest=digest.raw, limit=limit)]


def _arn(row: Row) -> str:
    kind, account, region, name = row[:4]
    return Registry(Kind(kind), account, region).repository_arn(name)
