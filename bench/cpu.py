"""Processor time and memory of a server: of its process and all that descend from it."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_cores = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = _cores[0], _cores[-1]


def pinned(core: int, command: list[str]) -> list[str]:
    """The command, so that it runs on this core only."""
    return ["taskset", "--cpu-list", str(core), *command]


def cpu_seconds(pid: int) -> float:
    """User and system time spent so far by the process tree, threads that have ended included.

    It is utime + stime of /proc/PID/stat, read from the process's clock, which counts nanoseconds where that
    file counts hundredths of a second. Child processes that have ended are not in it.
    Source: clock_getcpuclockid(3); the number is MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of Linux.
    """
    return sum(time.clock_gettime((~process << 3) | 2) for process in _tree(pid))


def memory_bytes(pid: int) -> int:
    """Proportional set size of the process tree: a page shared by n processes counts one n-th in each."""
    return sum(_proportional_set_bytes(process) for process in _tree(pid))


def _proportional_set_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup has no Pss line")


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        children = ""
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            children = (thread / "children").read_text()
        for child in children.split():
            yield from _tree(int(child))
