"""Forget uploads that nobody goes on with, and bytes of uploads that are no more.

Rows first, bytes after: where a crash comes between, the bytes are found by the second part of the
next run. A staged file without a row is young for a moment in every upload that is cancelled or
finished, so it is left alone until it is older than any upload may be.
"""

from datetime import datetime, timedelta

from openecr.blobs.files import FileBlobs
from openecr.domain.upload import IDLE_LIFE
from openecr.metadata.database import Database

ORPHAN_LIFE = timedelta(hours=48)
"""How old a staged file without a row must be. Source: reliability.md §3, rule 9."""
BATCH = 100
"""How many uploads one transaction forgets: it holds the writer's lock."""


def expire_uploads(database: Database, blobs: FileBlobs, *, now: datetime) -> int:
    """Remove uploads idle for longer than IDLE_LIFE, and staged bytes no upload speaks of.

    Returns how many of both. Uploads that somebody is adding to stay.
    """
    return _expire_idle(database, blobs, now) + _remove_orphans(database, blobs, now)


def _expire_idle(database: Database, blobs: FileBlobs, now: datetime) -> int:
    count = 0
    while True:
        with database.transaction() as db:
            idle = db.uploads.idle(before=now - IDLE_LIFE, now=now, limit=BATCH)
            for upload_id in idle:
                db.uploads.delete(upload_id)
        for upload_id in idle:
            blobs.discard(upload_id)
        count += len(idle)
        if len(idle) < BATCH:
            return count


def _remove_orphans(database: Database, blobs: FileBlobs, now: datetime) -> int:
    old = [each.upload_id for each in blobs.staged() if each.modified_at < now - ORPHAN_LIFE]
    if not old:
        return 0
    with database.reading() as db:
        known = set(db.uploads.ids())
    orphans = [upload_id for upload_id in old if upload_id not in known]
    for upload_id in orphans:
        blobs.remove_staged(upload_id)
    return len(orphans)
