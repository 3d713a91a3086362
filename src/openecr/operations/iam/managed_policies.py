"""Managed policies: the account's own and their versions, and those of AWS, which nobody here can change.

Known by ARN, so an operation is about the ARN it is given. What a policy is attached to, or bounds, counts
in the caller's account alone: one of AWS's is every account's. Attaching and detaching is
identity_policies.py's. Source: auth-iam.md §2.5, §4.1, §5.5; the service model.
"""

import re
from dataclasses import replace

from openecr.domain.principal import (
    AWS_ACCOUNT,
    POLICY_ID_PREFIX,
    Identity,
    ManagedPolicy,
    PolicyVersion,
    new_id,
)
from openecr.errors import (
    AccessDeniedException,
    DeleteConflictException,
    LimitExceededException,
    NoSuchEntityException,
)
from openecr.metadata.database import Transaction
from openecr.metadata.identities import fold
from openecr.operations.authorize import require
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.iam import documents, quotas
from openecr.operations.iam.entities import NOUNS, given, listed
from openecr.operations.iam.paging import by_key, by_position, page
from openecr.operations.iam.tags import page_of_tags, parse_tags, shown_tags, with_tags, without_tags

VERSION_ID = re.compile(r"v([1-9][0-9]{0,8})")

named_policy = given("PolicyArn", "policy")


def new_policy(call: Call) -> list[str]:
    """The policy that is to be."""
    path, name = call.input.get("Path", "/"), call.input["PolicyName"]
    return [f"arn:aws:iam::{call.caller.account}:policy{path}{name}"]


@operation("iam", resource=new_policy)
def create_policy(call: Call) -> Output:
    """Make a managed policy; the document is its version v1.

    Input   PolicyName, PolicyDocument (JSON), Path, Description, Tags
    Output  Policy
    Raises  EntityAlreadyExistsException, InvalidInputException, LimitExceededException,
            MalformedPolicyDocumentException
    Tags must be allowed by iam:TagPolicy too. Source: API reference, CreatePolicy.
    """
    document = call.input["PolicyDocument"]
    documents.check_managed_policy(document)
    now = call.now.replace(microsecond=0)
    policy = ManagedPolicy(
        id=new_id(POLICY_ID_PREFIX),
        account=call.caller.account,
        path=call.input.get("Path", "/"),
        name=call.input["PolicyName"],
        description=call.input.get("Description") or None,
        created_at=now,
        updated_at=now,
        default_version=1,
        latest_version=1,
        tags=parse_tags(call.input.get("Tags")),
    )
    if policy.tags:
        require(call, "TagPolicy", policy.arn)

    with call.transaction() as db:
        db.managed_policies.add(policy, document)
        quotas.POLICIES.check(db.managed_policies.count(policy.account))
        shown = describe(db, call.caller.account, policy)
    return {"Policy": shown | ({"Tags": shown_tags(policy.tags)} if policy.tags else {})}


@operation("iam", resource=named_policy)
def get_policy(call: Call) -> Output:
    """A managed policy of the account's or of AWS's; its document is in its versions.

    Input   PolicyArn
    Output  Policy
    Raises  NoSuchEntityException
    """
    with call.reading() as db:
        policy = db.managed_policies.get(call.input["PolicyArn"])
        shown = describe(db, call.caller.account, policy) | {"Tags": shown_tags(policy.tags)}
    return {"Policy": shown if policy.description is None else shown | {"Description": policy.description}}


@operation("iam", resource=listed("policy"))
def list_policies(call: Call) -> Output:
    """The managed policies that the account can use, page by page: its own by name, then AWS's.

    Input   Scope (All, AWS, Local), OnlyAttached, PathPrefix, PolicyUsageFilter, MaxItems, Marker
    Output  Policies, without descriptions and tags, as IAM lists; IsTruncated, Marker
    """
    asked, account = page(call), call.caller.account
    with call.reading() as db:
        found = db.managed_policies.page(
            account,
            scope=call.input.get("Scope", "All"),
            path_prefix=call.input.get("PathPrefix", "/"),
            only_attached=call.input.get("OnlyAttached", False),
            usage=call.input.get("PolicyUsageFilter", ""),
            after=asked.after[1:],
            limit=asked.limit + 1,
        )
        return by_key(
            call, asked, "Policies", found, key=_place, show=lambda policy: describe(db, account, policy)
        )


@operation("iam", resource=named_policy)
def delete_policy(call: Call) -> Output:
    """Delete a managed policy that nobody uses, with its one version.

    Input   PolicyArn
    Output  nothing
    Raises  AccessDeniedException for AWS's; DeleteConflictException, NoSuchEntityException
    Source  API reference, DeletePolicy; the texts as users quote them, that of a boundary inferred
    """
    with call.transaction() as db:
        policy = _own(call, db)
        if is_in_use(db, policy.account, policy):
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        if len(db.managed_policies.versions(policy.arn)) > 1:
            raise DeleteConflictException(
                "This policy has more than one version. Before you delete a policy, you must delete the "
                "policy's versions. The default version is deleted with the policy."
            )
        db.managed_policies.delete(policy)
    return {}


@operation("iam", resource=named_policy)
def create_policy_version(call: Call) -> Output:
    """Add a version to a managed policy; with SetAsDefault, that is the one in force from now on.

    Input   PolicyArn, PolicyDocument (JSON), SetAsDefault
    Output  PolicyVersion, without its document, as IAM answers
    Raises  AccessDeniedException for AWS's; LimitExceededException, MalformedPolicyDocumentException,
            NoSuchEntityException
    """
    document = call.input["PolicyDocument"]
    documents.check_managed_policy(document)
    with call.transaction() as db:
        policy = _own(call, db)
        most = quotas.POLICY_VERSIONS.most
        if len(db.managed_policies.versions(policy.arn)) >= most:
            raise LimitExceededException(
                f"A managed policy can have up to {most} versions. Before you create a new version, you must "
                "delete an existing version."
            )
        now = call.now.replace(microsecond=0)
        version = db.managed_policies.add_version(
            policy, document, at=now, as_default=call.input.get("SetAsDefault", False)
        )
        return {"PolicyVersion": describe_version(db.managed_policies.get(policy.arn), version)}


@operation("iam", resource=named_policy)
def get_policy_version(call: Call) -> Output:
    """A version of a managed policy, with its document.

    Input   PolicyArn, VersionId (v1)
    Output  PolicyVersion
    Raises  NoSuchEntityException
    """
    with call.reading() as db:
        policy = db.managed_policies.get(call.input["PolicyArn"])
        version = _get_version(call, db, policy)
    return {"PolicyVersion": describe_version(policy, version) | {"Document": version.document}}


@operation("iam", resource=named_policy)
def list_policy_versions(call: Call) -> Output:
    """The versions of a managed policy, the newest first, without their documents.

    Input   PolicyArn, MaxItems, Marker
    Output  Versions, IsTruncated, Marker
    Raises  NoSuchEntityException
    """
    with call.reading() as db:
        policy = db.managed_policies.get(call.input["PolicyArn"])
        versions = db.managed_policies.versions(policy.arn)
    return by_position(call, "Versions", [describe_version(policy, each) for each in versions])


@operation("iam", resource=named_policy)
def set_default_policy_version(call: Call) -> Output:
    """Say which version of a managed policy is in force, from now on.

    Input   PolicyArn, VersionId (v1)
    Output  nothing
    Raises  AccessDeniedException for AWS's; NoSuchEntityException
    """
    with call.transaction() as db:
        policy = _own(call, db)
        version = _get_version(call, db, policy)
        db.managed_policies.update(replace(policy, default_version=version.number))
    return {}


@operation("iam", resource=named_policy)
def delete_policy_version(call: Call) -> Output:
    """Delete a version of a managed policy that is not in force.

    Input   PolicyArn, VersionId (v1)
    Output  nothing
    Raises  AccessDeniedException for AWS's; DeleteConflictException, NoSuchEntityException
    """
    with call.transaction() as db:
        policy = _own(call, db)
        version = _get_version(call, db, policy)
        if version.number == policy.default_version:
            raise DeleteConflictException("Cannot delete the default version of a policy.")
        db.managed_policies.delete_version(policy, version.number)
    return {}


@operation("iam", resource=named_policy)
def tag_policy(call: Call) -> Output:
    """Set tags of a managed policy; those with other keys stay.

    Input   PolicyArn, Tags [{Key, Value}]
    Output  nothing
    Raises  AccessDeniedException for AWS's; InvalidInputException, LimitExceededException,
            NoSuchEntityException
    """
    tags = parse_tags(call.input["Tags"])
    with call.transaction() as db:
        policy = _own(call, db)
        db.managed_policies.update(replace(policy, tags=with_tags(policy.tags, tags, of="Policy")))
    return {}


@operation("iam", resource=named_policy)
def untag_policy(call: Call) -> Output:
    """Remove tags of a managed policy; keys that are not there are no error.

    Input   PolicyArn, TagKeys
    Output  nothing
    Raises  AccessDeniedException for AWS's; InvalidInputException, NoSuchEntityException
    """
    with call.transaction() as db:
        policy = _own(call, db)
        db.managed_policies.update(replace(policy, tags=without_tags(policy.tags, call.input["TagKeys"])))
    return {}


@operation("iam", resource=named_policy)
def list_policy_tags(call: Call) -> Output:
    """The tags of a managed policy, sorted by key; AWS's have none.

    Input   PolicyArn, MaxItems, Marker
    Output  Tags, IsTruncated, Marker
    Raises  NoSuchEntityException
    """
    with call.reading() as db:
        return page_of_tags(call, db.managed_policies.get(call.input["PolicyArn"]).tags)


@operation("iam", resource=named_policy)
def list_entities_for_policy(call: Call) -> Output:
    """The account's groups, roles and users that use a managed policy, in that order, by name.

    Input   PolicyArn, EntityFilter, PathPrefix, PolicyUsageFilter (PermissionsPolicy: attached,
            PermissionsBoundary: bounded by it; without it, either), MaxItems, Marker
    Output  PolicyGroups, PolicyRoles, PolicyUsers, IsTruncated, Marker
    Raises  NoSuchEntityException
    """
    asked = page(call)
    wanted, prefix = call.input.get("EntityFilter"), call.input.get("PathPrefix", "/")
    with call.reading() as db:
        policy = db.managed_policies.get(call.input["PolicyArn"])
        using = _using(call, db, policy)
    found = [
        identity
        for identity in using
        if identity.path.startswith(prefix) and wanted in (None, NOUNS[identity.kind])
    ]
    paged = by_key(call, asked, "found", found, key=_kind_and_name, show=lambda identity: identity)
    shown: list[Identity] = paged.pop("found")
    return paged | {
        f"Policy{noun}s": [
            {f"{noun}Name": each.name, f"{noun}Id": each.id} for each in shown if each.kind is kind
        ]
        for kind, noun in NOUNS.items()
    }


def find_usable(call: Call, db: Transaction, arn: str) -> ManagedPolicy | None:
    """The policy of that ARN if the caller's account can use it: it is its own, or AWS's."""
    policy = db.managed_policies.find(arn)
    return policy if policy is not None and policy.account in (call.caller.account, AWS_ACCOUNT) else None


def is_in_use(db: Transaction, account: str, policy: ManagedPolicy) -> bool:
    """Whether it is attached to any of the account's identities, or bounds one."""
    return (
        db.identity_policies.attachment_count(account, policy.arn) > 0
        or db.identity_policies.boundary_count(account, policy.arn) > 0
    )


def describe(db: Transaction, account: str, policy: ManagedPolicy) -> Output:
    """What lists tell an account of a policy. Source: API reference, ListPolicies."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": db.identity_policies.attachment_count(account, policy.arn),
        "PermissionsBoundaryUsageCount": db.identity_policies.boundary_count(account, policy.arn),
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def describe_version(policy: ManagedPolicy, version: PolicyVersion) -> Output:
    """What lists tell of a version of a policy. Source: API reference, ListPolicyVersions."""
    return {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": version.created_at,
    }


def _own(call: Call, db: Transaction) -> ManagedPolicy:
    """The policy the input names, which the account may change.

    Raises NoSuchEntityException; AccessDeniedException for one of AWS's, whose account allows nobody that
    """
    policy = db.managed_policies.get(call.input["PolicyArn"])
    if policy.account == AWS_ACCOUNT:
        action = f"iam:{call.operation.action}"
        raise AccessDeniedException(
            arn=call.caller.arn,
            action=action,
            resource=policy.arn,
            reason=f"because no resource-based policy allows the {action} action",
        )
    return policy


def _get_version(call: Call, db: Transaction, policy: ManagedPolicy) -> PolicyVersion:
    """The version the input names. Raises NoSuchEntityException."""
    written = call.input["VersionId"]
    number = VERSION_ID.fullmatch(written)
    version = None if number is None else db.managed_policies.find_version(policy.arn, int(number[1]))
    if version is None:
        raise NoSuchEntityException(
            f"Policy {policy.arn} version {written} does not exist or is not attachable."
        )
    return version


def _using(call: Call, db: Transaction, policy: ManagedPolicy) -> list[Identity]:
    """Who uses the policy as the input asks, by kind and name; who uses it twice is there once."""
    usage = call.input.get("PolicyUsageFilter")
    found: dict[str, Identity] = {}
    if usage != "PermissionsBoundary":
        found |= {each.id: each for each in db.identity_policies.entities(call.caller.account, policy.arn)}
    if usage != "PermissionsPolicy":
        bounded = db.identity_policies.boundary_users(call.caller.account, policy.arn)
        found |= {each.id: each for each in bounded}
    return sorted(found.values(), key=_kind_and_name)


def _place(policy: ManagedPolicy) -> str:
    """Where a policy stands in the list: the account's own before AWS's. Behind the first letter stands what
    the list can be continued from, by name and by ARN."""
    return f"2{policy.arn}" if policy.account == AWS_ACCOUNT else f"1{fold(policy.name)}"


def _kind_and_name(identity: Identity) -> str:
    return f"{identity.kind} {fold(identity.name)}"
