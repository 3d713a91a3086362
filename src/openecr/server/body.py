"""The bytes of one request, as the port promises them, over the stream aiohttp's parser fills.

Memory stays flat because the stream pauses the socket while more than STREAM_BYTES * 2 wait to be
read. Whatever ends a body early (the client leaves, sends nonsense or is too slow) is set on the
stream as the exception the front then meets; nothing here has to look for it.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import StreamReader

from openecr.errors import RequestEntityTooLargeException
from openecr.port import BATCH_BYTES

STREAM_BYTES = 128 << 10
"""The stream pauses the socket above twice this; one more read of the socket (256 KiB) may follow."""
FULL_BATCH_BYTES = 256 << 10
"""A batch is handed on as soon as it has this many bytes."""

READ_BYTES = 256 << 10  # what asyncio takes from a socket at once

assert FULL_BATCH_BYTES + 2 * STREAM_BYTES + READ_BYTES <= BATCH_BYTES


class Waiting(Protocol):
    """The connection, as a body needs it."""

    def write_continue(self) -> None:
        """Send `100 Continue`: the client waits for it before it sends the body."""

    def begin_waiting_for(self, stream: StreamReader) -> None:
        """From now on it is the client's turn; its pace is watched."""

    def end_waiting(self) -> None: ...


class RequestBody:
    __slots__ = ("_connection", "_stream", "awaits_continue", "length")

    def __init__(
        self, connection: Waiting, stream: StreamReader, *, length: int | None, awaits_continue: bool
    ) -> None:
        self.length = length
        self.awaits_continue = awaits_continue
        self._connection = connection
        self._stream = stream

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises RequestEntityTooLargeException past the limit: where the length was
        announced, before any of it is asked for."""
        if self.length is not None and self.length > limit_bytes:
            raise RequestEntityTooLargeException(limit_bytes=limit_bytes)
        pieces = []
        room = limit_bytes
        while piece := await self._next():
            room -= len(piece)
            if room < 0:
                raise RequestEntityTooLargeException(limit_bytes=limit_bytes)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def batches(self) -> AsyncIterator[bytes]:
        """The body in batches of FULL_BATCH_BYTES to BATCH_BYTES; only the last may be smaller."""
        pieces = []
        size = 0
        while piece := await self._next():
            pieces.append(piece)
            size += len(piece)
            if size >= FULL_BATCH_BYTES:
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
                pieces = []
                size = 0
        if pieces:
            yield b"".join(pieces)

    def may_be_skipped(self, limit_bytes: int) -> bool:
        """Whether what is left of it is short, and on its way without being asked for."""
        if self._stream.exception() is not None or self.awaits_continue or self.length is None:
            return False
        return self.length - self._stream.total_bytes <= limit_bytes

    async def skip(self) -> None:
        """Read what is left and throw it away."""
        while await self._next():
            pass

    async def _next(self) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""
        if self.awaits_continue:
            self.awaits_continue = False
            if not self._stream.total_bytes and not self._stream.is_eof():
                self._connection.write_continue()
        self._connection.begin_waiting_for(self._stream)
        try:
            return await self._stream.readany()
        finally:
            self._connection.end_waiting()
