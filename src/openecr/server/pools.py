"""Where a call runs: on the loop, in a thread, or batch by batch. The gate as the fronts see it.

An operation that says so reads a few rows and runs on the loop: SQLite answers in 12 µs, and the way to
a thread and back costs 45. All others run in threads, a bounded number of them, with a bounded number
waiting. An operation that takes bytes borrows a thread for each batch; while the client sends the
next, none is held.
Source: design.md §2 "Server"; performance.md §4, §6.
"""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from openecr.errors import ServiceUnavailable
from openecr.operations.call import Call, Intake, Output
from openecr.operations.gate import Gate

THREADS = min(32, 4 * (os.cpu_count() or 1))
MAX_WAITING = 1024
"""Calls that may wait for a thread; whoever comes then is told to come back (503)."""

Result = TypeVar("Result")


class Pools:
    """AsyncGate over a gate (operations/gate.py)."""

    def __init__(self, gate: Gate, *, threads: int = THREADS, max_waiting: int = MAX_WAITING) -> None:
        self.call = gate.call
        self.busy = 0
        """Calls that run in a thread, or wait for one."""
        self._gate = gate
        self._most = threads + max_waiting
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="call")

    async def admit(self, call: Call) -> None:
        self._gate.admit(call)

    async def perform(self, call: Call, body: AsyncIterator[bytes] | None = None) -> Output:
        """Raises what the operation raises, what the body raises, and ServiceUnavailable where too many
        wait already. A body that ends early leaves the operation, which puts its things in order."""
        if call.operation.inline:
            return self._gate.perform(call)
        if self.busy >= self._most:
            raise ServiceUnavailable
        if body is None or not call.operation.takes_bytes:
            return await self._in_thread(self._gate.perform, call)
        return await self._feed(call, body)

    def close(self) -> None:
        """No more calls. Those in threads are waited for."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _feed(self, call: Call, body: AsyncIterator[bytes]) -> Output:
        """The operation makes its checks before anything is asked of the client. One batch is held back,
        so that the last of them and the end take one thread together."""
        self._gate.admit(call)
        intake = await self._in_thread(self._gate.start, call)
        try:
            batch = await anext(body, b"")
            while following := await anext(body, b""):
                await self._in_thread(intake.send, batch)
                batch = following
            return await self._in_thread(self._end, intake, batch)
        finally:
            if inspect.getgeneratorstate(intake) == inspect.GEN_SUSPENDED:
                await self._in_thread(intake.close)

    def _end(self, intake: Intake, batch: bytes) -> Output:
        if batch:
            intake.send(batch)
        return self._gate.finish(intake)

    async def _in_thread(self, function: Callable[..., Result], *arguments: object) -> Result:
        self.busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        finally:
            self.busy -= 1
