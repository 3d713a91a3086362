"""The query protocol of STS and IAM: a form → operation and input; outputs and errors → XML.

A form is the query of the address and the body. Its names are paths, `Tags.member.1.Key`, of which a tree
is made, and of the tree the input, as the shape wants it; outputs are elements named by the members. What
is done with a shape is compiled once per shape, as everywhere in this room.
Source: auth-iam.md §2.1, §2.5, §1.6. How STS treats doubled, missing and odd parameters was measured and
published by others in July 2026; where there was no measurement, the texts are those that services of this
protocol are reported to give [proposed].
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

import pybase64

from openecr import errors
from openecr.aws.model import QUERY_SERVICES, Operation, Service, Shape, services
from openecr.aws.parse import INTEGERS, LONGS
from openecr.errors import (
    AccessDeniedException,
    NotImplementedException,
    SerializationException,
    ServiceError,
    ThrottlingException,
    UnknownOperationException,
)
from openecr.identity import sigv4
from openecr.port import Request, Response

CONTENT_TYPE = "text/xml"
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 1 << 20
"""Far above any input: the longest are policies, of 128 KiB at most, and tokens of 20,000 characters. STS
itself takes 10 MB."""
MAX_UNSIGNED_BYTES = 64 << 10
"""Of a call without a signature, which anybody may send: such a token, and the rest of its call."""
MAX_PARAMETERS = 4096
MAX_DEPTH = 16
"""Names between the dots of a parameter's name; the longest of the models has 7."""
ECHO_CHARACTERS = 1024
"""As much of an unknown operation's name as an error repeats."""
POLICY_DOCUMENT = "policyDocumentType"
"""The shape of policies that leave percent-encoded. Source: auth-iam.md §2.5."""

FAULTS: dict[type[ServiceError], tuple[str, int]] = {
    errors.AccessDeniedException: ("AccessDenied", 403),
    errors.ExpiredSessionException: ("ExpiredToken", 403),
    errors.IncompleteSignatureException: ("IncompleteSignature", 400),
    errors.InvalidSignatureException: ("SignatureDoesNotMatch", 403),
    errors.MissingAuthenticationTokenException: ("MissingAuthenticationToken", 403),
    errors.NotImplementedException: ("NotImplemented", 501),
    errors.RequestAbortedException: ("RequestAborted", 400),
    errors.RequestEntityTooLargeException: ("RequestEntityTooLarge", 413),
    errors.RequestTimeoutException: ("RequestTimeout", 408),
    errors.SerializationException: ("MalformedInput", 400),
    errors.ServerException: ("InternalFailure", 500),
    errors.ThrottlingException: ("Throttling", 400),
    errors.UnknownOperationException: ("InvalidAction", 400),
    errors.UnrecognizedClientException: ("InvalidClientTokenId", 403),
}
"""What no model has: code and status here. Others have those of the model, or their own. Source: §1.6."""
MESSAGES: dict[type[ServiceError], str] = {
    errors.MissingAuthenticationTokenException: "Request is missing Authentication Token",
    errors.ServerException: "",
}
"""What is said otherwise here, or not at all."""

Form = Mapping[str, str]
Tree = dict[str, Any]  # step → text, or what is below it
Reader = Callable[[Any], Any]
Writer = Callable[[Any], str]


# The request.


def is_spoken(request: Request) -> bool:
    """Whether a request is in this protocol. Source: auth-iam.md §2.1, "Endpoints"."""
    if "X-Amz-Target" in request.headers:
        return False
    return _is_form(request) or any(part.startswith("Action=") for part in request.query.split("&"))


def find_service(request: Request) -> Service:
    """The service to hold the signature to: the one it is made for, or else the one the query means."""
    scoped = sigv4.scoped_service(request.query, request.headers)
    if scoped not in QUERY_SERVICES:
        scoped = "iam" if f"Version={services()['iam'].version}" in request.query.split("&") else "sts"
    return services()[scoped]


def find_operation(request: Request, scope: str | None, body: bytes) -> tuple[Operation, Form]:
    """The operation that is asked of the service, and the form its input is in.

    scope   the service's name; None where there is no signature: then the version tells
    Raises  SerializationException, UnknownOperationException
    """
    form = read_form(request.query, body if _is_form(request) else b"")
    action, version = form.get("Action", ""), form.get("Version", "NO_VERSION_SPECIFIED")
    for service in [services()[name] for name in QUERY_SERVICES if scope in (name, None)]:
        operation = service.operations.get(action)
        if operation is not None and service.version == version and request.method in ("GET", "POST"):
            return operation, form
    asked = f"{action[:ECHO_CHARACTERS]} for version {version[:ECHO_CHARACTERS]}"
    raise UnknownOperationException(f"Could not find operation {asked}")


def not_implemented(operation: Operation) -> ServiceError:
    return NotImplementedException(operation=operation.name, service=operation.service)


def read_form(query: str, body: bytes) -> dict[str, str]:
    """The parameters in a query and a body. Of a name that comes twice, the first counts.

    query   as received. A plus is a plus: so it is signed; in the body it is a blank
    Raises  SerializationException: no UTF-8, too many parameters
    """
    form: dict[str, str] = {}
    if bool(query) + query.count("&") + bool(body) + body.count(b"&") > MAX_PARAMETERS:
        raise SerializationException(f"A request may have {MAX_PARAMETERS} parameters.")
    try:
        query.encode()  # what was no UTF-8 on the wire is a surrogate here
        parts = query.split("&") + body.decode().replace("+", " ").split("&")
        for part in filter(None, parts):
            name, _, value = part.partition("=")
            form.setdefault(unquote(name, errors="strict"), unquote(value, errors="strict"))
    except UnicodeError:
        raise SerializationException from None
    return form


def _is_form(request: Request) -> bool:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == FORM_TYPE


# The input.


def parse(form: Form, shape: Shape) -> dict[str, Any]:
    """The input in a form, by wire names; parameters that the shape does not have do not count.

    Raises  SerializationException: a parameter that is not of its shape, or of none at all
    """
    tree: Tree = {}
    for name, value in form.items():
        first, *steps = name.split(".", MAX_DEPTH)
        if first in shape.members:
            _plant(tree, first, steps, value)
    parsed: dict[str, Any] = _reader(shape)(tree)
    return parsed


def _plant(tree: Tree, step: str, steps: list[str], value: str) -> None:
    if len(steps) >= MAX_DEPTH:
        raise SerializationException
    for following in steps:
        tree = tree.setdefault(step, {})
        if type(tree) is not dict:
            raise SerializationException("Unexpected complex element termination")
        step = following
    if tree.setdefault(step, value) is not value:
        raise SerializationException("Unexpected complex element termination")


@cache
def _reader(shape: Shape) -> Reader:
    """A function that turns what is in a tree into a value of this shape."""
    match shape.type:
        case "structure":
            return _read_structure({name: _reader(member) for name, member in shape.members.items()})
        case "list":
            assert shape.element is not None
            return _read_list(_reader(shape.element))
        case "map":
            assert shape.key is not None
            assert shape.value is not None
            return _read_map(_reader(shape.key), _reader(shape.value))
        case other:
            return _read_scalar(_SCALARS[other])


def _read_structure(members: dict[str, Reader]) -> Reader:
    def read(tree: Any) -> dict[str, Any]:
        if type(tree) is not dict:
            raise SerializationException("Unexpected complex element termination")
        return {name: members[name](below) for name, below in tree.items() if name in members}

    return read


def _read_list(element: Reader) -> Reader:
    return lambda tree: [element(below) for below in _numbered(tree, "member")]


def _read_map(key: Reader, value: Reader) -> Reader:
    def read(tree: Any) -> dict[Any, Any]:
        entries = [entry if type(entry) is dict else {} for entry in _numbered(tree, "entry")]
        if not all("key" in entry and "value" in entry for entry in entries):
            raise SerializationException
        return {key(entry["key"]): value(entry["value"]) for entry in entries}

    return read


def _numbered(tree: Any, step: str) -> Iterator[Any]:
    """What is below `member.1`, `member.2` and so on, in the order of the numbers; they may have gaps.

    A list without elements is written as an empty text, as botocore does.
    """
    if tree == "":
        return iter(())
    if type(tree) is not dict:
        raise SerializationException("Unexpected list element termination")
    below = tree.get(step)
    if type(below) is not dict or not all(map(_NUMBER.fullmatch, below)):
        raise SerializationException("Top level element may not be treated as a list")
    return (below[number] for number in sorted(below, key=int))


_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def _read_scalar(convert: Callable[[str], Any]) -> Reader:
    def read(text: Any) -> Any:
        if type(text) is not str:
            what = "list" if "member" in text else "structure or map"
            raise SerializationException(f"Start of {what} found where not expected")
        return convert(text)

    return read


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise SerializationException
    return text == "true"


def _integer(values: range) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text:
            raise SerializationException("missing value for decimal type")
        if not _DECIMAL.fullmatch(text) or int(text) not in values:
            raise SerializationException
        return int(text)

    return convert


_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}")


def _blob(text: str) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise SerializationException from None


def _timestamp(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SerializationException from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_SCALARS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "boolean": _boolean,
    "integer": _integer(INTEGERS),
    "long": _integer(LONGS),
    "blob": _blob,
    "timestamp": _timestamp,
}


# The answer.


def answer(output: Mapping[str, Any], operation: Operation, request_id: str) -> Response:
    """An output, whose members are spelled as on the wire. None stays home, and what the shape has not."""
    result = operation.result_wrapper
    told = f"<{result}>{_writer(operation.output)(output)}</{result}>" if result else ""
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    namespace = services()[operation.service].xml_namespace
    return _response(200, f"{operation.name}Response", namespace, told + metadata, request_id)


def refusal(error: ServiceError, service: Service, request_id: str) -> Response:
    """What a caller is told of an error; its code and status as this protocol, or the model, has them."""
    code, status = FAULTS.get(type(error)) or service.error_codes.get(error.code, (error.code, error.status))
    told = f"<Type>{'Sender' if status < 500 else 'Receiver'}</Type><Code>{code}</Code>"
    if text := MESSAGES.get(type(error), error.text):
        told += f"<Message>{_escaped(text)}</Message>"
    if isinstance(error, AccessDeniedException) and error.explanation:
        told += f"<Explanation>{_escaped(error.explanation)}</Explanation>"
    told = f"<Error>{told}</Error><RequestId>{request_id}</RequestId>"
    response = _response(status, "ErrorResponse", service.xml_namespace, told, request_id)
    if isinstance(error, ThrottlingException):
        response.headers.update(error.retry_after_milliseconds)
    return response


def _response(status: int, element: str, namespace: str, content: str, request_id: str) -> Response:
    document = f'<{element} xmlns="{namespace}">{content}</{element}>'
    return Response(status, {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}, document.encode())


@cache
def _writer(shape: Shape) -> Writer:
    """A function that turns a value of this shape into what stands between its tags."""
    match shape.type:
        case "structure":
            return _write_structure({name: _writer(member) for name, member in shape.members.items()})
        case "list":
            assert shape.element is not None
            element = _writer(shape.element)
            return lambda value: "".join([f"<member>{element(content)}</member>" for content in value])
        case "map":
            assert shape.value is not None
            return _write_map(_writer(shape.value))
        case "string":
            return _percent_encoded if shape.name == POLICY_DOCUMENT else _escaped
        case "boolean":
            return lambda value: "true" if value else "false"
        case "timestamp":
            return _iso_8601
        case "blob":
            return pybase64.b64encode_as_string
        case number:
            assert number in ("integer", "long")
            return str


def _write_structure(members: dict[str, Writer]) -> Writer:
    def write(value: Mapping[str, Any]) -> str:
        return "".join(
            [
                f"<{name}>{member(content)}</{name}>"
                for name, content in value.items()
                if content is not None and (member := members.get(name)) is not None
            ]
        )

    return write


def _write_map(value: Writer) -> Writer:
    def write(document: Mapping[str, Any]) -> str:
        return "".join(
            [
                f"<entry><key>{_escaped(key)}</key><value>{value(content)}</value></entry>"
                for key, content in document.items()
            ]
        )

    return write


def _percent_encoded(document: str) -> str:
    """All but what RFC 3986 calls unreserved."""
    return quote(document, safe="", errors="replace")


def _iso_8601(moment: datetime) -> str:
    assert moment.tzinfo is not None, "a time without a zone says nothing"
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _escaped(text: str) -> str:
    """As it stands between tags. What XML cannot carry is left out; a bare carriage return would be read as
    a newline."""
    return _NOT_PLAIN.sub(lambda found: _ENTITIES.get(found[0], ""), text)


_NOT_PLAIN = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
