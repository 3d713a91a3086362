"""The order of system calls, as strace saw them: nothing is acknowledged before it is safe.

    write* < fsync(file) < rename < fsync(folder) < write(log) < fdatasync(write-ahead log) < send("201")

The kernel may keep promises that nobody asked for, so that a missing sync often goes unnoticed when
the power fails; here it does not. Source: reliability.md §4, A4.
"""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.journal import Client, Journal
from tests.crash.server import Server

BLOBS = 100
PUSHES = -(-BLOBS // 3)
CALLS = "write,pwrite64,pwritev,writev,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2"
STRACE = ("strace", "-f", "-y", "-s", "64", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o")

ENTERED = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*)")
RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<name>\w+) resumed>")


@dataclass
class SystemCall:
    """What a thread asked of the kernel, with the numbers of the lines where it began and ended."""

    name: str
    arguments: str
    began: int
    ended: int

    def writes(self, path: str) -> bool:
        return self.name in ("write", "pwrite64", "pwritev", "writev") and f"<{path}>" in self.arguments

    def syncs(self, path: str) -> bool:
        return self.name in ("fsync", "fdatasync") and f"<{path}>" in self.arguments

    def sends(self, status: int) -> bool:
        return f'"HTTP/1.1 {status} ' in self.arguments


def test_no_blob_is_acknowledged_before_it_is_safe(tmp_path: Path, journal: Journal) -> None:
    data, trace = tmp_path / "data", tmp_path / "trace"
    # A job that writes meanwhile has the same log synced, and one sync is not told from another.
    with Server(data, under=(*STRACE, str(trace)), jobs=False) as server:
        client = Client(server.url, server.create_repository("order/app"), journal, seed=0)
        for number in range(PUSHES):
            client.push(number)
        client.close()
        end(server)

    calls = read(trace)
    renames = [
        (call, *found.groups())
        for call in calls
        if (found := re.search(rf'"{data}/staging/([0-9a-f-]+)".*"({data}/blobs/\w\w)/\1"', call.arguments))
    ]
    assert len(renames) == PUSHES * 3 >= BLOBS
    for rename, key, folder in renames:
        assert_order(calls, rename, f"{data}/staging/{key}", folder)


def test_no_part_is_acknowledged_before_it_is_safe(tmp_path: Path, journal: Journal) -> None:
    """write* < fsync(file) < fsync(folder), of the first part < fsync(write-ahead log) < send("202")."""
    data, trace = tmp_path / "data", tmp_path / "trace"
    # A job that writes meanwhile has the same log synced, and one sync is not told from another.
    with Server(data, under=(*STRACE, str(trace)), jobs=False) as server:
        client = Client(server.url, server.create_repository("order/app"), journal, seed=1)
        for number in range(10):
            client.push(number)
        client.close()
        end(server)

    calls = read(trace)
    syncs: dict[str, int] = {}  # staged file → the number of the call that synced it first
    for number, call in enumerate(calls):
        found = re.search(rf"<({data}/staging/[0-9a-f-]+)>", call.arguments)
        if found and call.syncs(found[1]):
            syncs.setdefault(found[1], number)
    for staged, number in syncs.items():
        after = calls[number:]
        folder = first(after, lambda call: call.syncs(f"{data}/staging"))
        log = first(after, is_log_synced)
        answer = first(after, lambda call: call.sends(202) or call.sends(201))
        written = [call.ended for call in calls[:number] if call.writes(staged)]
        assert max(written) < calls[number].began
        assert calls[number].ended < folder.began <= folder.ended < log.began <= log.ended < answer.began
        assert_commit_is_safe(calls, answer)
    assert len(syncs) == 30


def assert_order(calls: list[SystemCall], rename: SystemCall, staged: str, folder: str) -> None:
    writes = [call for call in calls if call.writes(staged)]
    syncs = [call for call in calls if call.syncs(staged)]
    after = [call for call in calls if call.began > rename.ended]
    folder_sync = first(after, lambda call: call.syncs(folder))
    log_sync = first([call for call in after if call.began > folder_sync.ended], is_log_synced)
    answer = first(after, lambda call: call.sends(201))

    assert max(call.ended for call in writes) < syncs[-1].began
    assert syncs[-1].ended < rename.began
    assert log_sync.ended < answer.began
    assert_commit_is_safe(calls, answer)


def assert_commit_is_safe(calls: list[SystemCall], answer: SystemCall) -> None:
    """The last sync of the log before the answer began after all that was written to it until then."""
    before = [call for call in calls if call.began < answer.began]
    written = max(call.ended for call in before if call.name == "pwrite64" and "-wal>" in call.arguments)
    syncs = [call for call in before if is_log_synced(call) and call.began > written]
    assert syncs, "the commit was acknowledged before the log was synced"
    assert syncs[0].ended < answer.began


def is_log_synced(call: SystemCall) -> bool:
    return call.name in ("fsync", "fdatasync") and "-wal>" in call.arguments


def first(calls: list[SystemCall], wanted: Callable[[SystemCall], bool]) -> SystemCall:
    for call in calls:
        if wanted(call):
            return call
    pytest.fail("a step is missing")


def read(trace: Path) -> list[SystemCall]:
    """The calls, in the order in which they began."""
    return list(_parse(trace.read_text(errors="replace").splitlines()))


def _parse(lines: list[str]) -> Iterator[SystemCall]:
    open_calls: dict[str, SystemCall] = {}
    for number, line in enumerate(lines):
        if found := ENTERED.match(line):
            call = SystemCall(found["name"], found["arguments"], number, number)
            if line.endswith("<unfinished ...>"):
                open_calls[found["thread"]] = call
            yield call
        elif found := RESUMED.match(line):
            open_calls.pop(found["thread"]).ended = number


def end(server: Server) -> None:
    """strace ends with the program it watches, when it has written all it saw."""
    pid = server.process.pid
    (watched,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(watched), signal.SIGTERM)
    assert server.wait() == 0
