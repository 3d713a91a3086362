"""The OpenID Connect providers that accounts trust."""

import re
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, update

from openecr.domain.principal import OidcProvider
from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from openecr.metadata.query import Connection, Query, Row, json_text, milliseconds, moment
from openecr.metadata.schema import oidc_provider

_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):oidc-provider/(.+)")

_which = (oidc_provider.c.account_id == bindparam("account"), oidc_provider.c.url == bindparam("which_url"))
_FIND = Query(select(oidc_provider).where(*_which))
_LIST = Query(
    select(oidc_provider)
    .where(oidc_provider.c.account_id == bindparam("account"))
    .order_by(oidc_provider.c.url)
)
_ADD = Query(insert(oidc_provider))
_UPDATE = Query(
    update(oidc_provider)
    .where(*_which)
    .values({name: bindparam(name) for name in ("client_ids", "thumbprints", "tags")})
)
_DELETE = Query(delete(oidc_provider).where(*_which))


class OidcProviders:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, account: str, url: str) -> OidcProvider | None:
        """url  without https://"""
        row = self._connection.one(_FIND, account=account, which_url=url)
        return None if row is None else _oidc_provider(row)

    def get(self, arn: str) -> OidcProvider:
        """Raises NoSuchEntityException."""
        parts = _ARN.fullmatch(arn)
        found = None if parts is None else self.find(parts[1], parts[2])
        if found is None:
            raise NoSuchEntityException(f"OpenIDConnect Provider not found for arn {arn}")
        return found

    def list(self, account: str) -> list[OidcProvider]:
        """All of an account, by URL."""
        return [_oidc_provider(row) for row in self._connection.all(_LIST, account=account)]

    def add(self, new: OidcProvider) -> None:
        """Raises EntityAlreadyExistsException."""
        if self.find(new.account, new.url) is not None:
            raise EntityAlreadyExistsException(f"Provider with url https://{new.url} already exists.")
        self._connection.run(
            _ADD,
            account_id=new.account,
            url=new.url,
            created_at=milliseconds(new.created_at),
            **_changeable(new),
        )

    def update(self, provider: OidcProvider) -> None:
        """Client ids, thumbprints and tags."""
        self._connection.run(
            _UPDATE, account=provider.account, which_url=provider.url, **_changeable(provider)
        )

    def delete(self, provider: OidcProvider) -> None:
        self._connection.run(_DELETE, account=provider.account, which_url=provider.url)


def _changeable(provider: OidcProvider) -> dict[str, Any]:
    return {
        "client_ids": json_text(provider.client_ids),
        "thumbprints": json_text(provider.thumbprints),
        "tags": json_text(provider.tags),
    }


def _oidc_provider(row: Row) -> OidcProvider:
    account, url, client_ids, thumbprints, created_at, tags = row
    return OidcProvider(
        account,
        url,
        tuple(orjson.loads(client_ids)),
        tuple(orjson.loads(thumbprints)),
        moment(created_at),
        orjson.loads(tags),
    )
