"""Users, groups and roles, and who is a member of which group."""

import re
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from openecr.domain.principal import Identity, IdentityKind
from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from openecr.metadata.query import Connection, Query, Row, json_text, milliseconds, moment
from openecr.metadata.schema import group_member, identity, revocation

_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):(user|role)(/.*)")

COLUMNS = (
    identity.c.id,
    identity.c.kind,
    identity.c.account_id,
    identity.c.path,
    identity.c.name,
    identity.c.created_at,
    identity.c.boundary_arn,
    identity.c.tags,
    identity.c.trust_policy,
    identity.c.description,
    identity.c.max_session_seconds,
)
UNDER_PATH = func.substr(identity.c.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix")
"""Its path begins with the parameter `prefix`. (LIKE knows wildcards, and no case.)"""

_of_kind = (identity.c.account_id == bindparam("account"), identity.c.kind == bindparam("kind"))
_FIND = Query(select(*COLUMNS).where(*_of_kind, identity.c.folded_name == bindparam("folded")))
_FIND_BY_ID = Query(select(*COLUMNS).where(identity.c.id == bindparam("id")))
_PAGE = Query(
    select(*COLUMNS)
    .where(*_of_kind, identity.c.folded_name > bindparam("after"), UNDER_PATH)
    .order_by(identity.c.folded_name)
    .limit(bindparam("limit"))
)
_COUNT = Query(select(func.count()).select_from(identity).where(*_of_kind))
_ADD = Query(insert(identity))
_CHANGEABLE = (
    "name",
    "folded_name",
    "path",
    "boundary_arn",
    "tags",
    "trust_policy",
    "description",
    "max_session_seconds",
)
_UPDATE = Query(
    update(identity)
    .where(identity.c.id == bindparam("which"))
    .values({name: bindparam(name) for name in _CHANGEABLE})
)
_DELETE = Query(delete(identity).where(identity.c.id == bindparam("id")))
_DELETE_REVOCATION = Query(delete(revocation).where(revocation.c.identity_id == bindparam("id")))


def _across(member: Any, other: Any) -> Select[Any]:
    """The identities that stand in column `member` of the rows with `id` in column `other`, by name."""
    return (
        select(*COLUMNS)
        .join_from(group_member, identity, identity.c.id == member)
        .where(other == bindparam("id"))
        .order_by(identity.c.folded_name)
    )


_GROUPS = Query(_across(group_member.c.group_id, group_member.c.user_id))
_MEMBERS = Query(_across(group_member.c.user_id, group_member.c.group_id))
_ADD_MEMBER = Query(
    upsert(group_member)
    .values(group_id=bindparam("group"), user_id=bindparam("user"))
    .on_conflict_do_nothing()
)
_REMOVE_MEMBER = Query(
    delete(group_member).where(
        group_member.c.group_id == bindparam("group"), group_member.c.user_id == bindparam("user")
    )
)


class Identities:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, account: str, kind: IdentityKind, name: str) -> Identity | None:
        """By name, whose case does not count."""
        row = self._connection.one(_FIND, account=account, kind=kind, folded=fold(name))
        return None if row is None else identity_of(row)

    def get(self, account: str, kind: IdentityKind, name: str) -> Identity:
        """Raises NoSuchEntityException. Source: auth-iam.md §2.5."""
        found = self.find(account, kind, name)
        if found is None:
            raise NoSuchEntityException(f"The {kind} with name {name} cannot be found.")
        return found

    def find_by_id(self, id: str) -> Identity | None:
        row = self._connection.one(_FIND_BY_ID, id=id)
        return None if row is None else identity_of(row)

    def find_by_arn(self, arn: str) -> Identity | None:
        """The user or role that is called so now, path and case included."""
        parts = _ARN.fullmatch(arn)
        if parts is None:
            return None
        found = self.find(parts[1], IdentityKind(parts[2]), parts[3].rpartition("/")[2])
        return found if found is not None and found.arn == arn else None

    def page(
        self, account: str, kind: IdentityKind, *, path_prefix: str = "/", after: str = "", limit: int
    ) -> list[Identity]:
        """Up to `limit` of them, by folded name, from the one after the folded name `after`."""
        rows = self._connection.all(
            _PAGE, account=account, kind=kind, prefix=path_prefix, after=after, limit=limit
        )
        return identities_of(rows)

    def count(self, account: str, kind: IdentityKind) -> int:
        row = self._connection.one(_COUNT, account=account, kind=kind)
        assert row is not None
        return int(row[0])

    def add(self, new: Identity) -> None:
        """Raises EntityAlreadyExistsException."""
        self._refuse_namesake(new)
        self._connection.run(
            _ADD,
            id=new.id,
            account_id=new.account,
            kind=new.kind,
            created_at=milliseconds(new.created_at),
            **_changeable(new),
        )

    def update(self, identity: Identity) -> None:
        """Everything but id, account, kind and time of creation; so it may have another name from now on.

        Raises EntityAlreadyExistsException where another has that name
        """
        self._refuse_namesake(identity)
        self._connection.run(_UPDATE, which=identity.id, **_changeable(identity))

    def delete(self, identity: Identity) -> None:
        """With its policies, memberships, access keys and sessions; so there is nothing left to revoke."""
        self._connection.run(_DELETE, id=identity.id)
        self._connection.run(_DELETE_REVOCATION, id=identity.id)

    def groups_of(self, user_id: str) -> list[Identity]:
        """The groups a user is a member of, by name."""
        return identities_of(self._connection.all(_GROUPS, id=user_id))

    def members(self, group_id: str) -> list[Identity]:
        """The users in a group, by name."""
        return identities_of(self._connection.all(_MEMBERS, id=group_id))

    def add_member(self, group_id: str, user_id: str) -> None:
        """A member already stays one."""
        self._connection.run(_ADD_MEMBER, group=group_id, user=user_id)

    def remove_member(self, group_id: str, user_id: str) -> bool:
        """Whether it was one."""
        return self._connection.run(_REMOVE_MEMBER, group=group_id, user=user_id) > 0

    def _refuse_namesake(self, identity: Identity) -> None:
        namesake = self.find(identity.account, identity.kind, identity.name)
        if namesake is not None and namesake.id != identity.id:
            raise EntityAlreadyExistsException(
                f"{identity.kind.capitalize()} with name {identity.name} already exists."
            )


def fold(name: str) -> str:
    """The form of a name by which it is found and sorted."""
    return name.lower()


def identities_of(rows: Sequence[Row]) -> list[Identity]:
    return [identity_of(row) for row in rows]


def identity_of(row: Row) -> Identity:
    """From a row of COLUMNS."""
    id_, kind, account, path, name, created_at, boundary, tags, trust, description, max_session = row
    return Identity(
        id_,
        IdentityKind(kind),
        account,
        path,
        name,
        moment(created_at),
        boundary,
        orjson.loads(tags),
        trust,
        description,
        max_session,
    )


def _changeable(identity: Identity) -> dict[str, Any]:
    return {
        "name": identity.name,
        "folded_name": fold(identity.name),
        "path": identity.path,
        "boundary_arn": identity.boundary_arn,
        "tags": json_text(identity.tags),
        "trust_policy": identity.trust_policy,
        "description": identity.description,
        "max_session_seconds": identity.max_session_seconds,
    }
