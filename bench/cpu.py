"""Processor time and memory of a server: of its process and all that descend from it."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
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
    return _sum(pid, lambda process: time.clock_gettime((~process << 3) | 2))


def memory_bytes(pid: int) -> int:
    """Proportional set size of the process tree: a page shared by n processes counts one n-th in each."""
    return round(_sum(pid, partial(_rollup_bytes, name="Pss")))


def own_memory_bytes(pid: int) -> int:
    """The same without files that are mapped: their pages the kernel takes back as it likes."""
    return round(_sum(pid, partial(_rollup_bytes, name="Pss_Anon")))


def _rollup_bytes(pid: int, *, name: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup has no line {name}")


def _sum(pid: int, measure: Callable[[int], float]) -> float:
    """Of the process and of all that descend from it; of these, one that ends meanwhile counts nothing."""
    total = measure(pid)
    for process in _descendants(pid):
        with suppress(OSError):
            total += measure(process)
    return total


def _descendants(pid: int) -> Iterator[int]:
    children = ""
    with suppress(FileNotFoundError):  # the process has ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # only the thread has
                children += (thread / "children").read_text()
    for child in children.split():
        yield int(child)
        yield from _descendants(int(child))
