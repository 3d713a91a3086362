"""Servers started and stopped within a test: one after the other, or several on the same data."""

import asyncio
import socket
from contextlib import contextmanager

from openecr.server.adapter import HttpServer
from openecr.server.app import build
from openecr.server.incoming import Incoming
from openecr.server.limits import Limits
from openecr.server.telemetry import RequestIds
from openecr.settings import Settings
from tests.running import RunningServer


@contextmanager
def a_node(loop, settings, clock):
    """A server on the data directory of the settings; at the end it is stopped as by SIGTERM."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    parts = build(Settings.read(settings, environ={}), port=port, clock=clock)
    http = HttpServer(parts.fronts.choose, parts.telemetry, Incoming(RequestIds()), Limits())

    def on_the_loop(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=40)

    on_the_loop(http.listen(listener))
    try:
        yield RunningServer(port, parts)
    finally:
        on_the_loop(http.stop())
        parts.close()
