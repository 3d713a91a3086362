"""A registry: one account's, in a region, private or public; and how its things are called.

Source: control-plane.md §2.1, §9.2. The public registry of an account is one whatever the region,
so its region here is always PUBLIC_REGION.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
ALIAS = re.compile(r"[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*")
PUBLIC_REGION = "us-east-1"


class Kind(StrEnum):
    """Private and public registries, named by the service that speaks for them."""

    PRIVATE = "ecr"
    PUBLIC = "ecr-public"


@dataclass(frozen=True, slots=True)
class Registry:
    kind: Kind
    account: str
    region: str

    @property
    def id(self) -> str:
        """The registry id: the number of the account that owns it."""
        return self.account

    def repository_arn(self, name: str) -> str:
        """The ARN of a repository of that name, or of a pattern such as `*`."""
        if self.kind is Kind.PUBLIC:
            return f"arn:aws:ecr-public::{self.account}:repository/{name}"
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{name}"

    @property
    def arn(self) -> str:
        """The ARN of a public registry."""
        return f"arn:aws:ecr-public::{self.account}:registry/{self.account}"


def private_registry(account: str, region: str) -> Registry:
    return Registry(Kind.PRIVATE, account, region)


def public_registry(account: str) -> Registry:
    return Registry(Kind.PUBLIC, account, PUBLIC_REGION)


def parse_repository_arn(arn: str) -> tuple[Registry, str] | None:
    """The registry and the name in a repository's ARN; None for any other text, one of another partition too:
    a thing has one ARN, or a policy that names it would miss it."""
    found = _REPOSITORY_ARN.fullmatch(arn)
    if found is None or bool(found[2]) is (found[1] == Kind.PUBLIC):
        return None
    if found[1] == Kind.PUBLIC:
        return public_registry(found[3]), found[4]
    return private_registry(found[3], found[2]), found[4]


def owner_of(arn: str) -> str:
    """The account whose resource it is, which may be none that exists; empty for `*` and for what is
    everybody's, AWS's own policies."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4] != "aws" else ""


_REPOSITORY_ARN = re.compile(r"arn:aws:(ecr|ecr-public):([a-z0-9-]*):([0-9]{12}):repository/(.{1,256})")
