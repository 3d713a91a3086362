"""Generated requests and policies, made to meet: few principals, actions, repositories, keys and values,
so that what a statement names is what some request asks for."""

import json
import random
from dataclasses import dataclass
from typing import Any

from openecr.policy.document import Kind, parse
from openecr.policy.request import AccessRequest, Policies, Principal, Source
from tests.policy.vectors import PRINCIPALS, REPOSITORY, A, B

ROLE = f"arn:aws:iam::{A}:role/target"
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/ci.example.com/main"
WHO = [
    *PRINCIPALS.values(),
    PRINCIPALS["U"],
    PRINCIPALS["S"],
    PRINCIPALS["S"],
    Principal("FederatedUser", f"arn:aws:sts::{A}:federated-user/fay", A, f"{A}:fay"),
    Principal("Service", "codebuild.amazonaws.com", "", ""),
    Principal("WebIdentity", PROVIDER, A, ""),
]
ACTIONS = ["ecr:PutImage", "ecr:BatchGetImage", "ecr:BatchDeleteImage", "ecr:CreateRepository"]
ACTION_PATTERNS = [
    "*",
    "ecr:*",
    "ecr:*",
    "ecr:Batch*",
    "ecr:*Image",
    "ECR:putimage",
    "ecr:?utImage",
    "ecr:*e*R*",
]
TRUST_ACTIONS = ["sts:*", "sts:AssumeRole", "sts:assumerole*", "sts:AssumeRoleWith*", "sts:TagSession"]
NAMES = ["app", "team/app", "prod/app", "alice/web", "team/a*b"]
RESOURCE_PATTERNS = [
    "*",
    "*",
    f"{REPOSITORY}*",
    f"{REPOSITORY}app",
    f"{REPOSITORY}team/*",
    f"{REPOSITORY}*/app",
    f"{REPOSITORY}?pp",
    f"{REPOSITORY}*a*p?",
    f"arn:aws:ecr:*:{A}:*",
    "arn:aws:ecr:eu-*-1:*:repository/*",
    f"arn:*:ecr:us-????-1:{A[:6]}*:repository/app",
    f"{REPOSITORY}${{aws:username}}/*",
    f"{REPOSITORY}${{aws:PrincipalTag/team, 'team'}}/*",
    f"{REPOSITORY}team/a${{*}}b",
    f"{REPOSITORY}${{aws:TagKeys}}",
]
AWS_NAMES = [
    "*",
    A,
    B,
    f"arn:aws:iam::{A}:root",
    f"arn:aws:iam::{B}:root",
    *(each.arn for each in PRINCIPALS.values() if each.type in ("User", "AssumedRole")),
    *(each.role_arn for each in PRINCIPALS.values() if each.role_arn),
    PRINCIPALS["U"].id,
    PRINCIPALS["S"].id.partition(":")[0],
    PRINCIPALS["XS"].id.partition(":")[0],
    "AIDAGONEGONEGONEGONE",
    f"arn:aws:sts::{A}:federated-user/fay",
    f"arn:aws:iam::{A}:user/path/alice",
]
TEXTS = ["red", "Red", "blue", "", "re*", "team", "10"]
TEXT_PATTERNS = [
    *TEXTS,
    "*",
    "r?d",
    "*e*",
    "b*",
    "${aws:PrincipalTag/team}",
    "${aws:UserAgent, 'red'}",
    "r${?}d",
    "x${$}",
]
ARNS = [
    *(each.role_arn or each.arn for each in WHO),
    "no-arn",
    "arn:aws:codebuild:us-east-1:111111111111:project/p1",
]
ARN_PATTERNS = [
    *ARNS,
    f"arn:aws:iam::{A}:*",
    "arn:aws:iam::*:role/*",
    "arn:*:*:*:*:user/?lice",
    "*",
    "arn:aws:iam::${aws:PrincipalAccount}:user/*",
    "${aws:SourceArn}",
]
NUMBERS = ["0", "10", "10.0", "-3", "1e1", "9.5", "299", "many"]
MOMENTS = [
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2025-12-31T23:59:59.5Z",
    "1767225600",
    "soon",
]
ADDRESSES = ["10.0.0.1", "10.255.0.1", "192.0.2.7", "2001:db8::1", "2001:db9::1", "elsewhere"]
NETWORKS = ["10.0.0.0/8", "10.0.0.1", "10.0.0.7/30", "192.0.2.0/24", "2001:db8::/32", "::/0", "0.0.0.0/0"]
BOOLEANS = ["true", "false", "TRUE", "maybe"]
BINARIES = ["cmVk", "Ymx1ZQ==", "cmVk====", "*"]

# By family: operators, keys, values of the request, values of a policy.
FAMILIES: list[tuple[list[str], list[str], list[str], list[Any]]] = [
    (
        [
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        ["aws:PrincipalTag/team", "aws:ResourceTag/team", "aws:UserAgent", "aws:username"],
        TEXTS,
        TEXT_PATTERNS,
    ),
    (
        ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"],
        ["aws:TagKeys", "aws:CalledVia"],
        TEXTS,
        TEXT_PATTERNS,
    ),
    (
        ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
        ["aws:PrincipalArn", "aws:SourceArn"],
        ARNS,
        ARN_PATTERNS,
    ),
    (
        [
            f"Numeric{each}"
            for each in (
                "Equals",
                "NotEquals",
                "LessThan",
                "LessThanEquals",
                "GreaterThan",
                "GreaterThanEquals",
            )
        ],
        ["aws:MultiFactorAuthAge"],
        NUMBERS,
        [*NUMBERS[:-1], 10, 9.5],
    ),
    (
        [
            f"Date{each}"
            for each in (
                "Equals",
                "NotEquals",
                "LessThan",
                "LessThanEquals",
                "GreaterThan",
                "GreaterThanEquals",
            )
        ],
        ["aws:CurrentTime"],
        MOMENTS,
        MOMENTS[:-1],
    ),
    (["IpAddress", "NotIpAddress"], ["aws:SourceIp"], ADDRESSES, NETWORKS),
    (["Bool"], ["aws:SecureTransport"], BOOLEANS, ["true", "False", True, False]),
    (["BinaryEquals"], ["my:Bytes"], BINARIES, BINARIES[:2]),
]
MULTI_VALUED = {"aws:TagKeys", "aws:CalledVia"}
KEYS = sorted({key for _, keys, _, _ in FAMILIES for key in keys})


@dataclass(frozen=True)
class Case:
    request: AccessRequest
    documents: dict[str, Any]  # as slow_evaluator.decide takes them

    def policies(self) -> Policies:
        found = self.documents
        return Policies(
            identity=tuple(a_source("identity", each) for each in found["identity"]),
            boundary=None if found["boundary"] is None else a_source("boundary", found["boundary"]),
            session=None
            if found["session"] is None
            else tuple(a_source("session", each) for each in found["session"]),
            resource=tuple(a_source("resource", each) for each in found["resource"]),
            trust=None if found["trust"] is None else a_source("trust", found["trust"]),
            service_control=tuple(
                tuple(a_source("service control", each) for each in level)
                for level in found["service control"]
            ),
            resource_control=tuple(
                tuple(a_source("resource control", each) for each in level)
                for level in found["resource control"]
            ),
        )


GRAMMARS = {"trust": Kind.TRUST, "resource control": Kind.RESOURCE_CONTROL}


def a_source(kind: str, document: dict[str, Any]) -> Source:
    grammar = GRAMMARS.get(kind, Kind.IDENTITY)
    if kind == "resource":
        has_resource = any(each.keys() & {"Resource", "NotResource"} for each in document["Statement"])
        grammar = Kind.REGISTRY if has_resource else Kind.REPOSITORY
    return Source(kind, f"a {kind} policy", parse(json.dumps(document), grammar))


class World:
    """A stock of documents, and the cases made of them."""

    def __init__(self, seed: str, documents: int = 40) -> None:
        self.random = random.Random(seed)
        kinds = ("identity", "repository", "registry", "trust", "resource control")
        self.stock = {kind: [self.document(kind) for _ in range(documents)] for kind in kinds}

    def case(self) -> Case:
        pick = self.random
        principal = pick.choice(WHO)
        is_trust = principal.type == "WebIdentity" or pick.random() < 0.12
        if is_trust:
            action = "sts:AssumeRoleWithWebIdentity" if principal.type == "WebIdentity" else "sts:AssumeRole"
            resource, owner = ROLE, A
        elif principal.account == A and pick.random() < 0.05:
            action, resource, owner = "ecr:GetAuthorizationToken", "*", A
        else:
            name = pick.choice(NAMES)
            action, resource, owner = pick.choice(ACTIONS), REPOSITORY + name, A
        documents = {
            "identity": self.some("identity", 0, 3),
            "boundary": self.maybe("identity", 0.2),
            "session": self.some("identity", 0, 2) if pick.random() < 0.25 else None,
            "resource": self.some("repository", 0, 2) + self.some("registry", 0, 1),
            "trust": pick.choice(self.stock["trust"]) if is_trust else None,
            "service control": [self.some("identity", 1, 3) for _ in range(pick.choice([0, 0, 0, 1, 2]))],
            "resource control": [
                self.some("resource control", 0, 1) for _ in range(pick.choice([0, 0, 0, 1]))
            ],
        }
        return Case(AccessRequest(principal, action, resource, owner, self.context()), documents)

    def some(self, kind: str, least: int, most: int) -> list[dict[str, Any]]:
        return [self.random.choice(self.stock[kind]) for _ in range(self.random.randint(least, most))]

    def maybe(self, kind: str, chance: float) -> dict[str, Any] | None:
        return self.random.choice(self.stock[kind]) if self.random.random() < chance else None

    def context(self) -> dict[str, str | tuple[str, ...]]:
        context: dict[str, str | tuple[str, ...]] = {}
        for _, keys, values, _ in FAMILIES:
            for key in keys:
                if key in MULTI_VALUED:
                    context[key.lower()] = tuple(self.random.sample(values, self.random.randint(0, 3)))
                elif self.random.random() < 0.7:
                    context[key.lower()] = self.random.choice(values)
                if self.random.random() < 0.2:
                    context.pop(key.lower(), None)
        context["aws:principalaccount"] = self.random.choice([A, B])
        return context

    def document(self, kind: str) -> dict[str, Any]:
        statements = [self.statement(kind) for _ in range(self.random.randint(1, 3))]
        document: dict[str, Any] = {"Statement": statements}
        if self.random.random() < 0.9:
            document["Version"] = self.random.choice(["2012-10-17"] * 5 + ["2008-10-17"])
        return document

    def statement(self, kind: str) -> dict[str, Any]:
        pick = self.random
        effect = "Deny" if kind == "resource control" or pick.random() < 0.15 else "Allow"
        statement: dict[str, Any] = {"Effect": effect}
        if kind != "identity":
            statement |= self.principal(kind, effect)
        statement |= self.action(kind)
        if kind in ("identity", "registry", "resource control"):
            name = "NotResource" if pick.random() < 0.15 else "Resource"
            patterns = [*RESOURCE_PATTERNS, ROLE] if kind == "identity" else RESOURCE_PATTERNS
            statement[name] = self.one_or_more(patterns)
        if pick.random() < (0.6 if effect == "Deny" else 0.4):
            statement["Condition"] = self.condition()
        return statement

    def principal(self, kind: str, effect: str) -> dict[str, Any]:
        pick = self.random
        if kind == "resource control":
            return {"Principal": "*"}
        name = "NotPrincipal" if effect == "Deny" and pick.random() < 0.4 else "Principal"
        if pick.random() < 0.15:
            return {name: "*"}
        element: dict[str, Any] = {"AWS": self.one_or_more(AWS_NAMES)}
        if name == "NotPrincipal" and pick.random() < 0.5:
            who = pick.choice(WHO[:4])
            element["AWS"] = [each for each in (who.account, who.arn, who.role_arn) if each]
        if pick.random() < 0.3:
            element["Service"] = self.one_or_more(["codebuild.amazonaws.com", "lambda.amazonaws.com"])
        if kind == "trust" and pick.random() < 0.5:
            element["Federated"] = pick.choice(
                [
                    PROVIDER,
                    "ci.example.com/main",
                    f"arn:aws:iam::{A}:oidc-provider/ci.example.com",
                    "other.example.com",
                ]
            )
        return {name: element}

    def action(self, kind: str) -> dict[str, Any]:
        name = "NotAction" if self.random.random() < 0.15 else "Action"
        if kind == "trust":
            return {name: self.one_or_more(TRUST_ACTIONS)}
        patterns = [*ACTIONS, *ACTION_PATTERNS]
        return {
            name: self.one_or_more(
                patterns if kind in ("repository", "registry") else [*patterns, "s3:*", "sts:*", "*"]
            )
        }

    def condition(self) -> dict[str, Any]:
        pick = self.random
        condition: dict[str, Any] = {}
        for _ in range(pick.choice([1, 1, 2])):
            operators, keys, _, wanted = pick.choice(FAMILIES)
            key = pick.choice(keys)
            if pick.random() < 0.1:
                name, values = "Null", pick.choice(["true", "false", True, ["true", "false"]])
            else:
                name = pick.choice(operators) + pick.choice(["", "", "IfExists"])
                values = self.one_or_more(wanted)
            if key in MULTI_VALUED or pick.random() < 0.1:
                name = pick.choice(["", "ForAllValues:", "ForAnyValue:", "ForAnyValue:"]) + name
            condition.setdefault(name, {})[pick.choice([key, key.upper()])] = values
        return condition

    def one_or_more(self, choices: list[Any]) -> Any:
        count = self.random.choice([0, 0, 1, 2, 3])
        return [self.random.choice(choices) for _ in range(count)] if count else self.random.choice(choices)
