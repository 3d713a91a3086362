"""What must hold between identities, policies, keys and sessions, asked of all of them: more of fsck.

Beyond what the database's own foreign keys hold: that who belongs together is of one account and of the
right kind, and that policies named by ARN are there.
"""

from collections.abc import Iterator

from sqlalchemy import and_, func, literal, or_, select

from openecr.domain import aws_managed_policies
from openecr.domain.principal import IdentityKind
from openecr.metadata.identities import fold
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import (
    access_key,
    attached_policy,
    group_member,
    identity,
    managed_policy,
    policy_version,
    session,
)

_group, _user = identity.alias("team"), identity.alias("member")
_MEMBERS = Query(
    select(group_member.c.group_id, group_member.c.user_id)
    .join_from(group_member, _group, _group.c.id == group_member.c.group_id)
    .join(_user, _user.c.id == group_member.c.user_id)
    .where(
        or_(
            _group.c.kind != IdentityKind.GROUP,
            _user.c.kind != IdentityKind.USER,
            _group.c.account_id != _user.c.account_id,
        )
    )
)
_KEYS = Query(
    select(access_key.c.id, access_key.c.user_id)
    .join_from(access_key, identity, identity.c.id == access_key.c.user_id)
    .where(or_(identity.c.kind != IdentityKind.USER, identity.c.account_id != access_key.c.account_id))
)
_SESSIONS = Query(
    select(session.c.access_key_id, session.c.identity_id)
    .join_from(session, identity, identity.c.id == session.c.identity_id)
    .where(or_(identity.c.kind == IdentityKind.GROUP, identity.c.account_id != session.c.account_id))
)
_PRINCIPALS = Query(
    select(session.c.access_key_id, session.c.principal_id).where(
        # A role's has the name of the session behind a colon.
        session.c.identity_id
        != func.substr(session.c.principal_id, 1, func.instr(session.c.principal_id + ":", ":") - 1)
    )
)
_ROOTS = Query(
    select(session.c.access_key_id, session.c.principal_id).where(
        session.c.identity_id.is_(None), session.c.principal_id != session.c.account_id
    )
)
_DEFAULTS = Query(
    select(managed_policy.c.arn, managed_policy.c.default_version)
    .outerjoin_from(
        managed_policy,
        policy_version,
        and_(
            policy_version.c.policy_id == managed_policy.c.id,
            policy_version.c.number == managed_policy.c.default_version,
        ),
    )
    .where(policy_version.c.number.is_(None))
)
_NUMBERS = Query(
    select(managed_policy.c.arn, policy_version.c.number)
    .join_from(policy_version, managed_policy, managed_policy.c.id == policy_version.c.policy_id)
    .where(policy_version.c.number > managed_policy.c.latest_version)
)
_ARNS = Query(
    select(managed_policy.c.id, managed_policy.c.arn).where(
        managed_policy.c.arn
        != literal("arn:aws:iam::")
        + managed_policy.c.account_id
        + literal(":policy")
        + managed_policy.c.path
        + managed_policy.c.name
    )
)
_BOUNDED_GROUPS = Query(
    select(identity.c.id, identity.c.boundary_arn).where(
        identity.c.kind == IdentityKind.GROUP, identity.c.boundary_arn.is_not(None)
    )
)

_RULES = (
    (_MEMBERS, "the group {} has the member {}, which is no user of its account, or it is no group"),
    (_KEYS, "the access key {} is of {}, which is no user of its account"),
    (_SESSIONS, "the session {} is of {}, which is no user or role of its account"),
    (_PRINCIPALS, "the session {} says that it is {}, which is not of its identity"),
    (_ROOTS, "the session {} of a root says that it is {}"),
    (_DEFAULTS, "{} has no version {}, its default"),
    (_NUMBERS, "{} has a version {}, which is later than its latest"),
    (_ARNS, "the managed policy {} is not what is called {}"),
    (_BOUNDED_GROUPS, "the group {} has a boundary, {}"),
)
"""What must find nothing, and what to say of each pair that it finds."""

_is_not_of_the_account = or_(
    managed_policy.c.arn.is_(None), managed_policy.c.account_id != identity.c.account_id
)
_ATTACHED = Query(
    select(identity.c.id, attached_policy.c.policy_arn)
    .join_from(attached_policy, identity, identity.c.id == attached_policy.c.identity_id)
    .outerjoin(managed_policy, managed_policy.c.arn == attached_policy.c.policy_arn)
    .where(_is_not_of_the_account)
)
_BOUNDARIES = Query(
    select(identity.c.id, identity.c.boundary_arn)
    .outerjoin_from(identity, managed_policy, managed_policy.c.arn == identity.c.boundary_arn)
    .where(identity.c.boundary_arn.is_not(None), _is_not_of_the_account)
)
_NAMES = Query(
    select(identity.c.id, identity.c.name, identity.c.folded_name).where(
        identity.c.folded_name != func.lower(identity.c.name)
    )
)

OWNERS = (
    "account_alias",
    "access_key",
    "attached_policy",
    "group_member",
    "identity",
    "inline_policy",
    "managed_policy",
    "oidc_provider",
    "policy_version",
    "repository_policy",
    "session",
)
"""The tables whose rows die with another row; each must be there."""


def breaches(connection: Connection) -> Iterator[str]:
    """What does not hold, each as a sentence that names the rows; in a sound database none."""
    for table in OWNERS:
        for _, _, parent, _ in connection.driver.execute(f"PRAGMA foreign_key_check({table})").fetchall():
            yield f"a row of {table} is of a row of {parent} that is not there"
    for query, text in _RULES:
        for pair in connection.all(query):
            yield text.format(*pair)
    for query, what in ((_ATTACHED, "attached"), (_BOUNDARIES, "as its boundary")):
        for id_, arn in connection.all(query):
            if arn not in aws_managed_policies.POLICIES:
                yield f"{id_} has {arn} {what}, which is no policy of its account"
    for id_, name, folded in connection.all(_NAMES):
        if folded != fold(name):  # of letters beyond ASCII, SQLite knows no lower ones
            yield f"{id_} is called {name} and found as {folded!r}"
