"""Forget temporary credentials whose time is over.

They are kept for a day longer, so that whoever goes on using them is told that they have expired and not
that nobody knows them.
"""

from datetime import timedelta

from openecr.jobs.work import Work

KEPT = timedelta(days=1)
BATCH = 1000
"""How many one transaction forgets: it holds the writer's lock."""


def expire_sessions(work: Work) -> None:
    """Remove the sessions that ended more than KEPT ago."""
    forgotten = BATCH
    while forgotten == BATCH:
        work.step()
        with work.database.transaction() as db:
            forgotten = db.sessions.delete_expired(work.now - KEPT, limit=BATCH)
        work.counts["sessions"] += forgotten
