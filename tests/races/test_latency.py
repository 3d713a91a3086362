"""Whoever pushes hardly notices the collector: 99 of 100 pushes take at most 1.2 times as long."""

import sqlite3
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.builders import a_layer, an_image
from tests.crash.server import Server
from tests.registry_client import RegistryClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GARBAGE = 400_000
PUSHES = 300
MOST = 1.2


def make_garbage(data: Path) -> None:
    """Blobs without a holder whose time of grace is over, and bytes that are to go; more than a run takes."""
    driver = sqlite3.connect(data / "openecr.sqlite3")
    driver.execute("DELETE FROM bookmark")
    for start in range(0, GARBAGE, 10_000):
        numbers = range(start, start + 10_000)
        driver.executemany(
            "INSERT INTO blob (id, digest, size_bytes, key, generation, state, created_at, tier)"
            " VALUES (?, ?, 1, ?, 1, 'live', 0, 'standard')",
            [(1_000_000 + each, each.to_bytes(32, "big"), str(uuid4())) for each in numbers],
        )
        driver.executemany(
            "INSERT INTO garbage_review (blob_id, since) VALUES (?, 0)",
            [(1_000_000 + each,) for each in numbers],
        )
        driver.executemany(
            "INSERT INTO removal (key, tier, digest, size_bytes, reason, due_at)"
            " VALUES (?, 'standard', ?, 1, '', 0)",
            [(str(uuid4()), each.to_bytes(32, "big")) for each in numbers],
        )
        driver.commit()
    driver.close()


def push_times(server: Server) -> list[float]:
    client = RegistryClient(server.url, "anything", user="anybody")
    times = []
    for _ in range(PUSHES):
        image = an_image(layers=[a_layer()])
        began = time.perf_counter()
        assert client.push("team/app", image, "latest").status == 201
        times.append(time.perf_counter() - began)
    return sorted(times)


def reviews(data: Path) -> int:
    driver = sqlite3.connect(data / "openecr.sqlite3")
    [count] = driver.execute("SELECT count(*) FROM garbage_review WHERE since = 0").fetchone()
    driver.close()
    return count


def test_pushes_beside_the_collector_take_hardly_longer(tmp_path):
    data = tmp_path / "data"
    with Server(data) as server:
        server.create_repository("team/app")
        push_times(server)
        without = push_times(server)
        server.stop()
    make_garbage(data)
    with Server(data) as server:
        push_times(server)
        before = reviews(data)
        beside = push_times(server)
        after = reviews(data)
        server.kill()

    def nth(times: list[float], percent: int) -> float:
        return times[len(times) * percent // 100 - 1] * 1000

    for percent in (50, 99):
        print(f"p{percent}: {nth(without, percent):.1f} ms without, {nth(beside, percent):.1f} ms beside")
    print(f"collected meanwhile: {before - after} blobs; left: {after}")
    assert 0 < after < before
    assert nth(beside, 99) <= nth(without, 99) * MOST
