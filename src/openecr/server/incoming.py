"""What the parser found → a Request, or the reason why it is none.

The parser has refused what breaks the framing (two lengths, a bare line feed, bad chunks). Refused
here is what it lets pass and no front should meet: a target that is no path, bytes that are no text,
a Host that is no host. Behind a proxy that is configured, what that says of scheme, host and client
counts instead of what we see. Sources: RFC 9112 §3.2, §6.1; data-plane.md §5.5 (proxies).
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import StreamReader
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy

from openecr.errors import MalformedHttpRequestException
from openecr.port import Request
from openecr.server.body import RequestBody, Waiting

HOST = re.compile(r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class Incoming:
    """Makes requests.

    new_id   gives each its id
    proxies  networks of the proxies whose X-Forwarded-… headers are believed
    """

    def __init__(self, new_id: Callable[[], str], proxies: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._new_id = new_id
        self._proxies = proxies

    def request(
        self,
        message: RawRequestMessage,
        stream: StreamReader,
        connection: Waiting,
        peer: str,
        scheme: str,
    ) -> tuple[Request, RequestBody]:
        """The request, and its body as the server sees it. Raises MalformedHttpRequestException."""
        target, headers = message.path, message.headers
        if not target.startswith("/") or not target.isascii() or "#" in target:
            raise MalformedHttpRequestException("The target of the request is not a path.")
        if message.version is not HttpVersion11 and message.version is not HttpVersion10:
            raise MalformedHttpRequestException("The version of HTTP is neither 1.0 nor 1.1.")
        if not _is_text(message.raw_headers):
            raise MalformedHttpRequestException("A header is not text in UTF-8.")
        if not _is_host(headers.get("Host", "")):
            raise MalformedHttpRequestException("The Host header names no host.")

        body = RequestBody(
            connection,
            stream,
            length=_length(message),
            awaits_continue=_awaits_continue(message),
        )
        path, _, query = target.partition("?")
        if self._proxies and self._is_proxy(peer):
            peer, scheme, headers = self._forwarded(peer, scheme, headers)
        return Request(self._new_id(), message.method, path, query, headers, peer, scheme, body), body

    def _forwarded(
        self, peer: str, scheme: str, headers: CIMultiDictProxy[str]
    ) -> tuple[str, str, CIMultiDictProxy[str]]:
        """Client, scheme and headers as the proxy met them."""
        for address in reversed(_listed(headers.get("X-Forwarded-For", ""))):
            if not _is_address(address):
                break
            peer = address
            if not self._is_proxy(address):
                break
        schemes = _listed(headers.get("X-Forwarded-Proto", "").lower())
        if schemes and schemes[-1] in ("http", "https"):
            scheme = schemes[-1]
        hosts = _listed(headers.get("X-Forwarded-Host", ""))
        if hosts and _is_host(hosts[-1]):
            changed = CIMultiDict(headers)
            changed["Host"] = hosts[-1]
            headers = CIMultiDictProxy(changed)
        return peer, scheme, headers

    def _is_proxy(self, peer: str) -> bool:
        return _is_address(peer) and any(ip_address(peer) in network for network in self._proxies)


def head_size(message: RawRequestMessage) -> int:
    """The bytes of a head, roughly: its target, its names and values."""
    return len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)


def _length(message: RawRequestMessage) -> int | None:
    """Content-Length; 0 where there is no body; None where it comes in chunks.

    The parser has checked the digits, and that there is but one length. Codings other than chunked
    it lets pass; the bytes would then not be those the client means.
    """
    if not message.chunked:
        if "Transfer-Encoding" in message.headers:
            raise MalformedHttpRequestException("The transfer coding is not chunked.")
        return int(message.headers.get("Content-Length", "0"))
    if message.headers.get("Transfer-Encoding", "").strip().lower() != "chunked":
        raise MalformedHttpRequestException("The transfer coding is not chunked.")
    if message.version is HttpVersion10:
        raise MalformedHttpRequestException("HTTP/1.0 knows no chunks.")
    return None


def _awaits_continue(message: RawRequestMessage) -> bool:
    expected = message.headers.get("Expect")
    return expected is not None and expected.lower() == "100-continue" and message.version is HttpVersion11


def _is_text(raw_headers: Sequence[tuple[bytes, bytes]]) -> bool:
    values = b"".join([value for _, value in raw_headers])
    if values.isascii():
        return True
    try:
        values.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=512)
def _is_host(host: str) -> bool:
    return HOST.fullmatch(host) is not None


@lru_cache(maxsize=512)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
