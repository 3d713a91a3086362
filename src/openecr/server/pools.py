"""Where a call runs: on the loop, in a thread, or batch by batch. The gate as the fronts see it.

An operation that says so reads a few rows and runs on the loop: SQLite answers in 12 µs, and the way to
a thread and back costs 45. Where it finds that it has to write, it is begun anew in a thread. All others
run in threads, a bounded number of them, with a bounded number waiting; those that only read have threads
of their own, so that writers who wait for the database keep nobody from reading. An operation that takes
bytes borrows a thread for each batch; while the client sends the next, none is held.
Source: design.md §2 "Server"; performance.md §4, §6.
"""

import asyncio
import inspect
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from openecr.errors import ServiceUnavailable
from openecr.operations.call import Call, Intake, NeedsThread, Output
from openecr.operations.gate import Gate

THREADS = min(32, 4 * (os.cpu_count() or 1))
READING_THREADS = 4
"""Each has a connection to the database, with a cache; more would only wait for the interpreter."""
MAX_WAITING = 1024
"""Calls that may wait for a thread of their kind; whoever comes then is told to come back (503)."""

NICENESS = 10
"""Threads give way to the loop, which would wait its turn behind every upload: beside four of them on one
core, manifests were answered at three times the rate, and without load it makes no difference [measured]."""

Result = TypeVar("Result")


class Pools:
    """AsyncGate over a gate (operations/gate.py)."""

    def __init__(self, gate: Gate, *, threads: int = THREADS, max_waiting: int = MAX_WAITING) -> None:
        self.call = partial(gate.call, has_loop=True)
        self._gate = gate
        self._calls = _Threads("call", threads, max_waiting)
        self._reads = _Threads("read", READING_THREADS, max_waiting)

    @property
    def busy(self) -> int:
        """Calls that run in a thread, or wait for one."""
        return self._calls.busy + self._reads.busy

    async def admit(self, call: Call) -> None:
        self._gate.admit(call)

    async def perform(self, call: Call, body: AsyncIterator[bytes] | None = None) -> Output:
        """Raises what the operation raises, what the body raises, and ServiceUnavailable where too many
        wait already. A body that ends early leaves the operation, which puts its things in order."""
        self._gate.throttle(call)
        threads = self._reads if call.operation.read_only else self._calls
        if call.operation.inline:
            try:
                return self._gate.perform(call)
            except NeedsThread:
                call, threads = replace(call, on_loop=False), self._calls
        if threads.are_taken:
            raise ServiceUnavailable
        if body is None or not call.operation.takes_bytes:
            return await threads.run(self._gate.perform, call)
        return await self._feed(call, body)

    def close(self) -> None:
        """No more calls. Those in threads are waited for."""
        self._calls.close()
        self._reads.close()

    async def _feed(self, call: Call, body: AsyncIterator[bytes]) -> Output:
        """The operation makes its checks before anything is asked of the client. One batch is held back,
        so that the last of them and the end take one thread together."""
        self._gate.admit(call)
        intake = await self._calls.run(self._gate.start, call)
        try:
            batch = await anext(body, b"")
            while following := await anext(body, b""):
                await self._calls.run(intake.send, batch)
                batch = following
            return await self._calls.run(self._end, intake, batch)
        finally:
            if inspect.getgeneratorstate(intake) == inspect.GEN_SUSPENDED:
                await self._calls.run(intake.close)

    def _end(self, intake: Intake, batch: bytes) -> Output:
        if batch:
            intake.send(batch)
        return self._gate.finish(intake)


class _Threads:
    """A number of threads, and how much is asked of them."""

    def __init__(self, name: str, threads: int, max_waiting: int) -> None:
        self.busy = 0
        self._most = threads + max_waiting
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_give_way)

    @property
    def are_taken(self) -> bool:
        return self.busy >= self._most

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        self.busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
        finally:
            self.busy -= 1

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


def _give_way() -> None:
    """On Linux niceness is a thread's own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
