"""How long jobs rest between what others have to wait for."""

from dataclasses import replace

import pytest

from openecr.jobs.turns import (
    LONG_RESTS,
    LONGEST_REST_SECONDS,
    PAUSE_SECONDS,
    QUIET_SECONDS,
    RESTS,
    Pace,
    turn,
)


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


def look(installation, pace):
    with installation.database.transaction() as db:
        pace.look(db)


def write_elsewhere(installation):
    installation.ask_database("INSERT INTO bookmark VALUES ('written elsewhere', '1')")


@pytest.mark.parametrize("took", [0, 0.01, 1])
@pytest.mark.parametrize(("turn", "times"), [(turn, RESTS), (lambda tools: Pace(tools).turn(), LONG_RESTS)])
def test_a_job_rests_longer_than_it_was_at_work(installation, waits, turn, times, took):
    with turn(installation.tools):
        installation.seconds += took
    assert waits == [pytest.approx(min(took * times, LONGEST_REST_SECONDS))]


def test_what_fails_does_not_rest(installation, waits):
    with pytest.raises(KeyError), turn(installation.tools):
        raise KeyError
    assert waits == []


def test_who_has_long_been_the_only_one_to_write_goes_on_at_once(apart, waits):
    pace = Pace(apart.tools)
    apart.create("team/app")  # by the same process
    look(apart, pace)
    apart.seconds += QUIET_SECONDS * 0.99
    assert not pace.is_alone
    apart.seconds += QUIET_SECONDS * 0.02
    assert pace.is_alone
    with pace.turn():
        apart.seconds += 1
    assert waits == [PAUSE_SECONDS]


def test_who_is_not_the_only_one_gives_way_until_it_has_been_quiet_again(apart, waits):
    pace = Pace(apart.tools)
    apart.seconds += QUIET_SECONDS
    with pace.turn():
        apart.seconds += 0.01
        write_elsewhere(apart)
        look(apart, pace)
    assert waits == [pytest.approx(0.01 * LONG_RESTS)]
    apart.seconds += QUIET_SECONDS * 1.01
    look(apart, pace)
    assert pace.is_alone


def test_what_was_read_is_so_still_until_another_writes(apart):
    pace = Pace(apart.tools)
    assert pace.is_undisturbed
    apart.create("team/app")
    look(apart, pace)
    assert pace.is_undisturbed
    write_elsewhere(apart)
    look(apart, pace)
    assert not pace.is_undisturbed
    apart.seconds += 2 * QUIET_SECONDS
    look(apart, pace)
    assert pace.is_alone
    assert not pace.is_undisturbed


def test_who_has_the_process_of_others_does_not_know_what_they_write(installation):
    pace = Pace(installation.tools)
    installation.seconds += 2 * QUIET_SECONDS
    assert not pace.is_alone
    assert not pace.is_undisturbed
