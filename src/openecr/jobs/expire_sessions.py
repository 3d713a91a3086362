"""Forget temporary credentials whose time is over.

They are kept for a day longer, so that whoever goes on using them is told that they have expired and not
that nobody knows them.
"""

from datetime import datetime, timedelta

from openecr.metadata.database import Database

KEPT = timedelta(days=1)
BATCH = 1000
"""How many one transaction forgets: it holds the writer's lock."""


def expire_sessions(database: Database, *, now: datetime) -> int:
    """Remove the sessions that ended more than KEPT ago. How many."""
    count = 0
    while True:
        with database.transaction() as db:
            forgotten = db.sessions.delete_expired(now - KEPT, limit=BATCH)
        count += forgotten
        if forgotten < BATCH:
            return count
