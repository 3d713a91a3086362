"""Whom a request to IAM is about, what policies call them, and how they are shown.

A name's case does not count: a request finds an entity by any spelling of it. Policies know it by its ARN,
which has the name as the entity was given it, and its path, which a request does not tell. What is not there
is called by the name alone, so that policies decide who may learn that.
"""

import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

from openecr.domain.principal import AWS_POLICIES, Identity, IdentityKind
from openecr.errors import (
    DeleteConflictException,
    InvalidInputException,
    NoSuchEntityException,
    ValidationError,
)
from openecr.identity.caller import PrincipalType
from openecr.metadata.database import Transaction
from openecr.metadata.identities import fold
from openecr.operations.call import Call, Output
from openecr.operations.context_keys import Value
from openecr.operations.gate import Resources
from openecr.operations.iam.tags import shown_tags

NOUNS = {IdentityKind.USER: "User", IdentityKind.GROUP: "Group", IdentityKind.ROLE: "Role"}
"""What members are called after: UserName, UserId, NewUserName."""


# What policies call them.


@dataclass(frozen=True, slots=True)
class About:
    """Resources of an operation, and the noun by which the list of operations says what it is about."""

    noun: str
    resources: Resources

    def __call__(self, call: Call) -> Iterable[str]:
        return self.resources(call)

    @property
    def __name__(self) -> str:
        return self.noun


def named(kind: IdentityKind) -> Resources:
    """The entity that the input names; without a UserName the caller, also where that is no user."""
    return About(kind, lambda call: [_arn_of(call, kind)])


def new(kind: IdentityKind) -> Resources:
    """The entity that is to be, with the path it is to have."""

    def resources(call: Call) -> list[str]:
        return [new_arn(call, kind, call.input[name_member(kind)], call.input.get("Path", "/"))]

    return About(f"new {kind}", resources)


def renamed(kind: IdentityKind) -> Resources:
    """The entity that the input names, as it is and as it is to be. Source: API reference, UpdateUser."""

    def resources(call: Call) -> list[str]:
        now = _arn_of(call, kind)
        path, _, name = now.partition(f":{kind}")[2].rpartition("/")
        name = call.input.get(f"New{name_member(kind)}", name)
        later = new_arn(call, kind, name, call.input.get("NewPath", f"{path}/"))
        return [now] if later == now else [now, later]

    return About(f"{kind}, old and new", resources)


def listed(noun: str) -> Resources:
    """All of a sort, under the path asked for: `arn:aws:iam::111122223333:user/`.

    Source: denials of ListUsers, ListGroups, ListInstanceProfiles, ListVirtualMFADevices as they are quoted
    """

    def resources(call: Call) -> list[str]:
        return [f"arn:aws:iam::{call.caller.account}:{noun}{call.input.get('PathPrefix', '/')}"]

    return About(f"any {noun}", resources)


def given(member: str, noun: str) -> Resources:
    """The policy or the provider whose ARN the input gives.

    Raises ValidationError for what is no ARN of that sort, as AWS was seen to answer AttachRolePolicy
    """

    def resources(call: Call) -> list[str]:
        arn: str = call.input[member]
        if not re.fullmatch(rf"arn:aws:iam::(?:[0-9]{{12}}|aws):{noun}/.+", arn):
            raise ValidationError("Invalid ARN:  Could not be parsed!")
        return [arn]

    return About(noun, resources)


def new_arn(call: Call, kind: IdentityKind, name: str, path: str = "/") -> str:
    return f"arn:aws:iam::{call.caller.account}:{kind}{path}{name}"


def boundary_key(call: Call) -> Mapping[str, Value]:
    """The context key of operations that give an entity a permissions boundary."""
    arn = call.input.get("PermissionsBoundary")
    return {} if arn is None else {"iam:permissionsboundary": arn}


def _arn_of(call: Call, kind: IdentityKind) -> str:
    name = call.input.get(name_member(kind))
    if name is None:
        return call.caller.arn
    with call.reading() as db:
        found = db.identities.find(call.caller.account, kind, name)
    return new_arn(call, kind, name) if found is None else found.arn


# Whom the request is about.


def get_identity(call: Call, db: Transaction, kind: IdentityKind) -> Identity:
    """The entity that the input names. Raises NoSuchEntityException."""
    return db.identities.get(call.caller.account, kind, call.input[name_member(kind)])


def find_user(call: Call, db: Transaction) -> Identity | None:
    """The user that UserName names, or else the caller; None is the account's root, which is no user.

    Raises NoSuchEntityException; ValidationError where a session of a role names nobody, as AWS answers
    GetUser and DeleteAccessKey (recorded in 2026)
    """
    if call.input.get("UserName") is not None:
        return get_identity(call, db, IdentityKind.USER)
    if call.caller.is_root:
        return None
    if call.caller.type is not PrincipalType.USER:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    found = db.identities.find_by_id(call.caller.identity_id)
    if found is None:  # deleted since the request was let in
        name = call.caller.arn.rpartition("/")[2]
        raise NoSuchEntityException(f"The user with name {name} cannot be found.")
    return found


def name_member(kind: IdentityKind) -> str:
    return f"{NOUNS[kind]}Name"


def folded_name(identity: Identity) -> str:
    """The key of lists by name."""
    return fold(identity.name)


# What may not be done.


def check_boundary(call: Call, db: Transaction, arn: str) -> None:
    """Return if a managed policy of the account's or of AWS's has that ARN.

    Raises InvalidInputException, NoSuchEntityException: as AWS words it
    """
    if not arn.startswith("arn:"):
        raise InvalidInputException(f"ARN {arn} is not valid.")
    is_ours = arn.startswith((AWS_POLICIES, f"arn:aws:iam::{call.caller.account}:policy/"))
    if not is_ours or db.managed_policies.find(arn) is None:
        raise NoSuchEntityException(f"Scope ARN: {arn} does not exist or is not attachable.")


def refuse_deletion(left: Iterable[tuple[str, Sized]]) -> None:
    """Raises DeleteConflictException if anything is left of what must be gone.

    left  (what must be done first, what is left to do it with): ("delete access keys", [key])
    """
    for what, things in left:
        if things:
            raise DeleteConflictException(f"Cannot delete entity, must {what} first.")


# How they are shown.


def summary(identity: Identity) -> Output:
    """What every answer tells of an entity: UserName, UserId, Path, Arn, CreateDate."""
    noun = NOUNS[identity.kind]
    return {
        "Path": identity.path,
        f"{noun}Name": identity.name,
        f"{noun}Id": identity.id,
        "Arn": identity.arn,
        "CreateDate": identity.created_at,
    }


def attributes(identity: Identity) -> Output:
    """What lists leave out: PermissionsBoundary and Tags, if there are any.

    The type of a boundary is `Policy`, as AWS answers and the model's text says; its list of values says
    otherwise.
    """
    shown: Output = {}
    if identity.boundary_arn is not None:
        shown["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": identity.boundary_arn,
        }
    if identity.tags:
        shown["Tags"] = shown_tags(identity.tags)
    return shown
