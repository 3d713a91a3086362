"""Temporary credentials, and what they may at most do. Secrets come sealed."""

from datetime import datetime

import orjson
from sqlalchemy import bindparam, delete, insert, select

from openecr.domain.principal import Session
from openecr.metadata.query import Connection, Query, Row, json_text, milliseconds, moment
from openecr.metadata.schema import session

_FIND = Query(select(session).where(session.c.access_key_id == bindparam("id")))
_ADD = Query(insert(session))
_LIVE = Query(
    select(session.c.access_key_id)
    .where(
        session.c.identity_id.is_not_distinct_from(bindparam("identity")),
        session.c.expires_at > bindparam("now"),
        session.c.account_id == bindparam("account"),
    )
    .limit(1)
    .offset(bindparam("others"))
)
_DELETE_EXPIRED = Query(
    delete(session).where(
        session.c.access_key_id.in_(
            select(session.c.access_key_id)
            .where(session.c.expires_at <= bindparam("now"))
            .order_by(session.c.expires_at)
            .limit(bindparam("limit"))
        )
    )
)


class Sessions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, access_key_id: str) -> Session | None:
        """Expired ones too, as long as they are kept."""
        row = self._connection.one(_FIND, id=access_key_id)
        return None if row is None else _session(row)

    def add(self, new: Session) -> None:
        self._connection.run(
            _ADD,
            access_key_id=new.access_key_id,
            account_id=new.account,
            identity_id=new.identity_id,
            arn=new.arn,
            principal_id=new.principal_id,
            sealed_secret=new.sealed_secret,
            token_sha256=new.token_sha256,
            issued_at=milliseconds(new.issued_at),
            expires_at=milliseconds(new.expires_at),
            policies=json_text(new.policies),
            tags=json_text(new.tags),
            transitive_tag_keys=json_text(new.transitive_tag_keys),
            source_identity=new.source_identity,
            has_mfa=new.has_mfa,
            facts=json_text(new.facts),
        )

    def has_as_many_as(self, count: int, account: str, identity_id: str | None, *, now: datetime) -> bool:
        """Whether a role or a user, or an account's root (None), has that many sessions which live."""
        values = {"identity": identity_id, "account": account, "now": milliseconds(now)}
        return self._connection.one(_LIVE, others=count - 1, **values) is not None

    def delete_expired(self, now: datetime, limit: int) -> int:
        """Forget up to `limit` sessions that have expired, the oldest first; returns how many."""
        return self._connection.run(_DELETE_EXPIRED, now=milliseconds(now), limit=limit)


def _session(row: Row) -> Session:
    (
        access_key_id,
        account,
        identity_id,
        arn,
        principal_id,
        sealed_secret,
        token_sha256,
        issued_at,
        expires_at,
        policies,
        tags,
        transitive_tag_keys,
        source_identity,
        has_mfa,
        facts,
    ) = row
    return Session(
        access_key_id,
        account,
        identity_id,
        arn,
        principal_id,
        sealed_secret,
        token_sha256,
        moment(issued_at),
        moment(expires_at),
        tuple(orjson.loads(policies)),
        orjson.loads(tags),
        tuple(orjson.loads(transitive_tag_keys)),
        source_identity,
        bool(has_mfa),
        orjson.loads(facts),
    )
