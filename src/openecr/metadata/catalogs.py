"""What public registries and repositories are shown with."""

from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.logo import Logo
from openecr.domain.repository import Repository
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import catalog, logo, registry_catalog

_OF_REGISTRY = Query(
    select(registry_catalog.c.display_name, registry_catalog.c.is_verified).where(
        registry_catalog.c.account_id == bindparam("account")
    )
)
_naming = insert(registry_catalog).values(
    account_id=bindparam("account"), display_name=bindparam("display_name"), is_verified=False
)
_NAME = Query(
    _naming.on_conflict_do_update(
        index_elements=["account_id"], set_={"display_name": _naming.excluded.display_name}
    )
)
_verifying = insert(registry_catalog).values(
    account_id=bindparam("account"), is_verified=bindparam("is_verified")
)
_VERIFY = Query(
    _verifying.on_conflict_do_update(
        index_elements=["account_id"], set_={"is_verified": _verifying.excluded.is_verified}
    )
)
_TEXTS = Query(select(catalog.c.texts).where(catalog.c.repository_id == bindparam("repository")))
_saying = insert(catalog).values(repository_id=bindparam("repository"), texts=bindparam("texts"))
_PUT_TEXTS = Query(
    _saying.on_conflict_do_update(index_elements=["repository_id"], set_={"texts": _saying.excluded.texts})
)
_REMOVE_TEXTS = Query(delete(catalog).where(catalog.c.repository_id == bindparam("repository")))
_LOGO = Query(select(logo.c.sha256).where(logo.c.repository_id == bindparam("repository")))
_LOGO_CONTENT = Query(
    select(logo.c.media_type, logo.c.content).where(logo.c.sha256 == bindparam("sha256")).limit(1)
)
_putting = insert(logo).values(
    repository_id=bindparam("repository"),
    media_type=bindparam("media_type"),
    sha256=bindparam("sha256"),
    content=bindparam("content"),
)
_PUT_LOGO = Query(
    _putting.on_conflict_do_update(
        index_elements=["repository_id"],
        set_={name: _putting.excluded[name] for name in ("media_type", "sha256", "content")},
    )
)
_REMOVE_LOGO = Query(delete(logo).where(logo.c.repository_id == bindparam("repository")))


class Catalogs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_display_name(self, account: str) -> str | None:
        row = self._connection.one(_OF_REGISTRY, account=account)
        return None if row is None else row[0]

    def put_display_name(self, account: str, display_name: str | None) -> None:
        self._connection.run(_NAME, account=account, display_name=display_name)

    def is_verified(self, account: str) -> bool:
        """Whether the operator vouches for the publisher: only then are its name and its logos shown."""
        row = self._connection.one(_OF_REGISTRY, account=account)
        return row is not None and bool(row[1])

    def set_verified(self, account: str, is_verified: bool) -> None:
        self._connection.run(_VERIFY, account=account, is_verified=is_verified)

    def texts(self, repository: Repository) -> dict[str, Any]:
        """What is said of a repository, as on the wire; empty where nothing is."""
        row = self._connection.one(_TEXTS, repository=repository.id)
        return {} if row is None else orjson.loads(row[0])

    def put_texts(self, repository: Repository, texts: dict[str, Any]) -> None:
        """In place of those there were."""
        if texts:
            self._connection.run(_PUT_TEXTS, repository=repository.id, texts=orjson.dumps(texts).decode())
        else:
            self._connection.run(_REMOVE_TEXTS, repository=repository.id)

    def find_logo(self, repository: Repository) -> bytes | None:
        """The sha256 of a repository's logo."""
        row = self._connection.one(_LOGO, repository=repository.id)
        return None if row is None else row[0]

    def find_logo_by_sha256(self, sha256: bytes) -> Logo | None:
        """The picture, as long as it is the logo of any repository."""
        row = self._connection.one(_LOGO_CONTENT, sha256=sha256)
        return None if row is None else Logo(*row)

    def put_logo(self, repository: Repository, picture: Logo | None) -> None:
        """Give a repository its logo in place of the one it may have had; None: it has none."""
        if picture is None:
            self._connection.run(_REMOVE_LOGO, repository=repository.id)
            return
        self._connection.run(
            _PUT_LOGO,
            repository=repository.id,
            media_type=picture.media_type,
            sha256=picture.sha256,
            content=picture.content,
        )
