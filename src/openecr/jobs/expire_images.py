"""Lifecycle policies are followed: images go, or into the archive. Source: control-plane.md §6.5.

The policy is asked once, about all images at one moment; what it says is then carried out a little at a
time, and much less at a time while somebody else writes: pushes come first. As soon as anybody else may
have written, each transaction looks again whether it is still so: whether the policy is the same, whether
each image is as it was judged, whether what lists it has gone, whether those that a rule counted may have
become fewer. What was cut short is judged anew by the next run, which finds what is left. Images pushed
meanwhile nobody has judged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from openecr.domain.image import ARCHIVED
from openecr.domain.lifecycle import Candidate, Decision, Failure, evaluate
from openecr.domain.lifecycle_policy import EXPIRE, SINCE_PULLED, parse
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.jobs.collect_garbage import is_clock_unsteady
from openecr.jobs.lifecycle_events import IMAGES_PER_EVENT, RUN, Followed, events
from openecr.jobs.turns import Turns
from openecr.jobs.work import Rest, Work
from openecr.metadata.database import Transaction
from openecr.metadata.query import milliseconds

DELAY = timedelta(minutes=10)
"""How long after it was put a policy is followed first: time to put a better one. Ours."""
EVERY = timedelta(hours=6)
"""How often a policy is followed. ECR's word is that an image goes within 24 hours (§6.5, 13)."""
SWEEP = timedelta(hours=1)
"""How often it is looked for policies that were not followed for so long."""
PAGE = 200
"""How many repositories one transaction finds jobs for."""
BATCH = 888 * IMAGES_PER_EVENT
"""How many images one transaction moves or deletes at the most."""
SMALL_BATCH = IMAGES_PER_EVENT
"""The same, while others write: it holds the writer's lock for some milliseconds."""
TAGS = 8000
"""A batch ends with the image by which its images have so many tags: each is a row too."""
LOG_PAGES = 8000
"""Of 4 KiB: how long SQLite's log may get while many images go. By half of it, as servers have it, an eighth
more is written."""
PART_SECONDS = 900.0
"""After so long what is left is judged anew, as another part: beside many who push it may take hours, and a
process that is at one job for an hour is taken to hang (server/apart.py)."""
MANY = 5000
"""Images of a repository whose policy is followed in a process of its own."""
MANY_TAGS = 50_000
MUCH = 5_000_000
"""The same, of images times letters of the policy, for each pattern may be held against each image."""
UNSTEADY = timedelta(hours=1)
"""When to look again where the clock is not to be trusted."""


def topic(repository_id: int) -> str:
    """Of the jobs that follow the policy of a repository one is enough."""
    return f"evaluate_lifecycle {repository_id}"


def sweep_lifecycle(work: Work) -> None:
    """Have each policy followed that was not for EVERY."""
    after = 0
    while True:
        work.step()
        with work.database.transaction(durable=False) as db:
            due = db.lifecycle_policies.due(
                now=work.now,
                evaluated_before=work.now - EVERY,
                put_before=work.now - DELAY,
                after=after,
                limit=PAGE,
            )
            for each in due:
                db.jobs.add("evaluate_lifecycle", {"repository_id": each}, at=work.now, topic=topic(each))
        if len(due) < PAGE:
            return
        after = due[-1]


def has_many_images(work: Work) -> bool:
    with work.database.reading() as db:
        repository = db.repositories.find_by_id(work.payload["repository_id"])
        if repository is None:
            return False
        count = db.images.count(repository)
        followed = db.lifecycle_policies.find(repository), db.lifecycle_previews.find(repository)
        letters = max((len(each.text) for each in followed if each is not None), default=0)
        is_much = count > MANY or count * letters > MUCH
        return is_much or db.lifecycle_facts.has_more_tags_than(repository, MANY_TAGS)


def evaluate_lifecycle(work: Work) -> Rest | None:
    """Follow the policy of a repository.

    payload  repository_id; asked, where an operator wants it now
    While the clock is not to be trusted (domain/collecting.py) nothing is too old: it is looked at again
    later, unless somebody asked. So is a policy that was put less than DELAY ago, in place of another.
    """
    if not work.payload.get("asked") and is_clock_unsteady(work):
        return Rest(work.now + UNSTEADY, work.payload)
    turns = Turns(work.tools, few=SMALL_BATCH, many=BATCH)  # before anything is read
    with work.database.reading() as db:
        repository = db.repositories.find_by_id(work.payload["repository_id"])
        stored = None if repository is None else db.lifecycle_policies.find(repository)
        if repository is None or stored is None:
            return None
        if not work.payload.get("asked") and timedelta() <= work.now - stored.put_at < DELAY:
            return Rest(stored.put_at + DELAY, work.payload)
        facts = db.lifecycle_facts.read(repository)
        known = db.lifecycle_facts.losses(repository)
    followed = Followed(repository, parse(stored.text), stored.id, stored.evaluated_at)
    verdict = evaluate(facts, followed.policy, now=milliseconds(work.now))
    del facts
    if work.tools.is_apart:
        work.database.prepare_for_many(log_pages=LOG_PAGES)
    _tell(work, followed, [], verdict.failures)
    first = 0
    until = work.tools.stopwatch() + PART_SECONDS
    while first < len(verdict.decisions):
        if work.tools.stopwatch() > until:
            return Rest(work.now, work.payload)
        work.step()
        with turns.transaction() as db:
            if not _is_policy_of(db, followed):
                return None
            batch = _batch(verdict.decisions, first, most=turns.size)
            losses = db.lifecycle_facts.losses(repository)
            checked = _Checked(batch, [])
            if not turns.is_undisturbed:
                checked = _check(db, repository, batch, lost=losses - known)
            _carry_out(db, repository, checked.done, work)
            known += db.lifecycle_facts.losses(repository) - losses  # by ourselves
        _tell(work, followed, checked.done, checked.failed)  # at once: who is killed cannot tell any more
        turns.rest()
        work.counts["expired"] += sum(each.rule.action == EXPIRE for each in checked.done)
        work.counts["archived"] += sum(each.rule.action != EXPIRE for each in checked.done)
        first += len(batch)
    with work.database.transaction() as db:
        db.lifecycle_policies.note_evaluated(repository, stored, at=work.now)
    return None


def _batch(decisions: Sequence[Decision], first: int, *, most: int) -> Sequence[Decision]:
    """Those that are carried out at once."""
    tags = 0
    for last in range(first, min(first + most, len(decisions))):
        tags += len(decisions[last].image.tags)
        if tags >= TAGS:
            return decisions[first : last + 1]
    return decisions[first : first + most]


def _is_policy_of(db: Transaction, followed: Followed) -> bool:
    """Whether the repository is there and has the policy still."""
    found = db.lifecycle_policies.find(followed.repository)
    return found is not None and found.id == followed.policy_id


@dataclass(frozen=True, slots=True)
class _Checked:
    done: Sequence[Decision]
    failed: Sequence[Failure]


def _check(db: Transaction, repository: Repository, decisions: Sequence[Decision], *, lost: int) -> _Checked:
    """Which of them hold still. One whose image has changed is for the next run to judge, and so is one that
    may not be too many any more.

    lost  up to so many images that were counted are none to be counted now
    """
    now = db.lifecycle_facts.read_some([each.image.id for each in decisions])
    images = {image.id: image for image in now.images}
    going: dict[int, str] = {}  # image → action
    done: list[Decision] = []
    failed: list[Failure] = []
    for each in decisions:
        image = images.get(each.image.id)
        if image is None or not _is_same(image, each) or (each.spare is not None and each.spare < lost):
            continue
        if image.subject is not None and db.lifecycle_facts.is_here(repository, image.subject):
            continue
        if staying := list(_staying(db, now.parents.get(image.id, ()), each, going)):
            failed.append(Failure(each, tuple(sorted(staying))))
            continue
        going[image.id] = each.rule.action
        done.append(each)
    return _Checked(done, failed)


def _is_same(image: Candidate, decision: Decision) -> bool:
    """Whether it is as it was judged: the same tags, as old, in the same storage class."""
    judged = decision.image
    if image == judged:
        return True
    if decision.rule.count_type == SINCE_PULLED and image.pulled_at != judged.pulled_at:
        return False
    now, then = ((set(each.tags), each.status, each.since, each.archived_at) for each in (image, judged))
    return now == then


def _staying(
    db: Transaction, parents: Sequence[int], decision: Decision, going: dict[int, str]
) -> Iterator[Digest]:
    """The indexes that list the image and keep it from going."""
    elsewhere = [each for each in parents if each not in going]
    if elsewhere:
        for index in db.lifecycle_facts.read_some(elsewhere).images:
            if decision.rule.action == EXPIRE or index.status != ARCHIVED:
                yield index.digest
    archived = [each for each in parents if going.get(each, EXPIRE) != EXPIRE]
    if archived and decision.rule.action == EXPIRE:
        yield from (index.digest for index in db.lifecycle_facts.read_some(archived).images)


def _carry_out(db: Transaction, repository: Repository, decisions: Sequence[Decision], work: Work) -> None:
    expired = [each.image.id for each in decisions if each.rule.action == EXPIRE]
    if expired:
        db.images.delete_many(repository, expired, at=work.now)
    for each in decisions:
        if each.rule.action != EXPIRE:
            image = db.images.find_by_digest(repository, each.image.digest)
            assert image is not None, "it was looked at in this transaction"
            db.images.archive(repository, image, at=work.now)


def _tell(work: Work, followed: Followed, done: Sequence[Decision], failed: Sequence[Failure]) -> None:
    for event in events(RUN, followed, done, failed, at=work.now):
        work.tools.write_audit(event)
