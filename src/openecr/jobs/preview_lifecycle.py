"""What a policy would do to a repository, for whoever asked. Source: control-plane.md §6.7.

The same evaluator as the run's. What an index lists and cannot go is not told (Appendix C, U17).
"""

from datetime import timedelta

from openecr.domain.lifecycle import evaluate
from openecr.domain.lifecycle_policy import EXPIRE, parse
from openecr.domain.repository import Repository
from openecr.jobs.lifecycle_events import DRY_RUN, Followed, events
from openecr.jobs.turns import turn
from openecr.jobs.work import Work
from openecr.metadata.database import Transaction
from openecr.metadata.lifecycle_policies import NEVER
from openecr.metadata.lifecycle_previews import IN_PROGRESS, Preview
from openecr.metadata.query import milliseconds

BATCH = 100
"""How many images one transaction writes or forgets: it holds the writer's lock, for a few milliseconds."""
KEPT = timedelta(hours=25)
"""How long their images are kept: an hour longer than they are shown (operations/lifecycle.py)."""
REPOSITORIES = 100


def topic(repository_id: int) -> str:
    return f"preview_lifecycle {repository_id}"


def preview_lifecycle(work: Work) -> None:
    """Find out what the policy of the preview that a repository has would do.

    payload  repository_id
    """
    with work.database.reading() as db:
        repository = db.repositories.find_by_id(work.payload["repository_id"])
        preview = None if repository is None else db.lifecycle_previews.find(repository)
        if repository is None or preview is None or preview.status != IN_PROGRESS:
            return
        stored = db.lifecycle_policies.find(repository)
        facts = db.lifecycle_facts.read(repository)
    policy = parse(preview.text)
    verdict = evaluate(facts, policy, now=milliseconds(work.now))
    _forget(work, repository.id, preview.id)
    for first in range(0, len(verdict.decisions), BATCH):
        work.step()
        with turn(work.tools), work.database.transaction(durable=False) as db:
            if not _is_still(db, repository, preview):
                return
            db.lifecycle_previews.add(repository, verdict.decisions[first : first + BATCH])
    expiring = sum(each.rule.action == EXPIRE for each in verdict.decisions)
    with work.database.transaction() as db:
        if not _is_still(db, repository, preview):
            return
        transitioning = len(verdict.decisions) - expiring
        db.lifecycle_previews.complete(repository, expiring=expiring, transitioning=transitioning)
    followed = Followed(repository, policy, preview.id, stored.evaluated_at if stored else NEVER)
    for event in events(DRY_RUN, followed, verdict.decisions, verdict.failures, at=work.now):
        work.tools.write_audit(event)
    work.counts["previewed"] += len(verdict.decisions)


def forget_old_previews(work: Work) -> None:
    """Remove the images of previews that nobody is shown any more."""
    while True:
        with work.database.reading() as db:
            old = db.lifecycle_previews.old(before=work.now - KEPT, limit=REPOSITORIES)
        for repository_id, preview_id in old:
            _forget(work, repository_id, preview_id)
        if len(old) < REPOSITORIES:
            return


def _is_still(db: Transaction, repository: Repository, preview: Preview) -> bool:
    """Whether it is the preview that is wanted, and the repository there."""
    found = db.lifecycle_previews.find(repository)
    return found is not None and found.id == preview.id


def _forget(work: Work, repository_id: int, preview_id: str) -> None:
    gone = BATCH
    while gone == BATCH:
        work.step()
        with turn(work.tools), work.database.transaction(durable=False) as db:
            gone = db.lifecycle_previews.clear(repository_id, preview_id, limit=BATCH)
