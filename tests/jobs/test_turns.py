"""How long jobs rest between what others have to wait for."""

from dataclasses import replace

import pytest

from openecr.jobs.turns import (
    HELD_SECONDS,
    LONG_RESTS,
    LONGEST_REST_SECONDS,
    PAUSE_SECONDS,
    QUIET_SECONDS,
    RESTS,
    Turns,
    turn,
)

FEW, MANY = 9, 100


@pytest.fixture
def waits(installation):
    """How long jobs have waited, one by one."""
    waits = []
    installation.tools = replace(installation.tools, wait=waits.append)
    return waits


@pytest.fixture
def apart(installation):
    installation.tools = replace(installation.tools, is_apart=True)
    return installation


def turns_of(installation):
    return Turns(installation.tools, few=FEW, many=MANY)


def write(installation, turns, *, seconds=0.0):
    """One transaction, that takes so long. How much it was to do."""
    with turns.transaction():
        installation.seconds += seconds
        return turns.size


def write_elsewhere(installation):
    installation.ask_database("INSERT INTO bookmark VALUES ('written elsewhere', '1')")


@pytest.mark.parametrize("took", [0, 0.01, 1])
def test_a_job_rests_longer_than_it_was_at_work(installation, waits, took):
    with turn(installation.tools):
        installation.seconds += took
    assert waits == [pytest.approx(min(took * RESTS, LONGEST_REST_SECONDS))]


@pytest.mark.parametrize("held", [0, 0.01, 1])
def test_one_that_writes_very_much_rests_longer(installation, waits, held):
    turns = turns_of(installation)
    write(installation, turns, seconds=held)
    installation.seconds += 100  # without the lock
    turns.rest()
    assert waits == [pytest.approx(min(held * LONG_RESTS, LONGEST_REST_SECONDS))]


def test_what_fails_does_not_rest(installation, waits):
    with pytest.raises(KeyError), turn(installation.tools):
        raise KeyError
    assert waits == []


def test_who_has_long_been_the_only_one_to_write_goes_on_at_once(apart, waits):
    turns = turns_of(apart)
    apart.create("team/app")  # by the same process
    write(apart, turns)
    apart.seconds += QUIET_SECONDS * 0.99
    assert not turns.is_alone
    apart.seconds += QUIET_SECONDS * 0.02
    assert turns.is_alone
    write(apart, turns, seconds=1)
    turns.rest()
    assert waits == [PAUSE_SECONDS]


def test_who_is_not_the_only_one_gives_way_until_it_has_been_quiet_again(apart, waits):
    turns = turns_of(apart)
    apart.seconds += QUIET_SECONDS
    write_elsewhere(apart)
    write(apart, turns, seconds=0.01)
    turns.rest()
    assert waits == [pytest.approx(0.01 * LONG_RESTS)]
    apart.seconds += QUIET_SECONDS * 1.01
    write(apart, turns)
    assert turns.is_alone


def test_transactions_grow_while_nobody_else_writes_and_are_short(apart, waits):
    turns = turns_of(apart)
    assert [write(apart, turns) for _ in range(3)] == [FEW, FEW, FEW]
    apart.seconds += 2 * QUIET_SECONDS
    assert [write(apart, turns) for _ in range(6)] == [18, 36, 72, MANY, MANY, MANY]
    write_elsewhere(apart)
    assert write(apart, turns) == FEW


def test_transactions_shrink_that_held_the_lock_for_long(apart, waits):
    turns = turns_of(apart)
    apart.seconds += 2 * QUIET_SECONDS
    for _ in range(5):
        write(apart, turns)
    long, just_right = HELD_SECONDS * 1.1, HELD_SECONDS * 0.9
    sizes = [write(apart, turns, seconds=held) for held in (just_right, long, just_right, long, long)]
    assert sizes == [MANY, MANY, 50, 50, 25]
    assert [write(apart, turns, seconds=long) for _ in range(3)] == [12, FEW, FEW]


def test_what_was_read_is_so_still_until_another_writes(apart):
    turns = turns_of(apart)
    assert turns.is_undisturbed
    apart.create("team/app")
    write(apart, turns)
    assert turns.is_undisturbed
    write_elsewhere(apart)
    write(apart, turns)
    assert not turns.is_undisturbed
    apart.seconds += 2 * QUIET_SECONDS
    write(apart, turns)
    assert turns.is_alone
    assert not turns.is_undisturbed


def test_who_has_the_process_of_others_does_not_know_what_they_write(installation):
    turns = turns_of(installation)
    installation.seconds += 2 * QUIET_SECONDS
    assert not turns.is_alone
    assert not turns.is_undisturbed
    assert [write(installation, turns) for _ in range(3)] == [FEW, FEW, FEW]
