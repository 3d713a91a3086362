"""The one way out: a bounded GET of an address that somebody else chose.

Whoever registers an OIDC issuer decides where we connect to, so each request is judged as if it were an
attack on our own network (SSRF). The name is resolved once; of what it resolved to, only public addresses
are kept, and those in networks that were allowed; the connection is made to such an address, not to the
name, so a second answer of the name server (DNS rebinding) changes nothing. TLS and `Host` keep the name.
How an address was written does not matter: what is judged is what it resolved to. A redirect is judged
like the first request. `http` is for allowed networks alone [proposed]. No credentials are ever sent, and
proxies that the environment names are not used.

Everything ends: time, bytes and redirects have bounds, whatever the other side does. The error tells a
client nothing but that it failed, so nobody learns from it which address or port answers; `reason` is for
our log. Source: reliability.md I1–I4; dependencies.md §8.

On http.client, not on a client library: one deadline for all reads, headers too, needs the socket.
"""

import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, in the order to try them. Raises OSError or UnicodeError."""

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 5.0
"""For all of it: resolving, connecting, redirects, the last byte."""
MAX_BYTES = 1 << 20
MAX_REDIRECTS = 3
MAX_ADDRESSES = 4
"""How many addresses of one host are tried."""
URL_CHARACTERS = 2048
_HEAD_BYTES = 64 << 10

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>(?=[^/:]{1,254}(?:[/:]|$))(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-\"$-~]*)?"  # printable ASCII; no fragment
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OutboundFailed(Exception):
    """No answer within the rules and bounds. The text is always the same; `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__("The address could not be fetched.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200."""

    body: bytes  # as it was sent: never inflated
    headers: Mapping[str, str]  # by their names in lower case


def resolve(host: str, port: int) -> list[str]:
    """As the system resolves it: name servers, /etc/hosts, and every way to write an address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(where[0]) for *_, where in found]


class Outbound:
    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        ca_file: Path | None = None,
        resolve: Resolve = resolve,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """
        allowed_networks  what may be connected to beside the public internet
        ca_file           PEM: authorities that are trusted beside the system's; read at each request
        """
        self._allowed_networks = tuple(allowed_networks)
        self._ca_file = ca_file
        self._resolve = resolve
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds

    def get(self, url: str, *, max_bytes: int = MAX_BYTES) -> Answer:
        """What is at that address, in at most `max_bytes`. Safe to call from many threads.

        Raises OutboundFailed
        """
        from http.client import HTTPException

        until = time.monotonic() + self._total_seconds
        try:
            return self._follow(url, max_bytes, until)
        except (OSError, HTTPException, ValueError) as error:
            raise OutboundFailed(f"{url}: {type(error).__name__}: {error}") from None

    def _follow(self, url: str, max_bytes: int, until: float) -> Answer:
        target = _parse(url)
        for _ in range(1 + MAX_REDIRECTS):
            answer = self._ask(target, max_bytes, until)
            if isinstance(answer, Answer):
                return answer
            following = _parse(urljoin(target.url, answer))
            if target.scheme == "https" and following.scheme != "https":
                raise OutboundFailed(f"{target.url}: redirects to {following.url}, which is not https")
            target = following
        raise OutboundFailed(f"{url}: more than {MAX_REDIRECTS} redirects")

    def _ask(self, target: "_Target", max_bytes: int, until: float) -> Answer | str:
        """The answer, or where it redirects to."""
        with closing(self._connect(target, self._permitted(target, until), until)) as connection:
            return _exchange(target, connection, max_bytes, until)

    def _permitted(self, target: "_Target", until: float) -> list[Address]:
        found = [ip_address(text) for text in _within(until, self._resolve, target.host, target.port)]
        permitted = [address for address in found if self._may_connect(address, target.scheme)]
        if not permitted:
            shown = ", ".join(map(str, found)) or "no address"
            raise OutboundFailed(
                f"{target.url}: is at {shown}, where we may not connect to by {target.scheme}"
            )
        return permitted[:MAX_ADDRESSES]

    def _may_connect(self, address: Address, scheme: str) -> bool:
        # By the address itself, or by the one that it only wraps.
        if any(form in network for form in (address, _inner(address)) for network in self._allowed_networks):
            return True
        return scheme == "https" and is_public(address)

    def _connect(self, target: "_Target", addresses: Sequence[Address], until: float) -> socket.socket:
        """To the first address that answers: a TCP connection, TLS begun where the scheme says so."""
        failures = []
        for address in addresses:
            try:
                return self._open(target, address, until)
            except (OSError, ValueError) as error:
                failures.append(f"{address}: {error}")
        raise OutboundFailed(f"{target.url}: {'; '.join(failures)}")

    def _open(self, target: "_Target", address: Address, until: float) -> socket.socket:
        tls = None if target.scheme == "http" else self._tls()
        patience = min(self._connect_seconds, _left(until))
        connection = socket.create_connection((str(address), target.port), timeout=patience)
        if tls is None:
            return connection
        try:
            connection.settimeout(_left(until))  # for the whole handshake
            # A certificate is for the name without the dot that ends it.
            return tls.wrap_socket(connection, server_hostname=target.host.removesuffix("."))
        except (OSError, ValueError):
            connection.close()
            raise

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context


# Addresses of URLs.


@dataclass(frozen=True, slots=True)
class _Target:
    url: str
    scheme: str  # http, https
    host: str  # without brackets
    port: int
    authority: str  # as `Host` has it
    path: str  # with the query


def _parse(url: str) -> _Target:
    """No user information, no fragment, nothing but ASCII: there is one way to read what is left."""
    match = _URL.fullmatch(url) if len(url) <= URL_CHARACTERS else None
    if match is None:
        raise OutboundFailed(f"{url[:URL_CHARACTERS]!r}: is no URL that we ask")
    scheme, host, path = match["scheme"], match["host"], match["path"] or "/"
    usual = 443 if scheme == "https" else 80
    port = int(match["port"] or usual)
    if not 0 < port < 1 << 16:
        raise OutboundFailed(f"{url}: has no such port")
    authority = host if port == usual else f"{host}:{port}"
    return _Target(url, scheme, host.strip("[]"), port, authority, path)


# Addresses of machines.

_NOT_PUBLIC = tuple(
    map(
        ip_network,
        [
            "0.0.0.0/8",  # this network; 0.0.0.0 reaches this machine
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # behind a provider's NAT
            "127.0.0.0/8",  # this machine
            "168.63.129.16/32",  # a public one, but in each network of Azure its host, with settings and keys
            "169.254.0.0/16",  # link-local: metadata services of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ],
    )
)
"""Written out, because Python's own lists differ between the versions we run on.
Source: IANA, IPv4 and IPv6 Special-Purpose Address Registries; Microsoft Learn, "What is IP address
168.63.129.16?"."""
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The one part of IPv6 that is given out: ::1, fc00::/7, fe80::/10, ff00::/8 and the rest lie outside."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""Source: RFC 6052 §2.1."""


def is_public(address: Address) -> bool:
    """Whether it is some machine on the internet: not this one, nor one of a network of ours.
    An IPv4 address wrapped in an IPv6 one is judged as what it is."""
    inner = _inner(address)
    if isinstance(inner, IPv6Address) and inner not in _GLOBAL_UNICAST:
        return False
    return not any(inner in network for network in _NOT_PUBLIC)


def _inner(address: Address) -> Address:
    """Where packets to it go in the end: an IPv4-mapped, 6to4 or NAT64 address wraps an IPv4 one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


# One request, until a deadline.


def _exchange(target: _Target, connection: socket.socket, max_bytes: int, until: float) -> Answer | str:
    from http.client import HTTPResponse

    wire = _Wire(connection, until, 2 * max_bytes + _HEAD_BYTES)
    wire.send(
        f"GET {target.path} HTTP/1.1\r\nHost: {target.authority}\r\nAccept: application/json\r\n"
        "Accept-Encoding: identity\r\nUser-Agent: openecr\r\nConnection: close\r\n\r\n".encode()
    )
    # All it asks of a socket is a file to read.
    response = HTTPResponse(cast(socket.socket, wire), method="GET")
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    if response.status in _REDIRECTS and "location" in headers:
        return headers["location"]
    if response.status != 200:
        raise OutboundFailed(f"{target.url}: answered {response.status}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise OutboundFailed(f"{target.url}: sent {headers['content-encoding']}, which we did not ask for")
    body = response.read(max_bytes + 1) if (response.length or 0) <= max_bytes else None
    if body is None or len(body) > max_bytes:
        raise OutboundFailed(f"{target.url}: is longer than {max_bytes} bytes")
    if response.length:
        raise OutboundFailed(f"{target.url}: ended {response.length} bytes early")
    return Answer(body, headers)


class _Wire(io.RawIOBase):
    """A connection whose reads and writes end at the deadline, and after so many bytes in all:
    http.client believes a chunk whose size is negative, and then reads as long as bytes come."""

    def __init__(self, connection: socket.socket, until: float, max_bytes: int) -> None:
        self._connection = connection
        self._until = until
        self._left_bytes = max_bytes

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._connection.settimeout(_left(self._until))
        count = self._connection.recv_into(buffer)
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise OSError("sent more bytes than we take")
        return count

    def send(self, data: bytes) -> None:
        self._connection.settimeout(_left(self._until))
        self._connection.sendall(data)


def _left(until: float) -> float:
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("took longer than it may")
    return seconds


def _within(until: float, resolve: Resolve, host: str, port: int) -> Sequence[str]:
    """What it resolves to. The system's resolver cannot be told to stop, so a thread waits for it that
    we may leave behind; it ends when the resolver gives up."""
    outcome: Future[Sequence[str]] = Future()

    def look_up() -> None:
        try:
            outcome.set_result(resolve(host, port))
        except (OSError, UnicodeError) as error:
            outcome.set_exception(error)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    return outcome.result(_left(until))
