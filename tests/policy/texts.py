"""Texts of policies of every kind, good ones and such as are spoilt in one place."""

import json

import pytest

from openecr.policy.document import Kind, MalformedPolicy, parse

REPOSITORY_STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
REGISTRY_STATEMENT = REPOSITORY_STATEMENT | {"Resource": "arn:aws:ecr:us-east-1:111111111111:repository/*"}
IDENTITY_STATEMENT = {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}
TRUST_STATEMENT = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}
CONTROL_STATEMENT = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Resource": "*"}
STATEMENTS = {
    Kind.REPOSITORY: REPOSITORY_STATEMENT,
    Kind.REGISTRY: REGISTRY_STATEMENT,
    Kind.IDENTITY: IDENTITY_STATEMENT,
    Kind.TRUST: TRUST_STATEMENT,
    Kind.RESOURCE_CONTROL: CONTROL_STATEMENT,
}


def a_text(kind: Kind, *changes: dict, without: tuple[str, ...] = (), **members) -> str:
    """A policy of that kind with a statement for each of the changes made to a good one."""
    statements = [
        {key: value for key, value in (STATEMENTS[kind] | change).items() if key not in without}
        for change in changes or ({},)
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements} | members)


def reason(text: str, kind: Kind, service: str = "ecr") -> str:
    with pytest.raises(MalformedPolicy) as error:
        parse(text, kind, service)
    return error.value.reason


def refused(policies: dict[str, dict[str, str]]) -> list:
    """By what is said of them: texts that are no policies, each with what it shows."""
    return [
        pytest.param(why, text, id=name) for why, texts in policies.items() for name, text in texts.items()
    ]
