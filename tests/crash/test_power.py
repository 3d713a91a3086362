"""Loss of power at any instant: what was acknowledged by then is on the disk.

And the test of the test: a server that leaves out its syncs must be found out.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.crash import power
from tests.crash.journal import Client, Journal
from tests.crash.judge import judge
from tests.crash.server import START_LIMIT_SECONDS, Server

CUTS = int(os.environ.get("OPENECR_POWER_CUTS", "3"))
pytestmark = pytest.mark.usefixtures("root")


def test_what_was_acknowledged_survives_the_loss_of_power_at_any_instant(tmp_path: Path) -> None:
    for breaches in after_cuts(tmp_path, failpoints="", count=CUTS):
        assert breaches == []


def test_a_server_that_does_not_sync_its_blobs_is_found_out(tmp_path: Path) -> None:
    """Its database is synced still, so after the cut rows speak of blobs that are not there."""
    (breaches,) = after_cuts(tmp_path, failpoints="blob.fsync=skip", count=1)
    assert any("in the store" in breach for breach in breaches)


def after_cuts(folder: Path, *, failpoints: str, count: int) -> Iterator[list[str]]:
    """Cut the power `count` times while images are pushed; each time what the judge says of the disk."""
    image, copy = folder / "disk", folder / "disk-after-the-cut"
    power.make(image)
    with (
        power.mounted(image, folder / "power") as disk,
        Server(disk / "data", failpoints=failpoints) as server,
    ):
        with pushing(server, folder / "journal") as journal:
            for number in range(count):
                wait_for_lines(journal, Random(number).randint(15, 40))
                facts = folder / "journal-before-the-cut"
                # What is acknowledged after the journal was copied may be on the disk or not.
                shutil.copy(journal.path, facts)
                with standing_still(server):
                    power.cut(image, copy)
                with power.mounted(copy, folder / "after") as after, Server(after / "data") as restarted:
                    assert restarted.start_seconds <= START_LIMIT_SECONDS
                    yield judge(restarted, after / "data", facts)
        server.stop()


class CountingJournal(Journal):
    """A journal that can be waited for."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines = 0
        self.grown = threading.Condition()

    def write(self, fact: object) -> None:
        super().write(fact)  # type: ignore[arg-type]
        with self.grown:
            self.lines += 1
            self.grown.notify_all()


def wait_for_lines(journal: CountingJournal, more: int) -> None:
    with journal.grown:
        wanted = journal.lines + more
        assert journal.grown.wait_for(lambda: journal.lines >= wanted, timeout=60), "the client is stuck"


@contextmanager
def pushing(server: Server, path: Path) -> Iterator[CountingJournal]:
    """Images are pushed, one after the other, until the block ends."""
    journal, is_over = CountingJournal(path), threading.Event()
    client = Client(server.url, server.create_repository("power/app"), journal, seed=0)

    def push() -> None:
        number = 0
        while not is_over.is_set():
            client.push(number)
            number += 1

    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        yield journal
    finally:
        is_over.set()
        pusher.join(60)
        client.close()
        journal.close()


@contextmanager
def standing_still(server: Server) -> Iterator[None]:
    """The server does nothing, so that the file is copied as it is at one instant."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)
