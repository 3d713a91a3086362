"""HTTP/1.1 ⇄ port.py: one connection, its requests in turn, and the server that accepts them.

aiohttp's parser and body stream, on asyncio's own transport. Its `web.Server` was measured and not
taken: for each request it makes a request, a writer, a response and a task (28 µs of Python for the
smallest, where this takes 21), and it neither bounds the time of a head or a body, nor tells a handler
that a body turned out to be malformed. What is left of it is the strict part.

No timer is started for a request: every connection carries a deadline, and one sweep looks at all.

An exception that no front expects ends the connection's task; what is said then is in `_ended`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Protocol, cast

from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, HttpVersion10, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from openecr.errors import (
    MalformedHttpRequestException,
    RequestAbortedException,
    RequestTimeoutException,
    ServerException,
    ServiceError,
)
from openecr.port import Request
from openecr.server.body import STREAM_BYTES
from openecr.server.hosts import Front, plain
from openecr.server.incoming import Incoming, head_size
from openecr.server.limits import Limits, Pace
from openecr.server.sending import Outgoing


class Observer(Protocol):
    """Whom the server tells what happened. `telemetry.py` keeps this promise."""

    def answered(self, front: str, request: Request, status: int, sent: int, seconds: float) -> None: ...

    def malformed(self, source_address: str, reason: str) -> None: ...

    def crashed(self, request: Request | None, error: BaseException) -> None: ...


class HttpServer:
    """Accepts connections and looks after them until it is told to stop.

    choose    which front a request is for
    observer  is told of every answer
    incoming  makes a request of what the parser found
    """

    def __init__(
        self, choose: Callable[[Request], Front], observer: Observer, incoming: Incoming, limits: Limits
    ) -> None:
        self.choose = choose
        self.observer = observer
        self.incoming = incoming
        self.limits = limits
        self.connections: set[Connection] = set()
        self.is_stopping = False
        self._listeners: list[asyncio.Server] = []
        self._nobody_left = asyncio.Event()

    async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections from a bound socket."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self, loop),
            sock=listener,
            backlog=1024,
            ssl=tls,
            ssl_handshake_timeout=self.limits.handshake_seconds if tls else None,
        )
        self._listeners.append(server)
        if len(self._listeners) == 1:
            self._sweep(loop)

    async def stop(self) -> bool:
        """Accept no more, and let what is under way end, within the limit. Whether all of it did."""
        self.is_stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.finish()
        if self.connections:
            self._nobody_left.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nobody_left.wait(), self.limits.drain_seconds)
        left = list(self.connections)
        for connection in left:
            connection.abort()
        return not left

    def forget(self, connection: "Connection") -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._nobody_left.set()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now, seconds = loop.time(), self.limits.sweep_seconds
        if not self.is_stopping or self.connections:
            loop.call_later(seconds, self._sweep, loop)
        for connection in list(self.connections):
            connection.check(now, seconds)


class Connection(BaseProtocol):
    """One client's connection. Its requests are answered one after the other, by one task."""

    __slots__ = (
        "_answering",
        "_awaited",
        "_deadline",
        "_fault",
        "_has_client_ended",
        "_head_bytes",
        "_is_deaf",
        "_is_last",
        "_outgoing",
        "_pace",
        "_peer",
        "_queue",
        "_scheme",
        "_server",
        "_stream",
        "_task",
        "_thrown_away",
        "_waiter",
    )

    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        limits = server.limits
        parser = HttpRequestParser(
            self,
            loop,
            STREAM_BYTES,
            max_line_size=limits.line_bytes,
            max_field_size=limits.field_bytes,
            max_headers=limits.fields,
            # A registry hashes the bytes as sent. Source: reliability.md G3.
            auto_decompress=False,
            max_msg_queue_size=limits.pipelined,
        )
        super().__init__(loop, parser)
        self._server = server
        self._outgoing = Outgoing(loop, self)
        self._peer = ""
        self._scheme = "http"
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[tuple[RawRequestMessage, StreamReader]] = deque()
        self._waiter: asyncio.Future[None] | None = None  # while the task waits for a request
        self._deadline = inf
        self._head_bytes = 0  # of a head that is not complete

        # The request that is being answered.
        self._answering: tuple[Front, Request] | None = None
        self._stream: StreamReader | None = None
        self._awaited: StreamReader | None = None  # it is the client's turn to send
        self._pace: Pace | None = None

        # How it ends.
        self._has_client_ended = False
        self._is_last = False  # what is here is answered, then the connection ends
        self._is_deaf = False  # nothing more is parsed
        self._fault: tuple[int, str] | None = None  # what to say when the last request is answered
        self._thrown_away: int | None = None  # bytes, since it was closed from our side; None before

    # The transport's side: bytes come, and the end.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        made = cast(asyncio.Transport, transport)
        self._scheme = "http" if made.get_extra_info("sslcontext") is None else "https"
        # "Paused" then means that something is unsent, which is what sendfile has to know. (Plain
        # transports pause above their limit, those of TLS at it.)
        made.set_write_buffer_limits(high=0 if self._scheme == "http" else 1, low=0)
        made.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._peer = _address(made.get_extra_info("peername"))
        self._server.connections.add(self)
        self._task = self._loop.create_task(self._serve())
        self._task.add_done_callback(self._ended)

    def data_received(self, data: bytes) -> None:
        if self._thrown_away is not None:
            self._throw_away(len(data))
            return
        if self._is_deaf or self._parser is None:
            return
        try:
            messages, _, _ = self._parser.feed_data(data)
        except HttpProcessingError as error:
            self._malformed(error)
            return
        limits = self._server.limits
        if messages:
            if self._head_bytes + len(data) > limits.head_bytes:
                for message, _ in messages:
                    if head_size(message) > limits.head_bytes:
                        self._malformed(LineTooLong(b"head", limits.head_bytes))
                        return
            self._head_bytes = 0
            self._queue.extend(messages)
            self._wake()
            if len(self._queue) >= limits.pipelined and not self._buffer_paused:
                self._pause_reading_for_buffer()
        elif self._waiter is not None and data:
            if not self._head_bytes:
                self._deadline = self._loop.time() + limits.head_seconds
            self._head_bytes += len(data)
            if self._head_bytes > limits.head_bytes:
                self._malformed(LineTooLong(b"head", limits.head_bytes))

    def eof_received(self) -> bool:
        """The client sends no more. It may still want its answers; over TLS it cannot say only that."""
        self._has_client_ended = self._is_last = True
        self._fail_bodies(RequestAbortedException())
        is_idle = self._waiter is not None and not self._waiter.done()
        return not is_idle and self._thrown_away is None and self._scheme == "http"

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._is_last = True
        self._server.forget(self)
        self._fail_bodies(RequestAbortedException())
        self._queue.clear()
        self._outgoing.lost()
        self._wake()
        self._parser = None

    # The server's side.

    def check(self, now: float, seconds: float) -> None:
        """Called by the sweep, every so many seconds: cut whoever takes too long."""
        if self._awaited is not None:
            if not self._keeps_pace(seconds, self._awaited.total_bytes):
                self._awaited.set_exception(RequestTimeoutException())
        elif self._outgoing.has_begun and self._answering is not None:
            if not self._keeps_pace(seconds, self._outgoing.moved):
                self.abort()
        elif now + seconds > self._deadline:
            if self._head_bytes and self._thrown_away is None:
                self._refuse(408, "The head of the request did not arrive in time.")
            else:
                self.abort()

    def finish(self) -> None:
        """Answer what is here, then close; where nothing is under way, close at once."""
        self._is_last = True
        if self._waiter is not None and not self._waiter.done():
            self._close(is_more_to_come=False)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    # Requests, one after the other.

    async def _serve(self) -> None:
        is_read = True
        while self._queue or await self._has_next():
            message, stream = self._queue.popleft()
            self._deadline = inf
            may_go_on = await self._answer(message, stream)
            self._stream = None
            is_read = stream.is_eof()
            if not may_go_on:
                break
            self._go_on_parsing()
        if self._fault is not None:
            self._refuse(*self._fault)
        self._close(is_more_to_come=not is_read)

    async def _has_next(self) -> bool:
        """Wait for a request. False if none will come."""
        if self._is_last:
            return False
        limits = self._server.limits
        patience = limits.head_seconds if self._head_bytes else limits.keep_alive_seconds
        self._deadline = self._loop.time() + patience
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        return bool(self._queue)

    async def _answer(self, message: RawRequestMessage, stream: StreamReader) -> bool:
        """Answer one request. Whether another may follow on this connection."""
        started = self._loop.time()
        server, outgoing = self._server, self._outgoing
        self._stream = stream
        outgoing.has_begun = False
        try:
            request, body = server.incoming.request(message, stream, self, self._peer, self._scheme)
        except MalformedHttpRequestException as error:
            server.observer.malformed(self._peer, error.text)
            self._fault = 400, error.text
            return False

        front = server.choose(request)
        self._answering = front, request
        try:
            response = await front.handle(request)
        except ServiceError as error:
            response = front.refuse(request, error)

        is_read = stream.is_eof()
        may_go_on = (
            not message.should_close
            and not message.upgrade
            and (not self._is_last or bool(self._queue))
            and (is_read or body.may_be_skipped(server.limits.unread_bytes))
        )
        connection = None if may_go_on else "close"
        if may_go_on and message.version is HttpVersion10:
            connection = "keep-alive"
        self._pace = None
        sent = await outgoing.send(request, response, connection)
        self._answering = self._pace = None
        server.observer.answered(front.name, request, response.status, sent, self._loop.time() - started)

        if may_go_on and not is_read:
            try:
                await body.skip()
            except ServiceError:  # the client left, or sends the rest too slowly
                return False
        return may_go_on and self.transport is not None

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The task is over: in order, or by a mistake of ours, which is a 500 and a line in the log."""
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            self.abort()
        elif error is not None:
            front, request = self._answering or (None, None)
            self._answering = None
            self._server.observer.crashed(request, error)
            if front is None or request is None or self._outgoing.has_begun:
                self.abort()
                return
            response = front.refuse(request, ServerException())
            self._outgoing.say(response, with_body=request.method != "HEAD")
            self._server.observer.answered(front.name, request, response.status, 0, 0.0)
            self._close(is_more_to_come=True)

    def _go_on_parsing(self) -> None:
        """A request is done with: there is room for one more that the client may have sent ahead."""
        if self._parser is None:
            return
        self._parser.message_consumed()
        limits = self._server.limits
        if self._buffer_paused and len(self._queue) <= limits.pipelined // 2:
            self.data_received(b"")
            if len(self._queue) < limits.pipelined:
                self._resume_reading_for_buffer()

    # What a body and an answer need of their connection.

    def write_continue(self) -> None:
        if self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def begin_waiting_for(self, stream: StreamReader) -> None:
        self._awaited = stream

    def end_waiting(self) -> None:
        self._awaited = None

    async def flushed(self) -> None:
        if self.writing_paused and self.transport is not None:
            with contextlib.suppress(ConnectionError):
                await self._drain_helper()

    def _keeps_pace(self, seconds: float, moved_bytes: int) -> bool:
        if self._pace is None:
            self._pace = Pace(self._server.limits, moved_bytes)
        return self._pace.keeps_up(seconds, moved_bytes)

    # Ends.

    def _malformed(self, error: HttpProcessingError) -> None:
        """What came is no HTTP. In the middle of a body the front is told; else the answer is ours."""
        reason = "Malformed HTTP: " + error.message.partition("\n")[0].rstrip(":. ") + "."
        self._server.observer.malformed(self._peer, reason)
        self._is_last = self._is_deaf = True
        if self._fail_bodies(MalformedHttpRequestException(reason)):
            return
        fault = 431 if isinstance(error, LineTooLong) else 400, reason
        if self._stream is not None or self._queue:
            self._fault = fault
        else:
            self._refuse(*fault)

    def _refuse(self, status: int, text: str) -> None:
        """Say what is wrong where no front can, and close."""
        self._fault = None
        self._is_last = True
        self._outgoing.say(plain(status, text + "\n"))
        self._close(is_more_to_come=True)

    def _fail_bodies(self, error: ServiceError) -> bool:
        """Whoever reads a body that is not complete, now or later, meets this error. Whether there is one."""
        is_any = False
        for stream in (self._stream, *(each for _, each in self._queue)):
            if stream is not None and not stream.is_eof():
                is_any = True
                if stream.exception() is None:
                    stream.set_exception(error)
        return is_any

    def _close(self, *, is_more_to_come: bool) -> None:
        """Close so that the last answer arrives: first our direction, then, after a while, the client's.

        A socket closed with unread bytes sends a reset, which may overtake the answer; Go clients then
        tell of a broken pipe in place of it. Source: data-plane.md §4.9.
        """
        transport = self.transport
        self._wake()
        if transport is None or transport.is_closing() or self._thrown_away is not None:
            return
        if not is_more_to_come or self._has_client_ended:
            transport.close()
            return
        if transport.can_write_eof():
            transport.write_eof()
        transport.resume_reading()
        self._thrown_away = 0
        self._deadline = self._loop.time() + self._server.limits.linger_seconds

    def _throw_away(self, count: int) -> None:
        assert self._thrown_away is not None
        self._thrown_away += count
        if self._thrown_away > self._server.limits.unread_bytes and self.transport is not None:
            self.transport.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _address(peername: Any) -> str:
    """`203.0.113.7`; an IPv4 address also where the socket is an IPv6 one; empty for a local socket."""
    if not isinstance(peername, tuple):
        return ""
    return str(peername[0]).removeprefix("::ffff:")
