"""What jobs have found and done, as numbers that `/-/metrics` shows.

A figure is a row, not a variable: the job may be done in another process, and any process may be asked for
it, today or after a restart. A job leaves it with the rest of what it writes, in one transaction:

    figures.put(db, fsck_breaches=3)         it is so now
    figures.add(db, scrub_damaged_blobs=1)   so many more than before

To add one: a line in FIGURES. server/job_metrics.py shows them all, as `openecr_` and their name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from openecr.metadata.database import Transaction


@dataclass(frozen=True, slots=True)
class Figure:
    """is_counter  it only grows: Prometheus gives its name the end `_total`"""

    sentence: str
    is_counter: bool = False


FIGURES: Mapping[str, Figure] = {
    "fsck_breaches": Figure("Breaches that the last look at what must always hold has found."),
    "gc_collected_blobs": Figure("Blobs that nothing held and that were taken from sight.", is_counter=True),
    "gc_removed_blobs": Figure("Blobs, and files without a row, whose bytes were removed.", is_counter=True),
    "gc_removed_bytes": Figure("How many bytes these were.", is_counter=True),
    "gc_reviews": Figure("Blobs of which it is not yet known whether anything holds them."),
    "gc_waiting_removals": Figure("Blobs nobody finds any more whose bytes are still there."),
    "gc_waiting_bytes": Figure("How many bytes these are."),
    "gc_paused": Figure("1 while nothing is collected; `openecr gc status` says why."),
    "fsck_ended_timestamp_seconds": Figure("When that look ended, in seconds since 1970."),
    "scrub_read_bytes": Figure("Stored bytes that were read to see if they are damaged.", is_counter=True),
    "scrub_marked_blobs": Figure("Blobs found damaged, from then on not served.", is_counter=True),
    "scrub_damaged_blobs": Figure("Damaged blobs that the last whole pass has found."),
    "scrub_ended_timestamp_seconds": Figure("When that pass ended, in seconds since 1970."),
}


def put(db: Transaction, **values: float) -> None:
    """They are that now."""
    for name, value in values.items():
        assert not FIGURES[name].is_counter, name
        db.bookmarks.put(_bookmark(name), value)


def add(db: Transaction, **more: float) -> None:
    """They are so much more than before."""
    for name, value in more.items():
        assert FIGURES[name].is_counter, name
        db.bookmarks.put(_bookmark(name), (db.bookmarks.find(_bookmark(name)) or 0) + value)


def find_all(db: Transaction) -> dict[str, float]:
    """All that were ever left. A counter that nobody has added to yet is 0."""
    found = {name: db.bookmarks.find(_bookmark(name)) for name in FIGURES}
    return {
        name: value or 0 for name, value in found.items() if value is not None or FIGURES[name].is_counter
    }


def _bookmark(name: str) -> str:
    return f"figure {name}"
