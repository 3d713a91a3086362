"""Blobs that nobody needs any more go, while everybody pushes and pulls. Source: reliability.md §3.

In two parts. A blob that nothing holds, neither an image nor a lease, is taken from everybody's sight in one
transaction, which asks once more whether it is so: its row becomes a removal. Whoever uploads the same bytes
from then on makes a blob of them under a key of its own. An hour later the bytes under the old key go, and
then the removal. What the first part wrote is synced before the second removes anything, and not sooner: to
lose it is to look once more. Each step may be repeated, so it may be cut short anywhere; any number of
collectors may be at it.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from openecr.domain.collecting import (
    Memory,
    add_collected,
    brake,
    look_at_clock,
    may_brake,
    why_paused,
)
from openecr.domain.garbage import Amount, Removal
from openecr.domain.names import Digest
from openecr.failpoints import fp
from openecr.jobs import figures
from openecr.jobs.service_event import service_event
from openecr.jobs.turns import LONG_RESTS, Turns, turn
from openecr.jobs.work import Work

EVERY = timedelta(minutes=1)
BATCH = 5
"""How many blobs one transaction looks at: it holds the writer's lock, for a millisecond. The thread gives
way to others, so on a machine that is busy a millisecond of it may take many."""
LARGE_BATCH = 500
"""The same at the most, in a process of its own while nobody else writes."""
REMOVALS = 20
"""How many files are removed between two transactions that forget them."""
AGAIN = timedelta(hours=1)
"""When it is tried again to remove a file that cannot be; others have their turn before."""

LONGEST_SECONDS = 120.0
"""How long either part of a run takes at most; the next run comes soon and goes on. It looks at the clock
when it begins, and a clock that nobody has looked at for long seems to have jumped."""


def collect_garbage(work: Work) -> None:
    """Take blobs that nothing holds from sight, and remove the bytes of those whose time has come.

    While the collector is paused, by the clock or by a brake, nothing goes but bytes that were a blob's
    already when they came.
    """
    is_paused = _is_paused(work)
    if not is_paused:
        _collect(work)
    _remove(work, copies_only=is_paused)
    _leave_figures(work, is_paused)


def _is_paused(work: Work) -> bool:
    """Look at the clock and at how much there is to take."""
    with work.database.reading() as db:
        wanted = db.garbage.dead(before=work.now - work.bounds.gc_grace)
    return is_stopped(work, wanted)


def is_stopped(work: Work, wanted: Amount) -> bool:
    """Whether that much must not be taken now, by the clock or by a brake; if that is new, it is told."""
    brakes = work.bounds.gc_brakes
    with work.database.reading() as db:
        before = db.collecting.memory()
        is_much = may_brake(before, wanted, brakes)
        stored = db.garbage.stored() if is_much else Amount(0, 0)  # all blobs are counted for it

    def look(memory: Memory) -> Memory:
        memory = look_at_clock(memory, work.now, brakes)
        if why_paused(memory) or not is_much:
            return memory
        return brake(memory, work.now, wanted, stored, brakes)

    with work.database.transaction(durable=False) as db:
        after = db.collecting.remember(look)
    reason = why_paused(after)
    if reason and not why_paused(before):
        work.tools.tell("error", "garbage collection is paused", reason=reason)
    return bool(reason)


def is_clock_unsteady(work: Work) -> bool:
    """Whether the clock is not to be trusted, for who judges by it what is too old."""
    with work.database.reading() as db:
        memory = db.collecting.memory()
    if memory.seen_at is None:
        return False
    return memory.jumped_at is not None or abs(work.now - memory.seen_at) > work.bounds.gc_brakes.jump


def _collect(work: Work) -> None:
    before = work.now - work.bounds.gc_grace
    due_at = work.now + work.bounds.gc_removal_delay
    turns = Turns(work.tools, few=BATCH, many=LARGE_BATCH)
    for _ in _steps(work):
        with work.database.reading() as db:
            if not db.garbage.has_due(before=before):
                return
        with turns.transaction() as db:
            removals = db.garbage.collect(before=before, due_at=due_at, limit=turns.size)
            db.collecting.remember(partial(add_collected, now=work.now, amount=_amount(removals)))
            figures.add(db, gc_collected_blobs=len(removals))
        turns.rest()
        work.counts["collected"] += len(removals)
        fp("gc.collected")


def _remove(work: Work, *, copies_only: bool) -> None:
    for _ in _steps(work):
        with work.database.reading() as db:
            due = db.removals.due(
                now=work.now,
                limit=REMOVALS,
                copies_only=copies_only,
                any_tier=work.blobs.has_archive,
            )
        if not due:
            return
        with turn(work.tools, rests=LONG_RESTS):
            _remove_some(work, due)


def _remove_some(work: Work, due: list[Removal]) -> None:
    work.database.sync()  # else loss of power might bring back the rows that spoke of these bytes
    failed = []
    for each in due:
        try:
            remove_bytes(work, each.key, each.tier, each.size_bytes, each.reason, each.digest)
        except OSError as error:
            failed.append(each)
            work.tools.tell("error", "bytes are not removed", key=each.key, reason=str(error))
        fp("gc.bytes_removed")
    with work.database.transaction(durable=False) as db:
        for each in failed:
            db.removals.postpone(each, until=work.now + AGAIN)
        gone = _amount([each for each in due if each not in failed and db.removals.delete(each)])
        figures.add(db, gc_removed_blobs=gone.blobs, gc_removed_bytes=gone.size_bytes)
    work.counts["removed"] += gone.blobs


def _steps(work: Work) -> Iterator[None]:
    """One after the other, until it is long."""
    until = work.tools.stopwatch() + LONGEST_SECONDS
    while work.tools.stopwatch() < until:
        work.step()
        yield


def remove_bytes(
    work: Work, key: str, tier: str, size_bytes: int, reason: str, digest: Digest | None = None
) -> None:
    """Bytes that are not there are removed already. Who reads them still goes on reading."""
    work.blobs.at(tier).discard(key)  # a copy may not have come further than its staged file
    details: dict[str, Any] = {"key": key, "tier": tier, "sizeInBytes": size_bytes, "reason": reason}
    if digest is not None:
        details["digest"] = str(digest)
    work.tools.write_audit(service_event("RemoveBlob", details, at=work.now))


def _leave_figures(work: Work, is_paused: bool) -> None:
    with work.database.transaction(durable=False) as db:
        waiting, _ = db.removals.waiting()
        figures.put(
            db,
            gc_reviews=db.garbage.waiting()[0],
            gc_waiting_removals=waiting.blobs,
            gc_waiting_bytes=waiting.size_bytes,
            gc_paused=float(is_paused),
        )


def _amount(removals: list[Removal]) -> Amount:
    return Amount(len(removals), sum(each.size_bytes for each in removals))
