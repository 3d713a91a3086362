"""Policies and requests in as few words as a test needs."""

import json
from typing import Any

from openecr.policy.document import Kind, parse
from openecr.policy.evaluate import Decision, evaluate
from openecr.policy.request import AccessRequest, Policies, Principal, Source
from tests.policy.vectors import PRINCIPALS, REPOSITORY, A

ALICE, DEV, BOB, ROOT = PRINCIPALS["U"], PRINCIPALS["S"], PRINCIPALS["XU"], PRINCIPALS["rootA"]
APP = f"{REPOSITORY}app"
ROLE = f"arn:aws:iam::{A}:role/target"


def a_policy(
    *statements: dict[str, Any], kind: str = "identity", grammar: Kind = Kind.IDENTITY, name: str = ""
) -> Source:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
    return Source(kind, name or f"a {kind} policy", parse(text, grammar))


def allow(action: str | list[str] = "*", resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str] = "*", resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def grant(principal: Any, action: str | list[str] = "ecr:*", **more: Any) -> dict[str, Any]:
    """An Allow of a repository's policy."""
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def repository_policy(*statements: dict[str, Any]) -> Source:
    return a_policy(*statements, kind="resource", grammar=Kind.REPOSITORY, name="repository policy of app")


def trust_policy(*statements: dict[str, Any]) -> Source:
    return a_policy(*statements, kind="trust", grammar=Kind.TRUST, name="trust policy of target")


def a_request(
    principal: Principal = ALICE,
    action: str = "ecr:PutImage",
    resource: str = APP,
    context: dict[str, str | tuple[str, ...]] | None = None,
) -> AccessRequest:
    return AccessRequest(principal, action, resource, A, {} if context is None else context)


def ask(request: AccessRequest, **policies: Any) -> Decision:
    return evaluate(request, Policies(**policies))


def answer(request: AccessRequest, **policies: Any) -> str:
    """ALLOW, or the reason of the denial."""
    decision = ask(request, **policies)
    return "ALLOW" if decision.allowed else str(decision.reason)


def assume(principal: Principal, action: str = "sts:AssumeRole") -> AccessRequest:
    return a_request(principal, action, ROLE)
