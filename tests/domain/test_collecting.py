"""What keeps the collector from going on: a clock that jumps, far more to take than usual."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from openecr.domain.collecting import (
    ALLOWED_FOR,
    FLOOR_BYTES,
    JUMP,
    STEADY,
    Brakes,
    Memory,
    add_collected,
    brake,
    look_at_clock,
    may_brake,
    resume,
    why_paused,
)
from openecr.domain.garbage import Amount

NOW = datetime(2028, 2, 28, 23, 30, tzinfo=UTC)  # a leap day comes next
MOMENT = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
BRAKES = Brakes()
FLOOR = FLOOR_BYTES


def look(memory: Memory, *times: datetime) -> Memory:
    for now in times:
        memory = look_at_clock(memory, now, BRAKES)
    return memory


def is_paused(memory: Memory) -> bool:
    return why_paused(memory) != ""


# The clock.


def test_the_first_look_finds_nothing_odd():
    assert not is_paused(look(Memory(), NOW))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_of_ten_minutes_is_none_and_one_that_is_longer_pauses(sign):
    assert not is_paused(look(Memory(), NOW, NOW + sign * JUMP))
    assert is_paused(look(Memory(), NOW, NOW + sign * (JUMP + MOMENT)))


@pytest.mark.parametrize("days", [40, -40])
def test_after_a_jump_the_clock_is_trusted_when_it_has_gone_steadily_for_an_hour(days):
    jumped = NOW + timedelta(days=days)
    minutes = [jumped + count * MINUTE for count in range(60)]
    memory = look(Memory(), NOW, *minutes)
    assert is_paused(memory)
    assert is_paused(look(memory, jumped + STEADY - MOMENT))
    assert not is_paused(look(memory, jumped + STEADY))


def test_a_second_jump_begins_the_hour_anew():
    memory = look(Memory(), NOW, NOW + timedelta(days=1))
    memory = look(memory, NOW)
    assert is_paused(look(memory, *(NOW + count * MINUTE for count in range(59))))


def test_a_leap_day_and_the_turn_of_a_year_are_days_like_others():
    for start in (NOW, datetime(2026, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        assert not is_paused(look(Memory(), *(start + count * MINUTE for count in range(200))))


@given(some.lists(some.integers(-(60 * 24 * 60), 60 * 24 * 60), max_size=30))
def test_the_time_that_is_trusted_never_goes_back_nor_follows_a_jump(steps):
    memory, now = look(Memory(), NOW), NOW
    for minutes in steps:
        before, now = memory, now + minutes * MINUTE
        memory = look(before, now)
        assert memory.trusted_at >= before.trusted_at
        if memory.trusted_at != before.trusted_at:
            assert memory.trusted_at == now
            assert not is_paused(memory)
        if abs(minutes * MINUTE) > JUMP:
            assert is_paused(memory)


def test_an_operator_says_that_the_clock_is_right_even_where_that_is_back():
    memory = resume(look(Memory(), NOW, NOW - timedelta(days=1)), NOW - timedelta(days=1))
    assert not is_paused(memory)
    assert memory.trusted_at == NOW - timedelta(days=1)


# The brakes.


def braked(memory: Memory, wanted: int, stored: int, now: datetime = NOW) -> Memory:
    amount = Amount(1, wanted)
    assert may_brake(memory, amount, BRAKES) or not is_paused(
        brake(memory, now, amount, Amount(9, stored), BRAKES)
    )
    return brake(memory, now, amount, Amount(9, stored), BRAKES)


def test_below_the_floor_all_there_is_may_go():
    assert not is_paused(braked(Memory(), FLOOR, FLOOR))
    assert is_paused(braked(Memory(), FLOOR + 1, FLOOR + 1))


def test_a_tenth_of_what_is_stored_may_go_in_a_day_and_not_a_byte_more():
    assert not is_paused(braked(Memory(), 2 * FLOOR, 20 * FLOOR))
    assert is_paused(braked(Memory(), 2 * FLOOR + 1, 20 * FLOOR))


def test_many_little_runs_on_a_day_count_together():
    memory, stored = Memory(), 20 * FLOOR
    for _ in range(2):
        assert not is_paused(braked(memory, FLOOR, stored))
        memory = add_collected(memory, NOW, Amount(1, FLOOR))
        stored -= FLOOR
    assert is_paused(braked(memory, 1, stored))
    assert not is_paused(braked(memory, FLOOR, stored, NOW + timedelta(days=1)))


def test_a_hundred_times_the_usual_stops_it_once_there_is_something_usual():
    memory, stored = Memory(), 10**6 * FLOOR
    usual = FLOOR // 50
    for day in range(3):
        assert not is_paused(braked(memory, 4 * FLOOR, stored, NOW + timedelta(days=day)))
        memory = add_collected(memory, NOW + timedelta(days=day), Amount(1, usual))
    later = NOW + timedelta(days=3)
    assert not is_paused(braked(memory, 100 * usual, stored, later))
    assert is_paused(braked(memory, 100 * usual + 1, stored, later))


def test_what_an_operator_lets_go_goes_that_day_and_no_other_time():
    stopped = braked(Memory(), 5 * FLOOR, 20 * FLOOR)
    assert "bytes in a day" in why_paused(stopped)
    assert is_paused(look(stopped, NOW, NOW + 2 * MINUTE))

    allowed = resume(stopped, NOW)
    assert not is_paused(braked(allowed, 5 * FLOOR, 20 * FLOOR))
    assert is_paused(braked(allowed, 6 * FLOOR, 20 * FLOOR))
    assert not is_paused(braked(allowed, 5 * FLOOR, 20 * FLOOR, NOW + ALLOWED_FOR))
    assert is_paused(braked(allowed, 5 * FLOOR, 20 * FLOOR, NOW + ALLOWED_FOR + MOMENT))


def test_to_go_on_after_a_jump_allows_nothing_else():
    memory = resume(look(Memory(), NOW, NOW + timedelta(days=1)), NOW + timedelta(days=1))
    assert replace(memory, seen_at=None, trusted_at=None) == Memory()
