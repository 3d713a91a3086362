"""Load from one core: wrk for small GETs and signed calls, our own clients for everything else."""

import json
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.cpu import LOAD_CORE, cpu_seconds, pinned

LONGEST_SECONDS = 120  # no single measurement may take longer, however slow the server is

Figures = dict[str, float]
"""What was measured once, by the names that `report.KINDS` knows."""
Act = Callable[[], int]
"""One step of a client; returns how many requests (or, for bulk, bytes) that was."""

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Load:
    count: float  # requests, or bytes, that were answered
    rate: float  # of these, per second
    cpu_seconds: float  # of the server, in all
    p50_seconds: float  # of one step of a client; of half of them it is less
    p99_seconds: float
    steps_seconds: Sequence[float] = ()  # each of them, where they were our own clients'


# wrk


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A POST / ready to be sent: all its headers, and the body."""

    headers: Mapping[str, str]
    body: str


WRK_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "bytes": %d, "microseconds": %d, "errors": %d, "p50": %d, "p99": %d}\\n',
    summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


def wrk(
    pid: int,
    address: tuple[str, int],
    path: str,
    *,
    connections: int,
    seconds: int,
    headers: Mapping[str, str],
    size_bytes: int = 0,
    signed: Sequence[SignedRequest] = (),
) -> Load:
    """GET the path, or POST the signed requests in turn, over that many keep-alive connections.

    With `size_bytes` the bytes received are counted and divided by it: of a download of 1 GiB the end of the
    run sees only a part. Raises AssertionError where one answer was an error: such a rate means nothing.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_REPORT + _lua_requests(signed))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=30s", f"-s{script.name}"]
        for name, value in headers.items():
            command.append(f"-H{name}: {value}")
        before = cpu_seconds(pid)
        done = subprocess.run(
            pinned(LOAD_CORE, [*command, f"http://{address[0]}:{address[1]}{path}"]),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=True,
        )
        spent = cpu_seconds(pid) - before
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["errors"] == 0, f"{path}: {report['errors']} errors in {report['requests']} requests"
    count = report["bytes"] / size_bytes if size_bytes else report["requests"]
    rate = count / (report["microseconds"] / 1e6)
    return Load(count, rate, spent, report["p50"] / 1e6, report["p99"] / 1e6)


def _lua_requests(signed: Sequence[SignedRequest]) -> str:
    if not signed:
        return ""
    formatted = ",\n".join(
        "wrk.format('POST', '/', {"
        + ", ".join(f"[ {_lua(name)} ] = {_lua(value)}" for name, value in request.headers.items())
        + f"}}, {_lua(request.body)})"
        for request in signed
    )
    return f"""
init = function(args) prepared = {{ {formatted} }}; turn = 0 end
request = function() turn = turn % #prepared + 1; return prepared[turn] end
"""


def _lua(text: str) -> str:
    return f"[==[{text}]==]"


# our own clients


class Clients:
    """Processes that load one server: one connection (or set of them) each, all starting at once.

    make     called once in each process: connects, and returns the step to repeat
    seconds  a client begins no further step after this time, so it makes at least one
    """

    def __init__(self, pid: int, make: Callable[[], Act], *, count: int, seconds: float) -> None:
        self._pid = pid
        self._start = _fork.Barrier(count + 1)
        self._clients: list[tuple[Any, Pipe]] = []
        for _ in range(count):
            ours, theirs = _fork.Pipe(duplex=False)
            process = _fork.Process(target=_client, args=(make, seconds, self._start, theirs), daemon=True)
            process.start()
            theirs.close()
            self._clients.append((process, ours))
        self._cpu_before = 0.0

    def start(self) -> None:
        """Let them go, once all have connected."""
        self._cpu_before = cpu_seconds(self._pid)
        self._start.wait(timeout=LONGEST_SECONDS)

    def finish(self) -> Load:
        """What they did; raises EOFError where one of them failed, which has printed why."""
        count, rate = 0, 0.0
        latencies: list[float] = []
        for _, pipe in self._clients:
            assert pipe.poll(LONGEST_SECONDS), "a client did not end in time"
            own_count, own_seconds, own_latencies = pipe.recv()
            count += own_count
            rate += own_count / own_seconds
            latencies += own_latencies
        spent = cpu_seconds(self._pid) - self._cpu_before
        for process, _ in self._clients:
            process.join()
        hundredths = quantiles(latencies * 2, n=100)  # of one there are none
        return Load(count, rate, spent, hundredths[49], hundredths[98], latencies)


def in_parallel(pid: int, make: Callable[[], Act], *, count: int, seconds: float) -> Load:
    """Start the clients and wait for what they did."""
    clients = Clients(pid, make, count=count, seconds=seconds)
    clients.start()
    return clients.finish()


def _client(make: Callable[[], Act], seconds: float, start: Barrier, result: Pipe) -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    act = make()
    start.wait(timeout=LONGEST_SECONDS)
    began = now = time.perf_counter()
    count = 0
    latencies: list[float] = []
    while not latencies or now - began < seconds:
        count += act()
        then, now = now, time.perf_counter()
        latencies.append(now - then)
    result.send((count, now - began, latencies))


def flush_disk(directory: Path) -> None:
    """Write back what the last candidate left dirty, so that the next does not pay for it."""
    subprocess.run(["sync", "--file-system", str(directory)], check=True, timeout=LONGEST_SECONDS)
