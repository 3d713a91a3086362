"""What a simulation is asked, as far as both operations are asked it. Source: the service model."""

import re
from collections.abc import Iterable

from openecr.domain.registry import owner_of
from openecr.errors import InvalidInputException
from openecr.identity.caller import Caller, PrincipalType
from openecr.operations.call import Call
from openecr.operations.iam.allowance import check_length
from openecr.operations.iam.policy_context_keys import SOURCE_ARN
from openecr.policy.document import Kind, MalformedPolicy, Policy, parse, position
from openecr.policy.request import Source

MOST_POLICIES = 100
"""In all lists together: far above what an identity may have."""
ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
ARN = re.compile(r"arn:(?:[^:]*:){4}.+", re.DOTALL)
OWNER = re.compile(r"([0-9]{12})|arn:aws:iam::([0-9]{12}):root")
ALL_RESOURCES = "*"
SESSION = "simulated"
"""What the session of a role is called that stands for the role."""
RESOURCE_GRAMMARS = (
    (Kind.REPOSITORY, "ecr"),
    (Kind.REPOSITORY, "ecr-public"),
    (Kind.REGISTRY, "ecr"),
    (Kind.TRUST, ""),
)
"""What there are resource-based policies of; a text is of the first whose grammar it keeps."""


def action_names(call: Call) -> list[str]:
    """Raises InvalidInputException for what is no action: wildcards are for policies."""
    names: list[str] = call.input["ActionNames"]
    for name in names:
        if not ACTION.fullmatch(name):
            raise InvalidInputException(f"Invalid action: {name}. One is a service and a name: ecr:PutImage.")
    return names


def resource_arns(call: Call) -> list[str]:
    """By default `*`. Raises InvalidInputException for what is neither that nor an ARN."""
    arns: list[str] = call.input.get("ResourceArns") or [ALL_RESOURCES]
    for arn in arns:
        if arn != ALL_RESOURCES and not ARN.fullmatch(arn):
            raise InvalidInputException(f"Invalid resource: {arn}. It is neither an ARN nor {ALL_RESOURCES}.")
    return arns


def resource_owner(call: Call) -> str:
    """The account that ResourceOwner names, by its number or its root's ARN; empty where it is not given.

    Raises InvalidInputException
    """
    given = call.input.get("ResourceOwner")
    if given is None:
        return ""
    named = OWNER.fullmatch(given)
    if named is None:
        raise InvalidInputException(f"Invalid ResourceOwner: {given}. It is neither an account nor its root.")
    return named[1] or named[2]


def refuse_handling(call: Call) -> None:
    """ResourceHandlingOption picks the EC2 resources that must be there. Raises InvalidInputException."""
    option = call.input.get("ResourceHandlingOption")
    if option is not None:
        raise InvalidInputException(f"ResourceHandlingOption {option} is not supported by openecr.")


def caller_for(arn: str, id: str = "") -> Caller:
    """Who calls, where a user, a group or a role is to be the caller.

    A role calls as a session of it; a group stands for some member, of whom nothing else is known.
    id      the unique id, where that shall count
    Raises  InvalidInputException for other ARNs
    """
    named = SOURCE_ARN.fullmatch(arn)
    if named is None:
        raise InvalidInputException(f"ARN {arn} is not valid.")
    kind, name = named.groups()
    account = owner_of(arn)
    if kind != "role":
        return Caller(PrincipalType.USER, arn, account, id)
    session_arn = f"arn:aws:sts::{account}:assumed-role/{name}/{SESSION}"
    return Caller(PrincipalType.ROLE, session_arn, account, id and f"{id}:{SESSION}", role_arn=arn)


def check_policies(call: Call) -> None:
    """Whether all that are given may be sent along. Raises InvalidInputException."""
    levels = call.input.get("OrderedOrganizationPolicyInputList", ())
    check_length(
        [
            *call.input.get("PolicyInputList", ()),
            *call.input.get("PermissionsBoundaryPolicyInputList", ()),
            *(text for level in levels for text in level.get("ServiceControlPolicyInputList", ())),
            call.input.get("ResourcePolicy", ""),
        ]
    )


def identity_policies(call: Call) -> tuple[Source, ...]:
    """Those of PolicyInputList. Raises InvalidInputException."""
    return _sources("identity", "PolicyInputList", call.input.get("PolicyInputList", ()))


def boundary(call: Call) -> Source | None:
    """That of PermissionsBoundaryPolicyInputList. Raises InvalidInputException, also for several."""
    member = "PermissionsBoundaryPolicyInputList"
    found = _sources("boundary", member, call.input.get(member, ()))
    if len(found) > 1:
        raise InvalidInputException(f"There may be one policy in {member}.")
    return found[0] if found else None


def service_control(call: Call) -> tuple[tuple[Source, ...], ...] | None:
    """The levels of OrderedOrganizationPolicyInputList; None without any. Raises InvalidInputException."""
    member = "OrderedOrganizationPolicyInputList"
    levels = [level.get("ServiceControlPolicyInputList", ()) for level in call.input.get(member, ())]
    found = [
        _sources("service control", f"{member}.{number}", texts) for number, texts in enumerate(levels, 1)
    ]
    return tuple(found) or None


def resource_policy(call: Call) -> Policy | None:
    """That of ResourcePolicy: of a repository, of a registry, or the trust policy of a role.

    Raises InvalidInputException, also for policies of other services' resources
    """
    text = call.input.get("ResourcePolicy")
    if text is None:
        return None
    faults: list[MalformedPolicy] = []
    for kind, service in RESOURCE_GRAMMARS:
        try:
            return parse(text, kind, service)
        except MalformedPolicy as fault:
            faults.append(fault)
    raise _invalid("ResourcePolicy", text, faults[0])


def _sources(kind: str, member: str, texts: Iterable[str]) -> tuple[Source, ...]:
    """Policies of the identity grammar, called after their place: PolicyInputList.1."""
    sources = []
    for number, text in enumerate(texts, 1):
        name = f"{member}.{number}"
        if number > MOST_POLICIES:
            raise InvalidInputException(f"There may be {MOST_POLICIES} policies in {member}.")
        try:
            sources.append(Source(kind, name, parse(text, Kind.IDENTITY)))
        except MalformedPolicy as fault:
            raise _invalid(name, text, fault) from None
    return tuple(sources)


def _invalid(name: str, text: str, fault: MalformedPolicy) -> InvalidInputException:
    line, column = position(text, fault.position or 0)
    return InvalidInputException(
        f"Syntax errors in policy. {name}, line {line}, column {column}: {fault.reason}"
    )
