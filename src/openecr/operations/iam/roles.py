"""Roles: what may be assumed, and by whom. The trust policy says that; it is a member of the role.

Identity policies of roles are in identity_policies.py, with those of users and groups. Roles that belong to
services (CreateServiceLinkedRole) are not made here. Source: auth-iam.md §2.2, §2.5, §4.2.
"""

from dataclasses import replace

from openecr.domain.principal import ID_PREFIXES, Identity, IdentityKind, new_id
from openecr.metadata.database import Transaction
from openecr.operations.authorize import require
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.iam import documents, quotas
from openecr.operations.iam.entities import (
    attributes,
    boundary_key,
    check_boundary,
    folded_name,
    get_identity,
    listed,
    named,
    new,
    refuse_deletion,
    summary,
)
from openecr.operations.iam.paging import by_key, page
from openecr.operations.iam.tags import parse_tags
from openecr.operations.stored_policies import to_show

ROLE = IdentityKind.ROLE
DEFAULT_SESSION_SECONDS = 3_600


@operation("iam", resource=new(ROLE), context=boundary_key)
def create_role(call: Call) -> Output:
    """Make a role.

    Input   RoleName, AssumeRolePolicyDocument (JSON), Path, Description, MaxSessionDuration (seconds, default
            3,600), PermissionsBoundary (ARN), Tags
    Output  Role; MaxSessionDuration only where it was asked for
    Raises  EntityAlreadyExistsException, InvalidInputException, LimitExceededException,
            MalformedPolicyDocumentException, NoSuchEntityException for a boundary that is not there (AWS
            answers so, though the model does not declare it)
    Tags must be allowed by iam:TagRole too. Source: API reference, CreateRole; AWS's answers as quoted.
    """
    trust_policy = call.input["AssumeRolePolicyDocument"]
    boundary = call.input.get("PermissionsBoundary")
    documents.check_trust_policy(trust_policy)
    new_role = Identity(
        id=new_id(ID_PREFIXES[ROLE]),
        kind=ROLE,
        account=call.caller.account,
        path=call.input.get("Path", "/"),
        name=call.input["RoleName"],
        created_at=call.now.replace(microsecond=0),
        boundary_arn=boundary,
        tags=parse_tags(call.input.get("Tags")),
        description=call.input.get("Description") or None,
        max_session_seconds=call.input.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
    )
    if new_role.tags:
        require(call, "TagRole", new_role.arn)

    with call.transaction() as db:
        if boundary is not None:
            check_boundary(call, db, boundary)
        role = replace(new_role, trust_policy=documents.trust_policy_to_store(db, trust_policy))
        db.identities.add(role)
        quotas.ROLES.check(db.identities.count(role.account, ROLE))
        shown = _listed(db, role) | attributes(role)
    if "MaxSessionDuration" not in call.input:
        del shown["MaxSessionDuration"]
    return {"Role": shown}


@operation("iam", resource=named(ROLE))
def get_role(call: Call) -> Output:
    """A role, with its trust policy as it reads today.

    Input   RoleName
    Output  Role, without RoleLastUsed, which is not kept
    Raises  NoSuchEntityException
    """
    with call.reading() as db:
        role = get_identity(call, db, ROLE)
        return {"Role": _listed(db, role) | attributes(role)}


@operation("iam", resource=listed("role"))
def list_roles(call: Call) -> Output:
    """The account's roles by name, page by page; without their boundaries and tags, as IAM lists.

    Input   PathPrefix, MaxItems, Marker
    Output  Roles, IsTruncated, Marker
    """
    asked = page(call)
    with call.reading() as db:
        found = db.identities.page(
            call.caller.account,
            ROLE,
            path_prefix=call.input.get("PathPrefix", "/"),
            after=asked.after,
            limit=asked.limit + 1,
        )
        return by_key(call, asked, "Roles", found, key=folded_name, show=lambda role: _listed(db, role))


@operation("iam", resource=named(ROLE))
def update_role(call: Call) -> Output:
    """Give a role another description, or another longest session; what the input leaves out stays.

    Input   RoleName, Description, MaxSessionDuration (seconds)
    Output  nothing
    Raises  NoSuchEntityException
    Source  API reference, UpdateRole. Its words on a missing MaxSessionDuration can be read as "becomes the
            default"; clients set the two members one by one, and expect the other to stay
    """
    with call.transaction() as db:
        role = get_identity(call, db, ROLE)
        db.identities.update(
            replace(
                role,
                description=call.input.get("Description", role.description) or None,
                max_session_seconds=call.input.get("MaxSessionDuration", role.max_session_seconds),
            )
        )
    return {}


@operation("iam", resource=named(ROLE))
def update_role_description(call: Call) -> Output:
    """Give a role another description.

    Input   RoleName, Description
    Output  Role
    Raises  NoSuchEntityException
    """
    with call.transaction() as db:
        role = replace(get_identity(call, db, ROLE), description=call.input["Description"] or None)
        db.identities.update(role)
        return {"Role": _listed(db, role) | attributes(role)}


@operation("iam", resource=named(ROLE))
def update_assume_role_policy(call: Call) -> Output:
    """Give a role another trust policy. Sessions that have begun go on.

    Input   RoleName, PolicyDocument (JSON)
    Output  nothing
    Raises  LimitExceededException, MalformedPolicyDocumentException, NoSuchEntityException
    """
    trust_policy = call.input["PolicyDocument"]
    documents.check_trust_policy(trust_policy)
    with call.transaction() as db:
        role = get_identity(call, db, ROLE)
        stored = documents.trust_policy_to_store(db, trust_policy)
        db.identities.update(replace(role, trust_policy=stored))
    return {}


@operation("iam", resource=named(ROLE))
def delete_role(call: Call) -> Output:
    """Delete a role that has no policies any more. Its sessions end.

    Input   RoleName
    Output  nothing
    Raises  DeleteConflictException, NoSuchEntityException
    """
    with call.transaction() as db:
        role = get_identity(call, db, ROLE)
        refuse_deletion(
            (
                ("detach all policies", db.identity_policies.attached(role.id)),
                ("delete policies", db.identity_policies.names(role.id)),
            )
        )
        db.identities.delete(role)
    return {}


def _listed(db: Transaction, role: Identity) -> Output:
    """What lists tell of a role. Source: API reference, ListRoles."""
    shown = summary(role) | {
        "AssumeRolePolicyDocument": to_show(db, role.trust_policy),
        "MaxSessionDuration": role.max_session_seconds,
    }
    return shown if role.description is None else shown | {"Description": role.description}
