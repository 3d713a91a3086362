"""The digest of a stored file, taken in pieces."""

import hashlib
import os
from pathlib import Path

import pytest

from openecr.blobs.hashing import BLOCK_BYTES, PIECE_BYTES, Hashing


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path):
    """On a disk, and on a file system that may not read past the cache."""
    if request.param == "disk":
        yield tmp_path
        return
    path = Path(f"/dev/shm/openecr-test-{os.getpid()}")
    path.mkdir()
    yield path
    for each in path.iterdir():
        each.unlink()
    path.rmdir()


@pytest.mark.parametrize(
    "size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 10 * BLOCK_BYTES, PIECE_BYTES + 7]
)
@pytest.mark.parametrize("limit", [BLOCK_BYTES, PIECE_BYTES])
def test_it_is_the_digest_of_all_bytes_however_they_are_cut(folder, size, limit):
    content = os.urandom(size)
    (folder / "file").write_bytes(content)
    hashing = Hashing(str(folder / "file"))

    counts = []
    while count := hashing.read(limit):
        counts.append(count)

    assert str(hashing.digest) == "sha256:" + hashlib.sha256(content).hexdigest()
    assert sum(counts) == hashing.read_bytes == size
    assert max(counts, default=0) <= limit


def test_no_file_is_told(folder):
    with pytest.raises(FileNotFoundError):
        Hashing(str(folder / "nothing")).read(BLOCK_BYTES)
