"""Inputs made from the models, as JSON, and what is wrong with those that are not valid."""

import base64
from collections.abc import Iterator
from typing import Any

from openecr.aws.model import Operation, Shape
from tests.aws.shapes import a_value, an_input, replaced, shapes_of, with_digests

OWNER = "000000000000"
REPOSITORY = "ab"  # what tests.aws.shapes calls one

JSON_OF_WRONG_TYPE: dict[str, tuple[Any, str]] = {
    "string": (7, "NUMBER_VALUE can not be converted to a String"),
    "blob": (7, "NUMBER_VALUE can not be converted to a Blob"),
    "boolean": ("x", "STRING_VALUE can not be converted to a Boolean"),
    "integer": ("x", "STRING_VALUE can not be converted to an Integer"),
    "long": ("x", "STRING_VALUE can not be converted to a Long"),
    "list": ({}, "Start of structure or map found where not expected."),
    "structure": ([], "Start of list found where not expected"),
}
"""By the type of a shape: what is not of it, and what is said of that. Source: control-plane.md §1.6."""


def smallest(operation: Operation) -> dict[str, Any]:
    """A valid input with nothing but what must be there, about the repository `ab`."""
    members = operation.input.members
    given = with_digests(
        {name: _small(members[name]) for name in members if name in operation.input.required}
    )
    return as_json(_about_ours(given, operation))


def largest(operation: Operation, *, registry_id: str = OWNER) -> dict[str, Any]:
    """A valid input with every member there is, about the repository `ab` of that registry."""
    given = _about_ours(an_input(operation), operation)
    return as_json(given | ({"registryId": registry_id} if "registryId" in given else {}))


def _small(shape: Shape) -> Any:
    if shape.type == "structure":
        wanted = shape.required or {"imageDigest"} & shape.members.keys() or shape.members
        return {name: _small(member) for name, member in shape.members.items() if name in wanted}
    if shape.type == "list":
        assert shape.element is not None
        return [_small(shape.element)]
    return a_value(shape)


def _about_ours(given: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """With the ARN of the repository in place of any other."""
    region = "us-east-1" if operation.service == "ecr" else ""
    arn = f"arn:aws:{operation.service}:{region}:{OWNER}:repository/{REPOSITORY}"
    return given | ({"resourceArn": arn} if "resourceArn" in given else {})


def as_json(value: Any) -> Any:
    """Blobs are base64."""
    if isinstance(value, dict):
        return {name: as_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_json(element) for element in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def without_a_required_member(operation: Operation) -> Iterator[tuple[dict[str, Any], str]]:
    """(input, the member it lacks)."""
    whole = largest(operation)
    for path, shape in shapes_of(operation.input):
        for name in sorted(shape.required):
            yield replaced(whole, (*path, name), None), name


def with_a_wrong_type(operation: Operation) -> Iterator[tuple[dict[str, Any], str]]:
    """(input, what is said of the member that has another type)."""
    whole = largest(operation)
    for path, shape in shapes_of(operation.input):
        if path:
            wrong, text = JSON_OF_WRONG_TYPE[shape.type]
            yield replaced(whole, path, wrong), text


def beyond_a_bound(operation: Operation) -> Iterator[tuple[dict[str, Any], str, str]]:
    """(input, the member that is too long, too short, too great or too small, what it must have)."""
    whole = largest(operation)
    for path, shape in shapes_of(operation.input):
        if not path or (shape.max or 0) > 8 << 20:
            continue
        member = next(step for step in reversed(path) if step != "0")
        measure = "value" if shape.type in ("integer", "long") else "length"
        if shape.max is not None:
            beyond = as_json(_of_size(shape, shape.max + 1))
            reason = f"Member must have {measure} less than or equal to {shape.max}"
            yield replaced(whole, path, beyond), member, reason
        if shape.min:
            below = as_json(_of_size(shape, shape.min - 1))
            reason = f"Member must have {measure} greater than or equal to {shape.min}"
            yield replaced(whole, path, below), member, reason


def _of_size(shape: Shape, size: int) -> Any:
    match shape.type:
        case "integer" | "long":
            return size
        case "list":
            assert shape.element is not None
            return [with_digests(a_value(shape.element))] * size
        case "blob":
            return bytes(size)
    return "a" * size


def overlong_strings(operation: Operation) -> Iterator[dict[str, Any]]:
    """Inputs in which a string for which the model knows no bound has a megabyte."""
    whole = largest(operation)
    for path, shape in shapes_of(operation.input):
        if shape.type == "string" and shape.max is None:
            yield replaced(whole, path, "a" * (1 << 20))
