"""Users: CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser; their tags."""

from dataclasses import replace

from openecr.domain.principal import ID_PREFIXES, Identity, IdentityKind, new_id
from openecr.operations.authorize import require
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.iam import quotas
from openecr.operations.iam.entities import (
    attributes,
    boundary_key,
    check_boundary,
    find_user,
    folded_name,
    get_identity,
    listed,
    named,
    new,
    refuse_deletion,
    renamed,
    summary,
)
from openecr.operations.iam.paging import by_key, page
from openecr.operations.iam.tags import parse_tags

USER = IdentityKind.USER


@operation("iam", resource=new(USER), context=boundary_key)
def create_user(call: Call) -> Output:
    """Make a user, who may do nothing yet.

    Input   UserName, Path, PermissionsBoundary (the ARN of a managed policy), Tags
    Output  User
    Raises  EntityAlreadyExistsException, InvalidInputException, LimitExceededException; NoSuchEntityException
            for a boundary that is not there
    Tags must be allowed by iam:TagUser too. Source: the denial of such a call, as it is quoted.
    """
    boundary = call.input.get("PermissionsBoundary")
    user = Identity(
        id=new_id(ID_PREFIXES[USER]),
        kind=USER,
        account=call.caller.account,
        path=call.input.get("Path", "/"),
        name=call.input["UserName"],
        created_at=call.now,
        boundary_arn=boundary,
        tags=parse_tags(call.input.get("Tags")),
    )
    if user.tags:
        require(call, "TagUser", user.arn)

    with call.transaction() as db:
        if boundary is not None:
            check_boundary(call, db, boundary)
        db.identities.add(user)
        quotas.USERS.check(db.identities.count(user.account, USER))
    return {"User": summary(user) | attributes(user)}


@operation("iam", resource=named(USER))
def get_user(call: Call) -> Output:
    """A user; without a name, whoever asks.

    Input   UserName
    Output  User. The root, who has neither name nor path, is told by ARN, id and date alone
    Raises  NoSuchEntityException; ValidationError where a session of a role names nobody
    Source  answers of AWS to its root user, as clients' tests keep them
    """
    account = call.caller.account
    with call.reading() as db:
        user = find_user(call, db)
        if user is None:
            created_at = db.accounts.created_at(account)
            return {"User": {"UserId": account, "Arn": call.caller.arn, "CreateDate": created_at}}
    return {"User": summary(user) | attributes(user)}


@operation("iam", resource=listed("user"))
def list_users(call: Call) -> Output:
    """The users of the account by name, without their boundaries and tags.

    Input   PathPrefix, MaxItems, Marker
    Output  Users, IsTruncated, Marker
    Raises  ValidationError
    """
    asked = page(call)
    with call.reading() as db:
        found = db.identities.page(
            call.caller.account,
            USER,
            path_prefix=call.input.get("PathPrefix", "/"),
            after=asked.after,
            limit=asked.limit + 1,
        )
    return by_key(call, asked, "Users", found, key=folded_name, show=summary)


@operation("iam", resource=renamed(USER))
def update_user(call: Call) -> Output:
    """Give a user another name, another path, or both. The id, keys and policies stay.

    Input   UserName, NewUserName, NewPath
    Output  nothing
    Raises  NoSuchEntityException, EntityAlreadyExistsException
    Who does it must be allowed to on both the old and the new ARN. Source: API reference, UpdateUser.
    """
    with call.transaction() as db:
        user = get_identity(call, db, USER)
        db.identities.update(
            replace(
                user,
                name=call.input.get("NewUserName", user.name),
                path=call.input.get("NewPath", user.path),
            )
        )
    return {}


@operation("iam", resource=named(USER))
def delete_user(call: Call) -> Output:
    """Delete a user who has nothing left.

    Input   UserName
    Output  nothing
    Raises  NoSuchEntityException; DeleteConflictException while there are access keys, policies or groups
    The order in which they are told is that of the API reference, DeleteUser.
    """
    with call.transaction() as db:
        user = get_identity(call, db, USER)
        refuse_deletion(
            [
                ("delete access keys", db.access_keys.list(user.account, user.id)),
                ("delete policies", db.identity_policies.names(user.id)),
                ("detach all policies", db.identity_policies.attached(user.id)),
                ("remove users from group", db.identities.groups_of(user.id)),
            ]
        )
        db.identities.delete(user)
    return {}
