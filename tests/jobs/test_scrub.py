"""Stored bytes are verified at their pace: what is damaged is found, marked and told; what is whole stays."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from openecr.blobs.files import FileBlobs
from openecr.domain.job import State
from openecr.domain.tier import ARCHIVE
from openecr.errors import LayersNotFoundException
from openecr.jobs import figures, scrub
from openecr.jobs.work import Bounds, Interrupted, Work
from openecr.jobs.worker import Worker
from tests.builders import Blob, a_layer, an_image
from tests.jobs.installation import Installation

WEEK = timedelta(days=7)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


DAMAGES = [flip_a_bit, truncate, lengthen, Path.unlink]


def marked(installation: Installation) -> set[str]:
    with installation.database.reading() as db:
        return {str(each.digest) for each in db.damage.stored(after=0, limit=1000) if each.is_damaged}


def figure(installation: Installation, name: str) -> float:
    with installation.database.reading() as db:
        return figures.find_all(db)[name]


def told(installation: Installation, event: str) -> list[str]:
    return [line["digest"] for line in installation.log if line["event"] == event]


def records(installation: Installation, name: str):
    return [each for each in installation.audit if each["eventName"] == name]


@pytest.fixture
def layers(installation) -> list[Blob]:
    """Five layers of team/app, each with another size."""
    installation.create("team/app")
    layers = [a_layer(os.urandom(1000 + number)) for number in range(5)]
    for layer in layers:
        installation.push_layer("team/app", layer)
    return layers


def test_what_is_whole_is_not_marked(installation, layers):
    installation.push("team/app", an_image(), "1.0")

    assert installation.run("scrub") == 0

    assert marked(installation) == set()
    assert records(installation, "BlobDamagedEvent") == []
    assert figure(installation, "scrub_damaged_blobs") == 0
    assert figure(installation, "scrub_read_bytes") >= sum(len(layer.content) for layer in layers)


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_damage_is_found_marked_and_told(installation, layers, damage: Callable[[Path], None]):
    image = an_image(layers=[layers[2]])
    installation.push("team/app", image, "1.0")
    damage(installation.path(layers[2]))

    assert installation.run("scrub") == 1

    assert marked(installation) == {layers[2].digest}
    assert told(installation, "blob damaged") == [layers[2].digest]
    [record] = records(installation, "BlobDamagedEvent")
    assert record["eventType"] == "AwsServiceEvent"
    assert record["resources"][0]["ARN"].endswith("repository/team/app")
    assert record["recipientAccountId"] == "123456789012"
    details = record["serviceEventDetails"]
    assert (details["digest"], details["repositoryName"]) == (layers[2].digest, "team/app")
    assert [each.rpartition("@")[2] for each in details["images"]] == [image.digest]
    assert figure(installation, "scrub_marked_blobs") == figure(installation, "scrub_damaged_blobs") == 1


def test_two_blobs_whose_files_were_swapped_are_both_found(installation, layers):
    one, other = a_layer(b"one"), a_layer(b"two")
    for layer in (one, other):
        installation.push_layer("team/app", layer)
    installation.path(one).write_bytes(other.content)
    installation.path(other).write_bytes(one.content)

    assert installation.run("scrub") == 2
    assert marked(installation) == {one.digest, other.digest}


def test_a_disk_that_cannot_read_a_file_has_lost_it(installation, layers):
    installation.path(layers[0]).unlink()
    installation.path(layers[0]).symlink_to("/proc/self/mem")  # reads as EIO

    scrub_sizes_as_if_right(installation, layers[0])

    assert installation.run("scrub") == 1
    assert marked(installation) == {layers[0].digest}
    [line] = [line for line in installation.log if line["event"] == "blob damaged"]
    assert line["reason"] == "cannot be read: Input/output error"


def scrub_sizes_as_if_right(installation, layer):
    """/proc files have no size: say so in the row, too."""
    installation.ask_database(
        "UPDATE blob SET size_bytes = 0 WHERE hex(digest) = ?", layer.digest[7:].upper()
    )


def test_what_is_marked_is_there_for_nobody_until_it_is_pushed_again(installation, layers):
    image = an_image(layers=[layers[0]])
    installation.push("team/app", image, "1.0")
    old_path = installation.path(layers[0])
    flip_a_bit(old_path)
    installation.run("scrub")
    asked = {"repositoryName": "team/app", "layerDigest": layers[0].digest}

    with pytest.raises(LayersNotFoundException):
        installation.ask("GetDownloadUrlForLayer", **asked)
    with pytest.raises(LayersNotFoundException):
        installation.push_manifest("team/app", an_image(layers=[layers[0]]))
    assert any("uses a blob that is not live" in breach for breach in installation.fsck())

    installation.push_layer("team/app", layers[0])

    assert installation.ask("GetDownloadUrlForLayer", **asked)["layerSize"] == len(layers[0].content)
    assert installation.path(layers[0]) != old_path
    assert installation.fsck(deep=True) == []
    installation.now += WEEK
    assert installation.run("scrub") == 0
    assert marked(installation) == set()


def test_a_marked_blob_that_is_found_whole_again_is_unmarked(installation, layers):
    path = installation.path(layers[0])
    away = path.rename(path.with_suffix(".away"))
    installation.run("scrub")
    assert marked(installation) == {layers[0].digest}

    away.rename(path)
    installation.now += WEEK
    assert installation.run("scrub") == 1

    assert marked(installation) == set()
    assert told(installation, "blob whole again") == [layers[0].digest]
    assert len(records(installation, "BlobHealedEvent")) == 1


def test_a_blob_that_was_replaced_while_it_was_read_is_not_marked(installation, layers):
    flip_a_bit(installation.path(layers[0]))
    tools = replace(installation.tools, wait=lambda seconds: replace_it())

    def replace_it():
        installation.ask_database(
            "UPDATE blob SET key = ? WHERE id = 1", "0" * 8 + "-0000-0000-0000-" + "0" * 12
        )

    scrub.scrub(Work(tools, {}, installation.now))

    assert layers[0].digest not in marked(installation)
    assert told(installation, "blob damaged") == []


def test_damage_that_is_known_is_told_once_and_counted_in_each_pass(installation, layers):
    flip_a_bit(installation.path(layers[0]))
    installation.run("scrub")
    installation.now += WEEK
    installation.run("scrub")

    assert len(told(installation, "blob damaged")) == 1
    assert figure(installation, "scrub_marked_blobs") == 1
    assert figure(installation, "scrub_damaged_blobs") == 1


@pytest.mark.parametrize("damage", [Path.unlink, truncate])
def test_only_so_many_missing_in_a_row_are_believed(installation, layers, monkeypatch, damage):
    """A folder that was not mounted. Bytes that are there and wrong are another matter."""
    monkeypatch.setattr(scrub, "MISSING_IN_A_ROW", 4)
    for layer in layers:
        damage(installation.path(layer))
    installation.jobs_named("scrub")

    installation.work()

    if damage is truncate:
        assert marked(installation) == {layer.digest for layer in layers}
        return
    assert marked(installation) == set()
    assert [line["event"] for line in installation.log if line["event"] == "scrub stopped"]
    assert [job.state for job in installation.jobs_named("scrub")] == [State.WAITING]

    monkeypatch.setattr(scrub, "MISSING_IN_A_ROW", 5)
    installation.now += timedelta(minutes=1)
    installation.work()
    assert marked(installation) == {layer.digest for layer in layers}


def test_archived_bytes_are_verified_where_they_are(installation, layers, tmp_path):
    with_archive = FileBlobs(tmp_path, archive_root=tmp_path / "cold")
    paths = [Path(with_archive.at(ARCHIVE).path(installation.path(layer).name)) for layer in layers[:2]]
    for layer, path in zip(layers, paths, strict=False):
        path.parent.mkdir(exist_ok=True, mode=0o700)
        installation.path(layer).rename(path)
        installation.ask_database(
            "UPDATE blob SET tier = 'archive' WHERE hex(digest) = ?", layer.digest[7:].upper()
        )
    flip_a_bit(paths[0])

    installation.run("scrub")  # without an archive at hand nobody knows
    assert marked(installation) == set()

    installation.now += WEEK
    installation.tools = replace(installation.tools, blobs=with_archive)
    installation.run("scrub")
    assert marked(installation) == {layers[0].digest}


# When.


def test_a_pass_is_done_once_in_its_period_and_then_anew(installation, layers):
    installation.run("scrub")
    read = figure(installation, "scrub_read_bytes")

    installation.now += WEEK - timedelta(seconds=1)
    installation.run("scrub")
    assert figure(installation, "scrub_read_bytes") == read

    installation.now += timedelta(seconds=1)
    installation.run("scrub")
    assert figure(installation, "scrub_read_bytes") == 2 * read


def test_a_pass_begun_under_a_clock_that_was_far_ahead_does_not_keep_the_next_away(installation, layers):
    installation.now += timedelta(days=400)
    installation.run("scrub")
    read = figure(installation, "scrub_read_bytes")
    installation.now -= timedelta(days=400)

    installation.run("scrub")

    assert figure(installation, "scrub_read_bytes") == 2 * read


def test_a_period_of_no_days_is_never(installation, layers):
    installation.tools = replace(installation.tools, bounds=Bounds(scrub_days=0))
    installation.run("scrub")
    assert figure(installation, "scrub_read_bytes") == 0


# How fast.


def slow(installation, bytes_per_second: int) -> None:
    installation.tools = replace(installation.tools, bounds=Bounds(scrub_bytes_per_second=bytes_per_second))


def test_a_terabyte_takes_less_than_a_day_at_the_default_rate():
    assert 10**12 / Bounds().scrub_bytes_per_second < 24 * 3600


@pytest.mark.parametrize("rate", [65_536, 1 << 20, 16 << 20])
def test_the_rate_is_held(installation, layers, rate):
    slow(installation, rate)
    big = a_layer(os.urandom(4 << 20))
    installation.push_layer("team/app", big)

    installation.run("scrub")

    read = figure(installation, "scrub_read_bytes")
    assert read / installation.seconds == pytest.approx(rate, rel=0.1)


def slices(installation) -> int:
    """Go on with the job until it rests no more: in how many parts."""
    count, rest = 1, scrub.scrub(Work(installation.tools, {}, installation.now))
    while rest is not None:
        count += 1
        rest = scrub.scrub(Work(installation.tools, rest.payload, installation.now))
    return count


def test_no_slice_is_longer_than_it_may_be_however_large_a_blob_is(installation, layers):
    slow(installation, 65_536)
    big = a_layer(os.urandom(2 << 20))
    installation.push_layer("team/app", big)
    flip_a_bit(installation.path(big))

    waited = [0.0]
    rest = scrub.scrub(Work(installation.tools, {}, installation.now))
    while rest is not None:
        waited.append(installation.seconds)
        rest = scrub.scrub(Work(installation.tools, rest.payload, installation.now))

    lengths = [after - before for before, after in pairwise(waited)]
    assert len(lengths) == 6
    assert max(lengths) <= scrub.SLICE_SECONDS + 0.1
    assert marked(installation) == {big.digest}
    assert figure(installation, "scrub_read_bytes") == sum(len(each.content) for each in (*layers, big))


def test_who_goes_on_with_a_blob_that_another_process_began_reads_it_to_its_end(installation):
    """Else two who take turns would never come to it."""
    slow(installation, 65_536)
    installation.create("team/app")
    big = a_layer(os.urandom(1 << 20))
    installation.push_layer("team/app", big)
    flip_a_bit(installation.path(big))

    parts = 0
    rest = scrub.scrub(Work(installation.tools, {}, installation.now))
    while rest is not None:
        parts += 1
        others = replace(installation.tools, memory={})
        rest = scrub.scrub(Work(others, rest.payload, installation.now))

    assert parts == 2  # the rest after the blob, for the time was over
    assert marked(installation) == {big.digest}


def test_a_pass_goes_on_where_it_was_after_a_restart(installation, layers):
    slow(installation, 65_536)
    big = [a_layer(os.urandom(340_000)) for _ in range(3)]  # five seconds each
    for layer in big:
        installation.push_layer("team/app", layer)

    scrub.scrub(Work(installation.tools, {}, installation.now))
    with installation.database.reading() as db:
        before = scrub.find_pass(db)
    assert before is not None
    assert before.ended_at is None
    assert before.blobs > 0
    installation.tools = replace(installation.tools, memory={})
    slices(installation)

    with installation.database.reading() as db:
        after = scrub.find_pass(db, scrub.LAST)
    assert after is not None
    assert after.blobs == len(layers) + len(big)
    assert after.began_at == before.began_at


def test_it_ends_at_its_next_piece_when_it_is_not_wanted(installation, layers):
    big = a_layer(os.urandom(4 << 20))
    installation.push_layer("team/app", big)
    answers = iter([True] * (len(layers) * 2 + 2))

    with pytest.raises(Interrupted):
        scrub.scrub(Work(installation.tools, {}, installation.now, lambda: next(answers, False)))

    assert installation.seconds < 1


def test_others_that_are_due_have_their_turn_between_two_slices(installation, layers):
    slow(installation, 65_536)
    installation.push_layer("team/app", a_layer(os.urandom(1 << 20)))
    installation.tools = replace(
        installation.tools, clock=lambda: installation.now + timedelta(seconds=installation.seconds)
    )
    with installation.database.transaction() as db:
        db.jobs.add("scrub", {}, at=installation.now - WEEK, topic="scrub")
    worker = Worker(installation.tools)

    worker.run_next()
    begun = figure(installation, "scrub_read_bytes")
    assert begun > 0
    assert len(installation.jobs_named("expire_sessions")) == 1
    while installation.jobs_named("expire_sessions"):
        worker.run_next()

    assert figure(installation, "scrub_read_bytes") == begun
    assert worker.run_due() >= 3
    assert installation.jobs_named("scrub") == []
