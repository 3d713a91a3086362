"""Images: their facts, their manifests' bytes, and what they refer to."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    delete,
    exists,
    func,
    insert,
    null,
    select,
    update,
)

from openecr.domain.events import (
    ImageArchived,
    ImageWanted,
    SubjectActivated,
    SubjectArchived,
    SubjectDeleted,
)
from openecr.domain.image import ACTIVATING, ACTIVE, ARCHIVED, Image, Layer
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.metadata.garbage import Garbage
from openecr.metadata.layers import Layers
from openecr.metadata.outbox import Outbox
from openecr.metadata.query import Connection, Query, Row, chosen, json_ids, milliseconds, moment
from openecr.metadata.schema import digest_alias, image, image_blob, image_child, manifest, repository, tag

COLUMNS = (
    image.c.id,
    image.c.digest,
    image.c.media_type,
    image.c.artifact_media_type,
    image.c.size_bytes,
    image.c.manifest_size_bytes,
    image.c.subject,
    image.c.annotations,
    image.c.pushed_at,
    image.c.status,
    image.c.pulled_at,
    image.c.archived_at,
    image.c.activated_at,
)
_HERE = image.c.repository_id == bindparam("repository")
_BY_DIGEST = Query(select(*COLUMNS).where(_HERE, image.c.digest == bindparam("digest")))
_BY_TAG = Query(
    select(*COLUMNS)
    .join_from(tag, image, image.c.id == tag.c.image_id)
    .where(tag.c.repository_id == bindparam("repository"), tag.c.name == bindparam("tag"))
)
_CONTENT = Query(select(manifest.c.content).where(manifest.c.image_id == bindparam("image")))
_LATER = {"id", "pulled_at", "archived_at", "archived_with_subject", "activated_at"}
"""What an image has not when it is new."""
_ADD = Query(
    insert(image).values(
        {column.name: bindparam(column.name) for column in image.c if column.name not in _LATER}
    )
)
_COUNT = Query(
    update(repository)
    .where(repository.c.id == bindparam("repository"))
    .values(image_count=repository.c.image_count + bindparam("change"))
)
LOSE = Query(
    update(repository)
    .where(repository.c.id == bindparam("repository"))
    .values(loss_count=repository.c.loss_count + bindparam("losses"))
)
"""So many images went, were archived, lost a tag or got their first: who had counted them as images of some
kind may have counted too many (jobs/expire_images.py)."""
_IS_SUBJECT = Query(select(exists().where(_HERE, image.c.subject == bindparam("digest"))))
_ADD_CONTENT = Query(insert(manifest))
_ADD_BLOB = Query(insert(image_blob))
_ADD_CHILD = Query(insert(image_child))
_parent = image.alias("parent")
_PARENTS = Query(
    select(_parent.c.digest)
    .join_from(image_child, _parent, _parent.c.id == image_child.c.parent_id)
    .where(image_child.c.child_id == bindparam("image"))
    .order_by(_parent.c.digest)
)
_STANDARD_PARENTS = Query(
    select(_parent.c.digest)
    .join_from(image_child, _parent, _parent.c.id == image_child.c.parent_id)
    .where(image_child.c.child_id == bindparam("image"), _parent.c.status != ARCHIVED)
    .order_by(_parent.c.digest)
)
_ARCHIVE = Query(
    update(image)
    .where(image.c.id == bindparam("image"))
    .values(status=ARCHIVED, archived_at=bindparam("at"), archived_with_subject=bindparam("with_subject"))
)
_top = select(bindparam("root", type_=BigInteger).label("id")).cte("under", recursive=True)
_UNDER = _top.union(
    select(image_child.c.child_id).join_from(image_child, _top, image_child.c.parent_id == _top.c.id)
)
UNDER = select(_UNDER.c.id)
"""The image `root`, all that it lists, what that lists, and so on: their ids."""
_RESTORE = Query(
    update(image).where(image.c.id.in_(UNDER), image.c.status == ARCHIVED).values(status=ACTIVATING)
)
_INACTIVE = Query(
    select(*COLUMNS).where(image.c.id.in_(UNDER), image.c.status != ACTIVE).order_by(image.c.id)
)
_ACTIVATE = Query(
    update(image)
    .where(image.c.id.in_(UNDER), image.c.status != ACTIVE)
    .values(status=ACTIVE, activated_at=bindparam("at"))
)
_referrer = image.alias("referrer")


def _is_named(digest: ColumnElement[bytes]) -> ColumnElement[bool]:
    """Whether an image of the repository, but for the chosen, names it as its subject."""
    return exists().where(
        _referrer.c.repository_id == bindparam("repository"),
        _referrer.c.subject == digest,
        _referrer.c.id.not_in(chosen),
    )


_SUBJECTS = Query(select(image.c.digest, null()).where(image.c.id.in_(chosen), _is_named(image.c.digest)))
_SUBJECTS_BY_ALIAS = Query(
    select(image.c.digest, digest_alias.c.digest)
    .join_from(image, digest_alias, digest_alias.c.target == image.c.digest)
    .where(
        image.c.id.in_(chosen),
        digest_alias.c.repository_id == bindparam("repository"),
        _is_named(digest_alias.c.digest),
    )
)
_HAS_SUBJECTS = Query(select(exists().where(_HERE, image.c.subject.is_not(None))))
_HAS_ALIASES = Query(select(exists().where(digest_alias.c.repository_id == bindparam("repository"))))
_NEWEST = Query(select(func.max(image.c.id)))
_IMAGE_COUNT = Query(select(repository.c.image_count).where(repository.c.id == bindparam("repository")))
_DELETE_CHILDREN = Query(delete(image_child).where(image_child.c.parent_id.in_(chosen)))
_DELETE_ALIASES = Query(
    delete(digest_alias).where(
        digest_alias.c.repository_id == bindparam("repository"),
        digest_alias.c.target.in_(select(image.c.digest).where(image.c.id.in_(chosen))),
    )
)
# These would go with their images, but one by one, which takes twice as long.
_DELETE_OWN = tuple(
    Query(delete(table).where(table.c.image_id.in_(chosen))) for table in (image_blob, tag, manifest)
)
_IS_LISTED = Query(select(exists().where(image_child.c.child_id.in_(chosen))))
_IS_LISTED_ELSEWHERE = Query(
    select(exists().where(image_child.c.child_id.in_(chosen), image_child.c.parent_id.not_in(chosen)))
)
_DELETE = Query(delete(image).where(image.c.id.in_(chosen)))


class Images:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_by_digest(self, repository: Repository, digest: Digest) -> Image | None:
        """By sha256; an alias is resolved by the caller (Layers.resolve)."""
        row = self._connection.one(_BY_DIGEST, repository=repository.id, digest=digest.raw)
        return None if row is None else image_of(row)

    def find_by_tag(self, repository: Repository, tag: str) -> Image | None:
        row = self._connection.one(_BY_TAG, repository=repository.id, tag=tag)
        return None if row is None else image_of(row)

    def manifest(self, which: Image) -> str:
        """The manifest as it was put."""
        row = self._connection.one(_CONTENT, image=which.id)
        assert row is not None, "an image has a manifest"
        content: bytes = row[0]
        return content.decode()

    def add(
        self,
        repository: Repository,
        new: Image,
        content: str,
        *,
        layers: Iterable[tuple[Layer, str]],
        children: Iterable[Image],
        is_tagged: bool,
    ) -> Image:
        """Store an image (its id is ignored) with its manifest and what it refers to.

        layers     each with the media type that the manifest gives it
        is_tagged  whether it is given a tag now, in the same transaction
        returns    the image with the id it was given
        """
        identity = self._connection.add(
            _ADD,
            repository_id=repository.id,
            digest=new.digest.raw,
            media_type=new.media_type,
            artifact_media_type=new.artifact_media_type,
            size_bytes=new.size_bytes,
            manifest_size_bytes=new.manifest_size_bytes,
            subject=None if new.subject is None else new.subject.raw,
            annotations=json.dumps(dict(new.annotations)),
            status=new.status,
            pushed_at=milliseconds(new.pushed_at),
            is_tagged=is_tagged,
        )
        self._connection.run(_ADD_CONTENT, image_id=identity, content=content.encode())
        media_types = {layer.blob_id: media_type for layer, media_type in layers}
        own = {"image_id": identity, "repository_id": repository.id}
        self._connection.run_each(
            _ADD_BLOB,
            [own | {"blob_id": blob, "media_type": media_type} for blob, media_type in media_types.items()],
        )
        self._connection.run_each(
            _ADD_CHILD,
            [{"parent_id": identity, "child_id": each} for each in {child.id for child in children}],
        )
        self._connection.run(_COUNT, repository=repository.id, change=1)
        return replace(new, id=identity)

    def parents(self, which: Image) -> list[Digest]:
        """The indexes that list this image."""
        return [Digest.of_sha256(raw) for (raw,) in self._connection.all(_PARENTS, image=which.id)]

    def standard_parents(self, which: Image) -> list[Digest]:
        """Those of them that are not archived: while there are any, the image cannot be either."""
        return [Digest.of_sha256(raw) for (raw,) in self._connection.all(_STANDARD_PARENTS, image=which.id)]

    def count(self, repository: Repository) -> int:
        """How many there are in a repository; none in one that is gone."""
        row = self._connection.one(_IMAGE_COUNT, repository=repository.id)
        return 0 if row is None else int(row[0])

    def archive(
        self, repository: Repository, which: Image, *, at: datetime, with_subject: bool = False
    ) -> Image:
        """Nobody can pull it any more. It must have no standard parents; what it lists stays as it is, its
        referrers follow, and its layers may go where they are out of the way.

        with_subject  because its subject was: it is restored with it, too
        """
        at = moment(milliseconds(at))
        self._connection.run(_ARCHIVE, image=which.id, at=milliseconds(at), with_subject=with_subject)
        self._connection.run(LOSE, repository=repository.id, losses=1)
        Outbox(self._connection).add(ImageArchived(repository.id, str(which.digest)))
        self._tell_referrers(repository, which, SubjectArchived)
        return replace(which, status=ARCHIVED, archived_at=at)

    def restore(self, repository: Repository, which: Image) -> Image:
        """It is to be active again, and what it lists with it, as soon as the bytes are at hand: each of
        them by itself, for what lists it may be deleted, or archived again, before it comes to that."""
        self._connection.run(_RESTORE, root=which.id)
        self.want(repository, which)
        for row in self._connection.all(_INACTIVE, root=which.id):
            if row[0] != which.id:
                self.want(repository, image_of(row))
        return replace(which, status=ACTIVATING)

    def want(self, repository: Repository, which: Image) -> None:
        """Its layers, and those of what it lists, are to be brought to hand if they are not."""
        Outbox(self._connection).add(ImageWanted(repository.id, str(which.digest)))

    def activate(self, repository: Repository, which: Image, *, at: datetime) -> list[Image]:
        """It can be pulled, and all that it lists. Which of them could not be until now. Referrers that were
        archived with one of them follow."""
        at = moment(milliseconds(at))
        found = [image_of(row) for row in self._connection.all(_INACTIVE, root=which.id)]
        self._connection.run(_ACTIVATE, root=which.id, at=milliseconds(at))
        for each in found:
            self._tell_referrers(repository, each, SubjectActivated)
        return [replace(each, status=ACTIVE, activated_at=at) for each in found]

    def delete(self, repository: Repository, which: Image, *, at: datetime) -> None:
        """With its tags. It must have no parents. Its referrers and its layers are looked at later."""
        self.delete_many(repository, [which.id], at=at)

    def delete_many(self, repository: Repository, ids: Sequence[int], *, at: datetime) -> None:
        """The same for several at once, all of this repository; they may list one another.

        Nothing may refer to them afterwards, also where the database does not look (prepare_for_many).
        Raises sqlite3.IntegrityError where an index lists one.
        """
        place = {"ids": json_ids(ids)}
        # Most repositories have neither: to ask it of each image would take a tenth of all.
        if self._connection.holds(_HAS_SUBJECTS, repository=repository.id):
            self._tell_of_subjects(repository, ids)
        Garbage(self._connection).review_images(ids, since=at)
        self._connection.run(_DELETE_CHILDREN, **place)
        if self._connection.holds(_HAS_ALIASES, repository=repository.id):
            self._connection.run(_DELETE_ALIASES, repository=repository.id, **place)
        for query in _DELETE_OWN:
            self._connection.run(query, **place)
        if self._connection.holds(_IS_LISTED, **place):
            raise sqlite3.IntegrityError("an index lists an image that was to be deleted")
        count = self._connection.run(_DELETE, **place)
        self._connection.run(_COUNT, repository=repository.id, change=-count)
        self._connection.run(LOSE, repository=repository.id, losses=count)

    def are_listed_elsewhere(self, ids: Sequence[int]) -> bool:
        """Whether an index that is not among these images lists one of them."""
        return self._connection.holds(_IS_LISTED_ELSEWHERE, ids=json_ids(ids))

    def _tell_of_subjects(self, repository: Repository, ids: Sequence[int]) -> None:
        """Write an event for each of these images that any other names as its subject, and by each name."""
        for query in (_SUBJECTS, _SUBJECTS_BY_ALIAS):
            for raw, alias in self._connection.all(query, repository=repository.id, ids=json_ids(ids)):
                known_as = "" if alias is None else str(digest_of(alias))
                [newest] = self._connection.one(_NEWEST) or (0,)
                Outbox(self._connection).add(
                    SubjectDeleted(repository.id, str(digest_of(raw)), known_as, newest)
                )

    def _tell_referrers(
        self,
        repository: Repository,
        which: Image,
        event: type[SubjectArchived | SubjectActivated],
    ) -> None:
        """Write the event for each digest by which others name the image as their subject."""
        for raw in Layers(self._connection).names_of(repository, which.digest):
            if self._connection.holds(_IS_SUBJECT, repository=repository.id, digest=raw):
                known_as = "" if raw == which.digest.raw else str(digest_of(raw))
                Outbox(self._connection).add(event(repository.id, str(which.digest), known_as))


def image_of(row: Row) -> Image:
    """An image from a row of COLUMNS."""
    id_, digest, media_type, artifact, size, manifest_size, subject, annotations, pushed_at, status = row[:10]
    pulled_at, archived_at, activated_at = row[10:]
    return Image(
        id_,
        Digest.of_sha256(digest),
        media_type,
        artifact,
        size,
        manifest_size,
        None if subject is None else digest_of(subject),
        {} if annotations == "{}" else json.loads(annotations),
        moment(pushed_at),
        status,
        None if pulled_at is None else moment(pulled_at),
        None if archived_at is None else moment(archived_at),
        None if activated_at is None else moment(activated_at),
    )


def digest_of(raw: bytes) -> Digest:
    """The digest whose bytes these are: 32 of sha256, 64 of sha512."""
    return Digest(("sha256:" if len(raw) == 32 else "sha512:") + raw.hex())
