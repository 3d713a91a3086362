"""Layers that only archived images use move to the archive, if there is one.

Source: advanced-features.md §6.4. Without an archive they stay where they are, and only the images' status
says that nobody can pull them.
"""

from functools import partial

from openecr.domain.names import Digest
from openecr.domain.tier import ARCHIVE
from openecr.jobs.move_bytes import BlobDamaged, move
from openecr.jobs.work import Work
from openecr.metadata.database import Transaction
from openecr.metadata.invariants import StoredBlob

PAGE = 100


def archive_layers(work: Work) -> None:
    """Move what nobody needs at hand: blobs that no image uses which can be pulled or will be, in whatever
    repository, and that no push may count on.

    payload  repository_id, digest: the layers of that image; nothing: of all archived images. Those that
             were leased when their image was archived, or were others' too, move then
    """
    if not work.blobs.has_archive:
        return
    if "digest" in work.payload:
        _archive_layers_of_one(work)
        return
    after = 0
    while True:
        work.step()
        with work.database.reading() as db:
            page = db.tiers.archived_images(after=after, limit=PAGE)
        for image_id in page:
            _archive(work, image_id)
        if len(page) < PAGE:
            return
        after = page[-1]


def _archive_layers_of_one(work: Work) -> None:
    with work.database.reading() as db:
        repository = db.repositories.find_by_id(work.payload["repository_id"])
        digest = Digest.parse(work.payload["digest"])
        image = None if repository is None else db.images.find_by_digest(repository, digest)
    if image is not None:
        _archive(work, image.id)


def _archive(work: Work, image_id: int) -> None:
    with work.database.reading() as db:
        found = db.tiers.to_archive(image_id, now=work.tools.clock())
    for each in found:
        work.step()
        try:
            is_moved = move(work, each, ARCHIVE, partial(_may_move, work, each))
        except BlobDamaged as error:  # what heals it finds it where it was
            work.tools.tell("error", "a layer is not archived", reason=str(error))
            continue
        if is_moved:
            work.counts["layers"] += 1
            work.counts["bytes"] += each.size_bytes


def _may_move(work: Work, which: StoredBlob, db: Transaction) -> bool:
    return db.tiers.can_be_archived(which, now=work.tools.clock())
