"""An exception → status, headers and body of AWS JSON 1.1.

There is no table: the name of the class is the code, and the model knows which members an error has
beside its message. Source: control-plane.md §1.5: the type comes without a namespace, `message` in
lower case, and is absent where there is nothing to say. The header x-amzn-ErrorType is for the SDKs
(Java, JavaScript) that look there first.
"""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import orjson

from openecr.aws.model import Shape
from openecr.aws.serialize import serializer
from openecr.errors import ServiceError
from openecr.port import Response

CONTENT_TYPE = "application/x-amz-json-1.1"


def refusal(error: ServiceError, shape: Shape | None, request_id: str) -> Response:
    """What a caller is told. `shape` is the error's in the service asked, None where it has none."""
    members = {} if shape is None else serializer(shape)(error.members)
    return _response(error.code, error.status, error.text, members, request_id)


def no_such_action(form: Mapping[str, str], request_id: str) -> Response:
    """What the query protocol says of an operation it does not have. Source: auth-iam.md §1.6, §2.1."""
    asked = f"{form.get('Action', '')} for version {form.get('Version', '')}"
    text = escape("".join(filter(str.isprintable, asked)))  # XML has no control characters
    document = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>InvalidAction</Code><Message>Could not find operation {text}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(400, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, document.encode())


def internal_failure(request_id: str) -> Response:
    """For an exception that is our own mistake: no more than the id it is logged under."""
    return _response("InternalFailure", 500, "", {}, request_id)


def _response(code: str, status: int, message: str, members: Mapping[str, Any], request_id: str) -> Response:
    body: dict[str, Any] = {"__type": code}
    if message:
        body["message"] = message
    return Response(
        status,
        {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id, "x-amzn-ErrorType": code},
        orjson.dumps({**body, **members}),
    )
