"""A request and a response as a front knows them: no framework, no I/O of its own.

`server/adapter.py` makes the one and sends the other; another HTTP server could take its place and
no front would notice.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from multidict import CIMultiDictProxy

from openecr.domain.ranges import content_range, parse_range

BATCH_BYTES = 1 << 20
"""The largest batch in which a body is handed on."""


class Body(Protocol):
    """The bytes of a request, exactly as sent. `100 Continue` is sent when they are first asked for."""

    length: int | None
    """Content-Length, or None where the client sends chunks and does not say."""

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises RequestEntityTooLargeException past the limit, unread."""

    def batches(self) -> AsyncIterator[bytes]:
        """The body in batches of up to BATCH_BYTES, none of them empty."""


@dataclass(slots=True, frozen=True)
class Request:
    id: str  # a UUID; goes back to the client and into every log line
    method: str
    path: str  # as received: percent-encoded, without the query
    query: str  # as received, without the question mark
    headers: CIMultiDictProxy[str]
    source_address: str
    scheme: str  # http or https
    body: Body

    @property
    def host(self) -> str:
        """The Host header as received, with its port."""
        return self.headers.get("Host", "")

    @property
    def origin(self) -> str:
        """`http://localhost:3270`: where this client reached us."""
        return f"{self.scheme}://{self.host}"


@dataclass(slots=True, frozen=True)
class FileRange:
    """A part of a stored file, to be sent as it lies there."""

    path: str
    offset: int
    length: int
    size_bytes: int | None = None  # of the whole file: one of another size is damaged, and not sent


@dataclass(slots=True)
class Response:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileRange | None = None
    """None sends no body; a Content-Length among the headers is then kept as it is (HEAD)."""


def file_response(path: str, size_bytes: int, asked: str | None, headers: Mapping[str, str]) -> Response:
    """A stored file, with 200, or the part of it that a Range header asks for, with 206.

    asked  the value of the Range header, None where there is none or it does not count
    Raises RangeNotSatisfiable
    """
    part = parse_range(asked, size_bytes)
    if part is None:
        return Response(200, dict(headers), FileRange(path, 0, size_bytes, size_bytes))
    return Response(
        206,
        {**headers, "Content-Range": content_range(part, size_bytes)},
        FileRange(path, part.offset, part.length, size_bytes),
    )
