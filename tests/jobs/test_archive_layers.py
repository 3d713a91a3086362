"""Layers of archived images go to the archive and come back, whatever happens on their way."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial

import pytest

from openecr.domain.garbage import REMOVAL_DELAY
from openecr.domain.image import LEASE
from openecr.domain.job import ATTEMPTS, LONGEST_DELAY, State
from openecr.errors import ServiceUnavailable
from openecr.jobs import archive_layers
from openecr.jobs.dispatch import dispatch
from openecr.jobs.move_bytes import COPY_LIFE, move
from openecr.jobs.work import Work
from openecr.metadata.tiers import Tiers
from tests.builders import a_layer, an_image, an_index
from tests.jobs.garbage import TRUSTING, bound
from tests.jobs.installation import Installation

PLACE = "team/app"


@pytest.fixture
def installation(tmp_path):
    made = Installation(tmp_path / "data", archive=tmp_path / "archive")
    bound(made, gc_brakes=TRUSTING)
    made.create(PLACE)
    yield made
    made.database.close()


def archive(installation, image, *, work=True):
    change(installation, image, "ARCHIVE")
    if work:
        installation.work()


def change(installation, image, target):
    return installation.ask(
        "UpdateImageStorageClass",
        repositoryName=PLACE,
        imageId={"imageDigest": image.digest},
        targetStorageClass=target,
    )["imageStatus"]


def status(installation, image):
    [detail] = installation.ask(
        "DescribeImages", repositoryName=PLACE, imageIds=[{"imageDigest": image.digest}]
    )["imageDetails"]
    return detail["imageStatus"]


def tiers(installation, image):
    return {installation.tier(blob) for blob in image.blobs}


def pushed(installation, *images):
    """All of them, so long ago that no push counts on their layers any more."""
    for image in images:
        installation.push(PLACE, image)
    installation.now += LEASE + timedelta(seconds=1)
    return images[0]


def assert_sound(installation, *images):
    """Everything is whole and, an hour later, nothing is anywhere that should not be."""
    assert installation.fsck(deep=True) == []
    for image in images:
        for blob in image.blobs:
            assert installation.path(blob).read_bytes() == blob.content


def stored(installation):
    """How many blobs are in each tier, by their files."""
    return {tier: len(list(installation.blobs.at(tier).keys())) for tier in ("standard", "archive")}


def test_the_layers_of_an_archived_image_move_and_come_back(installation):
    image = pushed(installation, an_image())
    before = [installation.path(blob) for blob in image.blobs]

    archive(installation, image)
    assert tiers(installation, image) == {"archive"}
    assert_sound(installation, image)
    assert all(path.exists() for path in before)  # for whoever found them there
    installation.now += REMOVAL_DELAY
    installation.run("collect_garbage")
    assert stored(installation) == {"standard": 0, "archive": 2}
    assert_sound(installation, image)

    assert change(installation, image, "STANDARD") == "ACTIVATING"
    installation.work()
    assert status(installation, image) == "ACTIVE"
    assert tiers(installation, image) == {"standard"}
    installation.now += REMOVAL_DELAY
    installation.run("collect_garbage")
    assert stored(installation) == {"standard": 2, "archive": 0}
    assert_sound(installation, image)


def test_without_an_archive_only_the_status_changes(tmp_path):
    installation = Installation(tmp_path / "bare")
    installation.create(PLACE)
    image = pushed(installation, an_image())
    archive(installation, image)
    assert (status(installation, image), tiers(installation, image)) == ("ARCHIVED", {"standard"})
    change(installation, image, "STANDARD")
    installation.work()
    assert status(installation, image) == "ACTIVE"
    installation.database.close()


def test_what_others_need_stays_at_hand_until_they_do_not(installation):
    shared, elsewhere, own = a_layer(), a_layer(), a_layer()
    image, other = an_image(layers=[shared, elsewhere, own]), an_image(layers=[shared])
    installation.create("team/other")
    installation.push("team/other", an_image(layers=[elsewhere]))
    pushed(installation, image, other)

    archive(installation, image)
    assert [installation.tier(each) for each in (shared, elsewhere, own)] == [
        "standard",
        "standard",
        "archive",
    ]
    archive(installation, other)
    assert installation.tier(shared) == "archive"
    assert installation.tier(elsewhere) == "standard"
    assert_sound(installation, image, other)


def test_what_an_active_image_shared_moves_within_a_day_of_its_deletion(installation):
    shared = a_layer()
    image, other = an_image(layers=[shared]), an_image(layers=[shared])
    pushed(installation, image, other)
    archive(installation, image)
    installation.ask("BatchDeleteImage", repositoryName=PLACE, imageIds=[{"imageDigest": other.digest}])
    installation.now += timedelta(days=1)
    installation.work()
    assert installation.tier(shared) == "archive"


def test_what_a_push_may_count_on_stays_until_the_lease_ends(installation):
    image = an_image()
    installation.push(PLACE, image)
    installation.now += LEASE - timedelta(seconds=1)
    archive(installation, image)
    assert tiers(installation, image) == {"standard"}
    installation.now += timedelta(days=1)
    installation.work()
    assert tiers(installation, image) == {"archive"}


def test_all_archived_images_are_looked_at_page_by_page(installation, monkeypatch):
    monkeypatch.setattr(archive_layers, "PAGE", 2)
    images = [an_image() for _ in range(5)]
    pushed(installation, *images)
    for image in images:
        change(installation, image, "ARCHIVE")
    assert installation.run("archive_layers") > 0
    assert {tier for image in images for tier in tiers(installation, image)} == {"archive"}
    assert installation.run("archive_layers") == 0


def test_an_image_that_is_pushed_again_is_served_from_the_archive_and_then_brought_back(installation):
    image = pushed(installation, an_image())
    archive(installation, image)
    installation.ask("PutImage", repositoryName=PLACE, imageManifest=image.manifest)
    assert status(installation, image) == "ACTIVE"
    for blob in image.blobs:
        answer = installation.ask("GetDownloadUrlForLayer", repositoryName=PLACE, layerDigest=blob.digest)
        with open(answer["path"], "rb") as file:
            assert file.read() == blob.content
    assert tiers(installation, image) == {"archive"}
    installation.work()
    assert tiers(installation, image) == {"standard"}
    assert_sound(installation, image)


def test_another_image_that_uses_an_archived_layer_brings_it_back(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image)
    other = an_image(layers=[layer])
    for blob in other.blobs:
        if blob is not layer:
            installation.push_layer(PLACE, blob)
    installation.ask("PutImage", repositoryName=PLACE, imageManifest=other.manifest)
    installation.work()
    assert installation.tier(layer) == "standard"
    assert installation.tier(image.blobs[0]) == "archive"
    assert status(installation, image) == "ARCHIVED"


def test_a_layer_that_is_mounted_from_the_archive_can_be_read_and_comes_back_with_its_image(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image)
    installation.create("team/other")
    installation.ask(
        "MountLayer", repositoryName="team/other", layerDigest=layer.digest, sourceRepositoryName=PLACE
    )
    answer = installation.ask("GetDownloadUrlForLayer", repositoryName="team/other", layerDigest=layer.digest)
    with open(answer["path"], "rb") as file:
        assert file.read() == layer.content
    installation.push("team/other", an_image(layers=[layer]))
    installation.work()
    assert installation.tier(layer) == "standard"


def test_an_index_comes_back_with_the_layers_of_what_it_lists(installation):
    child = an_image()
    index = an_index(child)
    installation.push(PLACE, child)
    pushed(installation, index)
    archive(installation, index)
    archive(installation, child)
    assert tiers(installation, child) == {"archive"}
    change(installation, index, "STANDARD")
    installation.work()
    assert (status(installation, child), tiers(installation, child)) == ("ACTIVE", {"standard"})


def test_an_image_may_go_and_come_back_before_its_old_bytes_are_removed(installation):
    """The key it had is not its key any more, so that what removes the old bytes hurts nothing."""
    image = pushed(installation, an_image())
    for _ in range(3):
        archive(installation, image)
        change(installation, image, "STANDARD")
        installation.work()
    installation.now += REMOVAL_DELAY
    installation.run("collect_garbage")
    assert tiers(installation, image) == {"standard"}
    assert stored(installation) == {"standard": 2, "archive": 0}
    assert_sound(installation, image)


def test_an_archived_image_that_is_deleted_leaves_nothing_in_the_archive(installation):
    image = pushed(installation, an_image())
    archive(installation, image)
    installation.ask("BatchDeleteImage", repositoryName=PLACE, imageIds=[{"imageDigest": image.digest}])
    for _ in range(2):
        installation.now += timedelta(days=2)
        installation.run("collect_garbage")
    assert stored(installation) == {"standard": 0, "archive": 0}


def test_a_layer_whose_bytes_are_damaged_is_not_archived_and_told_of(installation):
    layer, other = a_layer(), a_layer()
    image = pushed(installation, an_image(layers=[layer, other]))
    installation.path(layer).write_bytes(b"?" * len(layer.content))
    archive(installation, image)
    assert [installation.tier(layer), installation.tier(other)] == ["standard", "archive"]
    assert [each for each in installation.log if each["event"] == "a layer is not archived"]
    assert list(installation.blobs.at("archive").staged()) == []


def test_an_image_whose_archived_bytes_are_lost_is_activating_until_they_are_pushed_anew(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image)
    installation.path(layer).unlink()
    change(installation, image, "STANDARD")
    installation.work()
    assert status(installation, image) == "ACTIVATING"
    assert len(installation.fsck()) == 1

    installation.push_layer(PLACE, layer)
    assert installation.tier(layer) == "standard"
    installation.now += timedelta(minutes=1)
    installation.work()
    assert status(installation, image) == "ACTIVE"
    assert_sound(installation, image)


def test_scrub_reads_the_archive_and_finds_what_is_damaged_there(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image)
    installation.path(layer).write_bytes(b"?" * len(layer.content))
    installation.now += timedelta(days=60)  # it is time for the next pass
    assert installation.run("scrub") == 1
    assert [each for each in installation.fsck() if layer.digest in each or image.digest in each]


def test_what_is_in_an_archive_that_no_setting_names_is_told_and_left_alone(installation, tmp_path):
    image = pushed(installation, an_image())
    archive(installation, image)
    bare = Installation(tmp_path / "data")
    bound(bare, gc_brakes=TRUSTING)
    bare.now = installation.now
    assert all("archive" in breach for breach in bare.fsck())
    assert len(bare.fsck()) == 2
    assert bare.run("scrub") == 0

    bare.push_layer(PLACE, image.blobs[0])  # as if its bytes were lost: they are needed
    assert bare.tier(image.blobs[0]) == "standard"
    bare.now += REMOVAL_DELAY + timedelta(seconds=1)
    bare.run("collect_garbage")
    assert stored(installation)["archive"] == 2
    bare.database.close()
    installation.now = bare.now
    installation.run("collect_garbage")
    assert stored(installation)["archive"] == 1


def test_a_blob_that_is_needed_again_while_it_is_copied_stays(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image, work=False)
    work = Work(installation.tools, {}, installation.now)
    with installation.database.reading() as db:
        ids = db.tiers.archived_images(after=0, limit=1)
        found = db.tiers.to_archive(ids[0], now=installation.now)
    assert len(found) == 2

    installation.ask("PutImage", repositoryName=PLACE, imageManifest=image.manifest)
    for each in found:
        may = partial(Tiers.can_be_archived, which=each, now=installation.now)
        assert not move(work, each, "archive", lambda db, may=may: may(db.tiers))
    assert tiers(installation, image) == {"standard"}
    assert stored(installation) == {"standard": 2, "archive": 0}
    assert_sound(installation, image)


def to_archive(installation):
    """The layers of the archived image that could go now."""
    with installation.database.reading() as db:
        [archived] = db.tiers.archived_images(after=0, limit=2)
        return db.tiers.to_archive(archived, now=installation.now)


def test_a_move_of_which_nobody_knows_how_it_ended_leaves_the_blob_its_bytes(installation, tmp_path):
    """The database has it, and then the disk fails before it says that it is safe."""
    image = pushed(installation, an_image())
    archive(installation, image, work=False)
    layer = to_archive(installation)[0]

    def may(db):
        installation.database._log.close()  # every sync fails from here on
        return True

    with pytest.raises(ServiceUnavailable):
        move(Work(installation.tools, {}, installation.now), layer, "archive", may)
    again = Installation(tmp_path / "data", archive=tmp_path / "archive")
    assert sorted(tiers(again, image)) == ["archive", "standard"]
    assert_sound(again, image)
    again.database.close()


@pytest.mark.parametrize(("late", "is_moved"), [(timedelta(milliseconds=1), True), (timedelta(0), False)])
def test_a_copy_that_took_too_long_is_left_to_the_collector(installation, late, is_moved):
    image = pushed(installation, an_image())
    archive(installation, image, work=False)
    layer = to_archive(installation)[0]

    def may(db):
        installation.now += COPY_LIFE - late
        assert db.removals.due(now=installation.now, limit=9) == []  # nobody is at it
        return True

    work = Work(installation.tools, {}, installation.now)
    assert move(work, layer, "archive", may) is is_moved
    assert_sound(installation, image)


@pytest.mark.parametrize("what", ["deleted", "archived again"])
def test_what_an_index_lists_comes_back_even_if_the_index_goes_before(installation, what):
    child = an_image()
    index = an_index(child)
    pushed(installation, child, index)
    archive(installation, index)
    archive(installation, child)
    change(installation, index, "STANDARD")
    assert status(installation, child) == "ACTIVATING"
    if what == "deleted":
        installation.ask("BatchDeleteImage", repositoryName=PLACE, imageIds=[{"imageDigest": index.digest}])
    else:
        change(installation, index, "ARCHIVE")
    installation.work()
    assert (status(installation, child), tiers(installation, child)) == ("ACTIVE", {"standard"})


def test_what_an_index_that_is_pushed_again_lists_comes_to_hand_even_if_the_index_goes_before(installation):
    child = an_image()
    index = an_index(child)
    pushed(installation, child, index)
    archive(installation, index)
    archive(installation, child)
    installation.push_manifest(PLACE, index)
    installation.ask("BatchDeleteImage", repositoryName=PLACE, imageIds=[{"imageDigest": index.digest}])
    assert (status(installation, child), tiers(installation, child)) == ("ACTIVE", {"archive"})
    installation.work()
    assert (status(installation, child), tiers(installation, child)) == ("ACTIVE", {"standard"})


def test_an_image_with_a_damaged_layer_is_activating_until_that_is_whole_again(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image)
    path = installation.path(layer)
    path.write_bytes(b"?" * len(layer.content))
    installation.now += timedelta(days=30)
    assert installation.run("scrub") == 1
    change(installation, image, "STANDARD")
    installation.work()
    assert status(installation, image) == "ACTIVATING"

    path.write_bytes(layer.content)
    installation.now += timedelta(days=30)
    assert installation.run("scrub") == 1
    change(installation, image, "STANDARD")
    installation.work()
    assert (status(installation, image), tiers(installation, image)) == ("ACTIVE", {"standard"})


def test_who_asks_again_for_an_image_that_was_given_up_has_it_tried_again(installation):
    layer = a_layer()
    image = pushed(installation, an_image(layers=[layer]))
    archive(installation, image)
    path = installation.path(layer)
    hidden = path.rename(path.with_suffix(".hidden"))
    change(installation, image, "STANDARD")
    for _ in range(ATTEMPTS):
        installation.work()
        installation.now += LONGEST_DELAY
    assert [job.state for job in installation.jobs_named("restore_images")] == [State.DEAD]

    hidden.rename(path)
    for _ in range(2):
        assert change(installation, image, "STANDARD") == "ACTIVATING"
    dispatch(installation.tools)
    assert len(installation.jobs_named("restore_images")) == 2  # one for those who ask
    installation.work()
    assert status(installation, image) == "ACTIVE"


WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from tests.jobs.installation import Installation

installation = Installation(Path(sys.argv[1]), archive=Path(sys.argv[2]))
installation.now = datetime.fromisoformat(sys.argv[3])
installation.work()
"""
STEPS = [
    pytest.param("job.claimed", marks=pytest.mark.slow),
    pytest.param("move.reserved", marks=pytest.mark.slow),
    pytest.param("part.partial_write", marks=pytest.mark.slow),
    pytest.param("blob.before_fsync", marks=pytest.mark.slow),
    pytest.param("blob.after_fsync", marks=pytest.mark.slow),
    pytest.param("blob.after_rename", marks=pytest.mark.slow),
    pytest.param("blob.after_directory_fsync", marks=pytest.mark.slow),
    "move.copied",
    "move.committed",
    pytest.param("job.before_done", marks=pytest.mark.slow),
    pytest.param("job.done", marks=pytest.mark.slow),
]


def work_and_die(installation, tmp_path, failpoint):
    """A worker of its own process does what is due, and is killed at that point."""
    ended = subprocess.run(
        [sys.executable, "-c", WORKER, tmp_path / "data", tmp_path / "archive", installation.now.isoformat()],
        env={**os.environ, "FAILPOINTS": f"{failpoint}=kill9"},
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_is_killed_on_the_way_there_or_back_loses_nothing(installation, tmp_path, step):
    image = pushed(installation, an_image())
    archive(installation, image, work=False)
    work_and_die(installation, tmp_path, step)
    assert_sound(installation, image)
    installation.now += timedelta(minutes=2)  # its lease is over
    installation.work()
    assert tiers(installation, image) == {"archive"}
    assert_sound(installation, image)

    change(installation, image, "STANDARD")
    work_and_die(installation, tmp_path, step)
    assert_sound(installation, image)
    installation.now += timedelta(minutes=2)
    installation.work()
    assert (status(installation, image), tiers(installation, image)) == ("ACTIVE", {"standard"})

    installation.now += COPY_LIFE + REMOVAL_DELAY
    installation.run("collect_garbage")
    assert stored(installation) == {"standard": 2, "archive": 0}
    for tier in ("standard", "archive"):
        assert list(installation.blobs.at(tier).staged()) == []
    assert_sound(installation, image)
