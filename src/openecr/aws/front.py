"""Request → response: the steps in order. Who asks, for which operation, with what input; then the gate.

Both protocols take the same steps; `Wire` is what they do each in their way.
Source: control-plane.md §1.10, order of checks: signature, operation, body, constraints, authorisation.
What needs no body is judged before one is asked for, so a client that waits for `100 Continue` sends no
28 MiB in vain: the form of the signature, the access key, the announced length, and whether there is
room for it beside what others send. Whose the key is, and whether it still holds, is judged anew when the
body is there: until then hours may have passed, as its sender likes.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from openecr.aws import aws_json, query
from openecr.aws.model import Operation, Service, Shape, services
from openecr.aws.validate import validate
from openecr.domain.registry import (
    ACCOUNT,
    PUBLIC_REGION,
    Kind,
    Registry,
    private_registry,
    public_registry,
)
from openecr.errors import (
    ExpiredSessionException,
    MissingAuthenticationTokenException,
    RequestEntityTooLargeException,
    ServiceError,
    ServiceUnavailable,
    UnrecognizedClientException,
    UnsupportedCommandException,
)
from openecr.identity import sigv4
from openecr.identity.caller import Caller, anonymous_caller, root_caller
from openecr.identity.credentials import KnownKey
from openecr.operations.gate import OPERATIONS, AsyncGate
from openecr.port import Request, Response

FindKey = Callable[[str], KnownKey | None]
"""Access key id → the key and whose it is; None for one that nobody has. Raises UnrecognizedClientException
for one that may not be used."""

MAX_HELD_BYTES = 256 << 20
"""All the bodies of more than INLINE_BODY_BYTES that are read, understood or worked on at a time; whoever
would be beyond it is told to come back. Anybody who knows an access key's id can announce one: its
signature is judged when it is there."""
INLINE_BODY_BYTES = 64 << 10
"""A longer body is hashed, parsed and validated in a thread: 14 MB take some 60 ms."""


OUT_OF_REGION = "{operation} command is only supported in {region}."
"""Source: terraform-provider-aws, sweep of aws_ecrpublic_repository (DescribeRepositories); codeship-library/
aws-utilities#117 (GetAuthorizationToken). So those that read are refused as well."""


class Wire(Protocol):
    """A protocol: `aws_json.py`, `query.py`."""

    MAX_BODY_BYTES: int
    MAX_UNSIGNED_BYTES: int  # of the body of a call without a signature; 0 where each must have one

    def find_service(self, request: Request) -> Service:
        """The service asked, as far as the head tells; one that the signature can be held to in any case."""

    def find_operation(self, request: Request, scope: str | None, body: bytes) -> tuple[Operation, Any]:
        """The operation asked of the service that the signature is scoped to, and what its input is read
        from. Raises UnknownOperationException, SerializationException."""

    def not_implemented(self, operation: Operation) -> ServiceError: ...

    def parse(self, document: Any, shape: Shape) -> dict[str, Any]:
        """The input, by wire names. Raises SerializationException."""

    def answer(self, output: Mapping[str, Any], operation: Operation, request_id: str) -> Response: ...

    def refusal(self, error: ServiceError, service: Service, request_id: str) -> Response: ...


class AwsFront:
    """The AWS APIs: AWS JSON 1.1 for ECR and ECR Public, the query protocol for STS and IAM.

    gate              runs the calls
    find_key          looks an access key up; asked on the event loop, for every request
    clock             the time now, aware
    default_registry  the one that anonymous calls are about
    is_public_region_strict  whether ECR Public is there in its own region alone, as AWS's is
    dev_account       for `--dev` alone: the account whose root any credentials stand for, unverified. An
                      access key that exists stands for whose it is, the number of an account for its root.
    """

    def __init__(
        self,
        gate: AsyncGate,
        *,
        find_key: FindKey,
        clock: Callable[[], datetime],
        default_registry: Registry,
        dev_account: str | None = None,
        is_public_region_strict: bool = False,
    ) -> None:
        self._gate = gate
        self._find_key = find_key
        self._clock = clock
        self._default_registry = default_registry
        self._dev_account = dev_account
        self._is_public_region_strict = is_public_region_strict
        self._held_bytes = 0
        services()  # the models are read at start, not while somebody waits

    async def handle(self, request: Request) -> Response:
        """The answer to a request for `/`. Only a ServiceError becomes one; what else is raised escapes."""
        try:
            return await self._answer(request, _wire(request))
        except ServiceError as error:
            return self.refuse(request, error)

    def refuse(self, request: Request, error: ServiceError) -> Response:
        """The answer that tells an error, in the protocol of the request."""
        wire = _wire(request)
        return wire.refusal(error, wire.find_service(request), request.id)

    async def _answer(self, request: Request, wire: Wire) -> Response:
        # Who asks, as far as can be told without the body.
        signed = _signature(request, wire, self._clock())
        if signed is not None:
            self._look_up(signed.access_key_id)

        most_bytes = wire.MAX_UNSIGNED_BYTES if signed is None else wire.MAX_BODY_BYTES
        held_bytes = self._hold(request.body.length, most_bytes)
        try:
            # For what. The body proves the signature and holds the input.
            key, operation, arguments = await self._read(request, most_bytes, wire, signed)

            # The call.
            caller = _caller(request, operation, key)
            call = self._gate.call(
                operation.service,
                operation.name,
                caller=caller,
                registry=self._registry(operation.service, caller, signed),
                input=arguments,
                request_id=request.id,
                origin=request.origin,
            )
            output = await self._gate.perform(call)
        finally:
            self._held_bytes -= held_bytes
        return wire.answer(output, operation, request.id)

    def _hold(self, announced_bytes: int | None, most_bytes: int) -> int:
        """Make room for a body until the call is over; for one in chunks, for as much as it may have.

        returns  how much room it takes; a small one takes none
        Raises   ServiceUnavailable where there is none, RequestEntityTooLargeException where there never
                 will be
        """
        size_bytes = most_bytes if announced_bytes is None else announced_bytes
        if size_bytes > most_bytes:
            raise RequestEntityTooLargeException(limit_bytes=most_bytes)
        if size_bytes <= INLINE_BODY_BYTES:
            return 0
        if self._held_bytes + size_bytes > MAX_HELD_BYTES:
            raise ServiceUnavailable
        self._held_bytes += size_bytes
        return size_bytes

    def _look_up(self, access_key_id: str) -> KnownKey:
        """The key, and whose it is. Raises UnrecognizedClientException."""
        found = self._find_key(access_key_id)
        if found is None and self._dev_account is not None:
            account = access_key_id if ACCOUNT.fullmatch(access_key_id) else self._dev_account
            found = KnownKey(root_caller(account, access_key_id=access_key_id), secret="")
        if found is None:
            raise UnrecognizedClientException
        return found

    async def _read(
        self, request: Request, most_bytes: int, wire: Wire, signed: sigv4.SignedRequest | None
    ) -> tuple[KnownKey | None, Operation, dict[str, Any]]:
        """The key as it is now, the operation and its input, by a body that is let go of before the call
        runs."""
        body = await request.body.read(most_bytes)
        key = None if signed is None else self._look_up(signed.access_key_id)
        understand = partial(self._understand, request, wire, signed, key, body)
        is_short = len(body) <= INLINE_BODY_BYTES
        operation, arguments = understand() if is_short else await asyncio.to_thread(understand)
        return key, operation, arguments

    def _understand(
        self,
        request: Request,
        wire: Wire,
        signed: sigv4.SignedRequest | None,
        key: KnownKey | None,
        body: bytes,
    ) -> tuple[Operation, dict[str, Any]]:
        """The operation and its input. Raises whatever is wrong with the signature, the request or the
        input."""
        if signed is not None and key is not None:
            self._prove(signed, key, body)
        operation, document = wire.find_operation(request, None if signed is None else signed.service, body)
        if signed is None and not operation.is_unsigned:
            raise MissingAuthenticationTokenException
        if signed is not None and self._is_out_of_region(operation, signed.region):
            raise UnsupportedCommandException(OUT_OF_REGION, operation=operation.name, region=PUBLIC_REGION)
        if (operation.service, operation.name) not in OPERATIONS:
            raise wire.not_implemented(operation)
        arguments = wire.parse(document, operation.input)
        validate(arguments, operation)
        return operation, arguments

    def _is_out_of_region(self, operation: Operation, region: str) -> bool:
        is_public = operation.service == Kind.PUBLIC
        return self._is_public_region_strict and is_public and region != PUBLIC_REGION

    def _prove(self, signed: sigv4.SignedRequest, key: KnownKey, body: bytes) -> None:
        """Return if the signature holds, and the key still does."""
        if self._dev_account is None:
            digest = hashlib.sha256(body).hexdigest()
            sigv4.verify(signed, key.secret, digest, session_token_sha256=key.session_token_sha256)
        if key.expires_at is not None and key.expires_at <= self._clock():
            raise ExpiredSessionException

    def _registry(self, service: str, caller: Caller, signed: sigv4.SignedRequest | None) -> Registry:
        """The caller's own, in the region of the signature."""
        if caller.is_anonymous or signed is None:
            return self._default_registry
        if service == Kind.PUBLIC:
            return public_registry(caller.account)
        return private_registry(caller.account, signed.region)


def _wire(request: Request) -> Wire:
    return query if query.is_spoken(request) else aws_json


def _signature(request: Request, wire: Wire, now: datetime) -> sigv4.SignedRequest | None:
    """What the request is signed with; None if it is not signed at all, and need not be."""
    service = wire.find_service(request).name
    try:
        return sigv4.parse(
            request.method, request.path, request.query, request.headers, service=service, now=now
        )
    except MissingAuthenticationTokenException:
        if wire.MAX_UNSIGNED_BYTES:
            return None
        raise


def _caller(request: Request, operation: Operation, key: KnownKey | None) -> Caller:
    """Who asks, from where. Whoever signs what needs no signature is nobody all the same."""
    caller = anonymous_caller() if key is None or operation.is_unsigned else key.caller
    agent = request.headers.get("User-Agent", "")
    return caller.at(request.source_address, agent, request.scheme == "https")
