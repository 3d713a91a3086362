"""What the tests of the blob store have in common."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from openecr.blobs.files import FileBlobs
from openecr.domain.names import Digest


def an_upload() -> str:
    return str(uuid4())


def append(blobs: FileBlobs, upload: str, offset: int, *batches: bytes) -> int:
    """Add a part; returns the size of the upload after it."""
    return append_each(blobs, upload, offset, batches)


def append_each(blobs: FileBlobs, upload: str, offset: int, batches: Iterable[bytes]) -> int:
    """The same from batches that may fail to come, or do something on their way."""
    with blobs.append(upload, offset) as part:
        for batch in batches:
            part.write(batch)
    return part.size_bytes


def a_blob(blobs: FileBlobs, content: bytes) -> str:
    """Store a blob the way a push does; returns its key."""
    upload = an_upload()
    if content:
        append(blobs, upload, 0, content)
    assert str(blobs.digest(upload, len(content))) == sha256(content)
    return commit(blobs, upload, content)


def commit(blobs: FileBlobs, upload: str, content: bytes) -> str:
    """Make a blob of an upload that should have that content; returns its key."""
    return blobs.commit(upload, len(content), Digest.parse(sha256(content)))


def read(blobs: FileBlobs, key: str) -> bytes:
    return Path(blobs.path(key)).read_bytes()


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def sha512(content: bytes) -> str:
    return "sha512:" + hashlib.sha512(content).hexdigest()


def pieces(content: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The content cut at those places, wherever they are; empty pieces among them."""
    places = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    return [content[a:b] for a, b in pairwise(places)]


PUSH = """
import sys
from pathlib import Path
from openecr.blobs.files import FileBlobs

root, upload, content = Path(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
blobs = FileBlobs(root)
with blobs.append(upload, 0) as part:
    part.write(content)
blobs.commit(upload, len(content), blobs.digest(upload, len(content)))
"""


def push_and_die(root: Path, upload: str, content: str, failpoint: str) -> None:
    """Another process pushes a blob in one part and is killed at the failpoint."""
    ended = subprocess.run(
        [sys.executable, "-c", PUSH, str(root), upload, content],
        env={**os.environ, "FAILPOINTS": f"{failpoint}=kill9"},
        timeout=30,
    )
    assert ended.returncode == -signal.SIGKILL
