"""Managed policies and their versions: those of accounts as rows, those of AWS from a table of the domain."""

from dataclasses import replace
from datetime import datetime

import orjson
from sqlalchemy import bindparam, delete, exists, func, insert, or_, select, update

from openecr.domain import aws_managed_policies
from openecr.domain.principal import AWS_POLICIES, ManagedPolicy, PolicyVersion
from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from openecr.metadata.identities import fold
from openecr.metadata.query import Connection, Query, Row, json_text, milliseconds, moment
from openecr.metadata.schema import attached_policy, identity, managed_policy, policy_version

ALL = "All"
AWS = "AWS"
LOCAL = "Local"
PERMISSIONS_POLICY = "PermissionsPolicy"
PERMISSIONS_BOUNDARY = "PermissionsBoundary"

_COLUMNS = (
    managed_policy.c.id,
    managed_policy.c.account_id,
    managed_policy.c.path,
    managed_policy.c.name,
    managed_policy.c.description,
    managed_policy.c.created_at,
    managed_policy.c.updated_at,
    managed_policy.c.default_version,
    managed_policy.c.latest_version,
    managed_policy.c.tags,
)
_FIND = Query(select(*_COLUMNS).where(managed_policy.c.arn == bindparam("arn")))
_NAMESAKE = Query(
    select(managed_policy.c.id).where(
        managed_policy.c.account_id == bindparam("account"),
        managed_policy.c.folded_name == bindparam("folded"),
    )
)
_PAGE = Query(
    select(*_COLUMNS)
    .where(
        managed_policy.c.account_id == bindparam("account"),
        managed_policy.c.folded_name > bindparam("after"),
        func.substr(managed_policy.c.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
        or_(~bindparam("attached"), exists().where(attached_policy.c.policy_arn == managed_policy.c.arn)),
        or_(~bindparam("bounding"), exists().where(identity.c.boundary_arn == managed_policy.c.arn)),
    )
    .order_by(managed_policy.c.folded_name)
    .limit(bindparam("limit"))
)
_COUNT = Query(
    select(func.count())
    .select_from(managed_policy)
    .where(managed_policy.c.account_id == bindparam("account"))
)
_of_account = identity.c.account_id == bindparam("account")
_IS_ATTACHED = Query(
    select(identity.c.id)
    .join_from(attached_policy, identity, identity.c.id == attached_policy.c.identity_id)
    .where(attached_policy.c.policy_arn == bindparam("arn"), _of_account)
    .limit(1)
)
_IS_BOUNDARY = Query(
    select(identity.c.id).where(identity.c.boundary_arn == bindparam("arn"), _of_account).limit(1)
)
_ADD = Query(insert(managed_policy))
_UPDATE = Query(
    update(managed_policy)
    .where(managed_policy.c.id == bindparam("which"))
    .values(
        {
            name: bindparam(name)
            for name in ("description", "updated_at", "default_version", "latest_version", "tags")
        }
    )
)
_DELETE = Query(delete(managed_policy).where(managed_policy.c.id == bindparam("policy")))

_VERSION_COLUMNS = (policy_version.c.number, policy_version.c.document, policy_version.c.created_at)
_to_policy = managed_policy.c.id == policy_version.c.policy_id
_of_arn = managed_policy.c.arn == bindparam("arn")
_VERSIONS = Query(
    select(*_VERSION_COLUMNS)
    .join_from(managed_policy, policy_version, _to_policy)
    .where(_of_arn)
    .order_by(policy_version.c.number.desc())
)
_VERSION = Query(
    select(*_VERSION_COLUMNS)
    .join_from(managed_policy, policy_version, _to_policy)
    .where(_of_arn, policy_version.c.number == bindparam("number"))
)
_DOCUMENT = Query(
    select(policy_version.c.document)
    .join_from(managed_policy, policy_version, _to_policy)
    .where(_of_arn, policy_version.c.number == managed_policy.c.default_version)
)
_VERSION_COUNT = Query(
    select(func.count())
    .select_from(managed_policy)
    .join(policy_version, _to_policy)
    .where(managed_policy.c.account_id == bindparam("account"))
)
_ADD_VERSION = Query(insert(policy_version))
_DELETE_VERSION = Query(
    delete(policy_version).where(
        policy_version.c.policy_id == bindparam("policy"), policy_version.c.number == bindparam("number")
    )
)


class ManagedPolicies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, arn: str) -> ManagedPolicy | None:
        """AWS's too."""
        if arn.startswith(AWS_POLICIES):
            return aws_managed_policies.POLICIES.get(arn)
        row = self._connection.one(_FIND, arn=arn)
        return None if row is None else _managed_policy(row)

    def get(self, arn: str) -> ManagedPolicy:
        """Raises NoSuchEntityException. Source: auth-iam.md §2.5."""
        found = self.find(arn)
        if found is None:
            raise NoSuchEntityException(f"Policy {arn} was not found.")
        return found

    def page(
        self,
        account: str,
        *,
        scope: str = ALL,
        path_prefix: str = "/",
        only_attached: bool = False,
        usage: str = "",
        after: str = "",
        limit: int,
    ) -> list[ManagedPolicy]:
        """Up to `limit` policies: the account's own by name, then AWS's.

        after          from the one after that: the ARN of a policy, or the name of one of the account's own
        scope          ALL, AWS, LOCAL
        only_attached  to an identity of the account
        usage          PERMISSIONS_BOUNDARY: what is the boundary of an identity of the account;
                       PERMISSIONS_POLICY: what is attached; empty: no matter [proposed]
        Source: service model, ListPolicies
        """
        is_bounding = usage == PERMISSIONS_BOUNDARY
        is_attached = usage == PERMISSIONS_POLICY or (only_attached and not is_bounding)
        found: list[ManagedPolicy] = []
        if scope != AWS and not after.startswith(AWS_POLICIES):
            rows = self._connection.all(
                _PAGE,
                account=account,
                prefix=path_prefix,
                attached=is_attached,
                bounding=is_bounding,
                after=fold(after.rpartition("/")[2]),
                limit=limit,
            )
            found = [_managed_policy(row) for row in rows]
        if scope != LOCAL:
            last = after if after.startswith(AWS_POLICIES) else ""
            for arn, policy in sorted(aws_managed_policies.POLICIES.items()):
                if (
                    arn > last
                    and policy.path.startswith(path_prefix)
                    and (not is_attached or self._connection.one(_IS_ATTACHED, arn=arn, account=account))
                    and (not is_bounding or self._connection.one(_IS_BOUNDARY, arn=arn, account=account))
                ):
                    found.append(policy)
        return found[:limit]

    def count(self, account: str) -> int:
        """Of the account's own."""
        row = self._connection.one(_COUNT, account=account)
        assert row is not None
        return int(row[0])

    def version_count(self, account: str) -> int:
        """Of all versions of the account's own."""
        row = self._connection.one(_VERSION_COUNT, account=account)
        assert row is not None
        return int(row[0])

    def add(self, new: ManagedPolicy, document: str) -> None:
        """Store a policy whose one version is that document. Raises EntityAlreadyExistsException."""
        if self._connection.one(_NAMESAKE, account=new.account, folded=fold(new.name)) is not None:
            raise EntityAlreadyExistsException(
                f"A policy called {new.name} already exists. Duplicate names are not allowed."
            )
        self._connection.run(
            _ADD,
            id=new.id,
            account_id=new.account,
            name=new.name,
            folded_name=fold(new.name),
            path=new.path,
            arn=new.arn,
            description=new.description,
            created_at=milliseconds(new.created_at),
            updated_at=milliseconds(new.updated_at),
            default_version=new.default_version,
            latest_version=new.latest_version,
            tags=json_text(new.tags),
        )
        self._add_version(new, PolicyVersion(new.default_version, document, new.created_at))

    def update(self, policy: ManagedPolicy) -> None:
        """What may change: description, time of update, which versions are default and latest, tags."""
        self._connection.run(
            _UPDATE,
            which=policy.id,
            description=policy.description,
            updated_at=milliseconds(policy.updated_at),
            default_version=policy.default_version,
            latest_version=policy.latest_version,
            tags=json_text(policy.tags),
        )

    def delete(self, policy: ManagedPolicy) -> None:
        """With its versions. Who attached it, or is bounded by it, is for the caller to ask first."""
        self._connection.run(_DELETE, policy=policy.id)

    def versions(self, arn: str) -> list[PolicyVersion]:
        """Newest first; none where the policy is not there. Of AWS's we have the one in force."""
        if arn.startswith(AWS_POLICIES):
            return _aws_versions(arn)
        return [_version(row) for row in self._connection.all(_VERSIONS, arn=arn)]

    def find_version(self, arn: str, number: int) -> PolicyVersion | None:
        if arn.startswith(AWS_POLICIES):
            return next((each for each in _aws_versions(arn) if each.number == number), None)
        row = self._connection.one(_VERSION, arn=arn, number=number)
        return None if row is None else _version(row)

    def document(self, arn: str) -> str | None:
        """Of the version that is in force."""
        if arn.startswith(AWS_POLICIES):
            return aws_managed_policies.DOCUMENTS.get(arn)
        row = self._connection.one(_DOCUMENT, arn=arn)
        return None if row is None else row[0]

    def add_version(
        self, policy: ManagedPolicy, document: str, *, at: datetime, as_default: bool
    ) -> PolicyVersion:
        """Store the next version of a policy; the policy is as it was read in this transaction."""
        new = PolicyVersion(policy.latest_version + 1, document, at)
        self._add_version(policy, new)
        self.update(
            replace(
                policy,
                updated_at=at,
                latest_version=new.number,
                default_version=new.number if as_default else policy.default_version,
            )
        )
        return new

    def delete_version(self, policy: ManagedPolicy, number: int) -> bool:
        """Whether there was one. The default version must stay: for the caller to see to."""
        return self._connection.run(_DELETE_VERSION, policy=policy.id, number=number) > 0

    def _add_version(self, policy: ManagedPolicy, new: PolicyVersion) -> None:
        self._connection.run(
            _ADD_VERSION,
            policy_id=policy.id,
            number=new.number,
            document=new.document,
            created_at=milliseconds(new.created_at),
        )


def _aws_versions(arn: str) -> list[PolicyVersion]:
    policy = aws_managed_policies.POLICIES.get(arn)
    if policy is None:
        return []
    document = aws_managed_policies.DOCUMENTS[arn]
    return [PolicyVersion(policy.default_version, document, policy.updated_at)]


def _managed_policy(row: Row) -> ManagedPolicy:
    id_, account, path, name, description, created_at, updated_at, default, latest, tags = row
    return ManagedPolicy(
        id_,
        account,
        path,
        name,
        description,
        moment(created_at),
        moment(updated_at),
        default,
        latest,
        orjson.loads(tags),
    )


def _version(row: Row) -> PolicyVersion:
    number, document, created_at = row
    return PolicyVersion(number, document, moment(created_at))
