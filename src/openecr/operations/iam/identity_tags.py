"""The tags of users and roles: set, removed, listed. Groups have none. What tags may be: tags.py."""

from dataclasses import replace

from openecr.domain.principal import IdentityKind
from openecr.operations.call import Call, Output
from openecr.operations.iam.each_kind import of_each
from openecr.operations.iam.entities import NOUNS, get_identity
from openecr.operations.iam.tags import page_of_tags, parse_tags, with_tags, without_tags

TAGGED = (IdentityKind.USER, IdentityKind.ROLE)


@of_each("Tag{}", TAGGED)
def tag(call: Call, kind: IdentityKind) -> Output:
    """Set tags of a user or a role; those with other keys stay.

    Input   UserName or RoleName; Tags [{Key, Value}]
    Output  nothing
    Raises  InvalidInputException, LimitExceededException, NoSuchEntityException
    """
    tags = parse_tags(call.input["Tags"])
    with call.transaction() as db:
        identity = get_identity(call, db, kind)
        merged = with_tags(identity.tags, tags, of=NOUNS[kind])
        db.identities.update(replace(identity, tags=merged))
    return {}


@of_each("Untag{}", TAGGED)
def untag(call: Call, kind: IdentityKind) -> Output:
    """Remove tags of a user or a role; keys that are not there are no error.

    Input   UserName or RoleName; TagKeys
    Output  nothing
    Raises  InvalidInputException, NoSuchEntityException
    """
    with call.transaction() as db:
        identity = get_identity(call, db, kind)
        left = without_tags(identity.tags, call.input["TagKeys"])
        db.identities.update(replace(identity, tags=left))
    return {}


@of_each("List{}Tags", TAGGED)
def list_tags(call: Call, kind: IdentityKind) -> Output:
    """The tags of a user or a role, sorted by key.

    Input   UserName or RoleName; MaxItems, Marker
    Output  Tags, IsTruncated, Marker
    Raises  NoSuchEntityException, ValidationError
    """
    with call.reading() as db:
        return page_of_tags(call, get_identity(call, db, kind).tags)
