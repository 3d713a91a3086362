"""Requests sent byte for byte as a test writes them, where no client would send them so."""

import socket
from http.client import HTTPResponse
from typing import Self

from requests.structures import CaseInsensitiveDict

from tests.oci.asking import basic
from tests.registry_client import Answer, RegistryClient
from tests.running import RunningServer


class Connection:
    """One request on a connection of its own, whose body the test sends when it likes."""

    def __init__(
        self, server: RunningServer, method: str, target: str | bytes, headers: dict[str, str | bytes]
    ) -> None:
        """A Host and `Connection: close` are added unless they are given."""
        self._method = method
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        named = {"Host": f"localhost:{server.port}", "Connection": "close"} | headers
        lines = [b" ".join([method.encode(), _bytes(target), b"HTTP/1.1"])]
        lines += [name.encode() + b": " + _bytes(value) for name, value in named.items()]
        self._socket.sendall(b"\r\n".join([*lines, b"", b""]))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def wait_for_continue(self) -> None:
        """The server asks for the body: whatever it looks at before, it has looked at."""
        line = b""
        while not line.endswith(b"\r\n\r\n"):
            received = self._socket.recv(1)
            assert received, line
            line += received
        assert line == b"HTTP/1.1 100 Continue\r\n\r\n"

    def end(self) -> None:
        """The client sends no more; it still listens."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> Answer:
        """The final one. The body must not be asked for before it."""
        beginning = self._socket.recv(len(b"HTTP/1.1 100"), socket.MSG_PEEK)
        assert not beginning.endswith(b" 100")
        response = HTTPResponse(self._socket, method=self._method)
        response.begin()
        return Answer(response.status, CaseInsensitiveDict(response.getheaders()), response.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()


def send(
    server: RunningServer,
    method: str,
    target: str | bytes,
    headers: dict[str, str | bytes] | None = None,
    body: bytes = b"",
) -> Answer:
    """One request and its answer. A body has a Content-Length unless the headers say otherwise."""
    headers = dict(headers or {})
    if body and "Transfer-Encoding" not in headers:
        headers.setdefault("Content-Length", str(len(body)))
    with Connection(server, method, target, headers) as connection:
        connection.send(body)
        return connection.answer()


def credentials(client: RegistryClient) -> dict[str, str | bytes]:
    """The header by which that client logs in."""
    return {**basic(client.http.auth[1])}


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
