"""Groups: CreateGroup, GetGroup, ListGroups, UpdateGroup, DeleteGroup; who is in which."""

from dataclasses import replace

from openecr.domain.principal import ID_PREFIXES, Identity, IdentityKind, new_id
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.iam import quotas
from openecr.operations.iam.entities import (
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

GROUP, USER = IdentityKind.GROUP, IdentityKind.USER


@operation("iam", resource=new(GROUP))
def create_group(call: Call) -> Output:
    """Make a group, with nobody in it.

    Input   GroupName, Path
    Output  Group
    Raises  EntityAlreadyExistsException, LimitExceededException
    """
    group = Identity(
        id=new_id(ID_PREFIXES[GROUP]),
        kind=GROUP,
        account=call.caller.account,
        path=call.input.get("Path", "/"),
        name=call.input["GroupName"],
        created_at=call.now,
    )
    with call.transaction() as db:
        db.identities.add(group)
        quotas.GROUPS.check(db.identities.count(group.account, GROUP))
    return {"Group": summary(group)}


@operation("iam", resource=named(GROUP))
def get_group(call: Call) -> Output:
    """A group and, page by page, the users in it.

    Input   GroupName, MaxItems, Marker
    Output  Group, Users, IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    asked = page(call)
    with call.reading() as db:
        group = get_identity(call, db, GROUP)
        users = db.identities.members(group.id)
    return {"Group": summary(group)} | by_key(call, asked, "Users", users, key=folded_name, show=summary)


@operation("iam", resource=listed("group"))
def list_groups(call: Call) -> Output:
    """The groups of the account by name.

    Input   PathPrefix, MaxItems, Marker
    Output  Groups, IsTruncated, Marker
    Raises  ValidationError
    """
    asked = page(call)
    with call.reading() as db:
        found = db.identities.page(
            call.caller.account,
            GROUP,
            path_prefix=call.input.get("PathPrefix", "/"),
            after=asked.after,
            limit=asked.limit + 1,
        )
    return by_key(call, asked, "Groups", found, key=folded_name, show=summary)


@operation("iam", resource=renamed(GROUP))
def update_group(call: Call) -> Output:
    """Give a group another name, another path, or both. Its users and policies stay.

    Input   GroupName, NewGroupName, NewPath
    Output  nothing
    Raises  NoSuchEntityException, EntityAlreadyExistsException
    Who does it must be allowed to on both the old and the new ARN. Source: API reference, UpdateGroup.
    """
    with call.transaction() as db:
        group = get_identity(call, db, GROUP)
        db.identities.update(
            replace(
                group,
                name=call.input.get("NewGroupName", group.name),
                path=call.input.get("NewPath", group.path),
            )
        )
    return {}


@operation("iam", resource=named(GROUP))
def delete_group(call: Call) -> Output:
    """Delete a group that has neither users nor policies.

    Input   GroupName
    Output  nothing
    Raises  NoSuchEntityException, DeleteConflictException
    The order in which conflicts are told is that of the API reference, DeleteGroup.
    """
    with call.transaction() as db:
        group = get_identity(call, db, GROUP)
        refuse_deletion(
            [
                ("remove users from group", db.identities.members(group.id)),
                ("delete policies", db.identity_policies.names(group.id)),
                ("detach all policies", db.identity_policies.attached(group.id)),
            ]
        )
        db.identities.delete(group)
    return {}


@operation("iam", resource=named(GROUP))
def add_user_to_group(call: Call) -> Output:
    """Put a user into a group; one who is in it already stays there.

    Input   GroupName, UserName
    Output  nothing
    Raises  NoSuchEntityException (of the user first, as AWS tells it), LimitExceededException
    """
    with call.transaction() as db:
        user = get_identity(call, db, USER)
        group = get_identity(call, db, GROUP)
        db.identities.add_member(group.id, user.id)
        quotas.GROUPS_OF_USER.check(len(db.identities.groups_of(user.id)))
    return {}


@operation("iam", resource=named(GROUP))
def remove_user_from_group(call: Call) -> Output:
    """Take a user out of a group; that one is not in it is no error, as AWS was seen to answer.

    Input   GroupName, UserName
    Output  nothing
    Raises  NoSuchEntityException (of the user first)
    """
    with call.transaction() as db:
        user = get_identity(call, db, USER)
        group = get_identity(call, db, GROUP)
        db.identities.remove_member(group.id, user.id)
    return {}


@operation("iam", resource=named(USER), inline=True)
def list_groups_for_user(call: Call) -> Output:
    """The groups a user is in, by name.

    Input   UserName, MaxItems, Marker
    Output  Groups, IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    asked = page(call)
    with call.reading() as db:
        groups = db.identities.groups_of(get_identity(call, db, USER).id)
    return by_key(call, asked, "Groups", groups, key=folded_name, show=summary)
