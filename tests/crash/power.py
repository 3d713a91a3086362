"""A disk whose power can be cut: a file with ext4 on it, mounted by a loop device.

What the file holds at an instant is what a disk would hold if the power failed then: whatever was
synced has been handed down to it, whatever only lies in the page cache of the mounted file system has
not. `commit=300` keeps the journal from syncing by itself meanwhile. A copy of the file, mounted
elsewhere, replays the journal as after a real failure.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_BYTES = 256 << 20


def make(image: Path) -> None:
    """A new file system in a file, sparse."""
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES)
    _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)


@contextmanager
def mounted(image: Path, where: Path) -> Iterator[Path]:
    """The file system, at a folder that is made for it."""
    where.mkdir()
    _run("mount", "-o", "loop,commit=300", image, where)
    try:
        yield where
    finally:
        _run("umount", where)
        where.rmdir()


def cut(image: Path, copy: Path) -> None:
    """Copy the file as it is now. Whoever writes to the file system must stand still meanwhile."""
    _run("cp", "--sparse=always", image, copy)


def _run(*command: str | Path) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, (command, ended.stderr)
