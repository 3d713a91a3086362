"""The evaluator's vectors: vectors.txt, one case a line. Its letters are explained in auth-iam.md §7."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openecr.policy.document import Kind, parse
from openecr.policy.request import AccessRequest, Policies, Principal, Source

A, B = "111111111111", "222222222222"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
REPOSITORY = f"arn:aws:ecr:us-east-1:{A}:repository/"
SCOPE_V1 = {"ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"}

PRINCIPALS = {
    "U": Principal("User", f"arn:aws:iam::{A}:user/alice", A, "AIDAALICEALICEALICE1"),
    "S": Principal(
        "AssumedRole",
        f"arn:aws:sts::{A}:assumed-role/dev/sess1",
        A,
        "AROADEVDEVDEVDEVDEV1:sess1",
        f"arn:aws:iam::{A}:role/dev",
    ),
    "XU": Principal("User", f"arn:aws:iam::{B}:user/bob", B, "AIDABOBBOBBOBBOBBOB1"),
    "XS": Principal(
        "AssumedRole",
        f"arn:aws:sts::{B}:assumed-role/ci/run1",
        B,
        "AROACICICICICICICIC1:run1",
        f"arn:aws:iam::{B}:role/ci",
    ),
    "rootA": Principal("Account", f"arn:aws:iam::{A}:root", A, A),
    "rootB": Principal("Account", f"arn:aws:iam::{B}:root", B, B),
    "anon": Principal("Anonymous", "anonymous", "", ""),
}


@dataclass(frozen=True)
class Vector:
    id: str
    request: AccessRequest
    policies: Policies
    wants_allow: bool
    reason: str  # of a denial

    def __str__(self) -> str:
        return self.id


def vectors() -> list[Vector]:
    lines = (Path(__file__).parent / "vectors.txt").read_text().splitlines()
    return [_vector(json.loads(_expanded(line))) for line in lines]


def a_document(statements: list[dict[str, Any]], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statements})


def _expanded(line: str) -> str:
    return (
        line.replace("@R/", REPOSITORY).replace('"@PULL"', json.dumps(PULL)).replace("@A", A).replace("@B", B)
    )


def _vector(line: dict[str, Any]) -> Vector:
    principal = PRINCIPALS.get(line["p"]) or Principal("Service", line["p"].removeprefix("svc:"), "", "")
    action, resource = line["a"], line["r"]
    if resource == "*":
        owner = principal.account
    else:
        owner = A
        resource = f"{REPOSITORY}*" if resource == "*repos" else resource
        resource = resource if resource.startswith("arn:") else REPOSITORY + resource

    def source(kind: str, grammar: Kind, statements: list[dict[str, Any]]) -> Source:
        text = a_document(statements, line.get("ver", "2012-10-17"))
        return Source(kind, kind, parse(text, grammar, action.partition(":")[0]))

    def sources(name: str, kind: str, grammar: Kind) -> tuple[Source, ...]:
        return (source(kind, grammar, line[name]),) if name in line else ()

    registry = sources("GP", "resource", Kind.REGISTRY)
    if line.get("scope") == "V1" and action not in SCOPE_V1:
        registry = ()
    policies = Policies(
        identity=sources("I", "identity", Kind.IDENTITY),
        boundary=next(iter(sources("PB", "boundary", Kind.IDENTITY)), None),
        session=sources("SP", "session", Kind.IDENTITY) or None,
        resource=sources("RP", "resource", Kind.REPOSITORY) + registry,
        service_control=tuple((source("service control", Kind.IDENTITY, level),) for level in line["SCP"])
        if "SCP" in line
        else None,
        resource_control=tuple(
            (source("resource control", Kind.RESOURCE_CONTROL, level),) for level in line.get("RCP", ())
        ),
    )
    context = {
        key.lower(): tuple(value) if isinstance(value, list) else value
        for key, value in line.get("ctx", {}).items()
    }
    return Vector(
        line["id"],
        AccessRequest(principal, action, resource, owner, context),
        policies,
        line["want"] == "ALLOW",
        line["why"].split()[0],
    )
