"""Named points where a test may kill the server, fail, delay or skip a step; otherwise nothing.

    FAILPOINTS="blob.after_rename=kill9@3;blob.fsync=raise:EIO@1;blob.write=sleep:0.2" openecr serve

A point is `fp("blob.after_rename")` in the code and a line in POINTS. What it does is read once, from
the environment, when the process begins; where nothing is set a point costs one look at an empty
dictionary. Actions: `kill9` (the process dies as by `kill -9`), `raise:ERRNO` (an OSError such as
ENOSPC), `sleep:SECONDS`, `skip` (the step is left out, where the code asks). `@N`: at the N-th time
the point is reached, and only then; without it, every time.
Source: reliability.md §2 (FP1–FP13), §4.
"""

import errno
import os
import re
import signal
import threading
import time
from dataclasses import dataclass, field

POINTS = {
    # The commit order of a push, in order (reliability.md §2). In: operations/uploads.py,
    "upload.created": "FP1: the upload's row is there",
    # blobs/files.py,
    "part.partial_write": "FP2: a batch of a part is written, not synced; the row has the old size",
    # operations/uploads.py,
    "complete.digest_checked": "FP3: the bytes are those the client named",
    # blobs/files.py,
    "blob.before_fsync": "FP4: about to sync the whole file",
    "blob.after_fsync": "FP5: the file is safe, under its staging name",
    "blob.after_rename": "FP6: it has its final name, which is not safe yet",
    "blob.after_directory_fsync": "FP7: the name is safe",
    # operations/uploads.py,
    "complete.before_commit": "FP8: about to write the rows",
    "complete.after_commit": "FP9: the rows are safe",
    "complete.before_answer": "FP10: the client was not told yet",
    # operations/images.py.
    "image.before_commit": "FP11: the rows of an image are written, not committed",
    "image.after_commit": "FP12: they are safe",
    "image.before_answer": "FP13: the client was not told yet",
    # Garbage collection. Steps that are left out show what they are for.
    "layer.lease": "metadata/layers.py: a layer is promised for some time; skipped: for none",
    "gc.recheck": "metadata/garbage.py: whether a blob is held is asked now; may be skipped",
    "gc.collected": "jobs/collect_garbage.py: some blobs are nobody's any more; their bytes are there",
    "gc.bytes_removed": "jobs/collect_garbage.py: the bytes of one are gone, its row says not so yet",
    # jobs/move_bytes.py, in order.
    "move.reserved": "where a copy goes is written down, none is there yet",
    "move.copied": "the copy is safe, and nobody's yet",
    "move.committed": "the copy is the blob's, and its old bytes are to be removed",
    # jobs/worker.py, in order; a job's own steps are in jobs/work.py.
    "job.claimed": "a job is somebody's, nothing of it is done yet",
    "job.step": "between two steps of a job: the N-th step with @N",
    "job.before_done": "all of it is done, its row says not so yet",
    "job.done": "its row says so",
    # server/master_key.py, in order.
    "rotation.begun": "the new master key stands before the old one, nothing is sealed under it yet",
    "rotation.sealing": "before each secret that is sealed anew, none of them safe yet",
    "rotation.sealed_anew": "all are sealed under the new key, and the old one is still kept",
    # Single system calls of blobs/files.py, for faults of the disk.
    "blob.write": "before each write of a batch",
    "blob.fsync": "before each sync of a file or folder; may be skipped",
    "blob.rename": "before a file gets its final name",
}

_POINT = re.compile(
    r"(?P<name>[a-z_.]+)=(?P<action>kill9|skip|raise:(?P<errno>E[A-Z0-9]+)|sleep:(?P<seconds>[0-9.]+))"
    r"(?:@(?P<at>[1-9][0-9]*))?"
)


@dataclass(slots=True)
class _Point:
    action: str  # kill9, skip, raise, sleep
    errno: int
    seconds: float
    at: int | None  # at which hit only
    hits: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_due(self) -> bool:
        with self.lock:
            self.hits += 1
            return self.at is None or self.hits == self.at


_armed: dict[str, _Point] = {}


def fp(name: str) -> bool:
    """Do here what FAILPOINTS says of this point.

    Returns whether the step that follows is to be skipped. Raises OSError where the point says so.
    """
    if not _armed:
        return False
    return _act(name)


def arm(text: str) -> None:
    """Set the points, in place of those that were set; an empty text sets none.

    Raises ValueError where the text is not understood or names a point that does not exist: a crash
    test that kills nobody would pass.
    """
    points = dict(_parse(each.strip()) for each in text.split(";") if each.strip())
    _armed.clear()
    _armed.update(points)


def armed() -> list[str]:
    """The points that are set, for a server to say so when it starts."""
    return sorted(_armed)


def _act(name: str) -> bool:
    assert name in POINTS, f"a failpoint that is in no table: {name}"
    point = _armed.get(name)
    if point is None or not point.is_due():
        return False
    if point.action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    if point.action == "raise":
        raise OSError(point.errno, os.strerror(point.errno))
    if point.action == "sleep":
        time.sleep(point.seconds)
    return point.action == "skip"


def _parse(text: str) -> tuple[str, _Point]:
    match = _POINT.fullmatch(text)
    if match is None or match["name"] not in POINTS:
        raise ValueError(f"FAILPOINTS: not understood: {text!r}")
    number = 0
    if match["errno"] is not None:
        numbers = {symbol: number for number, symbol in errno.errorcode.items()}
        if match["errno"] not in numbers:
            raise ValueError(f"FAILPOINTS: no such error: {text!r}")
        number = numbers[match["errno"]]
    return match["name"], _Point(
        action=match["action"].partition(":")[0],
        errno=number,
        seconds=float(match["seconds"] or 0),
        at=int(match["at"]) if match["at"] else None,
    )


arm(os.environ.get("FAILPOINTS", ""))
