"""`kill -9` again and again, at any moment, while many clients push. Source: reliability.md A2."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.crash.journal import UNANSWERED, Client, Journal
from tests.crash.judge import judge
from tests.crash.server import START_LIMIT_SECONDS, Server

SECONDS = float(os.environ.get("OPENECR_CRASH_SECONDS", "10"))
CLIENTS = 16
WAIT_SECONDS = 120


class Restarting:
    """A server that dies again and again, and is started again. Clients wait for it to be there."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.server = Server(data)
        self.generation = 0
        self._changed = threading.Condition()

    def restart(self) -> None:
        self.server.kill()
        server = Server(self.data)
        assert server.start_seconds <= START_LIMIT_SECONDS
        with self._changed:
            self.server = server
            self.generation += 1
            self._changed.notify_all()

    def after(self, generation: int) -> tuple[int, str]:
        """The generation that follows, and where it is. Waits for it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.generation > generation, WAIT_SECONDS)
            return self.generation, self.server.url


class Pusher(threading.Thread):
    """A client that goes on with the same push until it is answered to the end."""

    def __init__(self, servers: Restarting, repository: str, journal: Journal, seed: int) -> None:
        super().__init__()
        self.is_over = threading.Event()
        self.pushed = 0
        self._servers = servers
        self._client = Client(servers.server.url, repository, journal, seed)

    def run(self) -> None:
        generation = 0
        while not self.is_over.is_set():
            try:
                self._client.push(self.pushed)
                self.pushed += 1
            except UNANSWERED:
                if self.is_over.is_set():
                    break
                generation, self._client.url = self._servers.after(generation)
        self._client.close()


def test_random_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    data, random = tmp_path / "data", Random(0)
    servers = Restarting(data)
    repository = servers.server.create_repository("crash/app")
    journals = [Journal(tmp_path / f"journal-{number}") for number in range(CLIENTS)]
    pushers = [Pusher(servers, repository, journal, seed) for seed, journal in enumerate(journals)]

    with running(pushers):
        kills, spent, clock = 0, 0.0, threading.Event()
        while spent < SECONDS:
            pause = random.uniform(0.2, 2)
            clock.wait(pause)
            spent += pause
            servers.restart()
            kills += 1

    for journal in journals:
        journal.close()
    together = tmp_path / "journal"  # each client has tags of its own: their order does not matter
    together.write_bytes(b"".join(journal.path.read_bytes() for journal in journals))
    with servers.server as server:
        assert judge(server, data, together) == []
    assert sum(pusher.pushed for pusher in pushers) >= kills


@contextmanager
def running(pushers: list[Pusher]) -> Iterator[None]:
    """They push until the block ends; what one has begun it finishes."""
    for pusher in pushers:
        pusher.start()
    try:
        yield
    finally:
        for pusher in pushers:
            pusher.is_over.set()
        for pusher in pushers:
            pusher.join(WAIT_SECONDS)
