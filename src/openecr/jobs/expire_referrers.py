"""Signatures and other referrers go with their subject, some time after it.

Source: control-plane.md §4.5: within 24 hours, whether the repository has a lifecycle policy or not.
"""

from datetime import timedelta

from openecr.domain.names import Digest
from openecr.jobs.work import Work

DELAY = timedelta(hours=1)
"""How long they stay: who pushes the subject anew at once finds them still. Ours."""
BATCH = 100
"""How many one transaction deletes: it holds the writer's lock."""


def expire_referrers(work: Work) -> None:
    """Delete the images that name one as their subject which is not there any more.

    payload  repository_id, digest (of the subject)
    One that an index lists stays, as it would whoever asked.
    """
    subject = Digest.parse(work.payload["digest"])
    after = b""
    while True:
        work.step()
        with work.database.transaction() as db:
            repository = db.repositories.find_by_id(work.payload["repository_id"])
            if repository is None or db.images.find_by_digest(repository, subject) is not None:
                return
            found = db.referrers.of_subject(repository, subject, after=after, limit=BATCH)
            for each in found:
                if not db.images.parents(each):
                    db.images.delete(repository, each, at=work.now)
                    work.counts["referrers"] += 1
        if len(found) < BATCH:
            return
        after = found[-1].digest.raw
