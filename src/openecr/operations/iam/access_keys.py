"""Access keys of users and of the root: CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey.

Without a UserName they are about whoever asks. The root's keys are shown without one: it has no name. A key
that a setting gives the root is a key like the others until the server starts anew, which gives it again.
GetAccessKeyLastUsed is not here: when a key was last used is not written down.
"""

from typing import Any

from openecr.domain.principal import ACTIVE, INACTIVE, AccessKey, Identity
from openecr.errors import InvalidInputException, NoSuchEntityException
from openecr.identity.credentials import make_access_key
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.iam import quotas
from openecr.operations.iam.entities import find_user, named
from openecr.operations.iam.paging import by_position
from openecr.operations.iam.users import USER


@operation("iam", resource=named(USER))
def create_access_key(call: Call) -> Output:
    """Make a key. Its secret is in this answer and nowhere else: it is kept sealed.

    Input   UserName
    Output  AccessKey
    Raises  NoSuchEntityException, LimitExceededException; ValidationError where a session of a role names
            nobody
    """
    made = make_access_key()
    with call.transaction() as db:
        user = find_user(call, db)
        key = AccessKey(
            id=made.id,
            account=call.caller.account,
            user_id=None if user is None else user.id,
            sealed_secret=call.stores.sealer.seal(made.secret.encode(), made.id.encode()),
            status=ACTIVE,
            created_at=call.now,
        )
        quotas.ACCESS_KEYS.check(len(_keys(call, db, user)) + 1)
        db.access_keys.add(key)
    return {"AccessKey": _shown(key, user) | {"SecretAccessKey": made.secret}}


@operation("iam", resource=named(USER), inline=True)
def list_access_keys(call: Call) -> Output:
    """The keys of a user, oldest first, without their secrets.

    Input   UserName, MaxItems, Marker
    Output  AccessKeyMetadata, IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    with call.reading() as db:
        user = find_user(call, db)
        keys = _keys(call, db, user)
    return by_position(call, "AccessKeyMetadata", [_shown(key, user) for key in keys])


@operation("iam", resource=named(USER))
def update_access_key(call: Call) -> Output:
    """Let a key rest, or let it work again.

    Input   AccessKeyId, Status (Active, Inactive), UserName
    Output  nothing
    Raises  NoSuchEntityException, ValidationError; InvalidInputException for the status Expired, which the
            model has and nobody can give
    """
    status = call.input["Status"]
    if status not in (ACTIVE, INACTIVE):
        raise InvalidInputException("The status of an access key can be set to Active or Inactive.")
    with call.transaction() as db:
        db.access_keys.set_status(_get_key(call, db).id, status)
    return {}


@operation("iam", resource=named(USER))
def delete_access_key(call: Call) -> Output:
    """Delete a key, be it the one the call is signed with.

    Input   AccessKeyId, UserName
    Output  nothing
    Raises  NoSuchEntityException, ValidationError
    """
    with call.transaction() as db:
        db.access_keys.delete(_get_key(call, db).id)
    return {}


def _keys(call: Call, db: Transaction, user: Identity | None) -> list[AccessKey]:
    return db.access_keys.list(call.caller.account, None if user is None else user.id)


def _get_key(call: Call, db: Transaction) -> AccessKey:
    """The key that AccessKeyId names, which must be of the user asked about."""
    wanted = call.input["AccessKeyId"]
    for key in _keys(call, db, find_user(call, db)):
        if key.id == wanted:
            return key
    raise NoSuchEntityException(f"The Access Key with id {wanted} cannot be found.")


def _shown(key: AccessKey, user: Identity | None) -> dict[str, Any]:
    owner = {} if user is None else {"UserName": user.name}
    return owner | {"AccessKeyId": key.id, "Status": key.status, "CreateDate": key.created_at}
