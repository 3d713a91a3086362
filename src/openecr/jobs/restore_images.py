"""Archived images become active again.

Source: control-plane.md §4.9: whoever asked was told ACTIVATING, and has it soon.
"""

from openecr.domain.image import ARCHIVED
from openecr.domain.names import Digest
from openecr.jobs.work import Work


def restore_images(work: Work) -> None:
    """Make an image active, and all that it lists.

    payload  repository_id, digest
    One that was archived again, or deleted, meanwhile stays as it is.
    """
    digest = Digest.parse(work.payload["digest"])
    work.step()
    with work.database.transaction() as db:
        repository = db.repositories.find_by_id(work.payload["repository_id"])
        image = None if repository is None else db.images.find_by_digest(repository, digest)
        if repository is None or image is None or image.status == ARCHIVED:
            return
        work.counts["images"] += len(db.images.activate(repository, image, at=work.now))
