"""Requests that stop half way, and waiting for what happens meanwhile."""

import base64
import http.client
import threading
import time
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from tests.registry_client import Answer, RegistryClient

PATIENCE_SECONDS = 20.0
BEGUN_BYTES = 3 << 20
"""So much is sent that the server must have begun to store it."""


class HalfSent:
    """A PATCH, the beginning of whose body has been sent."""

    def __init__(self, client: RegistryClient, location: str, content: bytes) -> None:
        assert len(content) > BEGUN_BYTES
        self._rest = content
        self._connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=PATIENCE_SECONDS)
        self._connection.putrequest("PATCH", location)
        login = base64.b64encode(":".join(client.http.auth).encode()).decode()
        self._connection.putheader("Authorization", f"Basic {login}")
        self._connection.putheader("Content-Length", str(len(content)))
        self._connection.endheaders()
        self.send(BEGUN_BYTES)

    @property
    def port(self) -> int:
        """The client's."""
        port: int = self._connection.sock.getsockname()[1]
        return port

    def send(self, count: int) -> None:
        """So many bytes more."""
        self._connection.send(self._rest[:count])
        self._rest = self._rest[count:]

    def go_on(self) -> Answer:
        """All that is left."""
        self.send(len(self._rest))
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """The client hangs up."""
        self._connection.close()


def until(condition: Callable[[], object]) -> None:
    """Return once it holds. Fails where it does not within PATIENCE_SECONDS."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        threading.Event().wait(0.005)
