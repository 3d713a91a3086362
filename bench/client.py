"""A blocking HTTP/1.1 client on a bare socket, that costs the machine as little as a client can.

wrk can do neither HEAD (it waits for a body) nor a request body from a file, and copies every byte it
receives. This one sends by `os.sendfile` and can throw a body away inside the kernel (`MSG_TRUNC`, tcp(7)),
so that the rate of a bulk transfer is the server's and not the client's.
"""

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.content import MIB, Payload

WAIT_SECONDS = 60  # then BlockingIOError: a server that hangs must not hang the bench


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Connection:
    """One keep-alive connection. Every method raises AssertionError where the status is not the expected."""

    def __init__(self, address: tuple[str, int], headers: Mapping[str, str]) -> None:
        self._socket = socket.create_connection(address)
        for timeout in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # settimeout() would make it non-blocking
            self._socket.setsockopt(socket.SOL_SOCKET, timeout, struct.pack("ll", WAIT_SECONDS, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        common = {"Host": f"{address[0]}:{address[1]}", **headers}
        self._common = "".join(f"{name}: {value}\r\n" for name, value in common.items())
        self._received = bytearray()
        self._bin = bytearray(4 * MIB)

    def close(self) -> None:
        self._socket.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        expect: int,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its whole answer."""
        self._send_head(method, path, len(body), headers or {}, body)
        answer = self.receive(has_body=method != "HEAD")
        assert answer.status == expect, f"{method} {path}: {answer.status} {answer.body[:300]!r}"
        return answer

    def send_payload(
        self,
        method: str,
        path: str,
        payload: Payload,
        source: int,
        *,
        expect: int,
        headers: Mapping[str, str],
    ) -> Answer:
        """One request whose body is the payload; `source` is the open source file."""
        self._send_head(method, path, payload.size_bytes, headers)
        for offset, length in payload.pieces():
            end = offset + length
            while offset < end:
                offset += os.sendfile(self._socket.fileno(), source, offset, end - offset)
        self._socket.sendall(payload.tail)
        answer = self.receive()
        assert answer.status == expect, f"{method} {path}: {answer.status} {answer.body[:300]!r}"
        return answer

    def discard(self, path: str) -> int:
        """GET, its body thrown away unread; returns how many bytes it had."""
        self._send_head("GET", path, 0, {})
        status, headers = self._receive_head()
        assert status == 200, f"GET {path}: {status}"
        length = int(headers["content-length"])
        left = length - len(self._received)
        self._received.clear()
        while left:
            count = self._socket.recv_into(self._bin, min(left, len(self._bin)), socket.MSG_TRUNC)
            assert count, f"GET {path}: the connection ended {left} bytes early"
            left -= count
        return length

    def send_request(self, method: str, path: str) -> None:
        """Only the request: for many connections in one process, `receive` follows."""
        self._send_head(method, path, 0, {})

    def receive(self, *, has_body: bool = True) -> Answer:
        """The next answer, whole."""
        status, headers = self._receive_head()
        if not has_body or status in (204, 304):
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Answer(status, headers, self._receive_chunks())
        return Answer(status, headers, self._take(int(headers.get("content-length", 0))))

    def _send_head(
        self, method: str, path: str, length: int, headers: Mapping[str, str], body: bytes = b""
    ) -> None:
        own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if method in ("POST", "PUT", "PATCH"):
            own += f"Content-Length: {length}\r\n"
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\n{self._common}{own}\r\n".encode() + body)

    def _receive_head(self) -> tuple[int, dict[str, str]]:
        lines = self._take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(lines[0].split()[1]), headers

    def _receive_chunks(self) -> bytes:
        body = bytearray()
        while length := int(self._take_until(b"\r\n").split(b";")[0], 16):
            body += self._take(length)
            self._take_until(b"\r\n")
        self._take_until(b"\r\n")
        return bytes(body)

    def _take_until(self, mark: bytes) -> bytes:
        while (found := self._received.find(mark)) < 0:
            self._receive_more()
        taken = bytes(self._received[:found])
        del self._received[: found + len(mark)]
        return taken

    def _take(self, length: int) -> bytes:
        while len(self._received) < length:
            self._receive_more()
        taken = bytes(self._received[:length])
        del self._received[:length]
        return taken

    def _receive_more(self) -> None:
        data = self._socket.recv(1 << 18)
        assert data, "the server closed the connection"
        self._received += data


def upload(connection: Connection, repository: str, payload: Payload, source: int) -> None:
    """Push a blob as docker does: POST, one PATCH with all bytes, PUT with the digest."""
    started = connection.request("POST", f"/v2/{repository}/blobs/uploads/", expect=202)
    patched = connection.send_payload(
        "PATCH",
        _path_of(started),
        payload,
        source,
        expect=202,
        headers={"Content-Type": "application/octet-stream"},
    )
    target = _path_of(patched)
    target += ("&" if "?" in target else "?") + f"digest={payload.digest}"
    connection.request("PUT", target, expect=201)


def open_source(path: Path) -> int:
    """The source file, open for `os.sendfile`, for as long as this process lives."""
    return os.open(path, os.O_RDONLY)


def _path_of(answer: Answer) -> str:
    location = answer.headers["location"]
    if location.startswith("http"):
        location = "/" + location.split("/", 3)[3]
    return location
