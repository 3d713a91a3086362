"""A wrong clock, wrong rows: nothing goes too early, nor far too much. Source: reliability.md D7, D10."""

from datetime import timedelta

import pytest

from openecr.domain import collecting
from openecr.domain.collecting import Brakes
from tests.builders import a_layer, an_image
from tests.jobs.garbage import (
    DELAY,
    GRACE,
    LEASE,
    MOMENT,
    TRUSTING,
    bound,
    can_be_read,
    collect,
    delete,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def place(installation):
    installation.create("team/app")


def run_for_an_hour(installation) -> int:
    """A run each minute; how much was done in all of them."""
    count = 0
    for _ in range(60):
        installation.now += MINUTE
        count += collect(installation)
    return count


def alarms(installation) -> list[str]:
    return [line["reason"] for line in installation.log if line["event"] == "garbage collection is paused"]


def resume(installation) -> None:
    with installation.database.transaction() as db:
        db.collecting.remember(lambda memory: collecting.resume(memory, installation.now))


def test_a_clock_that_jumps_pauses_the_collector_until_it_has_gone_steadily_for_an_hour(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    collect(installation)
    installation.now += 40 * DAY

    assert collect(installation) == 0
    assert [alarm[:16] for alarm in alarms(installation)] == ["the clock jumped"]
    for _ in range(59):
        installation.now += MINUTE
        assert collect(installation) == 0
    assert len(alarms(installation)) == 1
    installation.now += MINUTE
    assert collect(installation) == 1


def test_an_operator_may_say_that_the_clock_is_right(installation):
    installation.push_layer("team/app", a_layer())
    collect(installation)
    installation.now += 40 * DAY
    assert collect(installation) == 0

    resume(installation)
    assert collect(installation) == 1


def test_second_files_go_while_the_collector_is_paused_and_nothing_else(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    collect(installation)
    installation.now += 40 * DAY
    installation.push_layer("team/app", layer)
    assert collect(installation) == 1
    assert can_be_read(installation, "team/app", layer)


def test_bytes_whose_time_has_come_by_a_clock_that_jumped_stay_while_the_collector_is_paused(installation):
    bound(installation, gc_brakes=TRUSTING)
    layer = a_layer()
    installation.push_layer("team/app", layer)
    path = installation.path(layer)
    installation.now += LEASE + GRACE
    assert collect(installation) == 1

    bound(installation, gc_brakes=Brakes())
    installation.now += 40 * DAY
    assert collect(installation) == 0
    assert path.exists()


def test_what_was_pushed_while_the_clock_was_behind_is_kept_as_long_as_ever(installation):
    """The clock goes back by 40 days and comes right again: the lease counts from the time it had shown."""
    installation.now -= 2 * MINUTE
    collect(installation)
    installation.now += 2 * MINUTE
    collect(installation)
    right = installation.now
    installation.now -= 40 * DAY
    collect(installation)
    layer = a_layer()
    installation.push_layer("team/app", layer)
    image = an_image()
    installation.push("team/app", image)
    delete(installation, "team/app", image.digest)
    assert run_for_an_hour(installation) == 0

    installation.now = right + LEASE + GRACE - MOMENT - 61 * MINUTE
    collect(installation)
    assert run_for_an_hour(installation) == 0
    assert can_be_read(installation, "team/app", layer)
    installation.now = right + LEASE + GRACE - MOMENT
    assert collect(installation) == 0
    installation.now += MOMENT
    assert collect(installation) == 3


@pytest.mark.parametrize("step", [-5 * MINUTE, 5 * MINUTE])
def test_little_steps_of_the_clock_neither_pause_it_nor_take_anything_early(installation, step):
    layer = a_layer()
    began = installation.now
    installation.push_layer("team/app", layer)
    bound(installation, gc_brakes=TRUSTING)
    installation.now += LEASE + GRACE - timedelta(hours=1)
    collect(installation)
    bound(installation, gc_brakes=Brakes())
    for count in range(12):
        installation.now = began + LEASE + GRACE - timedelta(hours=1) + count * MINUTE + step * (count % 2)
        assert collect(installation) == 0
    assert alarms(installation) == []
    for _ in range(60):
        installation.now += MINUTE
        collect(installation)
    assert not can_be_read(installation, "team/app", layer)


# Far too much.


@pytest.fixture
def half_dead(installation):
    """Rows were lost: of two images that are there, one seems to use nothing. Its digests."""
    bound(installation, gc_brakes=Brakes(floor_bytes=0, jump=TRUSTING.jump))
    images = [an_image(layers=[a_layer(bytes([number]) * 1000)]) for number in range(2)]
    for image in images:
        installation.push("team/app", image)
    installation.ask_database(
        "DELETE FROM image_blob WHERE image_id = (SELECT min(id) FROM image)",
    )
    installation.now += LEASE + GRACE
    return images


def test_the_collector_stops_where_half_of_all_looks_dead(installation, half_dead):
    for _ in range(3):
        assert collect(installation) == 0
        installation.now += DELAY
    assert len(list(installation.blobs.keys())) == 4
    assert all(can_be_read(installation, "team/app", blob) for image in half_dead for blob in image.blobs)
    assert ["in a day would be more than 10 %" in alarm for alarm in alarms(installation)] == [True]


def test_it_goes_on_when_an_operator_says_so(installation, half_dead):
    collect(installation)
    resume(installation)
    assert collect(installation) == 2


def test_far_more_files_without_a_row_than_could_be_are_left_alone(installation):
    """As when a database was put back from a backup: the files are of images that it does not know yet."""
    bound(installation, gc_brakes=Brakes(floor_bytes=0, jump=TRUSTING.jump))
    for _ in range(2):
        installation.push_layer("team/app", a_layer())
    installation.ask_database("DELETE FROM garbage_review")
    installation.ask_database("DELETE FROM repository_blob")
    installation.ask_database("DELETE FROM blob WHERE id = 2")
    installation.now += 100 * DAY
    assert installation.run("take_inventory") == 0
    assert len(list(installation.blobs.keys())) == 2
    assert len(alarms(installation)) == 1

    resume(installation)
    assert installation.run("take_inventory") == 1
