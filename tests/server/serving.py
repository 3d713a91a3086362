"""The real adapter on a real port, with a front made for tests, and a client that sends raw bytes."""

import asyncio
import hashlib
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

from openecr.errors import ServiceError, ServiceUnavailable
from openecr.port import FileRange, Response
from openecr.server.adapter import HttpServer
from openecr.server.hosts import Front, refuse_plainly
from openecr.server.incoming import Incoming
from openecr.server.limits import Limits
from openecr.server.listeners import open_listeners, port_of
from openecr.server.telemetry import RequestIds

PATIENCE_SECONDS = 10


@dataclass
class Seen:
    """An Observer that keeps what it is told, and lets a test wait for it."""

    answers: list = field(default_factory=list)
    malformed_reasons: list = field(default_factory=list)
    crashes: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    failures: list = field(default_factory=list)  # what the front met while it read a body
    happened: threading.Condition = field(default_factory=threading.Condition)

    def answered(self, front, request, status, sent, seconds):
        self._add(self.answers, (front, request, status, sent, seconds))

    def malformed(self, source_address, reason):
        self._add(self.malformed_reasons, reason)

    def crashed(self, request, error):
        self._add(self.crashes, (request, error))

    def _add(self, kept, what):
        with self.happened:
            kept.append(what)
            self.happened.notify_all()

    def wait_for(self, kept, count=1):
        with self.happened:
            assert self.happened.wait_for(lambda: len(kept) >= count, PATIENCE_SECONDS), kept
        return kept


class ActingFront:
    """Each path does one thing; a file that a test wants to be sent is given to it."""

    def __init__(self, seen):
        self.seen = seen
        self.file = None
        self.may_go_on = threading.Event()

    async def handle(self, request):
        self.seen._add(self.seen.requests, request)
        action = getattr(self, request.path.strip("/").replace("-", "_").partition("/")[0] or "plain")
        return await action(request)

    async def plain(self, request):
        return Response(200, {"Content-Type": "text/plain"}, b"hello\n")

    async def read(self, request):
        try:
            body = await request.body.read(int(request.query or 1 << 20))
        except ServiceError as error:
            self.seen._add(self.seen.failures, error)
            raise
        return Response(200, {}, f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode())

    async def batches(self, request):
        sizes, digest = [], hashlib.sha256()
        try:
            async for batch in request.body.batches():
                sizes.append(len(batch))
                digest.update(batch)
        except ServiceError as error:
            self.seen._add(self.seen.failures, error)
            raise
        return Response(201, {}, f"{sum(sizes)} {max(sizes, default=0)} {digest.hexdigest()}".encode())

    async def refuse(self, request):
        return Response(401, {"WWW-Authenticate": "Basic"}, b"no\n")

    async def headless(self, request):
        return Response(200, {"Content-Length": "12345", "X-Kept": "yes"}, None)

    async def nothing(self, request):
        return Response(204, {}, None)

    async def created(self, request):
        return Response(201, {"Location": "/x"}, None)

    async def send(self, request):
        offset, length = map(int, request.query.split(","))
        return Response(200, {}, FileRange(str(self.file), offset, length))

    async def crash(self, request):
        raise RuntimeError("a mistake of ours")

    async def split(self, request):
        return Response(200, {"X-Bad": "a\r\nSet-Cookie: b"}, b"")

    async def busy(self, request):
        raise ServiceUnavailable

    async def throttled(self, request):
        return Response(429, {}, b"slowly\n")

    async def wait(self, request):
        await asyncio.to_thread(self.may_go_on.wait, PATIENCE_SECONDS)
        return Response(200, {}, b"waited\n")


@dataclass
class Served:
    port: int
    seen: Seen
    front: ActingFront
    server: HttpServer
    loop: asyncio.AbstractEventLoop

    def connect(self):
        return Raw(self.port)

    def ask(self, text, body=b""):
        """Send a request on a connection of its own; its answer. `{host}` is filled in."""
        with self.connect() as client:
            client.send(text, body)
            return client.answer(head_only=text.startswith("HEAD"))

    def stop(self):
        """Begin to stop, and come back at once."""
        return asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop)


@contextmanager
def serving(limits=None, proxies=(), tls=None):
    seen = Seen()
    front = ActingFront(seen)
    started = threading.Event()
    parts = {}

    async def main():
        stop = asyncio.Event()
        chosen = Front("test", front.handle, refuse_plainly)
        server = HttpServer(lambda request: chosen, seen, Incoming(RequestIds(), proxies), limits or Limits())
        [[listener]] = open_listeners("127.0.0.1", 0, 1)
        parts.update(server=server, port=port_of(listener), loop=asyncio.get_running_loop(), stop=stop)
        await server.listen(listener, tls)
        started.set()
        await stop.wait()
        server.limits = Limits(drain_seconds=0.1)
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert started.wait(PATIENCE_SECONDS)
    try:
        yield Served(parts["port"], seen, front, parts["server"], parts["loop"])
    finally:
        front.may_go_on.set()
        parts["loop"].call_soon_threadsafe(parts["stop"].set)
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    count: int = 0  # of Content-Length headers


class Raw:
    """A connection that says exactly what it is told to."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text, body=b""):
        self.socket.sendall(text.replace("\n", "\r\n").encode("latin-1") + body)

    def send_bytes(self, raw):
        self.socket.sendall(raw)

    def answer(self, *, head_only=False):
        """The next answer, read by its Content-Length."""
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        status = int(first.split(" ")[1])
        pairs = [line.split(": ", 1) for line in lines]
        headers = dict(pairs)
        length = 0 if head_only or status in (100, 204, 304) else int(headers.get("Content-Length", 0))
        while len(self.received) < length:
            self._more()
        body, self.received = self.received[:length], self.received[length:]
        return Answer(status, headers, body, sum(name == "Content-Length" for name, _ in pairs))

    def is_closed(self):
        """Whether the server ends the connection, having said no more."""
        assert self.received == b"", self.received
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _more(self):
        data = self.socket.recv(1 << 16)
        assert data, f"the connection ended; so far: {self.received!r}"
        self.received += data
