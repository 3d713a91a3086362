"""Requests as the server hands them to the OCI front, and a front that stops before the gate."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from multidict import CIMultiDict, CIMultiDictProxy

from openecr.domain.addresses import Address, Addresses
from openecr.domain.registry import private_registry
from openecr.errors import RequestEntityTooLargeException
from openecr.identity.caller import Caller, root_caller
from openecr.identity.tokens import Kind, TokenClaims, Tokens, make_token_key
from openecr.oci.challenge import Authentication, Identity
from openecr.oci.error_response import Refused
from openecr.oci.front import OciFront
from openecr.port import Request, Response

ACCOUNT = "111122223333"
REGION = "eu-west-1"
DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
ALIAS = "p8v8e7e5"
PRIVATE_HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
PUBLIC_HOST = "public.ecr.aws"
PLAIN_HOST = "localhost:3270"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ADDRESSES = Addresses("http://localhost:3270", "http://localhost:3270/public.ecr.aws")


class Bytes:
    """A request's body that is all there."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.length: int | None = len(content)

    async def read(self, limit_bytes: int) -> bytes:
        if len(self.content) > limit_bytes:
            raise RequestEntityTooLargeException(limit_bytes=limit_bytes)
        return self.content

    async def batches(self) -> AsyncIterator[bytes]:
        if self.content:
            yield self.content


class Closed:
    """A gate no request may come to: whoever asks it has not been refused in time."""

    def call(self, service, name, **facts):
        raise AssertionError(f"{name} was asked of {service}")

    async def admit(self, call):
        raise AssertionError

    async def perform(self, call, body=None):
        raise AssertionError


def a_request(
    method: str = "GET",
    path: str = "/v2/",
    *,
    host: str = PLAIN_HOST,
    scheme: str = "http",
    query: str = "",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Request:
    given = CIMultiDict({"Host": host, **(headers or {})})
    return Request("5f3c", method, path, query, CIMultiDictProxy(given), "192.0.2.7", scheme, Bytes(body))


def place(request: Request) -> Address:
    return ADDRESSES.place(request.host, request.path.removeprefix("/v2").removeprefix("/"))


def basic(password: str, user: str = "AWS") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Desk:
    """A front with its tokens, its clock and one account, whose root may be taken away."""

    def __init__(self, *, dev: bool = False) -> None:
        self.tokens = Tokens([make_token_key()])
        self.now = NOON
        self.principals = {ACCOUNT: root_caller(ACCOUNT)}
        default = private_registry(DEFAULT_ACCOUNT, DEFAULT_REGION)
        self.authentication = Authentication(
            self.tokens, self.find_principal, lambda: self.now, default, dev=dev
        )
        self.front = OciFront(
            Closed(),
            tokens=self.tokens,
            addresses=ADDRESSES,
            find_principal=self.find_principal,
            find_alias={ALIAS: ACCOUNT}.get,
            default_registry=default,
            clock=lambda: self.now,
            dev=dev,
        )

    def find_principal(self, claims: TokenClaims) -> Caller | None:
        return self.principals.get(claims.principal_id)

    def token(self, kind: Kind = "private", *, region: str = REGION, account: str = ACCOUNT) -> str:
        minted = self.tokens.mint(
            kind,
            account=account,
            region=region,
            principal_arn=f"arn:aws:iam::{account}:root",
            principal_id=account,
            now=self.now,
        )
        return minted.password

    def ask(self, request: Request) -> Response:
        return asyncio.run(self.front.handle(request, place(request)))

    def who(self, request: Request) -> Identity:
        """Who the request comes from. Raises Refused."""
        return self.authentication.identify(request, place(request))

    def is_known(self, request: Request) -> bool:
        try:
            self.who(request)
        except Refused:
            return False
        return True
