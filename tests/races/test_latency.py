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

SHARE = 300
ROUNDS = 6
WARM = 20
GARBAGE = 10_000
FAR_OFF = 1 << 45
MOST = 1.2


def make_garbage(data: Path) -> None:
    """Blobs without a holder, and bytes that are to go, all at a time far off; more than a run takes."""
    driver = sqlite3.connect(data / "openecr.sqlite3")
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
            " VALUES (?, 'standard', ?, 1, '', ?)",
            [(str(uuid4()), each.to_bytes(32, "big"), FAR_OFF) for each in numbers],
        )
        driver.commit()
    driver.close()


def make_due(data: Path, share: int) -> None:
    """The next so many of both, and the job of the collector."""
    driver = sqlite3.connect(data / "openecr.sqlite3", timeout=30)
    for table, column in (("garbage_review", "since"), ("removal", "due_at")):
        driver.execute(
            f"UPDATE {table} SET {column} = 0 WHERE rowid IN"
            f" (SELECT rowid FROM {table} WHERE {column} = ? LIMIT ?)",
            (FAR_OFF, share),
        )
    driver.execute("UPDATE job SET run_at = 0 WHERE kind = 'collect_garbage'")
    driver.execute("UPDATE schedule SET next_at = 0 WHERE name = 'collect_garbage'")
    driver.commit()
    driver.close()


def left(data: Path) -> int:
    driver = sqlite3.connect(data / "openecr.sqlite3", timeout=30)
    [count] = driver.execute(
        "SELECT (SELECT count(*) FROM garbage_review WHERE since = 0)"
        " + (SELECT count(*) FROM removal WHERE due_at = 0)"
    ).fetchone()
    driver.close()
    return int(count)


def push_time(client: RegistryClient) -> float:
    image = an_image(layers=[a_layer()])
    began = time.perf_counter()
    assert client.push("team/app", image, "latest").status == 201
    return time.perf_counter() - began


def test_pushes_beside_the_collector_take_hardly_longer(tmp_path):
    """In turns with it and without it, for other things happen on the machine too."""
    data = tmp_path / "data"
    beside: list[float] = []
    without: list[float] = []
    with Server(data) as server:
        server.create_repository("team/app")
        make_garbage(data)
        client = RegistryClient(server.url, "anything", user="anybody")
        for _ in range(WARM):
            push_time(client)
        for _ in range(ROUNDS):
            make_due(data, SHARE)
            while left(data) == 2 * SHARE:  # until it begins
                push_time(client)
            mine = []
            while left(data) > 0:
                mine.append(push_time(client))
            beside += mine
            without += [push_time(client) for _ in mine]
        server.stop()

    def nth(times: list[float], percent: int) -> float:
        return sorted(times)[len(times) * percent // 100 - 1] * 1000

    print(f"{len(beside)} pushes each; collected meanwhile: {ROUNDS * SHARE} blobs and as many files")
    for percent in (50, 90, 99):
        print(f"p{percent}: {nth(without, percent):.1f} ms without, {nth(beside, percent):.1f} ms beside")
    assert nth(beside, 99) <= nth(without, 99) * MOST
