"""Forget uploads that nobody goes on with, and bytes of uploads that are no more.

Rows first, bytes after: where a crash comes between, the bytes are found by the second part of the
next run. A staged file without a row is young for a moment in every upload that is cancelled or
finished, so it is left alone until it is older than any upload may be.
"""

from datetime import timedelta

from openecr.domain.upload import IDLE_LIFE
from openecr.jobs.collect_garbage import is_clock_unsteady
from openecr.jobs.work import Work

ORPHAN_LIFE = timedelta(hours=48)
"""How old a staged file without a row must be. Source: reliability.md §3, rule 9."""
BATCH = 100
"""How many uploads one transaction forgets: it holds the writer's lock."""


def expire_uploads(work: Work) -> None:
    """Remove uploads idle for longer than IDLE_LIFE, and staged bytes no upload speaks of.

    Uploads that somebody is adding to stay. While the clock is not to be trusted (domain/collecting.py)
    nothing is too old.
    """
    if is_clock_unsteady(work):
        return
    _expire_idle(work)
    _remove_orphans(work)


def _expire_idle(work: Work) -> None:
    count = BATCH
    while count == BATCH:
        work.step()
        with work.database.transaction() as db:
            idle = db.uploads.idle(before=work.now - IDLE_LIFE, now=work.now, limit=BATCH)
            for upload_id in idle:
                db.uploads.delete(upload_id)
        work.step()
        for upload_id in idle:
            work.blobs.discard(upload_id)
        count = len(idle)
        work.counts["uploads"] += count


def _remove_orphans(work: Work) -> None:
    old = [each.upload_id for each in work.blobs.staged() if each.modified_at < work.now - ORPHAN_LIFE]
    if not old:
        return
    work.step()
    with work.database.reading() as db:
        known = set(db.uploads.ids())
    for upload_id in old:
        if upload_id not in known:
            work.blobs.remove_staged(upload_id)
            work.counts["orphans"] += 1
