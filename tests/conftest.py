"""A real server on a real port for each test, with a data directory of its own, and clients of it."""

import asyncio
import socket
import threading

import pytest

from openecr.server.adapter import HttpServer
from openecr.server.app import build
from openecr.server.incoming import Incoming
from openecr.server.limits import Limits
from openecr.server.telemetry import RequestIds
from openecr.settings import Settings
from tests.running import ROOT, Clock, RunningServer


@pytest.fixture(scope="session")
def loop():
    """An event loop that turns in a thread of its own, as the server's does in its process."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(tmp_path):
    """What the server is started with; a test may put other flags in its place."""
    return {
        "data_dir": tmp_path / "data",
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }


@pytest.fixture
def server(loop, clock, settings):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    parts = build(Settings.read(settings, environ={}), port=port, clock=clock)
    http = HttpServer(parts.fronts.choose, parts.telemetry, Incoming(RequestIds()), Limits())

    def on_the_loop(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=30)

    on_the_loop(http.listen(listener))
    yield RunningServer(port, parts)
    on_the_loop(http.stop())
    parts.close()


@pytest.fixture
def ecr(server):
    return server.client("ecr")


@pytest.fixture
def ecr_public(server):
    return server.client("ecr-public")


@pytest.fixture
def docker(server):
    return server.docker()


@pytest.fixture
def repository(ecr):
    ecr.create_repository(repositoryName="team/app")
    return "team/app"
