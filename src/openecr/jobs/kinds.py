"""Which jobs there are: name → what it does; and which of them come by themselves.

A job that is `heavy` keeps the interpreter busy for long: it is run in a process of its own, so that whoever
is served beside it does not wait. Most look first how much there is to do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from openecr.jobs.archive_layers import archive_layers
from openecr.jobs.check import check, has_many_blobs
from openecr.jobs.collect_garbage import EVERY as EVERY_COLLECTION
from openecr.jobs.collect_garbage import collect_garbage
from openecr.jobs.expire_images import SWEEP, evaluate_lifecycle, has_many_images, sweep_lifecycle
from openecr.jobs.expire_sessions import expire_sessions
from openecr.jobs.expire_uploads import expire_uploads
from openecr.jobs.follow_subject import archive_referrers, expire_referrers, restore_referrers
from openecr.jobs.preview_lifecycle import forget_old_previews, preview_lifecycle
from openecr.jobs.restore_images import restore_images
from openecr.jobs.scrub import scrub
from openecr.jobs.take_inventory import take_inventory
from openecr.jobs.work import Rest, Work

Run = Callable[[Work], Rest | None]


@dataclass(frozen=True, slots=True)
class Kind:
    run: Run
    every: timedelta | None = None  # comes by itself, that often
    is_heavy: Callable[[Work], bool] | None = None


KINDS: Mapping[str, Kind] = {
    "archive_layers": Kind(archive_layers, every=timedelta(days=1)),
    "archive_referrers": Kind(archive_referrers),
    "check": Kind(check, every=timedelta(hours=1), is_heavy=has_many_blobs),
    "collect_garbage": Kind(collect_garbage, every=EVERY_COLLECTION),
    "evaluate_lifecycle": Kind(evaluate_lifecycle, is_heavy=has_many_images),
    "expire_referrers": Kind(expire_referrers),
    "expire_uploads": Kind(expire_uploads, every=timedelta(hours=1)),
    "expire_sessions": Kind(expire_sessions, every=timedelta(hours=1)),
    "forget_old_previews": Kind(forget_old_previews, every=timedelta(hours=1)),
    "preview_lifecycle": Kind(preview_lifecycle, is_heavy=has_many_images),
    "restore_images": Kind(restore_images),
    "restore_referrers": Kind(restore_referrers),
    "sweep_lifecycle": Kind(sweep_lifecycle, every=SWEEP),
    "take_inventory": Kind(take_inventory, every=timedelta(weeks=1), is_heavy=has_many_blobs),
    "scrub": Kind(scrub, every=timedelta(hours=1)),  # whether it is time for another pass it knows itself
}
