"""GetAccountAuthorizationDetails: who there is in the account, what they may do, and how it hangs together.

One list in sections, one for each value of Filter, and each by name. What a detail has, and what it leaves
out where there is none, is as AWS was seen to answer in 2026; RoleLastUsed is not kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openecr.domain.principal import Identity, IdentityKind, ManagedPolicy
from openecr.metadata.database import Transaction
from openecr.metadata.identities import fold
from openecr.metadata.managed_policies import AWS, LOCAL
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.iam.entities import attributes, summary
from openecr.operations.iam.managed_policies import describe, describe_version, is_in_use
from openecr.operations.iam.paging import by_key, page
from openecr.operations.stored_policies import to_show


@dataclass(frozen=True, slots=True)
class Section:
    filter: str
    member: str  # of the output
    read: Callable[[Transaction, str, str, int], Sequence[Any]]  # account, name it begins after, limit
    show: Callable[[Transaction, str, Any], Output]  # account, what was read


@operation("iam", resource=everything)
def get_account_authorization_details(call: Call) -> Output:
    """Users, groups, roles, policies of the account, and those of AWS that it uses; all, or by Filter.

    Input   Filter (User, Role, Group, LocalManagedPolicy, AWSManagedPolicy), MaxItems, Marker
    Output  UserDetailList, GroupDetailList, RoleDetailList, Policies, IsTruncated, Marker
    Raises  ValidationError
    """
    asked = page(call)
    account = call.caller.account
    wanted = call.input.get("Filter") or [section.filter for section in SECTIONS]
    last_place, _, last_name = asked.after.partition(":")
    found: list[tuple[int, Any]] = []
    output: Output = {section.member: [] for section in SECTIONS}

    with call.reading() as db:
        for place, section in enumerate(SECTIONS):
            if section.filter in wanted and str(place) >= last_place and len(found) <= asked.limit:
                after = last_name if str(place) == last_place else ""
                found += ((place, each) for each in section.read(db, account, after, asked.limit + 1))
        part = by_key(call, asked, "shown", found, key=_key, show=lambda entry: entry)
        for place, each in part.pop("shown"):
            output[SECTIONS[place].member].append(SECTIONS[place].show(db, account, each))
    return output | part


def _key(entry: tuple[int, Any]) -> str:
    place, each = entry
    return f"{place}:{fold(each.name)}"


def _identities(kind: IdentityKind) -> Callable[[Transaction, str, str, int], list[Identity]]:
    return lambda db, account, after, limit: db.identities.page(account, kind, after=after, limit=limit)


def _local_policies(db: Transaction, account: str, after: str, limit: int) -> list[ManagedPolicy]:
    return db.managed_policies.page(account, scope=LOCAL, after=after, limit=limit)


def _aws_policies_in_use(db: Transaction, account: str, after: str, limit: int) -> list[ManagedPolicy]:
    """All after that name: there are few."""
    return [
        policy
        for policy in db.managed_policies.page(account, scope=AWS, limit=1000)
        if fold(policy.name) > after and is_in_use(db, account, policy)
    ]


def _user(db: Transaction, account: str, user: Identity) -> Output:
    shown = summary(user) | {
        "GroupList": [group.name for group in db.identities.groups_of(user.id)],
        "AttachedManagedPolicies": _attached(db, user),
        "Tags": [],
    }
    inline = _inline(db, user)
    return shown | attributes(user) | ({"UserPolicyList": inline} if inline else {})


def _group(db: Transaction, account: str, group: Identity) -> Output:
    return summary(group) | {
        "GroupPolicyList": _inline(db, group),
        "AttachedManagedPolicies": _attached(db, group),
    }


def _role(db: Transaction, account: str, role: Identity) -> Output:
    shown = summary(role) | {
        "AssumeRolePolicyDocument": to_show(db, role.trust_policy),
        "InstanceProfileList": [],
        "RolePolicyList": _inline(db, role),
        "AttachedManagedPolicies": _attached(db, role),
        "Tags": [],
    }
    return shown | attributes(role)


def _policy(db: Transaction, account: str, policy: ManagedPolicy) -> Output:
    shown = describe(db, account, policy) | {
        "PolicyVersionList": [
            describe_version(policy, version) | {"Document": version.document}
            for version in db.managed_policies.versions(policy.arn)
        ]
    }
    return shown if policy.description is None else shown | {"Description": policy.description}


def _inline(db: Transaction, identity: Identity) -> list[dict[str, str | None]]:
    return [
        {"PolicyName": name, "PolicyDocument": db.identity_policies.find(identity.id, name)}
        for name in db.identity_policies.names(identity.id)
    ]


def _attached(db: Transaction, identity: Identity) -> list[dict[str, str]]:
    return [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in db.identity_policies.attached(identity.id)
    ]


SECTIONS = (
    Section("User", "UserDetailList", _identities(IdentityKind.USER), _user),
    Section("Group", "GroupDetailList", _identities(IdentityKind.GROUP), _group),
    Section("Role", "RoleDetailList", _identities(IdentityKind.ROLE), _role),
    Section("LocalManagedPolicy", "Policies", _local_policies, _policy),
    Section("AWSManagedPolicy", "Policies", _aws_policies_in_use, _policy),
)
"""In the order in which they are listed; a Marker counts on it."""
