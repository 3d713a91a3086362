"""Archived images become active again, once their layers are at hand.

Source: control-plane.md §4.9: whoever asked was told ACTIVATING, and has it soon. One that is pushed again is
active at once; its layers are served from where they are, and brought to hand by the same job.
"""

from functools import partial

from openecr.domain.image import ACTIVE, ARCHIVED, Image
from openecr.domain.names import Digest
from openecr.domain.repository import Repository
from openecr.domain.tier import STANDARD
from openecr.jobs.move_bytes import BlobDamaged, move
from openecr.jobs.service_event import service_event
from openecr.jobs.work import Work
from openecr.metadata.database import Transaction
from openecr.metadata.invariants import StoredBlob


def restore_images(work: Work) -> None:
    """Bring the layers of an image to hand, and make it active, and all that it lists.

    payload  repository_id, digest
    One that was archived again, or deleted, meanwhile stays as it is. Layers that cannot be brought, or
    are damaged, make the job fail, which is tried again; the image is ACTIVATING until then.
    """
    while True:
        work.step()
        with work.database.reading() as db:
            found = _find(work, db)
            away = [] if found is None else db.tiers.in_archive(found[1].id)
        if found is None:
            return
        for each in away:
            work.step()
            if move(work, each, STANDARD, partial(_may_move, each)):
                work.counts["layers"] += 1
        with work.database.transaction() as db:
            found = _find(work, db)
            if found is None:
                return
            repository, image = found
            if db.tiers.in_archive(image.id):  # what was restored and archived in turns meanwhile
                continue
            if image.status != ACTIVE and db.tiers.has_damaged(image.id):
                raise BlobDamaged(f"{image.digest} cannot be restored: some of its layers are damaged")
            activated = db.images.activate(repository, image, at=work.tools.clock())
        break
    for image in activated:
        work.counts["images"] += 1
        work.tools.write_audit(_event(repository, image, work))


def _may_move(which: StoredBlob, db: Transaction) -> bool:
    return db.tiers.is_wanted(which)


def _find(work: Work, db: Transaction) -> tuple[Repository, Image] | None:
    repository = db.repositories.find_by_id(work.payload["repository_id"])
    digest = Digest.parse(work.payload["digest"])
    image = None if repository is None else db.images.find_by_digest(repository, digest)
    if repository is None or image is None or image.status == ARCHIVED:
        return None
    return repository, image


def _event(repository: Repository, image: Image, work: Work) -> dict[str, object]:
    """Source: advanced-features.md §8.2."""
    details = {
        "repositoryName": repository.name,
        "imageDigest": str(image.digest),
        "targetStorageClass": "STANDARD",
        "result": "SUCCESS",
        "imageStatus": image.status,
    }
    return service_event("ImageActivationEvent", details, at=work.tools.clock(), registry=repository.registry)
