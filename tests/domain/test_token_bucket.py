"""A token bucket gives what its rate says, at no time more, and in the long run not less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain.token_bucket import NANOSECONDS, Rate, rate, take

RATES = st.builds(rate, st.floats(0.001, 10_000), st.floats(0, 100))
PAUSES = st.lists(st.integers(0, 3 * NANOSECONDS), max_size=60)


def served(bucket: Rate, times: list[int]) -> list[int]:
    """Those of the times at which a token was there."""
    full_at, given_at = 0, []
    for now in times:
        full_at, wait = take(full_at, now, bucket)
        if not wait:
            given_at.append(now)
    return given_at


def running(pauses: list[int]) -> list[int]:
    now, times = 10**18, []
    for pause in pauses:
        now += pause
        times.append(now)
    return times


@given(RATES, PAUSES)
def test_never_more_than_the_burst_and_the_rate_over_any_time(bucket, pauses):
    given_at = served(bucket, running(pauses))
    for first, begin in enumerate(given_at):
        for last in range(first, len(given_at)):
            assert last - first + 1 <= bucket.burst + (given_at[last] - begin) // bucket.interval


@given(RATES, PAUSES)
def test_who_is_told_to_wait_is_served_then_and_no_sooner(bucket, pauses):
    full_at = 0
    for now in running(pauses):
        before = full_at
        full_at, wait = take(full_at, now, bucket)
        if wait:
            assert 0 < wait <= bucket.interval
            assert take(full_at, now + wait, bucket)[1] == 0
            assert take(full_at, now + wait - 1, bucket)[1] == 1
            assert full_at == before


@given(RATES)
def test_a_bucket_that_was_never_used_is_full(bucket):
    times = [10**18] * (bucket.burst + 1)
    assert len(served(bucket, times)) == bucket.burst


@given(RATES, st.integers(0, 10**18))
def test_a_clock_that_is_put_back_makes_nobody_wait_for_long(bucket, back):
    now = 2 * 10**18
    full_at = 0
    for _ in range(bucket.burst):
        full_at, _ = take(full_at, now, bucket)
    assert take(full_at, now - back, bucket)[1] <= bucket.interval


@pytest.mark.parametrize(
    ("per_second", "burst", "expected"),
    [(10, 100, Rate(100_000_000, 100)), (3, 0.2, Rate(333_333_334, 1)), (0.5, 5, Rate(2_000_000_000, 5))],
)
def test_a_rate_is_rounded_so_that_it_is_never_exceeded(per_second, burst, expected):
    assert rate(per_second, burst) == expected
