"""The front with everything behind it, and no server: requests arrive as botocore signs them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
from botocore.parsers import create_parser
from multidict import CIMultiDict, CIMultiDictProxy

from openecr.aws.front import AwsFront
from openecr.aws.model import services
from openecr.domain.registry import private_registry
from openecr.errors import RequestEntityTooLargeException
from openecr.identity.credentials import KnownKey
from openecr.operations.call import Call, Output
from openecr.operations.gate import Gate
from openecr.port import Request, Response
from tests.aws.shapes import botocore_model
from tests.identity.received import HOST, Received, sign

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
OTHER_KEY_ID = "AKIAI44QH8DHBEXAMPLE"
REQUEST_ID = "0a1b2c3d-1111-4222-8333-444455556666"
JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"


class AtOnce:
    """The gate of a test: what is asked is done there and then."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.call = gate.call

    async def admit(self, call: Call) -> None:
        self._gate.admit(call)

    async def perform(self, call: Call, body: AsyncIterator[bytes] | None = None) -> Output:
        assert body is None, "the bytes of this front are in the input"
        return self._gate.perform(call)


class Sent:
    """A body on its way; it may be announced longer than what is there."""

    def __init__(self, content: bytes, announced: int) -> None:
        self.length: int | None = announced
        self.is_read = False
        self.may_arrive = asyncio.Event()
        self.may_arrive.set()
        self._content = content

    async def read(self, limit_bytes: int) -> bytes:
        if (self.length or 0) > limit_bytes:
            raise RequestEntityTooLargeException(limit_bytes=limit_bytes)
        self.is_read = True
        await self.may_arrive.wait()
        return self._content

    def batches(self) -> AsyncIterator[bytes]:
        raise AssertionError("this front reads a body whole")


class Client:
    """Signs, asks, and reads the answer."""

    def __init__(self, gate: AtOnce, keys: dict[str, KnownKey]) -> None:
        self.gate = gate
        self.keys = keys
        self.front = self.a_front()
        self.body = Sent(b"", 0)
        self.response = Response()

    def a_front(self, **settings) -> AwsFront:
        usual = {
            "find_key": self.keys.get,
            "clock": lambda: datetime.now(UTC),
            "default_registry": private_registry(ACCOUNT, "us-east-1"),
        }
        return AwsFront(self.gate, **(usual | settings))

    def in_dev(self) -> "Client":
        """The same server, started with `--dev`."""
        client = Client(self.gate, self.keys)
        client.front = self.a_front(dev_account=ACCOUNT)
        return client

    def ask(self, name, arguments=None, *, service="ecr", **signing):
        """Calls an operation; returns status and document."""
        body = orjson.dumps({} if arguments is None else arguments)
        return self.send(signed(f"{services()[service].target_prefix}.{name}", body, service, **signing))

    def send(self, request: Received, *, announced: int | None = None):
        self.response = asyncio.run(self.front.handle(self.arrived(request, announced=announced)))
        assert isinstance(self.response.body, bytes)
        return self.response.status, orjson.loads(self.response.body)

    def arrived(self, request: Received, *, announced: int | None = None) -> Request:
        self.body = Sent(request.body, len(request.body) if announced is None else announced)
        return Request(
            id=REQUEST_ID,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            source_address="192.0.2.7",
            scheme="http",
            body=self.body,
        )

    def create(self, name="team/app", **signing):
        status, answer = self.ask("CreateRepository", {"repositoryName": name}, **signing)
        assert status == 200, answer
        return answer["repository"]

    def ask_query(self, name, parameters=(), *, service="sts", **signing):
        """Calls an operation of the query protocol; returns status and answer, as botocore reads it."""
        return self.send_query(a_form(name, parameters, service=service, **signing), name, service)

    def send_query(self, request: Received, name="GetCallerIdentity", service="sts"):
        self.response = asyncio.run(self.front.handle(self.arrived(request)))
        shape = botocore_model(service).operation_model(name).output_shape
        raw = {"status_code": self.response.status, "headers": self.response.headers}
        told = create_parser("query").parse({**raw, "body": self.response.body}, shape)
        assert told["ResponseMetadata"]["RequestId"] == REQUEST_ID
        assert self.response.headers == {"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID}
        return self.response.status, told.get("Error", told)


def signed(target, body=b"{}", service="ecr", *, content_type=JSON, **signing) -> Received:
    headers = [("Content-Type", content_type)] if content_type is not None else []
    if target is not None:
        headers.append(("X-Amz-Target", target))
    return sign(headers=headers, body=body, service=service, **signing)


def target(name, service="ecr"):
    return f"{services()[service].target_prefix}.{name}"


def a_form(name, parameters=(), *, service="sts", content_type=FORM, version=None, **signing) -> Received:
    """A signed call in the query protocol, as SDKs send it."""
    return sign(
        headers=[("Content-Type", content_type)],
        body=form_of(name, parameters, service=service, version=version),
        service=service,
        **signing,
    )


def form_of(name, parameters: Sequence[tuple[str, str]] = (), *, service="sts", version=None) -> bytes:
    version = services()[service].version if version is None else version
    return urlencode([("Action", name), ("Version", version), *parameters]).encode()


def unsigned(request: Received) -> Received:
    return request.with_header("Authorization", None)


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("Host", HOST), *pairs]))
