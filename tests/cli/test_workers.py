"""`openecr serve --workers`: several processes on one port, none of which matters alone."""

import os
import signal
import socket
import sqlite3
from base64 import b64decode
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from requests import ConnectionError

from tests.builders import an_image, sha256
from tests.cli.commands import children, serving
from tests.cli.owners import owners_of
from tests.operations.interrupted import BEGUN_BYTES, HalfSent, until
from tests.registry_client import RegistryClient

CONNECTIONS = 32
"""So many that the kernel gives some to each of two, but once in two thousand million tries."""
PATIENCE_SECONDS = 30


@pytest.fixture
def server(tmp_path):
    with serving("--workers", "2", "--data-dir", tmp_path / "data") as server:
        yield server


@pytest.fixture
def connections():
    with ExitStack() as connections:
        yield connections


def test_every_worker_answers_and_one_that_is_killed_is_replaced(server, connections):
    server.client(server.key).create_repository(repositoryName="team/app")
    first = children(server.daemon.pid)
    assert len(first) == 2
    assert answering(server, connections) == set(first)

    os.kill(first[0], signal.SIGKILL)

    # Nobody is refused: who comes to the worker that died waits for its successor.
    second = answering(server, connections)
    assert len(second) == 2
    assert second & set(first) == {first[1]}
    assert second == set(children(server.daemon.pid))
    assert server.repositories(server.key) == ["arn:aws:ecr:us-east-1:000000000000:repository/team/app"]


def test_a_server_ends_well_while_a_worker_that_was_killed_is_being_replaced(server):
    os.kill(children(server.daemon.pid)[0], signal.SIGKILL)
    until(lambda: any("ended with -9" in line for line in server.daemon.said))

    assert server.daemon.stop() == 0, server.daemon.said


def test_an_upload_goes_on_after_the_worker_that_received_a_part_was_killed(server, tmp_path):
    ecr = server.client(server.key)
    ecr.create_repository(repositoryName="team/app")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    registry = RegistryClient(server.url, b64decode(token).decode().removeprefix("AWS:"))
    location = registry.ask("POST", registry.path("team/app", "blobs/uploads/")).headers["Location"]
    content = os.urandom(2 * BEGUN_BYTES)
    with HalfSent(registry, location, content) as half_sent:
        until(lambda: list(tmp_path.rglob(f"staging/{location.split('?')[0].rpartition('/')[2]}")))
        os.kill(owners_of(server, [half_sent.port])[0], signal.SIGKILL)

    # Until it is known that the worker died, somebody may still be adding to the upload.
    until(lambda: patched(registry, location, content) == (202, f"0-{len(content) - 1}"))
    closed = registry.ask("PUT", location, query=f"digest={sha256(content)}")
    assert closed.status == 201


def patched(registry, location, content):
    try:
        answer = registry.ask("PATCH", location, body=content)
    except ConnectionError:  # it came to the socket of the worker that died
        return None
    return answer.status, answer.headers.get("Range")


def test_what_each_worker_was_asked_for_is_recorded_when_they_are_stopped(tmp_path):
    images = [an_image() for _ in range(8)]
    with serving("--workers", "2", "--data-dir", tmp_path / "data") as server:
        server.client(server.key).create_repository(repositoryName="team/app")
        for image in images:  # each over a connection of its own, so by either of them
            registry = RegistryClient(server.url, server.password(server.key))
            assert registry.push("team/app", image).status == 201
            assert registry.get_manifest("team/app", image.digest).status == 200
    with closing(sqlite3.connect(tmp_path / "data" / "openecr.sqlite3")) as driver:
        assert driver.execute("SELECT count(*), count(pulled_at) FROM image").fetchone() == (8, 8)


def test_no_worker_outlives_the_server(server):
    workers = children(server.daemon.pid)
    assert len(workers) == 2

    assert server.daemon.stop() == 0

    assert [worker for worker in workers if Path(f"/proc/{worker}").exists()] == []


def answering(server, connections):
    """The workers that answer on many connections, which stay open."""
    port = int(server.url.rpartition(":")[2])
    made = []
    for _ in range(CONNECTIONS):
        client = connections.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS))
        client.sendall(b"GET /-/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        made.append(client)
    assert [client.recv(4096)[:12] for client in made] == [b"HTTP/1.1 200"] * CONNECTIONS

    return set(owners_of(server, [client.getsockname()[1] for client in made]))
