"""The resource tags of repositories."""

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.repository import Repository
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import resource_tag

_LIST = Query(
    select(resource_tag.c.key, resource_tag.c.value)
    .where(resource_tag.c.repository_id == bindparam("repository"))
    .order_by(resource_tag.c.id)
)
_adding = insert(resource_tag).values(
    repository_id=bindparam("repository"), key=bindparam("key"), value=bindparam("value")
)
_PUT = Query(
    _adding.on_conflict_do_update(
        index_elements=["repository_id", "key"], set_={"value": _adding.excluded.value}
    )
)
_REMOVE = Query(
    delete(resource_tag).where(
        resource_tag.c.repository_id == bindparam("repository"), resource_tag.c.key == bindparam("key")
    )
)


class ResourceTags:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, repository: Repository) -> dict[str, str]:
        """Key to value, in the order they were first set."""
        return dict(self._connection.all(_LIST, repository=repository.id))

    def put(self, repository: Repository, tags: dict[str, str]) -> None:
        """Set these; others stay."""
        for key, value in tags.items():
            self._connection.run(_PUT, repository=repository.id, key=key, value=value)

    def remove(self, repository: Repository, key: str) -> None:
        self._connection.run(_REMOVE, repository=repository.id, key=key)
