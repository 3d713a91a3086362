"""Timers of a process."""

import asyncio
import io
import json
import sqlite3

from openecr.errors import ServiceUnavailable
from openecr.server.process import every
from openecr.server.telemetry import Log, Telemetry


def test_a_timer_goes_on_whatever_its_work_raises():
    stream = io.StringIO()
    log = Log("json", stream)
    faults = [
        ServiceUnavailable(),
        PermissionError("not ours"),
        sqlite3.OperationalError("no such table: upload"),
        KeyError("a mistake of ours"),
    ]

    async def main():
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        left = list(faults)

        def work():
            if left:
                raise left.pop(0)
            loop.call_soon_threadsafe(done.set)

        timer = asyncio.create_task(every(0, Telemetry(log, access_log=False), work))
        await asyncio.wait_for(done.wait(), 10)
        assert not timer.done()
        timer.cancel()
        await asyncio.wait([timer])
        assert timer.cancelled()

    asyncio.run(main())
    log.close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["timer", "timer", "crashed", "crashed"]
    for line, fault in zip(told, faults, strict=True):
        assert type(fault).__name__ in line.get("reason", line.get("trace"))
