"""What users, groups and roles may do: inline policies, attached ones, and permissions boundaries.

The same operations are there for users, for groups and for roles, under three names. A function here is one
act, told of what kind of entity the call is; `of_each` makes it an operation per kind. Groups have no
boundaries. Source: auth-iam.md §2.5, §4.1; the service model.
"""

from collections.abc import Mapping
from dataclasses import replace

from openecr.domain.principal import IdentityKind
from openecr.errors import NoSuchEntityException
from openecr.operations.call import Call, Output
from openecr.operations.context_keys import Value
from openecr.operations.iam import documents, quotas
from openecr.operations.iam.each_kind import of_each
from openecr.operations.iam.entities import (
    boundary_key,
    check_boundary,
    get_identity,
    given,
    name_member,
)
from openecr.operations.iam.managed_policies import find_usable
from openecr.operations.iam.paging import by_key, by_position, page

BOUNDED = (IdentityKind.USER, IdentityKind.ROLE)


def boundary_in_force(call: Call, kind: IdentityKind) -> Mapping[str, Value]:
    """The boundary that the entity has: who may hand out permissions only within one is held to that.

    Source: IAM user guide, "Delegating responsibility to others using permissions boundaries"
    """
    with call.reading() as db:
        found = db.identities.find(call.caller.account, kind, call.input[name_member(kind)])
    boundary = None if found is None else found.boundary_arn
    return {} if boundary is None else {"iam:permissionsboundary": boundary}


def policy_and_boundary(call: Call, kind: IdentityKind) -> Mapping[str, Value]:
    """What is attached or detached, beside the boundary."""
    return {**boundary_in_force(call, kind), "iam:policyarn": call.input["PolicyArn"]}


def boundary_asked_for(call: Call, kind: IdentityKind) -> Mapping[str, Value]:
    return boundary_key(call)


# Inline policies: documents that are a part of the entity.


@of_each("Put{}Policy", context=boundary_in_force)
def put_policy(call: Call, kind: IdentityKind) -> Output:
    """Give an entity an inline policy, in place of the one of that name it may have.

    Input   UserName, GroupName or RoleName; PolicyName, PolicyDocument (JSON)
    Output  nothing
    Raises  LimitExceededException, MalformedPolicyDocumentException, NoSuchEntityException
    """
    name, document = call.input["PolicyName"], call.input["PolicyDocument"]
    documents.check_identity_policy(document)
    with call.transaction() as db:
        identity = get_identity(call, db, kind)
        documents.check_room(db, identity, name, document)
        db.identity_policies.put(identity.id, name, document)
    return {}


@of_each("Get{}Policy")
def get_policy(call: Call, kind: IdentityKind) -> Output:
    """An inline policy, as it was sent.

    Input   UserName, GroupName or RoleName; PolicyName
    Output  UserName, GroupName or RoleName; PolicyName, PolicyDocument
    Raises  NoSuchEntityException
    """
    name = call.input["PolicyName"]
    with call.reading() as db:
        identity = get_identity(call, db, kind)
        document = db.identity_policies.find(identity.id, name)
    if document is None:
        raise _no_policy(kind, name)
    return {name_member(kind): identity.name, "PolicyName": name, "PolicyDocument": document}


@of_each("List{}Policies")
def list_policies(call: Call, kind: IdentityKind) -> Output:
    """The names of an entity's inline policies, in order.

    Input   UserName, GroupName or RoleName; MaxItems, Marker
    Output  PolicyNames, IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    asked = page(call)
    with call.reading() as db:
        names = db.identity_policies.names(get_identity(call, db, kind).id)
    return by_key(call, asked, "PolicyNames", names, key=str, show=str)


@of_each("Delete{}Policy", context=boundary_in_force)
def delete_policy(call: Call, kind: IdentityKind) -> Output:
    """Take an inline policy away from an entity.

    Input   UserName, GroupName or RoleName; PolicyName
    Output  nothing
    Raises  NoSuchEntityException
    """
    name = call.input["PolicyName"]
    with call.transaction() as db:
        if not db.identity_policies.delete(get_identity(call, db, kind).id, name):
            raise _no_policy(kind, name)
    return {}


# Managed policies: attached, by ARN.


@of_each("Attach{}Policy", context=policy_and_boundary)
def attach_policy(call: Call, kind: IdentityKind) -> Output:
    """Attach a managed policy of the account's or of AWS's; one that is attached already is no error.

    Input   UserName, GroupName or RoleName; PolicyArn
    Output  nothing
    Raises  LimitExceededException, NoSuchEntityException, ValidationError
    """
    arn = _policy_arn(call)
    with call.transaction() as db:
        identity = get_identity(call, db, kind)
        if find_usable(call, db, arn) is None:
            raise NoSuchEntityException(f"Policy {arn} does not exist or is not attachable.")
        db.identity_policies.attach(identity.id, arn)
        quotas.ATTACHED_POLICIES[kind].check(len(db.identity_policies.attached(identity.id)))
    return {}


@of_each("Detach{}Policy", context=policy_and_boundary)
def detach_policy(call: Call, kind: IdentityKind) -> Output:
    """Detach a managed policy.

    Input   UserName, GroupName or RoleName; PolicyArn
    Output  nothing
    Raises  NoSuchEntityException, ValidationError
    """
    arn = _policy_arn(call)
    with call.transaction() as db:
        if not db.identity_policies.detach(get_identity(call, db, kind).id, arn):
            raise NoSuchEntityException(f"Policy {arn} was not found.")
    return {}


@of_each("ListAttached{}Policies")
def list_attached_policies(call: Call, kind: IdentityKind) -> Output:
    """The managed policies attached to an entity.

    Input   UserName, GroupName or RoleName; PathPrefix (of the policies), MaxItems, Marker
    Output  AttachedPolicies [{PolicyName, PolicyArn}], IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    prefix = call.input.get("PathPrefix", "/")
    with call.reading() as db:
        arns = db.identity_policies.attached(get_identity(call, db, kind).id)
    shown = [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in arns
        if arn.partition(":policy")[2].startswith(prefix)
    ]
    return by_position(call, "AttachedPolicies", shown)


# Permissions boundaries: managed policies that say what the others can permit at most.


@of_each("Put{}PermissionsBoundary", BOUNDED, context=boundary_asked_for)
def put_permissions_boundary(call: Call, kind: IdentityKind) -> Output:
    """Bound an entity's permissions by a managed policy, in place of the one that may bound them.

    Input   UserName or RoleName; PermissionsBoundary (ARN)
    Output  nothing
    Raises  InvalidInputException, NoSuchEntityException
    """
    arn = call.input["PermissionsBoundary"]
    with call.transaction() as db:
        identity = get_identity(call, db, kind)
        check_boundary(call, db, arn)
        db.identities.update(replace(identity, boundary_arn=arn))
    return {}


@of_each("Delete{}PermissionsBoundary", BOUNDED, context=boundary_in_force)
def delete_permissions_boundary(call: Call, kind: IdentityKind) -> Output:
    """Take its boundary away from an entity; that it has none is no error [inferred].

    Input   UserName or RoleName
    Output  nothing
    Raises  NoSuchEntityException
    """
    with call.transaction() as db:
        db.identities.update(replace(get_identity(call, db, kind), boundary_arn=None))
    return {}


def _policy_arn(call: Call) -> str:
    """The ARN of the policy that the input names. Raises ValidationError for what is none."""
    (arn,) = given("PolicyArn", "policy")(call)
    return arn


def _no_policy(kind: IdentityKind, name: str) -> NoSuchEntityException:
    return NoSuchEntityException(f"The {kind} policy with name {name} cannot be found.")
