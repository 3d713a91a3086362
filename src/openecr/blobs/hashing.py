"""The digest of a stored blob, taken in pieces, with as much time between them as one likes.

Bytes are read past the kernel's cache (O_DIRECT) where the file system can do that: what is to be known is
what the disk has, and what others read often stays in the cache.
"""

import errno
import hashlib
import os
from mmap import mmap

from openecr.domain.names import Digest

BLOCK_BYTES = 4096
"""What is read past the cache begins at a multiple of this, and lies at one in memory."""
PIECE_BYTES = 1 << 20


class Hashing:
    """path  of a file whose bytes do not change"""

    def __init__(self, path: str) -> None:
        self.read_bytes = 0
        self._path = path
        self._hash = hashlib.sha256()

    def read(self, limit_bytes: int) -> int:
        """Read on; how many bytes there were, 0 at the end.

        limit_bytes  a multiple of BLOCK_BYTES, up to PIECE_BYTES
        Raises OSError where there is no file, or its disk fails.
        """
        descriptor = _open(self._path)
        try:
            with mmap(-1, limit_bytes) as memory:  # its memory begins with a page
                count = os.preadv(descriptor, [memory], self.read_bytes)
                with memoryview(memory) as view:
                    self._hash.update(view[:count])
        finally:
            os.close(descriptor)
        self.read_bytes += count
        return count

    @property
    def digest(self) -> Digest:
        """Of what was read."""
        return Digest.of_sha256(self._hash.digest())


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
