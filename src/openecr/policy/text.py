"""The text of a stored policy: written anew, in the form ECR gives it.

Two blanks deeper for every object, ` : ` between key and value, lists on one line, an object in a
list opening on the bracket's line; the members of a statement in one order whatever theirs was. Lists
and statements keep their order. Source: auth-iam.md §6.1, control-plane.md §5.2.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from openecr.policy.reading import Number, read_document

DOCUMENT_ORDER = ("Version", "Id", "Statement")
STATEMENT_ORDER = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)


def render(document: Mapping[str, Any]) -> str:
    """The text of a policy document. Nothing is added or left out; a member without a place comes last."""
    statements = document.get("Statement")
    ordered = dict(_ordered(document, DOCUMENT_ORDER))
    if isinstance(statements, list):
        ordered["Statement"] = [_ordered(each, STATEMENT_ORDER) for each in statements]
    elif isinstance(statements, Mapping):
        ordered["Statement"] = _ordered(statements, STATEMENT_ORDER)
    return _written(ordered, 0)


def with_principals(text: str, translate: Callable[[str], str]) -> str:
    """The text of a policy anew, each AWS principal in it but `*` put through `translate`.

    The text is that of a policy which has been parsed.
    """
    document, _ = read_document(text)
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            if isinstance(named, dict) and "AWS" in named:
                named["AWS"] = _translated(named["AWS"], translate)
    return render(document)


def _translated(named: str | list[str], translate: Callable[[str], str]) -> str | list[str]:
    if isinstance(named, list):
        return [each if each == "*" else translate(each) for each in named]
    return named if named == "*" else translate(named)


def _ordered(members: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    first = {key: members[key] for key in order if key in members}
    return first | dict(members)


def _written(value: object, depth: int) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "{ }"
        blanks = "  " * (depth + 1)
        members = (f"{blanks}{_written(key, 0)} : {_written(each, depth + 1)}" for key, each in value.items())
        return "{\n" + ",\n".join(members) + "\n" + "  " * depth + "}"
    if isinstance(value, list | tuple):
        # A list is no step deeper; what is in it stands on the same line.
        return f"[ {', '.join(_written(each, depth) for each in value)} ]" if value else "[ ]"
    if isinstance(value, Number):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
