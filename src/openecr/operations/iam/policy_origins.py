"""Where the policies of a simulation come from, as its answer says it and as its input leaves some out.

A policy in force has one name, by which people call it (db.identity_policies.in_force); here its parts are
told apart again: it is inline or managed, of whom, called what.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openecr.domain.principal import AWS_POLICIES, Identity
from openecr.errors import InvalidInputException
from openecr.policy.effort import Effort
from openecr.policy.matching import Patterns, with_wildcards
from openecr.policy.request import Source

INLINE = re.compile(r"(user|group|role) policy (\S+)(?: of (\S+))?")
MANAGED_ARN = re.compile(r"arn:aws:iam::(?:[0-9]{12}|aws):policy/(.+)")
OF_RESOURCES = frozenset({"resource", "trust"})

INLINE_TYPES = frozenset({"user", "group", "role"})
BOUNDARY = "permission-boundary"
NEVER_IN_FORCE = frozenset({"scp", "rcp"})
"""Accounts here belong to no organisation."""


@dataclass(frozen=True, slots=True)
class Origin:
    type: str  # of the model's PolicySourceType: user, group, role, aws-managed, user-managed, resource, none
    name: str  # the policy's own
    holder: str = ""  # of an inline policy: the name of the user, group or role that has it
    arn: str = ""  # of a managed policy

    @property
    def id(self) -> str:
        """What answers call it: `user_alice_pull`, `AdministratorAccess`, `PolicyInputList.1`.

        Source: API reference, SimulatePrincipalPolicy, "Examples"
        """
        return f"{self.type}_{self.holder}_{self.name}" if self.holder else self.name


def origin_of(source: Source, holder: Identity | None) -> Origin:
    """Where a policy of a simulation comes from.

    holder  whose policies are simulated: its own inline policies are not called after it
    """
    if source.kind in OF_RESOURCES:
        return Origin("resource", source.name)
    if source.name.startswith("arn:"):
        is_of_aws = source.name.startswith(AWS_POLICIES)
        name = source.name.rpartition("/")[2]
        return Origin("aws-managed" if is_of_aws else "user-managed", name, arn=source.name)
    inline = INLINE.fullmatch(source.name)
    if inline is None:
        return Origin("none", source.name)
    assert holder is not None, "only somebody's policies are inline"
    return Origin(inline[1], inline[2], holder=inline[3] or holder.name)


class Exclusions:
    """PolicyExclusionList: which policies in force shall not count. Raises InvalidInputException.

    One that names no policy in force excludes none. Source: the service model, SimulatePrincipalPolicy
    """

    def __init__(self, given: Sequence[Mapping[str, Any]]) -> None:
        self._types: set[str] = set()
        self._arns: list[str] = []
        self._inline: set[tuple[str, str, str]] = set()  # (kind of holder, name of holder, name of policy)
        for identifier in given:
            if len(identifier) != 1:
                raise InvalidInputException("A policy to exclude is identified in one way.")
            ((way, value),) = identifier.items()
            if way == "PolicyType":
                self._types.add(value)
            elif way == "PolicyArn":
                self._arns.append(_arn_pattern(value))
            else:
                self._inline.add((value["AttachmentType"], value["AttachmentName"], value["PolicyName"]))
        self._patterns = Patterns(self._arns, colons=5)

    @property
    def has_boundary(self) -> bool:
        """Whether they leave out the boundary of permissions."""
        return BOUNDARY in self._types

    def mean(self, origin: Origin) -> bool:
        """Whether they leave out a policy that gives permissions."""
        if origin.type in INLINE_TYPES:
            return "inline" in self._types or (origin.type, origin.holder, origin.name) in self._inline
        return origin.type in self._types or self._patterns.match(origin.arn, Effort())


def _arn_pattern(arn: str) -> str:
    """Raises InvalidInputException for what is no ARN of a policy. Wildcards may stand in the name alone, and
    but one star."""
    written = MANAGED_ARN.fullmatch(arn)
    if written is None or written[1].count("*") > 1:
        raise InvalidInputException(f"ARN {arn} is not valid.")
    return with_wildcards(arn)
