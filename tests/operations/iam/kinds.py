"""What users, groups and roles have in common: the calls about their policies, whose names differ by kind."""

import re
from dataclasses import dataclass
from typing import Any

from tests.operations.iam.asking import policy

KINDS = ("user", "group", "role")
TRUST = policy({"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"})


@dataclass(frozen=True)
class Entity:
    """The entity bob of a kind: `bob.put_policy(…)` calls PutUserPolicy, PutGroupPolicy or PutRolePolicy."""

    iam: Any
    kind: str
    name: str = "bob"

    def make(self, **settings: Any) -> None:
        if self.kind == "role":
            settings["AssumeRolePolicyDocument"] = TRUST
        getattr(self.iam, f"create_{self.kind}")(**self.who, **settings)

    @property
    def who(self) -> dict[str, str]:
        return {f"{self.kind.capitalize()}Name": self.name}

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::000000000000:{self.kind}/{self.name}"

    def called(self, name: str) -> "Entity":
        return Entity(self.iam, self.kind, name)

    def asked_by(self, iam: Any) -> "Entity":
        return Entity(iam, self.kind, self.name)

    def __getattr__(self, act: str) -> Any:
        """put_policy, list_attached_policies, put_permissions_boundary, …: a call about this entity."""
        ask = getattr(self.iam, re.sub("(?=permissions_boundary|polic)", f"{self.kind}_", act, count=1))
        return lambda **given: ask(**self.who, **given)
