"""Repositories."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.registry import Kind, Registry
from openecr.domain.repository import Encryption, Repository
from openecr.domain.tag_mutability import TagMutability
from openecr.errors import RepositoryAlreadyExistsException, RepositoryNotFoundException
from openecr.metadata.garbage import Garbage
from openecr.metadata.query import Connection, Query, Row, milliseconds, moment
from openecr.metadata.schema import (
    image,
    image_blob,
    image_child,
    manifest,
    repository,
    repository_blob,
    repository_count,
    tag,
)

_COLUMNS = (
    repository.c.id,
    repository.c.name,
    repository.c.created_at,
    repository.c.tag_mutability,
    repository.c.mutability_filters,
    repository.c.scan_on_push,
    repository.c.encryption_type,
    repository.c.kms_key,
)
IN_REGISTRY = (
    repository.c.kind == bindparam("kind"),
    repository.c.account_id == bindparam("account"),
    repository.c.region == bindparam("region"),
)
"""Of the registry that `place` gives the parameters of."""
_FIND = Query(select(*_COLUMNS).where(*IN_REGISTRY, repository.c.name == bindparam("name")))
_BY_ID = Query(
    select(repository.c.kind, repository.c.account_id, repository.c.region, *_COLUMNS).where(
        repository.c.id == bindparam("id")
    )
)
_PAGE = Query(
    select(*_COLUMNS)
    .where(*IN_REGISTRY, repository.c.name > bindparam("after"))
    .order_by(repository.c.name)
    .limit(bindparam("limit"))
)
_NAMES = Query(
    select(repository.c.name)
    .where(*IN_REGISTRY, repository.c.name > bindparam("after"))
    .order_by(repository.c.name)
    .limit(bindparam("limit"))
)
_ADD = Query(
    insert(repository).values(
        {
            column.name: bindparam(column.name)
            for column in repository.c
            if column.name not in ("id", "image_count", "loss_count")
        }
    )
)
_SET_MUTABILITY = Query(
    update(repository)
    .where(repository.c.id == bindparam("repository"))
    .values(tag_mutability=bindparam("setting"), mutability_filters=bindparam("filters"))
)
_COUNT = Query(
    select(repository_count.c.count).where(
        repository_count.c.kind == bindparam("kind"),
        repository_count.c.account_id == bindparam("account"),
        repository_count.c.region == bindparam("region"),
    )
)
_counting = insert(repository_count).values(
    kind=bindparam("kind"),
    account_id=bindparam("account"),
    region=bindparam("region"),
    count=bindparam("change"),
)
_CHANGE_COUNT = Query(
    _counting.on_conflict_do_update(
        index_elements=["kind", "account_id", "region"],
        set_={"count": repository_count.c.count + _counting.excluded.count},
    )
)
_SET_SCAN_ON_PUSH = Query(
    update(repository)
    .where(repository.c.id == bindparam("repository"))
    .values(scan_on_push=bindparam("scan_on_push"))
)
_HAS_IMAGES = Query(select(exists().where(image.c.repository_id == bindparam("repository"))))
# Children do not die with their parents: the links go first. All else would go by cascade, but one by one,
# which takes nearly three times as long [measured]; a repository may have very many layers.
_images = select(image.c.id).where(image.c.repository_id == bindparam("repository"))
_DELETE_OWN = (
    Query(delete(image_child).where(image_child.c.parent_id.in_(_images))),
    Query(delete(manifest).where(manifest.c.image_id.in_(_images))),
    *(
        Query(delete(table).where(table.c.repository_id == bindparam("repository")))
        for table in (tag, image_blob, repository_blob, image)
    ),
)
_DELETE = Query(delete(repository).where(repository.c.id == bindparam("repository")))


class Repositories:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry, name: str) -> Repository | None:
        row = self._connection.one(_FIND, **place(registry), name=name)
        return None if row is None else _repository(registry, row)

    def find_by_id(self, id_: int) -> Repository | None:
        """Of whatever registry it is."""
        row = self._connection.one(_BY_ID, id=id_)
        return None if row is None else _repository(Registry(Kind(row[0]), row[1], row[2]), row[3:])

    def get(self, registry: Registry, name: str) -> Repository:
        """Raises RepositoryNotFoundException."""
        found = self.find(registry, name)
        if found is None:
            raise RepositoryNotFoundException(repository_name=name, registry_id=registry.id)
        return found

    def page(self, registry: Registry, *, after: str, limit: int) -> list[Repository]:
        """Up to `limit` repositories whose names come after that one, by name."""
        rows = self._connection.all(_PAGE, **place(registry), after=after, limit=limit)
        return [_repository(registry, row) for row in rows]

    def names(self, registry: Registry, *, after: str, limit: int) -> list[str]:
        rows = self._connection.all(_NAMES, **place(registry), after=after, limit=limit)
        return [name for (name,) in rows]

    def add(self, new: Repository) -> Repository:
        """Store a repository (its id is ignored); returns it with the id it was given.

        Raises RepositoryAlreadyExistsException.
        """
        if self.find(new.registry, new.name) is not None:
            raise RepositoryAlreadyExistsException(repository_name=new.name, registry_id=new.registry.id)
        identity = self._connection.add(
            _ADD,
            kind=new.registry.kind,
            account_id=new.registry.account,
            region=new.registry.region,
            name=new.name,
            created_at=milliseconds(new.created_at),
            tag_mutability=new.mutability.setting,
            mutability_filters=json.dumps(new.mutability.filters),
            scan_on_push=new.scan_on_push,
            encryption_type=new.encryption.type,
            kms_key=new.encryption.kms_key,
        )
        self._connection.run(_CHANGE_COUNT, **place(new.registry), change=1)
        return replace(new, id=identity)

    def set_mutability(self, which: Repository, mutability: TagMutability) -> None:
        self._connection.run(
            _SET_MUTABILITY,
            repository=which.id,
            setting=mutability.setting,
            filters=json.dumps(mutability.filters),
        )

    def set_scan_on_push(self, which: Repository, scan_on_push: bool) -> None:
        self._connection.run(_SET_SCAN_ON_PUSH, repository=which.id, scan_on_push=scan_on_push)

    def count(self, registry: Registry) -> int:
        row = self._connection.one(_COUNT, **place(registry))
        return 0 if row is None else int(row[0])

    def has_images(self, which: Repository) -> bool:
        return self._connection.holds(_HAS_IMAGES, repository=which.id)

    def delete(self, which: Repository, *, at: datetime) -> None:
        """With all that is in it: images, tags, uploads, its right to blobs, which are looked at later."""
        Garbage(self._connection).review_repository(which.id, since=at)
        for query in _DELETE_OWN:
            self._connection.run(query, repository=which.id)
        self._connection.run(_DELETE, repository=which.id)
        self._connection.run(_CHANGE_COUNT, **place(which.registry), change=-1)


def place(registry: Registry) -> dict[str, Any]:
    """The parameters of IN_REGISTRY."""
    return {"kind": registry.kind, "account": registry.account, "region": registry.region}


def _repository(registry: Registry, row: Row) -> Repository:
    id_, name, created_at, setting, filters, scan_on_push, encryption_type, kms_key = row
    return Repository(
        id_,
        registry,
        name,
        moment(created_at),
        TagMutability(setting, () if filters == "[]" else tuple(json.loads(filters))),
        bool(scan_on_push),
        Encryption(encryption_type, kms_key),
    )
