"""The policies of repositories and of registries, as JSON texts with principals as they are stored."""

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.registry import Kind, Registry
from openecr.domain.repository import Repository
from openecr.metadata.query import Connection, Query
from openecr.metadata.repositories import IN_REGISTRY, place
from openecr.metadata.schema import registry_policy, repository, repository_policy

_OF_REPOSITORY = repository_policy.c.repository_id == bindparam("repository")
_FIND = Query(select(repository_policy.c.document).where(_OF_REPOSITORY))
_FIND_NAMED = Query(
    select(repository_policy.c.document)
    .join_from(repository, repository_policy, repository_policy.c.repository_id == repository.c.id)
    .where(*IN_REGISTRY, repository.c.name == bindparam("name"))
)
_putting = insert(repository_policy).values(
    repository_id=bindparam("repository"), document=bindparam("document")
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["repository_id"], set_={"document": _putting.excluded.document}
    )
)
_DELETE = Query(delete(repository_policy).where(_OF_REPOSITORY))

_OF_REGISTRY = (
    registry_policy.c.account_id == bindparam("account"),
    registry_policy.c.region == bindparam("region"),
)
_FIND_OF_REGISTRY = Query(select(registry_policy.c.document).where(*_OF_REGISTRY))
_putting_of_registry = insert(registry_policy).values(
    account_id=bindparam("account"), region=bindparam("region"), document=bindparam("document")
)
_PUT_OF_REGISTRY = Query(
    _putting_of_registry.on_conflict_do_update(
        index_elements=["account_id", "region"], set_={"document": _putting_of_registry.excluded.document}
    )
)
_DELETE_OF_REGISTRY = Query(delete(registry_policy).where(*_OF_REGISTRY))


class RepositoryPolicies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository) -> str | None:
        row = self._connection.one(_FIND, repository=repository.id)
        return None if row is None else row[0]

    def find_named(self, registry: Registry, name: str) -> str | None:
        """That of the repository with that name; None where the repository is not there either."""
        row = self._connection.one(_FIND_NAMED, **place(registry), name=name)
        return None if row is None else row[0]

    def put(self, repository: Repository, document: str) -> None:
        self._connection.run(_PUT, repository=repository.id, document=document)

    def delete(self, repository: Repository) -> None:
        self._connection.run(_DELETE, repository=repository.id)


class RegistryPolicies:
    """Of private registries: a public one has none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, registry: Registry) -> str | None:
        if registry.kind is Kind.PUBLIC:
            return None
        row = self._connection.one(_FIND_OF_REGISTRY, account=registry.account, region=registry.region)
        return None if row is None else row[0]

    def put(self, registry: Registry, document: str) -> None:
        assert registry.kind is Kind.PRIVATE
        self._connection.run(
            _PUT_OF_REGISTRY, account=registry.account, region=registry.region, document=document
        )

    def delete(self, registry: Registry) -> None:
        assert registry.kind is Kind.PRIVATE
        self._connection.run(_DELETE_OF_REGISTRY, account=registry.account, region=registry.region)
