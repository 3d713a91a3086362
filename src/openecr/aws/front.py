"""Request → response: the steps in order. Who asks, for which operation, with what input; then the gate.

Source: control-plane.md §1.10, order of checks: signature, operation, body, constraints, authorisation.
What needs no body is judged before one is asked for, so a client that waits for `100 Continue` sends no
28 MiB in vain: the form of the signature, the access key, the announced length, and whether there is
room for it beside what others send.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from openecr.aws import error_response
from openecr.aws.model import Operation, find_target, services
from openecr.aws.parse import parse
from openecr.aws.serialize import serialize
from openecr.aws.validate import validate
from openecr.domain.registry import ACCOUNT, Kind, Registry, private_registry, public_registry
from openecr.errors import (
    NotImplementedException,
    RequestEntityTooLargeException,
    ServerException,
    ServiceError,
    ServiceUnavailable,
    UnknownOperationException,
    UnrecognizedClientException,
    UnsupportedCommandException,
)
from openecr.identity import sigv4
from openecr.identity.caller import root_caller
from openecr.operations.gate import OPERATIONS, AsyncGate
from openecr.port import Request, Response

FindSecret = Callable[[str], tuple[str, str] | None]
"""Access key id → (account whose root has it, secret), None for a key nobody has."""

MAX_BODY_BYTES = 30 << 20
"""The largest legal input is one part of 20 MiB in base64. Source: control-plane.md §1.6."""
MAX_HELD_BYTES = 256 << 20
"""All the bodies of more than INLINE_BODY_BYTES that are read, understood or worked on at a time; whoever
would be beyond it is told to come back. Anybody who knows an access key's id can announce one: its
signature is judged when it is there."""
INLINE_BODY_BYTES = 64 << 10
"""A longer body is hashed, parsed and validated in a thread: 14 MB take some 60 ms."""


class AwsFront:
    """AWS JSON 1.1 for the services of the model.

    gate         runs the calls
    find_secret  looks an access key up; asked on the event loop, for every request
    clock        the time now, aware
    dev_account  for `--dev` alone: the account whose root any credentials stand for, unverified. An
                 access key that exists, or is the number of an account, stands for the root of that.
    """

    def __init__(
        self,
        gate: AsyncGate,
        *,
        find_secret: FindSecret,
        clock: Callable[[], datetime],
        dev_account: str | None = None,
    ) -> None:
        self._gate = gate
        self._find_secret = find_secret
        self._clock = clock
        self._dev_account = dev_account
        self._held_bytes = 0
        services()  # the models are read at start, not while somebody waits

    async def handle(self, request: Request) -> Response:
        """The answer to a request for `/`. Only a ServiceError becomes one; what else is raised escapes."""
        try:
            if _is_query_protocol(request):
                return error_response.no_such_action(await _form(request), request.id)
            return await self._answer(request)
        except ServiceError as error:
            return self.refuse(request, error)

    def refuse(self, request: Request, error: ServiceError) -> Response:
        """The answer that tells an error, with the members it has in the service asked. No operation raises
        ServerException: it stands for a fault of ours, of which less is told."""
        if isinstance(error, ServerException):
            return error_response.internal_failure(request.id)
        service, _ = find_target(request.headers.get("X-Amz-Target", ""))
        shape = None if service is None else service.errors.get(error.code)
        return error_response.refusal(error, shape, request.id)

    async def _answer(self, request: Request) -> Response:
        # Who asks, as far as can be told without the body.
        service, target = find_target(request.headers.get("X-Amz-Target", ""))
        scope = _service_signed_for(request) if service is None else service.name
        signed = sigv4.parse(
            request.method, request.path, request.query, request.headers, service=scope, now=self._clock()
        )
        account, secret = self._look_up(signed.access_key_id)

        with self._room_for(request.body.length):
            # For what. The body proves the signature and holds the input.
            operation, arguments = await _read(request, signed, secret, target)

            # The call.
            caller = root_caller(
                account,
                access_key_id=signed.access_key_id,
                source_address=request.source_address,
                user_agent=request.headers.get("User-Agent", ""),
            )
            call = self._gate.call(
                operation.service,
                operation.name,
                caller=caller,
                registry=_own_registry(operation.service, account, signed.region),
                input=arguments,
                request_id=request.id,
                origin=request.origin,
            )
            output = await self._gate.perform(call)

        headers = {"Content-Type": error_response.CONTENT_TYPE, "x-amzn-RequestId": request.id}
        return Response(200, headers, serialize(output, operation.output))

    @contextmanager
    def _room_for(self, announced_bytes: int | None) -> Iterator[None]:
        """Room for a body until the call is over; for one in chunks, as much as it may have. Raises
        ServiceUnavailable where there is none, RequestEntityTooLargeException where there never will be.
        """
        size_bytes = MAX_BODY_BYTES if announced_bytes is None else announced_bytes
        if size_bytes > MAX_BODY_BYTES:
            raise RequestEntityTooLargeException(limit_bytes=MAX_BODY_BYTES)
        if size_bytes <= INLINE_BODY_BYTES:
            yield
            return
        if self._held_bytes + size_bytes > MAX_HELD_BYTES:
            raise ServiceUnavailable
        self._held_bytes += size_bytes
        try:
            yield
        finally:
            self._held_bytes -= size_bytes

    def _look_up(self, access_key_id: str) -> tuple[str, str | None]:
        """The account whose root has the key, and the secret; None for one that shall not be verified."""
        found = self._find_secret(access_key_id)
        if self._dev_account is not None:
            if found is not None:
                return found[0], None
            return access_key_id if ACCOUNT.fullmatch(access_key_id) else self._dev_account, None
        if found is None:
            raise UnrecognizedClientException
        return found


def _is_query_protocol(request: Request) -> bool:
    """Whether STS or IAM is meant, which are not here yet. Source: auth-iam.md §2.1, "Endpoints"."""
    is_form = request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    return "X-Amz-Target" not in request.headers and (is_form or "Action=" in request.query)


async def _form(request: Request) -> dict[str, str]:
    """The arguments of a call in the query protocol, from the query and the body."""
    body = await request.body.read(INLINE_BODY_BYTES)
    return dict(parse_qsl(f"{request.query}&{body.decode(errors='replace')}"))


async def _read(
    request: Request, signed: sigv4.SignedRequest, secret: str | None, target: Operation | None
) -> tuple[Operation, dict[str, Any]]:
    """The operation and its input, by a body that is let go of before the call runs."""
    body = await request.body.read(MAX_BODY_BYTES)
    understand = partial(_understand, request, signed, secret, target, body)
    return understand() if len(body) <= INLINE_BODY_BYTES else await asyncio.to_thread(understand)


def _understand(
    request: Request, signed: sigv4.SignedRequest, secret: str | None, target: Operation | None, body: bytes
) -> tuple[Operation, dict[str, Any]]:
    """The operation and its input. Raises whatever is wrong with the signature, the request or the input.

    A content type of another protocol makes the operation unknown: so the JSON services answer where
    no protocol they speak fits [inferred]; control-plane.md §1.1 says only what to accept.
    """
    if secret is not None:
        sigv4.verify(signed, secret, hashlib.sha256(body).hexdigest())
    if target is None or request.method != "POST" or not _is_aws_json(request):
        raise UnknownOperationException
    if (target.service, target.name) not in OPERATIONS:
        raise _not_implemented(target)
    arguments = parse(body, target.input)
    validate(arguments, target)
    return target, arguments


def _not_implemented(operation: Operation) -> ServiceError:
    """What design.md §5 has an operation answer that we do not have."""
    if UnsupportedCommandException.__name__ in operation.errors:
        return UnsupportedCommandException(operation=operation.name)
    return NotImplementedException(operation=operation.name, service=operation.service)


def _is_aws_json(request: Request) -> bool:
    """Whether the body is said to be ours, or nothing is said. Source: control-plane.md §1.1."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0]
    return media_type.strip().lower() in ("", error_response.CONTENT_TYPE)


def _service_signed_for(request: Request) -> str:
    """The service to hold a request's signature to that names none of ours: the one it was made for."""
    credential = request.headers.get("Authorization", "") + request.query.replace("%2F", "/")
    return Kind.PUBLIC if f"/{Kind.PUBLIC}/" in credential else Kind.PRIVATE


def _own_registry(service: str, account: str, region: str) -> Registry:
    return public_registry(account) if service == Kind.PUBLIC else private_registry(account, region)
