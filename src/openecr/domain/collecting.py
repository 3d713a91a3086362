"""What the collector of garbage remembers between its runs, and what keeps it from going on. Pure.

The clock (reliability.md §3, rule 10): leases and times of grace are judged by it, so when it jumps the
collector waits until it has gone steadily for a while. A server that was stopped looks the same, and waits
too. The brakes (rule 11): what a mistake elsewhere would have it remove is far more than what a day brings.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from openecr.domain.garbage import Amount

JUMP = timedelta(minutes=10)
"""How far the clock may go, either way, from one look at it to the next. They are a minute apart."""
STEADY = timedelta(hours=1)
"""How long it must have gone steadily after that."""
FLOOR_BYTES = 10 << 30
"""Below that in a day nothing brakes: a small registry is emptied by one hand."""
SHARE_PERCENT = 10
"""Of all stored bytes, in a day."""
TIMES = 100
"""As much as on a usual day."""
USUAL_DAYS = 30
FEWEST_DAYS = 3
"""Days on which anything was collected, before one is called usual."""
LEEWAY_PERCENT = 110
"""What an operator has allowed, and a little that has come due since."""
ALLOWED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Memory:
    seen_at: datetime | None = None  # when the clock was looked at last
    jumped_at: datetime | None = None  # when it was last seen to jump; None once it is trusted again
    trusted_at: datetime | None = None  # the latest time that was believed
    stopped_at: datetime | None = None  # when a brake stopped the collector; until an operator says go on
    reason: str = ""  # why it did
    wanted_bytes: int = 0  # what it would have come to that day
    allowed_bytes: int = 0  # how much an operator lets it take in a day in spite of the brakes,
    allowed_until: datetime | None = None  # and until when
    day: str = ""  # the last one on which anything was collected: 2026-11-21
    day_bytes: int = 0  # on that day
    usual: tuple[int, ...] = ()  # on the days before, the last of them first


@dataclass(frozen=True, slots=True)
class Brakes:
    """When the collector stops by itself; other numbers are for tests."""

    floor_bytes: int = FLOOR_BYTES
    jump: timedelta = JUMP


def look_at_clock(memory: Memory, now: datetime, brakes: Brakes) -> Memory:
    """What is remembered once the clock was looked at, and showed `now`."""
    jumped_at = memory.jumped_at
    if memory.seen_at is not None and abs(now - memory.seen_at) > brakes.jump:
        jumped_at = now
    elif jumped_at is not None and now - jumped_at >= STEADY:
        jumped_at = None
    trusted_at = memory.trusted_at
    if jumped_at is None and (trusted_at is None or now > trusted_at):
        trusted_at = now
    return replace(memory, seen_at=now, jumped_at=jumped_at, trusted_at=trusted_at)


def may_brake(memory: Memory, wanted: Amount, brakes: Brakes) -> bool:
    """Whether `brake` may stop for that much at all."""
    return wanted.blobs > 0 and memory.day_bytes + wanted.size_bytes > brakes.floor_bytes


def brake(memory: Memory, now: datetime, wanted: Amount, stored: Amount, brakes: Brakes) -> Memory:
    """What is remembered once it is known how much a run would take of all there is: stopped, or not."""
    before = memory.day_bytes if memory.day == _day(now) else 0
    total = before + wanted.size_bytes
    reason = ""
    usual = _usual(memory, now)
    if total > brakes.floor_bytes and not _is_allowed(memory, now, total):
        if total * 100 > (stored.size_bytes + before) * SHARE_PERCENT:
            reason = (
                f"{total} bytes in a day would be more than {SHARE_PERCENT} % of the "
                f"{stored.size_bytes + before} stored"
            )
        elif usual is not None and total > usual * TIMES:
            reason = f"{total} bytes in a day would be more than {TIMES} times the usual {usual}"
    if not reason:
        return memory
    return replace(memory, stopped_at=now, reason=reason, wanted_bytes=total)


def why_paused(memory: Memory) -> str:
    """Why nothing is collected now; nothing where it is."""
    if memory.stopped_at is not None:
        return memory.reason
    if memory.jumped_at is not None:
        until = memory.jumped_at + STEADY
        return f"the clock jumped, or nobody looked at it for long: waiting until {until:%Y-%m-%dT%H:%M:%SZ}"
    return ""


def resume(memory: Memory, now: datetime) -> Memory:
    """An operator says that the clock is right, and that what was to be taken may be."""
    allowed = memory.wanted_bytes if memory.stopped_at is not None else memory.allowed_bytes
    until = now + ALLOWED_FOR if memory.stopped_at is not None else memory.allowed_until
    return replace(
        memory,
        seen_at=now,
        jumped_at=None,
        trusted_at=now,
        stopped_at=None,
        reason="",
        allowed_bytes=allowed,
        allowed_until=until,
    )


def add_collected(memory: Memory, now: datetime, amount: Amount) -> Memory:
    """Something was collected on the day that `now` is on, if anything was."""
    if amount.blobs == 0:
        return memory
    if memory.day == _day(now):
        return replace(memory, day_bytes=memory.day_bytes + amount.size_bytes)
    usual = (memory.day_bytes, *memory.usual)[:USUAL_DAYS] if memory.day else ()
    return replace(memory, day=_day(now), day_bytes=amount.size_bytes, usual=usual)


def _usual(memory: Memory, now: datetime) -> int | None:
    """What a day brings, as far as that is known."""
    days = memory.usual if memory.day in ("", _day(now)) else (memory.day_bytes, *memory.usual)
    return sum(days) // len(days) if len(days) >= FEWEST_DAYS else None


def _is_allowed(memory: Memory, now: datetime, total: int) -> bool:
    if memory.allowed_until is None or now > memory.allowed_until:
        return False
    return total * 100 <= memory.allowed_bytes * LEEWAY_PERCENT


def _day(now: datetime) -> str:
    return f"{now:%Y-%m-%d}"
