"""Requests as a server receives them, signed by botocore: the client side of the signature tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict, CIMultiDictProxy

from openecr.identity import sigv4

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "eu-central-1"
TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
HOST = "localhost:3270"

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
INVALID_CLIENT = "The security token included in the request is invalid."

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: str
    headers: CIMultiDictProxy[str]
    body: bytes
    at: datetime  # when it was signed

    def with_header(self, name: str, value: str | None) -> "Received":
        """The same with one header's first value replaced; taken out, if None; added, if it was not there."""
        changed = CIMultiDict(self.headers)
        if value is None:
            del changed[name]
        else:
            changed[name] = value
        return self.but(headers=CIMultiDictProxy(changed))

    def with_authorization(self, old: str, new: str) -> "Received":
        text = self.headers["Authorization"]
        assert text.count(old) == 1
        return self.with_header("Authorization", text.replace(old, new))

    def with_query(self, old: str, new: str) -> "Received":
        assert self.query.count(old) == 1
        return self.but(query=self.query.replace(old, new))

    def but(self, **changes: object) -> "Received":
        return Received(**({name: getattr(self, name) for name in self.__dataclass_fields__} | changes))


def headers_of(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


def parse(request: Received, *, service: str = "ecr", now: datetime | None = None) -> sigv4.SignedRequest:
    return sigv4.parse(
        request.method,
        request.path,
        request.query,
        request.headers,
        service=service,
        now=now or request.at,
    )


def verify(
    request: Received, *, service: str = "ecr", session_token: str | None = None
) -> sigv4.SignedRequest:
    """As a front does it, but that it asks for the key of any id but ours in vain."""
    signed = parse(request, service=service)
    secret = SECRET if signed.access_key_id == ACCESS_KEY_ID else "the secret of nobody"
    token_sha256 = None if session_token is None else sha256(session_token.encode()).digest()
    sigv4.verify(signed, secret, sha256(request.body).hexdigest(), session_token_sha256=token_sha256)
    return signed


def sign(
    *,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: Headers = (("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", TARGET)),
    body: bytes = b"{}",
    session_token: str | None = None,
    access_key_id: str = ACCESS_KEY_ID,
    region: str = REGION,
    service: str = "ecr",
    signer: type[SigV4Auth] = SigV4Auth,
) -> Received:
    """A request signed in its header by botocore, as it arrives."""
    request = _request(method, path, query, headers, body)
    signer(Credentials(access_key_id, SECRET, session_token), service, region).add_auth(request)
    return _received(request, body)


def presign(
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: Headers = (),
    session_token: str | None = None,
    access_key_id: str = ACCESS_KEY_ID,
    expires: object = 900,
    service: str = "sts",
) -> Received:
    """A request signed in its query by botocore, as it arrives."""
    request = _request(method, path, query, headers, b"")
    SigV4QueryAuth(
        Credentials(access_key_id, SECRET, session_token), service, REGION, expires=expires
    ).add_auth(request)
    return _received(request, b"")


def _request(method: str, path: str, query: str, headers: Headers, body: bytes) -> AWSRequest:
    request = AWSRequest(method, f"http://{HOST}{path}{'?' if query else ''}{query}", data=body)
    for name, value in headers:
        request.headers[name] = value  # adds one more, as an e-mail's headers do
    return request


def _received(request: AWSRequest, body: bytes) -> Received:
    address = urlsplit(request.url)
    headers = CIMultiDict({"Host": HOST})
    for name, value in request.headers.items():
        headers.add(name, _on_arrival(value))
    at = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return Received(request.method, address.path or "/", address.query, CIMultiDictProxy(headers), body, at)


def _on_arrival(value: str) -> str:
    """A header's value as aiohttp hands it on: bytes read as UTF-8, trimmed at both ends."""
    return value.strip(" \t").encode().decode("utf-8", "surrogateescape")
