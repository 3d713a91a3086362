"""Answers held against the model: their raw JSON by us, and as botocore reads them."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.parsers import create_parser

from openecr.aws.model import Operation, Shape
from tests.aws.shapes import botocore_model
from tests.registry_client import Answer

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "timestamp": (int, float),
}


def faults(value: Any, shape: Shape, where: str = "") -> Iterator[str]:
    """What in a JSON value is not as its shape says, and where."""
    match shape.type:
        case "structure":
            if not isinstance(value, dict):
                yield f"{where} is no object: {value!r}"
                return
            yield from (
                f"{where}.{name} is not in {shape.name}" for name in value.keys() - shape.members.keys()
            )
            yield from (f"{where}.{name} is missing" for name in shape.required - value.keys())
            for name in value.keys() & shape.members.keys():
                yield from faults(value[name], shape.members[name], f"{where}.{name}")
        case "list":
            assert shape.element is not None
            if not isinstance(value, list):
                yield f"{where} is no list: {value!r}"
                return
            for element in value:
                yield from faults(element, shape.element, f"{where}[]")
        case "map":
            assert shape.value is not None
            for element in value.values():
                yield from faults(element, shape.value, f"{where}{{}}")
        case scalar:
            is_bool = isinstance(value, bool)
            if not isinstance(value, _JSON_TYPES[scalar]) or (is_bool and scalar != "boolean"):
                yield f"{where} is no {scalar}: {value!r}"
            elif shape.enum and value not in shape.enum:
                yield f"{where} is not one of {shape.enum}: {value!r}"


def read_by_botocore(answer: Answer, operation: Operation) -> dict[str, Any]:
    """What a program gets from boto3 for this answer."""
    model = botocore_model(operation.service).operation_model(operation.name)
    received = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    parsed: dict[str, Any] = create_parser("json").parse(received, model.output_shape)
    return parsed


def check(answer: Answer, operation: Operation) -> str:
    """Hold an answer against the model; returns `ok`, or the code of a refusal that is a caller's fault.

    An error must be one that the operation declares, or one of those any call may get.
    """
    parsed = read_by_botocore(answer, operation)
    document = json.loads(answer.body)
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert parsed["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-RequestId"]
    if answer.status == 200:
        assert list(faults(document, operation.output)) == []
        assert parsed.keys() - {"ResponseMetadata"} == document.keys()
        return "ok"
    code: str = parsed["Error"]["Code"]
    assert answer.status == 400, (answer.status, code)
    assert code in operation.errors | {"AccessDeniedException", "SerializationException"}
    assert code == document["__type"] == answer.headers["x-amzn-ErrorType"]
    return code
