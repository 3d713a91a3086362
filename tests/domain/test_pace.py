"""No more than so much a second, whatever happens between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain.pace import CATCH_UP_SECONDS, Pace


class Stopwatch:
    def __init__(self):
        self.seconds = 0.0
        self.waits = 0

    def __call__(self):
        return self.seconds

    def wait(self, seconds):
        assert seconds > 0
        self.seconds += seconds
        self.waits += 1


amounts = st.lists(st.tuples(st.integers(1, 1 << 20), st.floats(0, 2)), min_size=1, max_size=200)


@given(amounts, st.integers(1 << 16, 1 << 30))
def test_nobody_is_faster_than_the_pace_over_any_time(work, a_second):
    """Each piece of work takes its own time, too."""
    stopwatch = Stopwatch()
    pace = Pace(a_second, clock=stopwatch, wait=stopwatch.wait)
    moments = [(0.0, 0)]
    for amount, seconds in work:
        stopwatch.seconds += seconds
        pace.spend(amount)
        moments.append((stopwatch.seconds, moments[-1][1] + amount))

    began_at, done_before = moments[0]
    for ended_at, done in moments[1:]:
        assert done - done_before <= (ended_at - began_at + CATCH_UP_SECONDS) * a_second * 1.0001 + 1


@given(st.lists(st.integers(1, 1 << 20), min_size=1, max_size=200), st.integers(1 << 16, 1 << 30))
def test_who_takes_no_time_of_his_own_keeps_the_pace_exactly(work, a_second):
    stopwatch = Stopwatch()
    pace = Pace(a_second, clock=stopwatch, wait=stopwatch.wait)

    for amount in work:
        pace.spend(amount)

    assert stopwatch.seconds == pytest.approx(sum(work) / a_second)


def test_who_was_held_up_catches_up_a_little_and_no_more():
    stopwatch = Stopwatch()
    pace = Pace(1000, clock=stopwatch, wait=stopwatch.wait)
    stopwatch.seconds += 60

    pace.spend(100)  # a tenth of a second's worth
    assert stopwatch.waits == 0
    pace.spend(100)
    assert stopwatch.seconds == pytest.approx(60.1)


def test_without_a_pace_nobody_waits():
    stopwatch = Stopwatch()
    pace = Pace(0, clock=stopwatch, wait=stopwatch.wait)
    pace.spend(1 << 40)
    assert stopwatch.waits == 0
