"""Blobs in a local folder. What this store has acknowledged survives `kill -9` and loss of power.

The order is the promise (reliability.md §2): the bytes of a part are synced before `append` ends; a
blob's file is synced, renamed, and its folder synced before `commit` returns. A file is written under
its staging name, and never again once it has its final one. What a failed sync leaves behind is thrown
away: the kernel may have dropped the bytes and would call a second sync of them a success.

The SHA-256 runs along while bytes arrive and is kept in the process between parts. It counts only
while the file is as this process left it; after a restart, or when another process took a part, the
bytes are read once more, when the digest is asked for: once, however many parts there were.

One writer at a time: who may add to an upload is a claim in its row, which can expire while a client
sleeps. So a writer also holds the file's lock (flock: of the open file, gone with its process), and
takes it before looking whether the file is still what its name says.
"""

import fcntl
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from openecr.blobs.paths import FILE_MODE, FOLDER_MODE, Paths, is_id
from openecr.domain.names import Digest
from openecr.domain.tier import STANDARD
from openecr.errors import ServiceUnavailable
from openecr.failpoints import fp

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

READ_BYTES = 1 << 20
WRITE_BYTES = 64 << 10
"""One write. The kernel takes larger ones into larger pages, which it has to find first: up to five times
the CPU on a virtual machine whose memory is not all backed yet, and never less [measured]."""
RUNNING_DIGESTS = 1_024
"""How many uploads' running digests a process keeps; the one idle longest is forgotten first."""


class UploadLost(Exception):
    """The bytes an upload should have are not there (any more). It can only begin anew."""


@dataclass(frozen=True, slots=True)
class Staged:
    """The bytes of an upload, as they lie in the store."""

    upload_id: str
    size_bytes: int
    modified_at: datetime


class Part:
    """Consecutive bytes on their way to the end of an upload."""

    def __init__(self, descriptor: int, offset: int, running: "Hash | None") -> None:
        self._descriptor = descriptor
        self._running = running
        self.size_bytes = offset
        """Of the whole upload: what was there before, and what was written here."""

    def write(self, batch: bytes) -> None:
        """Add a batch; best 256 KiB to 1 MiB. Raises OSError, ENOSPC among others."""
        if self._running is not None:
            self._running.update(batch)
        fp("blob.write")
        rest = memoryview(batch)
        while rest:
            written = os.pwrite(self._descriptor, rest[:WRITE_BYTES], self.size_bytes)
            self.size_bytes += written
            rest = rest[written:]
        fp("part.partial_write")


class FileBlobs:
    """The blob store in a folder. Any number of threads and processes may use it at once.

    root            made, with all it needs, if it is not there
    archive_root    the same, for what few need; without one nothing is put there
    fsync           False gives up every promise about loss of power
    rehashed_bytes  how many staged bytes this process read once more to know their digest
    Every method raises InvalidKey (a ValueError) for an id or key that is no UUID, and lets OSError
    through: ENOSPC, EIO, EMFILE are the caller's to report.
    """

    def __init__(self, root: Path, *, archive_root: Path | None = None, fsync: bool = True) -> None:
        self.rehashed_bytes = 0
        self._paths = Paths(root)
        self._fsync = fsync
        self._running = _RunningDigests(RUNNING_DIGESTS)
        self._safe_folders: set[str] = set()
        for folder in (self._paths.staging, self._paths.blobs):
            self._make_folder(folder)
        self._archive = None if archive_root is None else FileBlobs(archive_root, fsync=fsync)

    # Tiers.

    @property
    def has_archive(self) -> bool:
        return self._archive is not None

    def at(self, tier: str) -> "FileBlobs":
        """The store with the bytes of that tier: this one, or the archive.

        Raises ServiceUnavailable where there is none: what was put there is out of reach for now.
        """
        if tier == STANDARD:
            return self
        if self._archive is None:
            raise ServiceUnavailable("Its bytes are in an archive, which is not at hand.")
        return self._archive

    def has(self, key: str, tier: str, size_bytes: int) -> bool:
        """Whether that blob is at hand, in full."""
        return (tier == STANDARD or self.has_archive) and self.at(tier).size(key) == size_bytes

    # An upload.

    @contextmanager
    def append(self, upload_id: str, offset: int) -> Iterator[Part]:
        """Add a part that begins at `offset`; bytes beyond it, which nobody acknowledged, are cut off.

        When the block ends well, all that was written is safe. When it does not, none of it counts.
        Raises UploadLost where the bytes before `offset` are not there, ServiceUnavailable where
        another writer holds the upload.
        """
        descriptor = self._open_staged(upload_id, os.O_CREAT if offset == 0 else 0)
        try:
            running = (
                self._running.take(upload_id, _Stamp.of(descriptor, offset)) if offset else hashlib.sha256()
            )
            _cut(descriptor, offset)
            part = Part(descriptor, offset, running)
            try:
                yield part
            except BaseException:
                with suppress(OSError):  # the next part cuts it off in any case
                    os.ftruncate(descriptor, offset)
                raise
            self._make_part_safe(upload_id, descriptor, is_first=offset == 0)
            if running is not None:
                self._running.keep(upload_id, _Stamp.of(descriptor, part.size_bytes), running)
        finally:
            os.close(descriptor)

    def digest(self, upload_id: str, size_bytes: int, algorithm: str = "sha256") -> Digest:
        """The digest of the upload's first `size_bytes`, which are all that count.

        algorithm  sha256 (usually known already) or sha512 (the bytes are read)
        Answers the same after `commit`. Raises UploadLost.
        """
        try:
            descriptor = self._open_to_read(upload_id)
        except FileNotFoundError:
            if size_bytes:
                raise UploadLost(upload_id) from None
            return _digest(hashlib.new(algorithm))
        try:
            return self._digest_of(descriptor, upload_id, size_bytes, algorithm)
        finally:
            os.close(descriptor)

    def commit(self, upload_id: str, size_bytes: int, digest: Digest) -> str:
        """Make a blob of the upload's first `size_bytes`; returns its key. It is safe when this returns.

        digest  what `digest` found; looked at again, for a writer whose claim has expired may have
                written since. The bytes are read once more only where the file has changed
        The key is the upload's id, so that a commit which a crash cut short can be repeated. Raises
        UploadLost, also where the bytes are others now or the upload is discarded meanwhile, and
        ServiceUnavailable where a writer holds the upload.
        """
        key = upload_id
        try:
            descriptor = self._open_staged(upload_id, 0 if size_bytes else os.O_CREAT)
        except UploadLost:
            if self.size(key) != size_bytes or self.digest(upload_id, size_bytes) != digest:
                raise
            self._sync_folder(self._paths.folder_of(key))  # whoever renamed it may not have come so far
            return key
        try:
            if self._digest_of(descriptor, upload_id, size_bytes) != digest:
                raise UploadLost(upload_id)
            _cut(descriptor, size_bytes)
            fp("blob.before_fsync")
            with self._thrown_away_on_failure(self._paths.staged(upload_id)):
                self._sync(descriptor)
            fp("blob.after_fsync")
            self._make_folder(self._paths.folder_of(key))
            fp("blob.rename")
            self._rename(upload_id, descriptor)
            fp("blob.after_rename")
            with self._thrown_away_on_failure(self._paths.blob(key)):
                self._sync_folder(self._paths.folder_of(key))
            fp("blob.after_directory_fsync")
        finally:
            os.close(descriptor)
        return key

    def discard(self, upload_id: str) -> None:
        """Forget the bytes of an upload that is over: cancelled, expired, gone with its repository.

        Only after its row was deleted, by one who did not make a blob of it in the same transaction:
        a file that `commit` renamed and no row came to speak of is removed as well.
        """
        self._running.forget(upload_id)
        for path in (self._paths.staged(upload_id), self._paths.blob(upload_id)):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def remove_staged(self, upload_id: str) -> None:
        """Remove staged bytes that no upload speaks of; a blob of the same key is no concern of this."""
        with suppress(FileNotFoundError):
            os.unlink(self._paths.staged(upload_id))

    def staged(self) -> Iterator[Staged]:
        """All uploads that have bytes here, in no order."""
        for name in filter(is_id, os.listdir(self._paths.staging)):
            with suppress(FileNotFoundError):  # committed or discarded meanwhile
                found = os.stat(self._paths.staged(name))
                yield Staged(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    # A blob.

    def path(self, key: str) -> str:
        """Where the blob's bytes can be read, whether it is there or not."""
        return self._paths.blob(key)

    def size(self, key: str) -> int | None:
        """In bytes; None where there is no such blob."""
        try:
            return os.stat(self._paths.blob(key)).st_size
        except FileNotFoundError:
            return None

    def modified_at(self, key: str) -> datetime | None:
        """When its last byte was written; None where there is no such blob."""
        try:
            return datetime.fromtimestamp(os.stat(self._paths.blob(key)).st_mtime, UTC)
        except FileNotFoundError:
            return None

    def sha256(self, key: str) -> Digest | None:
        """The digest of the blob's bytes, all of them read now; None where there is no such blob."""
        try:
            with open(self._paths.blob(key), "rb", buffering=0) as file:
                return _digest(hashlib.file_digest(file, "sha256"))
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        """Remove a blob; one that is not there is removed already. Open downloads of it go on."""
        with suppress(FileNotFoundError):
            os.unlink(self._paths.blob(key))

    def keys(self) -> Iterator[str]:
        """The keys of all blobs, in no order."""
        for folder in os.listdir(self._paths.blobs):
            yield from filter(is_id, os.listdir(f"{self._paths.blobs}/{folder}"))

    # Opening, under the lock of whoever writes.

    def _open_staged(self, upload_id: str, create: int) -> int:
        """A descriptor of the staged file that nobody else writes to while it is open.

        create  O_CREAT, or 0: then UploadLost is raised where there is no file
        """
        path = self._paths.staged(upload_id)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | create, FILE_MODE)
        except FileNotFoundError:
            raise UploadLost(upload_id) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking the file may have become a blob, or been thrown away.
            if os.stat(path).st_ino != os.fstat(descriptor).st_ino:
                raise UploadLost(upload_id)
        except BlockingIOError:
            os.close(descriptor)
            raise ServiceUnavailable from None
        except FileNotFoundError:
            os.close(descriptor)
            raise UploadLost(upload_id) from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _open_to_read(self, upload_id: str) -> int:
        try:
            return os.open(self._paths.staged(upload_id), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.open(self._paths.blob(upload_id), os.O_RDONLY | os.O_CLOEXEC)

    def _digest_of(
        self, descriptor: int, upload_id: str, size_bytes: int, algorithm: str = "sha256"
    ) -> Digest:
        """Of the open file's first `size_bytes`, which are read only where the digest is not known."""
        stamp = _Stamp.of(descriptor, size_bytes)
        running = self._running.find(upload_id, stamp) if algorithm == "sha256" else None
        if running is None:
            running = _hash_of_file(descriptor, size_bytes, algorithm)
            self.rehashed_bytes += size_bytes
            if algorithm == "sha256":
                self._running.keep(upload_id, stamp, running)
        return _digest(running)

    # Making safe.

    def _rename(self, upload_id: str, descriptor: int) -> None:
        """Give the staged file its final name. Raises UploadLost where it was discarded meanwhile."""
        try:
            os.rename(self._paths.staged(upload_id), self._paths.blob(upload_id))
        except FileNotFoundError:
            if os.fstat(descriptor).st_nlink:  # the folder is missing, not the file
                raise
            raise UploadLost(upload_id) from None

    def _make_part_safe(self, upload_id: str, descriptor: int, *, is_first: bool) -> None:
        with self._thrown_away_on_failure(self._paths.staged(upload_id)):
            self._sync(descriptor)
            if is_first:
                self._sync_folder(self._paths.staging)
        if os.fstat(descriptor).st_nlink == 0:
            raise UploadLost(upload_id)

    def _make_folder(self, folder: str) -> None:
        """Make it, and those above it, so that they stay.

        A folder that is there already may be one whose maker has not come to syncing it, so each is
        made safe once by every process.
        """
        if folder in self._safe_folders:
            return
        above = os.path.dirname(folder)
        if not os.path.isdir(above):
            self._make_folder(above)
        with suppress(FileExistsError):
            os.mkdir(folder, FOLDER_MODE)
        try:
            self._sync_folder(above)
        except OSError:
            with suppress(OSError):  # one that is in use stays: it was made safe before
                os.rmdir(folder)
            raise
        self._safe_folders.add(folder)

    def _sync(self, descriptor: int) -> None:
        if fp("blob.fsync") or not self._fsync:
            return
        os.fsync(descriptor)

    def _sync_folder(self, folder: str) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._sync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _thrown_away_on_failure(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError:
            with suppress(OSError):
                os.unlink(path)
            raise


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What a file looked like when its first `size_bytes` were hashed."""

    size_bytes: int
    file_size_bytes: int
    inode: int
    modified_ns: int

    @classmethod
    def of(cls, descriptor: int, size_bytes: int) -> "_Stamp":
        found = os.fstat(descriptor)
        return cls(size_bytes, found.st_size, found.st_ino, found.st_mtime_ns)


class _RunningDigests:
    """The SHA-256 of each upload so far, for as many uploads as it has room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._known: OrderedDict[str, tuple[_Stamp, Hash]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, upload_id: str, stamp: _Stamp) -> "Hash | None":
        """The one of exactly that file, to be read, not to be updated."""
        with self._lock:
            known = self._known.get(upload_id)
        return None if known is None or known[0] != stamp else known[1]

    def take(self, upload_id: str, stamp: _Stamp) -> "Hash | None":
        """The same, to go on with. It is known no more: a part that fails leaves none behind."""
        with self._lock:
            known = self._known.pop(upload_id, None)
        return None if known is None or known[0] != stamp else known[1]

    def keep(self, upload_id: str, stamp: _Stamp, running: "Hash") -> None:
        with self._lock:
            self._known[upload_id] = (stamp, running)
            self._known.move_to_end(upload_id)
            if len(self._known) > self._room:
                self._known.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        with self._lock:
            self._known.pop(upload_id, None)


def _cut(descriptor: int, size_bytes: int) -> None:
    """Drop what lies beyond `size_bytes`. Raises UploadLost where less is there."""
    there = os.fstat(descriptor).st_size
    if there < size_bytes:
        raise UploadLost
    if there > size_bytes:
        os.ftruncate(descriptor, size_bytes)


def _hash_of_file(descriptor: int, size_bytes: int, algorithm: str) -> "Hash":
    running = hashlib.new(algorithm)
    buffer = memoryview(bytearray(READ_BYTES))
    offset = 0
    while offset < size_bytes:
        count = os.preadv(descriptor, [buffer[: min(READ_BYTES, size_bytes - offset)]], offset)
        if count == 0:
            raise UploadLost
        running.update(buffer[:count])
        offset += count
    return running


def _digest(running: "Hash") -> Digest:
    return Digest(f"{running.name}:{running.hexdigest()}")
