"""Once a week: bytes in the store that no row speaks of are removed. Source: reliability.md §3, rule 9.

A crash between storing bytes and writing their row leaves such; so does a database that was put back from a
backup, which is why the brakes hold here too. Young bytes are left alone: their row may be on its way. That
a row has no bytes is for fsck to tell (check.py): nothing is ever removed because of it.
"""

from collections.abc import Iterator
from itertools import islice

from openecr.domain.garbage import ORPHAN, Amount
from openecr.domain.tier import ARCHIVE, STANDARD
from openecr.domain.upload import IDLE_LIFE
from openecr.jobs import figures
from openecr.jobs.collect_garbage import is_stopped, remove_bytes
from openecr.jobs.expire_uploads import ORPHAN_LIFE
from openecr.jobs.work import Work

AGE = IDLE_LIFE + ORPHAN_LIFE
"""How old bytes without a row must be: longer than any upload may take."""
PAGE = 500


def take_inventory(work: Work) -> None:
    """Remove the bytes that no row speaks of, unless it is far too much."""
    orphans = _orphans(work)
    amount = Amount(len(orphans), sum(orphans.values()))
    if not orphans or is_stopped(work, amount):
        return
    for (tier, key), size_bytes in orphans.items():
        work.step()
        with work.database.reading() as db:
            if db.removals.is_known(key):
                continue
        remove_bytes(work, key, tier, size_bytes, ORPHAN)
        work.counts["orphans"] += 1
    with work.database.transaction(durable=False) as db:
        figures.add(db, gc_removed_blobs=amount.blobs, gc_removed_bytes=amount.size_bytes)


def _orphans(work: Work) -> dict[tuple[str, str], int]:
    """(tier, key) → bytes."""
    tiers = [STANDARD, ARCHIVE] if work.blobs.has_archive else [STANDARD]
    return {(tier, key): size_bytes for tier in tiers for key, size_bytes in _orphans_of(work, tier)}


def _orphans_of(work: Work, tier: str) -> Iterator[tuple[str, int]]:
    blobs = work.blobs.at(tier)
    keys = blobs.keys()
    while page := list(islice(keys, PAGE)):
        work.step()
        with work.database.reading() as db:
            unknown = [key for key in page if not db.removals.is_known(key)]
        for key in unknown:
            modified_at = blobs.modified_at(key)
            if modified_at is not None and modified_at < work.now - AGE:
                yield key, blobs.size(key) or 0
