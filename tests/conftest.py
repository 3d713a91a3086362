"""A real server on a real port for each test, with a data directory of its own, and clients of it."""

import asyncio
import gc
import shutil
import socket
import threading

import pytest

from openecr.metadata.database import Database
from openecr.server.adapter import HttpServer
from openecr.server.app import build
from openecr.server.incoming import Incoming
from openecr.server.limits import Limits
from openecr.server.telemetry import RequestIds
from openecr.settings import Settings
from tests.running import ROOT, Clients, Clock, RunningServer


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: no need to look through it for garbage, again and
    again, for a tenth of the suite's time."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def listener():
    """Where the servers of the tests listen, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(scope="session")
def clients(listener):
    """The clients that ask there as the root. To make one costs more than most that it asks."""
    return Clients(listener.getsockname()[1])


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """One with all its tables and nothing in them: copied, it is a tenth of the work of making it. That a
    server makes one is for tests/metadata and for all that start `openecr`."""
    path = tmp_path_factory.mktemp("empty") / "empty.sqlite3"
    Database(path).close()
    return path


@pytest.fixture
def server(loop, clock, settings, listener, clients, empty_database):
    port = listener.getsockname()[1]
    read = Settings.read(settings, environ={})
    if not read.database_path.exists():
        read.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(empty_database, read.database_path)
    parts = build(read, port=port, clock=clock)
    http = HttpServer(parts.fronts.choose, parts.telemetry, Incoming(RequestIds()), Limits())

    def on_the_loop(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=30)

    on_the_loop(http.listen(listener.dup()))
    yield RunningServer(port, parts, clients)
    clients.hang_up()
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
