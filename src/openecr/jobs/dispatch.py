"""Events become jobs: taken from the outbox and added as jobs in one transaction."""

from openecr.jobs.kinds import KINDS
from openecr.jobs.triggers import TRIGGERS
from openecr.jobs.work import Tools

BATCH = 500
"""How many events one transaction takes: it holds the writer's lock."""


def dispatch(tools: Tools) -> int:
    """Make jobs of all events that wait. How many events there were."""
    count = 0
    while True:
        with tools.database.reading() as db:
            if not db.outbox.has_any():
                return count
        now = tools.clock()
        with tools.database.transaction() as db:
            events = db.outbox.take(BATCH)
            for event in events:
                for wanted in TRIGGERS[type(event)](event):
                    assert wanted.kind in KINDS, wanted.kind
                    db.jobs.add(
                        wanted.kind,
                        wanted.payload,
                        at=now + wanted.after,
                        topic=wanted.topic,
                        created_at=now,
                    )
        count += len(events)
