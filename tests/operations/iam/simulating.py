"""Simulations, and what to look for in their answers."""

import json
from typing import Any

from tests.operations.iam.asking import ACCOUNT, OTHER_ACCOUNT, allow, policy

INVALID = 400, "InvalidInput"


def arn(kind_and_name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind_and_name}"


def repository(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:ecr:us-east-1:{account}:repository/{name}"


APP, OTHER_APP = repository("team/app"), repository("team/app", OTHER_ACCOUNT)
BOB, EVE = arn("user/bob"), arn("user/eve", OTHER_ACCOUNT)
EVERYTHING = policy(allow("*"))


def deny(action: str, resource: str = "*") -> dict[str, Any]:
    return allow(action, resource) | {"Effect": "Deny"}


def when(statement: dict[str, Any], operator: str, **keys: Any) -> dict[str, Any]:
    """The statement on a condition: `aws_PrincipalTag_team="blue"` for aws:PrincipalTag/team."""
    named = {key.replace("_", ":", 1).replace("_", "/"): value for key, value in keys.items()}
    return statement | {"Condition": {operator: named}}


def for_whom(principal: Any, action: str = "ecr:PutImage", effect: str = "Allow") -> str:
    """The policy of a resource, or a trust policy."""
    return policy({"Effect": effect, "Principal": principal, "Action": action})


def custom(iam: Any, *policies: str, actions: Any = ("ecr:PutImage",), **asked: Any) -> list[dict[str, Any]]:
    """The results of SimulateCustomPolicy."""
    answer = iam.simulate_custom_policy(PolicyInputList=list(policies), ActionNames=list(actions), **asked)
    assert answer["IsTruncated"] is False
    results: list[dict[str, Any]] = answer["EvaluationResults"]
    return results


def principal(iam: Any, source: str, *actions: str, **asked: Any) -> list[dict[str, Any]]:
    """The results of SimulatePrincipalPolicy."""
    answer = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=list(actions), **asked)
    assert answer["IsTruncated"] is False
    results: list[dict[str, Any]] = answer["EvaluationResults"]
    return results


def decisions(results: list[dict[str, Any]]) -> list[str]:
    return [result["EvalDecision"] for result in results]


def sources(result: dict[str, Any]) -> set[tuple[str, str]]:
    """Which policies the matched statements are in, and what these are."""
    return {(each["SourcePolicyId"], each["SourcePolicyType"]) for each in result["MatchedStatements"]}


def entry(name: str, *values: str, type: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": type}


def read_statement(text: str, matched: dict[str, Any]) -> Any:
    """What stands in a policy where a matched statement is said to stand."""
    lines = text.splitlines(keepends=True)

    def offset(place: dict[str, int]) -> int:
        return sum(map(len, lines[: place["Line"] - 1])) + place["Column"] - 1

    return json.loads(text[offset(matched["StartPosition"]) : offset(matched["EndPosition"])])
