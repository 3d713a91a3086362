"""Answers on their way out: the head as bytes, and a stored file by sendfile.

A file is pushed by `os.sendfile` whenever the socket has room, from the loop's own callback, so a slow
client costs neither a thread nor memory, and a fast one little more than the system calls. The
loop's own `sendfile` was measured and not taken: it registers and forgets the socket for every
piece, and does not tell how far it has come, which the floor under slow readers must know.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from openecr.port import FileRange, Request, Response

SMALL_FILE_BYTES = 64 << 10
"""Up to here one read and one write cost no more than sendfile, and the answer is one piece [measured].
performance.md §3 found the bound at 128 KiB, with a sendfile in a thread; this one runs on the loop."""
TLS_PIECE_BYTES = 256 << 10
RETRY_AFTER_SECONDS = "1"
"""Sent with 429 and 503, whichever front says so: throttling here counts by the second."""
SLICE_BYTES = 2 << 20
"""At most this much by one sendfile, then it is the turn of the other connections."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Way(Protocol):
    """The connection, as an answer needs it."""

    transport: asyncio.Transport | None

    async def flushed(self) -> None:
        """Wait until all that was written has left for the network, or the client has."""


class Outgoing:
    """The answers of one connection, one at a time."""

    __slots__ = ("_loop", "_push", "_way", "_written", "has_begun")

    def __init__(self, loop: asyncio.AbstractEventLoop, way: Way) -> None:
        self.has_begun = False
        """Whether something of the answer to this request was written: then no other can be."""
        self._loop = loop
        self._way = way
        self._written = 0
        self._push: FilePush | None = None

    @property
    def moved(self) -> int:
        """All bytes that have left for the network since the connection was made."""
        transport = self._way.transport
        unsent = 0 if transport is None else transport.get_write_buffer_size()
        return self._written - unsent + (0 if self._push is None else self._push.sent)

    async def send(self, request: Request, response: Response, connection: str | None) -> int:
        """Write the answer, to its last byte. The number of bytes of its body that were sent.

        connection  the value of the Connection header, if there must be one
        Raises OSError where a file cannot be read, before anything is written.
        """
        body, status = response.body, response.status
        if status in (429, 503):
            response.headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
        size = 0 if body is None else len(body) if isinstance(body, bytes) else body.length
        length: str | None = str(size)
        if status in (204, 304):
            length = None
        elif body is None and request.method == "HEAD":
            length = response.headers.get("Content-Length")

        start = head(status, response.headers, length=length, connection=connection)
        if size == 0 or length is None or request.method == "HEAD":
            self._write(start)
            await self._way.flushed()
            return 0
        if isinstance(body, FileRange):
            return await self._send_file(start, body)
        assert body is not None
        self._write(start + body)
        await self._way.flushed()
        return size

    def say(self, response: Response, *, with_body: bool = True) -> None:
        """Write a short answer at once, the last of this connection."""
        assert isinstance(response.body, bytes)
        start = head(response.status, response.headers, length=str(len(response.body)), connection="close")
        self._write(start + response.body if with_body else start)

    def lost(self) -> None:
        """The client has left."""
        if self._push is not None and not self._push.finished.done():
            self._push.finished.set_exception(ConnectionResetError("the client left"))

    async def _send_file(self, start: bytes, part: FileRange) -> int:
        number = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size_bytes = os.fstat(number).st_size
            if part.size_bytes not in (None, size_bytes) or size_bytes < part.offset + part.length:
                raise OSError(f"{part.path} has {size_bytes} bytes, which is not what is known of it")
            if part.length <= SMALL_FILE_BYTES:
                self._write(_with_file(start, number, part))
                await self._way.flushed()
                return part.length
            self._write(start)
            await self._way.flushed()
            transport = self._way.transport
            if transport is None:
                return 0
            if transport.get_extra_info("sslcontext") is not None:
                return await self._send_pieces(number, part)
            return await self._push_file(transport, number, part)
        finally:
            os.close(number)

    async def _push_file(self, transport: asyncio.Transport, number: int, part: FileRange) -> int:
        """A client that leaves ends it; so does a file that ends early, and with it the connection:
        nobody may take what came for the whole."""
        socket_number = transport.get_extra_info("socket").fileno()
        push = self._push = FilePush(self._loop, socket_number, number, part.offset, part.length)
        try:
            await push.finished
        except ConnectionError:
            transport.abort()
        finally:
            push.close()
            self._written += push.sent
            self._push = None
        return push.sent

    async def _send_pieces(self, number: int, part: FileRange) -> int:
        """Through TLS, where every byte passes through us anyway."""
        sent = 0
        while sent < part.length and self._way.transport is not None:
            piece = os.pread(number, min(TLS_PIECE_BYTES, part.length - sent), part.offset + sent)
            if not piece:
                self._way.transport.abort()
                break
            self._write(piece)
            await self._way.flushed()
            sent += len(piece)
        return sent

    def _write(self, data: bytes | bytearray) -> None:
        transport = self._way.transport
        if transport is not None and not transport.is_closing():
            self.has_begun = True
            self._written += len(data)
            transport.write(data)


class FilePush:
    """One file on its way into one socket. `finished` ends with ConnectionError if the client leaves."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, socket_number: int, file_number: int, offset: int, length: int
    ) -> None:
        """The transport of the socket must have nothing left to write, and must not write meanwhile."""
        self.sent = 0
        self.finished: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        # A number of our own: the transport may close its own at any time, and the loop refuses to
        # watch a number that belongs to a transport.
        self._socket = os.dup(socket_number)
        self._file = file_number
        self._offset = offset
        self._length = length
        self._push()
        if not self.finished.done():
            loop.add_writer(self._socket, self._push)

    def close(self) -> None:
        self._loop.remove_writer(self._socket)
        os.close(self._socket)

    def _push(self) -> None:
        if self.finished.done():
            return
        left = self._length - self.sent
        try:
            count = os.sendfile(self._socket, self._file, self._offset + self.sent, min(left, SLICE_BYTES))
        except BlockingIOError:
            return
        except OSError as error:
            self.finished.set_exception(ConnectionError(str(error)))
            return
        self.sent += count
        if count == left:
            self.finished.set_result(None)
        elif count == 0:
            self.finished.set_exception(ConnectionError("the file ended early"))


def head(status: int, headers: Mapping[str, str], *, length: str | None, connection: str | None) -> bytes:
    """The head of an answer.

    length      the Content-Length to tell, or None to tell none; one among the headers does not count
    connection  the value of the Connection header, if there must be one
    Raises ValueError for a header that would end its line.
    """
    lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} Status\r\n"]
    for name, value in headers.items():
        if name != "Content-Length":
            lines.append(f"{name}: {value}\r\n")
    if length is not None:
        lines.append(f"Content-Length: {length}\r\n")
    if connection is not None:
        lines.append(f"Connection: {connection}\r\n")
    lines.append(_date_line(int(time.time())))
    text = "".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise ValueError("a header of an answer holds the end of a line")
    return (text + "\r\n").encode()


@lru_cache(maxsize=2)
def _date_line(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"


def _with_file(start: bytes, number: int, part: FileRange) -> bytearray:
    """The head and the part of the file behind it, without a second copy."""
    whole = bytearray(len(start) + part.length)
    whole[: len(start)] = start
    if os.preadv(number, [memoryview(whole)[len(start) :]], part.offset) != part.length:
        raise OSError(f"{part.path} ended early")
    return whole
