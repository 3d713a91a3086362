"""Lifecycle policies, as people write them."""

import json
from typing import Any


def a_rule(priority: int = 1, action: str = "expire", **selection: Any) -> dict[str, Any]:
    """About all images, keeping one, unless `selection` says otherwise; a member that is None is left out."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1} | selection
    if selection["countType"].startswith("since"):
        selection.setdefault("countUnit", "days")
    if selection["countType"] == "sinceImageTransitioned":
        selection.setdefault("storageClass", "archive")
    return {
        "rulePriority": priority,
        "selection": {name: value for name, value in selection.items() if value is not None},
        "action": {"type": action} | ({"targetStorageClass": "archive"} if action == "transition" else {}),
    }


def older_than(days: int, priority: int = 1, action: str = "expire", **selection: Any) -> dict[str, Any]:
    return a_rule(priority, action, countType="sinceImagePushed", countNumber=days, **selection)


def keep(number: int, priority: int = 1, action: str = "expire", **selection: Any) -> dict[str, Any]:
    return a_rule(priority, action, countNumber=number, **selection)


def tagged(*patterns: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": list(patterns)}


def prefixed(*prefixes: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPrefixList": list(prefixes)}


UNTAGGED = {"tagStatus": "untagged"}


def a_text(*rules: dict[str, Any], **form: Any) -> str:
    return json.dumps({"rules": list(rules)}, **form)
