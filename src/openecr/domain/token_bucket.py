"""A token bucket in one number: the time at which it is full again.

It holds `burst` tokens and gets one back every `interval`; who is served takes one. Times are whole
nanoseconds, so that sums are exact. Our own, for the `limits` package that was thought of counts windows of
time, in which twice the rate fits around each boundary, or keeps a list of all hits.
"""

from dataclasses import dataclass

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    interval: int  # nanoseconds from one token to the next
    burst: int  # as many at once


def rate(per_second: float, burst: float) -> Rate:
    """Never more than so many a second, once the burst is used up, of which there is at least one."""
    return Rate(max(1, -int(-NANOSECONDS // per_second)), max(1, int(burst)))


def take(full_at: int, now: int, rate: Rate) -> tuple[int, int]:
    """Take a token out of a bucket.

    full_at  when it is full again; long ago, if it was never used
    returns  when it is then, and how long to wait before a token is there, for which nothing is taken: 0
             where one was
    """
    most = rate.interval * rate.burst
    full_at = min(max(full_at, now), now + most)  # a clock that was put back makes nobody wait for longer
    after = full_at + rate.interval
    wait = after - now - most
    return (full_at, wait) if wait > 0 else (after, 0)
