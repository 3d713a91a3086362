"""Signatures and other referrers follow their subject: deleted some time after it, archived and restored with
it.

Source: control-plane.md §4.5, §6.5 rule 12: within 24 hours, whether the repository has a lifecycle policy or
not. The referrers of a referrer follow in turn, for to delete it, or archive it, is told like any other.

The payload of each job is repository_id, digest (the subject's) and known_as, the digest that the referrers
name it by, where that is another (a sha512).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum, auto

from openecr.domain.image import ACTIVE, ARCHIVED, Image
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.jobs.service_event import service_event
from openecr.jobs.work import Rest, Work
from openecr.metadata.database import Transaction

DELAY = timedelta(hours=1)
"""How long they stay that are to be deleted: who pushes the subject anew at once finds them still. Ours."""
AGAIN = timedelta(hours=12)
"""When those are looked at again that an index lists: they follow once that is gone."""
BATCH = 100
"""How many one transaction changes: it holds the writer's lock."""


class Outcome(Enum):
    FOLLOWED = auto()
    UNCHANGED = auto()
    WAITS = auto()  # for an index that lists it


Follow = Callable[[Transaction, Repository, Image], Outcome]
"""What one referrer does."""


def expire_referrers(work: Work) -> Rest | None:
    """Delete the images that name one as their subject which is not there any more. One that was pushed after
    it went is left alone: it was accepted without. One that an index lists stays, as it would whoever asked,
    until the index is gone.

    payload  newest_image_id too: the newest image when the subject went
    """

    def is_gone(db: Transaction, repository: Repository) -> bool:
        subject = _subject(work, db, repository)
        if subject is not None and (alias := work.payload.get("known_as")):
            db.layers.add_alias(repository, Digest.parse(alias), subject.digest)  # it was pushed without
        return subject is None

    def follow(db: Transaction, repository: Repository, referrer: Image) -> Outcome:
        if referrer.id > work.payload["newest_image_id"]:
            return Outcome.UNCHANGED
        if db.images.parents(referrer):
            return Outcome.WAITS
        db.images.delete(repository, referrer, at=work.now)
        return Outcome.FOLLOWED

    return _follow_all(work, is_gone, follow, {"action": "EXPIRE"})


def archive_referrers(work: Work) -> Rest | None:
    """Archive the images that name one as their subject which is archived. One that an index in the standard
    class lists stays until the index is archived, or gone."""

    def is_archived(db: Transaction, repository: Repository) -> bool:
        subject = _subject(work, db, repository)
        return subject is not None and subject.status == ARCHIVED

    def follow(db: Transaction, repository: Repository, referrer: Image) -> Outcome:
        if referrer.status == ARCHIVED:
            return Outcome.UNCHANGED
        if db.images.standard_parents(referrer):
            return Outcome.WAITS
        db.images.archive(repository, referrer, at=work.tools.clock(), with_subject=True)
        return Outcome.FOLLOWED

    action = {"action": "TRANSITION", "targetStorageClass": "ARCHIVE"}
    return _follow_all(work, is_archived, follow, action)


def restore_referrers(work: Work) -> Rest | None:
    """Restore the images that were archived because their subject was, which is active again."""

    def is_active(db: Transaction, repository: Repository) -> bool:
        subject = _subject(work, db, repository)
        return subject is not None and subject.status == ACTIVE

    def follow(db: Transaction, repository: Repository, referrer: Image) -> Outcome:
        if not db.referrers.is_archived_with_subject(referrer):
            return Outcome.UNCHANGED
        db.images.restore(repository, referrer)
        return Outcome.FOLLOWED

    action = {"action": "TRANSITION", "targetStorageClass": "STANDARD"}
    return _follow_all(work, is_active, follow, action)


def _follow_all(
    work: Work,
    is_so: Callable[[Transaction, Repository], bool],
    follow: Follow,
    action: Mapping[str, str],
) -> Rest | None:
    """Have all referrers of the subject follow it, as long as with the subject it is so."""
    named = Digest.parse(work.payload.get("known_as") or work.payload["digest"])
    after = b""
    has_to_wait = False
    while True:
        work.step()
        with work.database.transaction() as db:
            repository = db.repositories.find_by_id(work.payload["repository_id"])
            if repository is None or not is_so(db, repository):
                return None
            found = db.referrers.of_subject(repository, named, after=after, limit=BATCH)
            outcomes = [(each, follow(db, repository, each)) for each in found]
        for referrer, outcome in outcomes:
            has_to_wait |= outcome is Outcome.WAITS
            if outcome is Outcome.FOLLOWED:
                work.counts["referrers"] += 1
                work.tools.write_audit(_event(work, repository, referrer, action))
        if len(found) < BATCH:
            return Rest(work.now + AGAIN, work.payload) if has_to_wait else None
        after = found[-1].digest.raw


def _subject(work: Work, db: Transaction, repository: Repository) -> Image | None:
    return db.images.find_by_digest(repository, Digest.parse(work.payload["digest"]))


def _event(
    work: Work, repository: Repository, referrer: Image, action: Mapping[str, str]
) -> dict[str, object]:
    """How AWS records it is not known; the name is ours."""
    details = {
        "repositoryName": repository.name,
        "imageDigest": str(referrer.digest),
        "subjectManifestDigest": str(referrer.subject),
        **action,
    }
    return service_event(
        "ReferrerLifecycleEvent", details, at=work.tools.clock(), registry=repository.registry
    )
