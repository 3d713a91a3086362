"""The bytes of a blob move to another tier, while whoever likes reads them.

In order: where the copy will be is written down, as bytes to be removed some day; the bytes are copied, and
synced, and their digest is compared; one transaction asks once more whether the blob is to move, gives it
the copy's key, and writes down the old bytes as those to be removed, when everybody who found them there has
had time to read them. Whatever is cut short leaves the blob where it was, or where it is to be, and in the
other place bytes that the collector removes. A key is never used twice, so it does not matter how often a
blob moves.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from openecr.blobs.files import READ_BYTES, FileBlobs, UploadLost
from openecr.domain.garbage import MOVED, REMOVAL_DELAY, UNFINISHED, Removal
from openecr.failpoints import fp
from openecr.jobs.work import Work
from openecr.metadata.database import Transaction
from openecr.metadata.invariants import StoredBlob

COPY_LIFE = timedelta(hours=24)
"""How long a copy may take; some time later the collector takes it for one that nobody finishes."""
STEP_BYTES = 64 << 20
"""After how many bytes it is asked whether the job is to go on."""


class BlobDamaged(OSError):
    """Its bytes are not there, or not its digest's any more. They stay as they are."""


def move(work: Work, which: StoredBlob, tier: str, may: Callable[[Transaction], bool]) -> bool:
    """Whether the blob is in that tier now.

    may  whether it is still where it was, and is to move: asked in the transaction that does it
    Raises BlobDamaged, other OSErrors, Interrupted, ServiceUnavailable.
    """
    key = str(uuid4())
    until = work.tools.clock() + COPY_LIFE
    due_at = until + REMOVAL_DELAY  # so that the collector is never at a copy that somebody finishes
    copy = Removal(key, tier, which.digest, which.size_bytes, UNFINISHED, due_at)
    with work.database.transaction() as db:
        db.removals.add(copy)
    fp("move.reserved")
    source, target = work.blobs.at(which.tier), work.blobs.at(tier)
    try:
        _copy(work, which, source, target, key)
    except BaseException:
        target.discard(key)
        raise
    fp("move.copied")
    # Where this raises, nobody knows whether it is so: then the copy may be all there is of the blob.
    is_moved = _commit(work, which, copy, may, until)
    if not is_moved:
        target.discard(key)
    fp("move.committed")
    return is_moved


def _copy(work: Work, which: StoredBlob, source: FileBlobs, target: FileBlobs, key: str) -> None:
    """A whole copy under that key, which is safe when this returns."""
    try:
        with open(source.path(which.key), "rb", buffering=0) as file, target.append(key, 0) as part:
            while batch := file.read(READ_BYTES):
                part.write(batch)
                if part.size_bytes % STEP_BYTES == 0:
                    work.step()
        target.commit(key, which.size_bytes, which.digest)
    except (FileNotFoundError, UploadLost) as error:
        raise BlobDamaged(f"the bytes of {which.digest} under {which.key} are damaged") from error


def _commit(
    work: Work, which: StoredBlob, copy: Removal, may: Callable[[Transaction], bool], until: datetime
) -> bool:
    due_at = work.tools.clock() + work.bounds.gc_removal_delay
    with work.database.transaction() as db:
        if not may(db) or work.tools.clock() >= until or not db.removals.delete(copy):
            return False
        db.tiers.move(which, key=copy.key, tier=copy.tier)
        db.removals.add(Removal(which.key, which.tier, which.digest, which.size_bytes, MOVED, due_at))
    return True
