"""fsck by itself, every hour: the checks that read rows and sizes, never the bytes (scrub.py does that).

Source: reliability.md §3, rule 14.
"""

from openecr.jobs import figures
from openecr.jobs.fsck import fsck
from openecr.jobs.work import Work
from openecr.metadata.invariants import Invariants

TOLD = 100
"""How many breaches are lines of the log; the rest is counted. `openecr fsck` prints them all."""
MANY_BLOBS = 20_000
"""From here on it is done in a process of its own: it looks at the file of each."""


def check(work: Work) -> None:
    """Tell of every breach, and leave how many there are."""
    count = 0
    for breach in fsck(work.database, work.blobs, step=work.step):
        count += 1
        if count <= TOLD:
            work.tools.tell("error", "breach", invariant=breach.invariant, text=breach.text)
    if count > TOLD:
        work.tools.tell("error", "more breaches", count=count - TOLD)
    work.step()
    ended_at = work.tools.clock().timestamp()
    with work.database.transaction(durable=False) as db:
        figures.put(db, fsck_breaches=count, fsck_ended_timestamp_seconds=ended_at)
    work.counts["breaches"] = count


def has_many_blobs(work: Work) -> bool:
    with work.database.reading() as db:
        return Invariants(db.connection).has_blob_after(MANY_BLOBS)
