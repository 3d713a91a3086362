"""The policies of users, groups and roles: inline, attached, and the boundary of what they may do.

What is attached and what bounds is named by ARN; those of AWS are no rows (aws_managed_policies.py).
"""

from sqlalchemy import and_, bindparam, delete, func, null, or_, select, union_all
from sqlalchemy.dialects.sqlite import insert

from openecr.domain import aws_managed_policies
from openecr.domain.principal import Identity, IdentityKind, policy_size
from openecr.metadata.identities import COLUMNS, UNDER_PATH, fold, identities_of
from openecr.metadata.managed_policies import ManagedPolicies
from openecr.metadata.query import Connection, Query, Row
from openecr.metadata.schema import (
    attached_policy,
    group_member,
    identity,
    inline_policy,
    managed_policy,
    policy_version,
)

ALLOWS_NOTHING = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"none:None","Resource":"*"}]}'
)
"""A policy has a statement, or more."""

_inline = inline_policy.c.identity_id == bindparam("identity")
_one_inline = (_inline, inline_policy.c.name == bindparam("name"))
_NAMES = Query(select(inline_policy.c.name).where(_inline).order_by(inline_policy.c.name))
_DOCUMENTS = Query(select(inline_policy.c.document).where(_inline))
_FIND = Query(select(inline_policy.c.document).where(*_one_inline))
_putting = insert(inline_policy).values(
    identity_id=bindparam("identity"), name=bindparam("name"), document=bindparam("document")
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["identity_id", "name"], set_={"document": _putting.excluded.document}
    )
)
_DELETE = Query(delete(inline_policy).where(*_one_inline))

_attached = attached_policy.c.identity_id == bindparam("identity")
_ATTACHED = Query(
    select(attached_policy.c.policy_arn).where(_attached).order_by(attached_policy.c.policy_arn)
)
_ATTACH = Query(
    insert(attached_policy)
    .values(identity_id=bindparam("identity"), policy_arn=bindparam("arn"))
    .on_conflict_do_nothing()
)
_DETACH = Query(delete(attached_policy).where(_attached, attached_policy.c.policy_arn == bindparam("arn")))

# An AWS policy is every account's, so who asks what it is attached to asks for one account. That it is
# likely to be that one keeps SQLite from reading all the account's identities: it begins with the ARN.
_has_attached = (
    attached_policy.c.policy_arn == bindparam("arn"),
    func.likely(identity.c.account_id == bindparam("account")),
)
_to_identity = identity.c.id == attached_policy.c.identity_id
_ENTITIES = Query(
    select(*COLUMNS)
    .join_from(attached_policy, identity, _to_identity)
    .where(
        *_has_attached,
        UNDER_PATH,
        or_(bindparam("kind").is_(None), identity.c.kind == bindparam("kind")),
    )
)
_COUNT = Query(
    select(func.count()).select_from(attached_policy).join(identity, _to_identity).where(*_has_attached)
)
_is_bounded = (identity.c.boundary_arn == bindparam("arn"), identity.c.account_id == bindparam("account"))
_BOUNDED = Query(select(*COLUMNS).where(*_is_bounded))
_BOUNDED_COUNT = Query(select(func.count()).select_from(identity).where(*_is_bounded))

# What is in force: inline and attached, of the identity itself and of each group it is a member of. Four
# searches by key in one query; their rows are (kind, name of the group, name or ARN, document).
_of_group = group_member.c.user_id == bindparam("identity")
_to_group = identity.c.id == group_member.c.group_id
_default_version = and_(
    policy_version.c.policy_id == managed_policy.c.id,
    policy_version.c.number == managed_policy.c.default_version,
)
_inline_columns = (inline_policy.c.name, inline_policy.c.document)
_attached_columns = (null(), null(), attached_policy.c.policy_arn, policy_version.c.document)
_IN_FORCE = Query(
    union_all(
        select(identity.c.kind, null(), *_inline_columns)
        .join_from(inline_policy, identity, identity.c.id == inline_policy.c.identity_id)
        .where(_inline),
        select(identity.c.kind, identity.c.name, *_inline_columns)
        .join_from(group_member, identity, _to_group)
        .join(inline_policy, inline_policy.c.identity_id == group_member.c.group_id)
        .where(_of_group),
        select(*_attached_columns)
        .outerjoin_from(attached_policy, managed_policy, managed_policy.c.arn == attached_policy.c.policy_arn)
        .outerjoin(policy_version, _default_version)
        .where(_attached),
        select(*_attached_columns)
        .join_from(group_member, attached_policy, attached_policy.c.identity_id == group_member.c.group_id)
        .outerjoin(managed_policy, managed_policy.c.arn == attached_policy.c.policy_arn)
        .outerjoin(policy_version, _default_version)
        .where(_of_group),
    )
)


class IdentityPolicies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self, identity_id: str) -> list[str]:
        """Of its inline policies, sorted."""
        return [name for (name,) in self._connection.all(_NAMES, identity=identity_id)]

    def find(self, identity_id: str, name: str) -> str | None:
        """The document of its inline policy with that name."""
        row = self._connection.one(_FIND, identity=identity_id, name=name)
        return None if row is None else row[0]

    def put(self, identity_id: str, name: str, document: str) -> None:
        self._connection.run(_PUT, identity=identity_id, name=name, document=document)

    def delete(self, identity_id: str, name: str) -> bool:
        """Whether there was one."""
        return self._connection.run(_DELETE, identity=identity_id, name=name) > 0

    def size(self, identity_id: str) -> int:
        """Characters of all its inline policies together; white space does not count."""
        rows = self._connection.all(_DOCUMENTS, identity=identity_id)
        return sum(policy_size(document) for (document,) in rows)

    def attached(self, identity_id: str) -> list[str]:
        """The ARNs of the managed policies attached to it, sorted."""
        return [arn for (arn,) in self._connection.all(_ATTACHED, identity=identity_id)]

    def attach(self, identity_id: str, arn: str) -> None:
        """What is attached already stays so."""
        self._connection.run(_ATTACH, identity=identity_id, arn=arn)

    def detach(self, identity_id: str, arn: str) -> bool:
        """Whether it was attached."""
        return self._connection.run(_DETACH, identity=identity_id, arn=arn) > 0

    def entities(
        self, account: str, arn: str, *, kind: IdentityKind | None = None, path_prefix: str = "/"
    ) -> list[Identity]:
        """The account's identities that a managed policy is attached to, by kind and name."""
        rows = self._connection.all(_ENTITIES, account=account, arn=arn, kind=kind, prefix=path_prefix)
        return _by_kind_and_name(rows)

    def attachment_count(self, account: str, arn: str) -> int:
        """To how many of the account's identities it is attached."""
        row = self._connection.one(_COUNT, account=account, arn=arn)
        assert row is not None
        return int(row[0])

    def boundary_users(self, account: str, arn: str) -> list[Identity]:
        """The account's users and roles that a managed policy is the boundary of, by kind and name."""
        return _by_kind_and_name(self._connection.all(_BOUNDED, account=account, arn=arn))

    def boundary_count(self, account: str, arn: str) -> int:
        """Of how many of the account's users and roles it is the boundary."""
        row = self._connection.one(_BOUNDED_COUNT, account=account, arn=arn)
        assert row is not None
        return int(row[0])

    def in_force(self, identity_id: str) -> list[tuple[str, str]]:
        """(what people call it, document) of each policy that gives an identity permissions.

        Inline ones ("user policy pull", "group policy pull of team") and attached ones (by ARN), of
        itself and of its groups; in no order that means anything. What is attached twice is there once.
        """
        rows = self._connection.all(_IN_FORCE, identity=identity_id)
        return list(dict(filter(None, map(_named, rows))).items())

    def boundary(self, of: Identity) -> tuple[str, str] | None:
        """(ARN, document) of what its permissions end at; None if they have no boundary.

        Where the policy is gone the boundary stays, and allows nothing.
        """
        if of.boundary_arn is None:
            return None
        return of.boundary_arn, ManagedPolicies(self._connection).document(of.boundary_arn) or ALLOWS_NOTHING


def _by_kind_and_name(rows: list[Row]) -> list[Identity]:
    # Sorted here: asked to sort, SQLite reads all identities in that order in place of the few by ARN.
    return sorted(identities_of(rows), key=lambda each: (each.kind, fold(each.name)))


def _named(row: Row) -> tuple[str, str] | None:
    """A row of what is in force; None where a policy is attached that is not there."""
    kind, group, name, document = row
    if kind is None:
        document = document or aws_managed_policies.DOCUMENTS.get(name)
        return None if document is None else (name, document)
    return (f"{kind} policy {name}" if group is None else f"group policy {name} of {group}"), document
