"""AWS JSON 1.1: which operation a request names, and how outputs and errors look.

Of errors there is no table: the name of the class is the code, and the model knows which members an error
has beside its message. Source: control-plane.md §1.5: the type comes without a namespace, `message` in
lower case, and is absent where there is nothing to say. The header x-amzn-ErrorType is for the SDKs
(Java, JavaScript) that look there first.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from openecr.aws.model import Operation, Service, find_target, services
from openecr.aws.parse import parse as parse
from openecr.aws.serialize import serialize, serializer
from openecr.domain.registry import Kind
from openecr.errors import (
    AccessDeniedException,
    NotImplementedException,
    ServerException,
    ServiceError,
    ThrottlingException,
    UnknownOperationException,
    UnsupportedCommandException,
)
from openecr.identity import sigv4
from openecr.port import Request, Response

CONTENT_TYPE = "application/x-amz-json-1.1"
MAX_BODY_BYTES = 30 << 20
"""The largest legal input is one part of 20 MiB in base64. Source: control-plane.md §1.6."""
MAX_UNSIGNED_BYTES = 0


def find_service(request: Request) -> Service:
    """The service to hold the signature to: the one asked, or else the one the signature is made for."""
    service, _ = find_target(request.headers.get("X-Amz-Target", ""))
    if service is not None:
        return service
    scoped = sigv4.scoped_service(request.query, request.headers)
    return services()[Kind.PUBLIC if scoped == Kind.PUBLIC else Kind.PRIVATE]


def find_operation(request: Request, scope: str | None, body: bytes) -> tuple[Operation, bytes]:
    """The operation asked for, and the document its input is in.

    Raises UnknownOperationException. A content type of another protocol makes the operation unknown: so
    the JSON services answer where no protocol they speak fits [inferred]; control-plane.md §1.1 says only
    what to accept.
    """
    _, operation = find_target(request.headers.get("X-Amz-Target", ""))
    if operation is None or request.method != "POST" or not _is_ours(request.headers.get("Content-Type", "")):
        raise UnknownOperationException
    return operation, body


def not_implemented(operation: Operation) -> ServiceError:
    """What design.md §5 has an operation answer that we do not have."""
    if UnsupportedCommandException.__name__ in operation.errors:
        return UnsupportedCommandException(operation=operation.name)
    return NotImplementedException(operation=operation.name, service=operation.service)


def answer(output: Mapping[str, Any], operation: Operation, request_id: str) -> Response:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}
    return Response(200, headers, serialize(output, operation.output))


def refusal(error: ServiceError, service: Service, request_id: str) -> Response:
    """What a caller is told, with the members that the error has in the service asked.

    No operation raises ServerException: it stands for a fault of ours, of which no more is told than the
    id it is logged under.
    """
    if isinstance(error, ServerException):
        return _refusal("InternalFailure", 500, {}, request_id)
    told: dict[str, Any] = {"message": error.text} if error.text else {}
    if isinstance(error, AccessDeniedException) and error.explanation:
        told["explanation"] = error.explanation
    if error.members and (shape := service.errors.get(error.code)) is not None:
        told |= serializer(shape)(error.members)
    response = _refusal(error.code, error.status, told, request_id)
    if isinstance(error, ThrottlingException):
        response.headers.update(error.retry_after_milliseconds)
    return response


def _refusal(code: str, status: int, told: Mapping[str, Any], request_id: str) -> Response:
    return Response(
        status,
        {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id, "x-amzn-ErrorType": code},
        orjson.dumps({"__type": code, **told}),
    )


def _is_ours(content_type: str) -> bool:
    """Whether the body is said to be ours, or nothing is said. Source: control-plane.md §1.1."""
    if content_type == CONTENT_TYPE:
        return True
    return content_type.partition(";")[0].strip().lower() in ("", CONTENT_TYPE)
