"""What a server of ours does by itself: how long it takes, and what whoever pushes meanwhile feels of it.

Pushes beside a job are measured against pushes without it, on one server, in turns: other things happen on
the machine, too, and a slow minute is to slow both. What there is to do is put into the database by SQL,
beside the running server: to push so much would take longer than all measurements together.
"""

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from hashlib import sha256
from itertools import count
from statistics import quantiles
from uuid import uuid4

from bench.client import open_source, upload
from bench.content import KIB, MANIFEST_TYPE, a_manifest
from bench.cpu import own_memory_bytes
from bench.fill import UPLOADS, fill_layers
from bench.load import LONGEST_SECONDS, Act, Figures, flush_disk, in_parallel
from bench.peers import Openecr, Peer, fresh, put_manifest

Make = Callable[[], Act]

TURNS = 3
"""Blocks of pushes beside each job, and as many without it, in one round."""
LOOK_SECONDS = 0.01
WATCH_SECONDS = 0.1
"""How often memory is looked at: whoever is looked at waits meanwhile."""

GARBAGE = 10_000
BYTES_TO_GO = 40_000
FAR_OFF = 1 << 45
"""A time in milliseconds: what is to go then is not due."""
FIRST = 1_000_000
"""The ids of what is put into the database begin here."""

IMAGES, KEPT, REPOSITORY = 100_000, 100, "bench/expiring"
COMMON_LAYERS = 5
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT},
            "action": {"type": "expire"},
        }
    ]
}


def push_beside_collector(peer: Peer, seconds: int) -> Figures:
    """Whole pushes, each of a layer of 64 KiB and its image, while blobs are collected or bytes removed."""
    with _started(peer) as server:
        fill_layers(server, UPLOADS)
        server.source.payload(64 * KIB)  # hashes the common part once, here, so that no client has to
        _make_garbage(server)
        jobs = (
            partial(_collecting, server, "garbage_review", "since"),
            partial(_collecting, server, "removal", "due_at"),
        )
        return _in_turns(server, partial(_pusher, server), jobs, 2 * seconds)


def put_beside_lifecycle(peer: Peer, seconds: int) -> Figures:
    """Manifest PUTs to another repository, while the policy of one with 100,000 images is followed."""
    with _started(peer) as server:
        fill_layers(server, UPLOADS)
        _fill_images(server)
        make = partial(_putter, server)
        return _in_turns(server, make, (partial(_following, server),), 4 * seconds)


def follow_policy(peer: Peer, seconds: int) -> Figures:
    """All but 100 of 100,000 images expire: how long that takes once a worker has the job; and by how much
    the server and the process it is done in grow, files that they map left out."""
    with _started(peer) as server, closing(_database(server)) as database:
        _fill_images(server)
        before = peak = own_memory_bytes(server.pid)
        _follow_policy(server, database)
        began = time.perf_counter()
        while _is_run(database, "evaluate_lifecycle"):
            peak = max(peak, own_memory_bytes(server.pid))
            time.sleep(WATCH_SECONDS)
        took = time.perf_counter() - began
        [left] = database.execute(
            "SELECT image_count FROM repository WHERE name = ?", (REPOSITORY,)
        ).fetchone()
        assert left == KEPT, f"{left} images are left"
        return {"took": took, "growth": peak - before}


# in turns


def _in_turns(
    server: Openecr, make: Make, jobs: tuple[Callable[[], AbstractContextManager[None]], ...], seconds: float
) -> Figures:
    """One client, that many seconds beside each job and as many without, TURNS times; a first block is not
    counted. All pushes of a kind are taken together: of few, a p99 says nothing."""
    block = partial(in_parallel, server.pid, make, count=1, seconds=seconds)
    block()
    beside: list[float] = []
    without: list[float] = []
    for _ in range(TURNS):
        for job in jobs:
            with job():
                beside += block().steps_seconds
            without += block().steps_seconds
    with_it, without_it = _p99(beside), _p99(without)
    return {"p99": with_it, "alone": without_it, "times": with_it / without_it}


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98]


def _pusher(server: Openecr) -> Act:
    config, _ = fill_layers(server, UPLOADS)
    connection, source, own, numbers = server.connect(), open_source(server.source.path), uuid4().hex, count()

    def act() -> int:
        layer, name = server.source.payload(64 * KIB), f"{own}-{next(numbers)}"
        upload(connection, UPLOADS, layer, source)
        put_manifest(connection, UPLOADS, name, a_manifest(config, [layer], name=name))
        return 1

    return act


def _putter(server: Openecr) -> Act:
    config, layers = fill_layers(server, UPLOADS)
    connection, own, numbers = server.connect(), uuid4().hex, count()

    def act() -> int:
        name = f"{own}-{next(numbers)}"
        put_manifest(connection, UPLOADS, name, a_manifest(config, layers, name=name))
        return 1

    return act


# garbage


def _make_garbage(server: Openecr) -> None:
    """Blobs that nothing holds, and bytes that are to go; none of it is due."""
    folder = server.directory / "data" / "blobs"
    removals = [(str(uuid4()), number.to_bytes(32, "big"), FAR_OFF) for number in range(BYTES_TO_GO)]
    for key, _, _ in removals:
        path = folder / key[:2] / key
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(key.encode())
    with closing(_database(server)) as database, database:
        ids = range(FIRST, FIRST + GARBAGE)
        database.executemany(_ADD_BLOB, ((each, each.to_bytes(32, "big"), str(uuid4())) for each in ids))
        database.executemany("INSERT INTO garbage_review VALUES (?, ?)", ((each, FAR_OFF) for each in ids))
        database.executemany("INSERT INTO removal VALUES (?, 'standard', ?, 36, '', ?)", removals)
    flush_disk(server.directory)


@contextmanager
def _collecting(server: Openecr, table: str, column: str) -> Iterator[None]:
    """All of one kind of it is due, and the collector at it; afterwards none is. There must be some left."""
    with closing(_database(server)) as database:

        def left() -> int:
            [number] = database.execute(f"SELECT count(*) FROM {table} WHERE {column} = 0").fetchone()
            return int(number)

        with database:
            database.execute(f"UPDATE {table} SET {column} = 0 WHERE {column} = ?", (FAR_OFF,))
            database.execute("UPDATE schedule SET next_at = 0 WHERE name = 'collect_garbage'")
        all_due = left()
        _wait_until(lambda: left() < all_due)
        yield
        assert left() > 0, f"the collector was at the end of {all_due} of {table} before the block was"
        with database:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = 0", (FAR_OFF,))
        _wait_until(lambda: not _is_run(database, "collect_garbage"))


# lifecycle


def _fill_images(server: Openecr) -> None:
    """Each with a tag, a config of its own and two of five layers, a minute younger than the one before."""
    server.create_repository(REPOSITORY)
    policy = json.dumps(POLICY)
    server.client().put_lifecycle_policy(repositoryName=REPOSITORY, lifecyclePolicyText=policy)
    now = round(time.time() * 1000)
    ids, layers = range(FIRST, FIRST + IMAGES), range(FIRST - COMMON_LAYERS, FIRST)
    with closing(_database(server)) as database, database:
        [repository] = database.execute("SELECT id FROM repository WHERE name = ?", (REPOSITORY,)).fetchone()
        blobs = range(layers.start, ids.stop)
        database.executemany(_ADD_BLOB, ((each, _digest(each), str(uuid4())) for each in blobs))
        database.executemany(
            "INSERT INTO repository_blob VALUES (?, ?, 0)", ((repository, each) for each in blobs)
        )
        database.executemany(
            "INSERT INTO image (id, repository_id, digest, media_type, size_bytes, manifest_size_bytes,"
            " annotations, status, pushed_at, is_tagged)"
            " VALUES (?, ?, ?, ?, 1000, 700, '{}', 'ACTIVE', ?, 1)",
            (
                (each, repository, _digest(each), MANIFEST_TYPE, now - 60_000 * (ids.stop - each))
                for each in ids
            ),
        )
        database.executemany("INSERT INTO manifest VALUES (?, ?)", ((each, b"%0700d" % each) for each in ids))
        database.executemany(
            "INSERT INTO tag (repository_id, name, image_id, created_at) VALUES (?, ?, ?, 0)",
            ((repository, f"v{each}", each) for each in ids),
        )
        database.executemany(
            "INSERT INTO image_blob VALUES (?, ?, ?, 'application/vnd.oci.image.layer.v1.tar+gzip')",
            (
                (each, blob, repository)
                for each in ids
                for blob in (each, layers[0], layers[1 + each % (COMMON_LAYERS - 1)])
            ),
        )
        database.execute("UPDATE repository SET image_count = ? WHERE id = ?", (IMAGES, repository))
        database.execute("ANALYZE")
    flush_disk(server.directory)


def _digest(number: int) -> bytes:
    """As those of images are: in no order."""
    return sha256(b"%d" % number).digest()


_ADD_BLOB = (
    "INSERT INTO blob (id, digest, size_bytes, key, generation, state, created_at)"
    " VALUES (?, ?, 36, ?, 1, 'live', 0)"
)


def _follow_policy(server: Openecr, database: sqlite3.Connection) -> None:
    """Have it followed; returns when a worker has begun."""
    command = [server.program, "-m", "openecr", "lifecycle", "run", "--repository", REPOSITORY]
    subprocess.run(
        [*command, "--data-dir", str(server.directory / "data")],
        env={**os.environ, **server.environment()},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=LONGEST_SECONDS,
    )
    _wait_until(lambda: _is_run(database, "evaluate_lifecycle"))


@contextmanager
def _following(server: Openecr) -> Iterator[None]:
    """The policy is being followed; afterwards it is not, and must not have been to its end."""
    with closing(_database(server)) as database:
        _follow_policy(server, database)
        yield
        with database:  # at once: now that nobody pushes, many images go at a time
            cancelled = database.execute("UPDATE job SET is_cancelled = 1 WHERE kind = 'evaluate_lifecycle'")
        assert cancelled.rowcount, "the policy was followed before the block was at its end"
        _wait_until(lambda: not _is_run(database, "evaluate_lifecycle"))


# the server


@contextmanager
def _started(peer: Peer) -> Iterator[Openecr]:
    with fresh(peer) as server:
        assert isinstance(server, Openecr)
        server.start()
        server.log_in()
        yield server


def _database(server: Openecr) -> sqlite3.Connection:
    return sqlite3.connect(server.directory / "data" / "openecr.sqlite3", timeout=30)


def _is_run(database: sqlite3.Connection, kind: str) -> bool:
    found = database.execute("SELECT 1 FROM job WHERE kind = ? AND state = 'running'", (kind,))
    return found.fetchone() is not None


def _wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < until, "a job was not begun, or not ended, in time"
        time.sleep(LOOK_SECONDS)
