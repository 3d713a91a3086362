"""What nothing holds goes, after its time of grace; what anything holds stays."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from openecr.domain.garbage import COPY, DOWNLOAD_LIFE, REMOVAL_DELAY, UNUSED
from openecr.failpoints import arm
from openecr.jobs import collect_garbage as job
from openecr.jobs import figures
from openecr.jobs.turns import LONG_RESTS, LONGEST_REST_SECONDS, QUIET_SECONDS
from openecr.metadata.database import Database
from openecr.metadata.garbage import Garbage
from tests.builders import a_layer, an_image, an_index, sha512
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
    is_available,
)


@pytest.fixture(autouse=True)
def place(installation):
    installation.create("team/app")
    bound(installation, gc_brakes=TRUSTING)


def keys(installation) -> list[str]:
    return sorted(installation.blobs.keys())


def test_a_layer_that_no_image_came_to_use_goes_after_its_lease_and_the_time_of_grace(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)

    installation.now += LEASE + GRACE - MOMENT
    assert collect(installation) == 0
    assert can_be_read(installation, "team/app", layer)

    installation.now += MOMENT
    assert collect(installation) == 1
    assert not can_be_read(installation, "team/app", layer)
    assert not is_available(installation, "team/app", layer)


def test_its_bytes_go_an_hour_later_and_it_is_written_down_why(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    [key] = keys(installation)
    installation.now += LEASE + GRACE
    collect(installation)

    installation.now += DELAY - MOMENT
    assert collect(installation) == 0
    assert keys(installation) == [key]

    installation.now += MOMENT
    installation.audit.clear()
    assert collect(installation) == 1
    assert keys(installation) == []
    [record] = installation.audit
    assert (record["eventName"], record["eventType"]) == ("RemoveBlob", "AwsServiceEvent")
    assert record["serviceEventDetails"] == {
        "digest": layer.digest,
        "sizeInBytes": len(layer.content),
        "key": key,
        "tier": "standard",
        "reason": UNUSED,
    }
    assert collect(installation) == 0


def test_bytes_stay_for_as_long_as_the_url_of_a_layer_is_good():
    assert REMOVAL_DELAY >= DOWNLOAD_LIFE


def test_what_an_image_uses_stays_until_a_time_of_grace_after_the_image_went(installation):
    image = an_image()
    installation.push("team/app", image, "1.0")
    installation.now += 100 * GRACE
    assert collect(installation) == 0

    delete(installation, "team/app", image.digest)
    installation.now += GRACE - MOMENT
    assert collect(installation) == 0
    assert all(can_be_read(installation, "team/app", blob) for blob in image.blobs)

    installation.now += MOMENT
    assert collect(installation) == 2
    assert not any(can_be_read(installation, "team/app", blob) for blob in image.blobs)


def test_what_an_index_lists_as_a_layer_stays_too(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    index = an_index(an_image())
    index = type(index)(
        index.manifest.replace('"manifests":[', '"manifests":[' + json.dumps(layer.descriptor) + ","),
        index.media_type,
        children=index.children,
    )
    installation.push("team/app", index, "cache")

    installation.now += 100 * GRACE
    assert collect(installation) == 0
    assert can_be_read(installation, "team/app", layer)


def test_what_one_of_two_images_uses_stays(installation):
    layer = a_layer()
    first, second = an_image(layers=[layer]), an_image(layers=[layer])
    installation.push("team/app", first)
    installation.push("team/app", second)

    delete(installation, "team/app", first.digest)
    installation.now += LEASE + GRACE
    assert collect(installation) == 2  # the config of the first, and the layer's second file
    assert can_be_read(installation, "team/app", layer)


def test_a_repository_that_has_no_use_for_a_blob_loses_it_where_another_keeps_it(installation):
    installation.create("other")
    image, unused = an_image(), "other"
    installation.push("team/app", image, "1.0")
    installation.push_layer(unused, image.blobs[1])
    installation.now += LEASE + GRACE - MOMENT
    collect(installation)
    assert can_be_read(installation, unused, image.blobs[1])

    installation.now += MOMENT
    assert collect(installation) == 0
    assert not can_be_read(installation, unused, image.blobs[1])
    assert can_be_read(installation, "team/app", image.blobs[1])


def test_a_lease_in_any_repository_holds_a_blob(installation):
    installation.create("other")
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.now += LEASE
    mounted = installation.ask(
        "MountLayer", repositoryName="other", layerDigest=layer.digest, sourceRepositoryName="team/app"
    )
    assert mounted == {"mounted": True}

    installation.now += LEASE + GRACE - MOMENT
    assert collect(installation) == 0
    assert can_be_read(installation, "other", layer)
    installation.now += MOMENT
    assert collect(installation) == 1


def test_a_review_that_came_early_waits_until_the_lease_has_ended(installation):
    """Such as one of before a lease was renewed behind its back."""
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.ask_database("UPDATE garbage_review SET since = 0")

    assert collect(installation) == 0
    installation.now += LEASE + GRACE - MOMENT
    assert collect(installation) == 0
    installation.now += MOMENT
    assert collect(installation) == 1


def test_blobs_of_a_deleted_repository_go_and_those_of_others_stay(installation):
    installation.create("other")
    own, shared = an_image(), an_image()
    for image in (own, shared):
        installation.push("team/app", image)
    installation.push("other", shared)
    installation.ask("DeleteRepository", repositoryName="team/app", force=True)

    installation.now += LEASE + GRACE
    assert collect(installation) == 4  # two blobs, and two second files
    assert all(can_be_read(installation, "other", blob) for blob in shared.blobs)


def test_a_layer_that_was_deleted_goes_when_its_time_of_grace_is_over(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.now += LEASE
    installation.ask("DeleteLayer", repositoryName="team/app", layerDigest=layer.digest)

    installation.now += GRACE - MOMENT
    assert collect(installation) == 0
    installation.now += MOMENT
    assert collect(installation) == 1


def test_more_than_one_transaction_takes_all_goes(installation, monkeypatch):
    monkeypatch.setattr(job, "BATCH", 2)
    monkeypatch.setattr(job, "REMOVALS", 2)
    for _ in range(5):
        installation.push_layer("team/app", a_layer())
    kept = a_layer()
    installation.now += LEASE + GRACE
    installation.push_layer("team/app", kept)

    assert collect(installation) == 5
    installation.now += DELAY
    assert collect(installation) == 5
    assert keys(installation) == [installation.path(kept).name]


def test_bytes_go_when_loss_of_power_cannot_bring_their_rows_back(installation, monkeypatch):
    monkeypatch.setattr(job, "REMOVALS", 1)
    for _ in range(3):
        installation.push_layer("team/app", a_layer())
    installation.now += LEASE + GRACE
    collect(installation)
    installation.now += DELAY
    there_at_syncs = []
    sync = Database.sync

    def counted(database):
        there_at_syncs.append(len(keys(installation)))
        sync(database)

    monkeypatch.setattr(Database, "sync", counted)
    collect(installation)
    assert there_at_syncs[:3] == [3, 2, 1]
    assert keys(installation) == []


def test_others_have_most_of_the_time_and_a_long_run_leaves_the_rest_to_the_next(installation, monkeypatch):
    monkeypatch.setattr(job, "BATCH", 1)
    look, rests = Garbage.collect, []
    seconds = 0.01

    def slow(*arguments, **options):
        installation.seconds += seconds
        return look(*arguments, **options)

    monkeypatch.setattr(Garbage, "collect", slow)
    installation.tools = replace(installation.tools, wait=rests.append)
    for _ in range(4):
        installation.push_layer("team/app", a_layer())
    installation.now += LEASE + GRACE
    assert collect(installation) == 4
    assert rests == [pytest.approx(0.01 * LONG_RESTS)] * 4

    for _ in range(4):
        installation.push_layer("team/app", a_layer())
    installation.now += LEASE + GRACE - DELAY / 2
    bound(installation, gc_grace=GRACE - DELAY)
    seconds = 0.51 * job.LONGEST_SECONDS
    assert collect(installation) == 2 + 4  # of those that came now, and all of before
    assert rests[4:6] == [LONGEST_REST_SECONDS] * 2
    assert collect(installation) == 2


def test_in_a_process_of_its_own_it_looks_at_more_at_once_while_nobody_writes(installation):
    for _ in range(4 * job.BATCH):
        installation.push_layer("team/app", a_layer())
    installation.now += LEASE + GRACE
    rests = []

    def wait(seconds):
        rests.append(seconds)
        installation.seconds += QUIET_SECONDS

    database = Database(installation.file)  # what the installation itself writes is another's
    with closing(database):
        installation.tools = replace(installation.tools, database=database, is_apart=True, wait=wait)
        assert collect(installation) == 4 * job.BATCH
    assert len(rests) == 3  # 5, 10, 20


def test_the_sha512_of_a_layer_is_forgotten_with_it(installation):
    content = b"known by another digest"
    layer = a_layer(content, digest=sha512(content))
    installation.push_layer("team/app", layer)
    installation.now += LEASE + GRACE
    assert collect(installation) == 1

    assert installation.ask_database("SELECT count(*) FROM digest_alias") == (0,)


def test_the_sha512_of_an_image_that_was_pushed_as_a_layer_too_is_kept(installation):
    image = an_image()
    installation.push("team/app", image)
    installation.push_layer("team/app", a_layer(image.content))
    installation.ask(
        "PutImage",
        repositoryName="team/app",
        imageManifest=image.manifest,
        imageDigest=sha512(image.content),
        imageTags=["1.0"],
    )
    installation.now += LEASE + GRACE
    assert collect(installation) == 1

    assert installation.ask_database("SELECT count(*) FROM digest_alias") == (1,)


# Uploads and promises.


def test_the_second_file_of_a_blob_that_is_there_goes_soon_and_nothing_else(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    [key] = keys(installation)
    installation.push_layer("team/app", layer)
    assert len(keys(installation)) == 2

    installation.audit.clear()
    assert collect(installation) == 1
    assert keys(installation) == [key]
    assert installation.audit[0]["serviceEventDetails"]["reason"] == COPY
    assert can_be_read(installation, "team/app", layer)


def test_a_blob_whose_bytes_were_lost_has_those_of_the_next_upload_and_the_old_key_goes(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.path(layer).unlink()
    installation.push_layer("team/app", layer)
    new = installation.path(layer)

    installation.now += DELAY
    assert collect(installation) == 1
    assert new.read_bytes() == layer.content


@pytest.mark.parametrize(("age", "is_renewed"), [(LEASE / 2, False), (LEASE / 2 + MOMENT, True)])
def test_who_is_told_that_a_layer_is_there_has_it_for_half_a_day_at_least(installation, age, is_renewed):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.now += age
    assert is_available(installation, "team/app", layer)

    renewed = installation.now + LEASE if is_renewed else installation.now - age + LEASE
    installation.now = renewed + GRACE - MOMENT
    assert collect(installation) == 0
    installation.now += MOMENT
    assert collect(installation) == 1


def test_reading_a_layer_promises_nothing(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.now += LEASE + GRACE
    assert can_be_read(installation, "team/app", layer)
    assert collect(installation) == 1


def test_a_lease_is_never_made_shorter(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.now -= timedelta(minutes=5)
    installation.push_layer("team/app", layer)

    installation.now += timedelta(minutes=5) + LEASE + GRACE - MOMENT
    assert collect(installation) == 1  # the second file
    assert can_be_read(installation, "team/app", layer)


# Interrupted. Source: reliability.md D5.


def test_bytes_that_cannot_be_removed_keep_no_others_from_going(installation, monkeypatch):
    monkeypatch.setattr(job, "REMOVALS", 1)
    layers = [a_layer() for _ in range(3)]
    for layer in layers:
        installation.push_layer("team/app", layer)
    first, *others = (installation.path(layer) for layer in layers)
    installation.now += LEASE + GRACE
    collect(installation)
    kept = first.rename(first.with_suffix(".kept"))
    first.mkdir()  # no file, so nobody can remove it as one
    installation.now += DELAY
    assert collect(installation) == 2
    assert not any(path.exists() for path in others)
    [line] = [each for each in installation.log if each["event"] == "bytes are not removed"]
    assert line["key"] == first.name

    first.rmdir()
    kept.rename(first)
    installation.now += job.AGAIN - MOMENT
    assert collect(installation) == 0
    installation.now += MOMENT
    assert collect(installation) == 1
    assert keys(installation) == []


def test_a_digest_that_comes_again_while_its_old_bytes_wait_is_a_blob_of_its_own(installation):
    layer = a_layer()
    image = an_image(layers=[layer])
    installation.push_layer("team/app", layer)
    old = installation.path(layer)
    installation.now += LEASE + GRACE
    assert collect(installation) == 1

    installation.push("team/app", image, "1.0")
    new = installation.path(layer)
    assert new != old
    assert old.exists()

    installation.now += DELAY
    assert collect(installation) == 1
    assert not old.exists()
    assert can_be_read(installation, "team/app", layer)
    assert installation.fsck(deep=True) == []


def test_bytes_that_are_a_blobs_stay_whatever_a_removal_says(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.ask_database(
        "INSERT INTO removal SELECT key, tier, digest, size_bytes, 'a mistake', 0 FROM blob"
    )
    assert collect(installation) == 0
    assert can_be_read(installation, "team/app", layer)


@pytest.mark.parametrize("point", ["gc.collected", "gc.bytes_removed", "job.step"])
@pytest.mark.parametrize("hit", [1, 2, 3])
def test_whatever_is_cut_short_is_done_by_the_next_run(installation, monkeypatch, point, hit):
    monkeypatch.setattr(job, "BATCH", 1)
    bound(installation, gc_removal_delay=timedelta(0))
    image, kept = an_image(layers=[a_layer(), a_layer()]), an_image()
    installation.push("team/app", image)
    installation.push("team/app", kept)
    delete(installation, "team/app", image.digest)
    installation.now += LEASE + GRACE

    arm(f"{point}=raise:EIO@{hit}")
    try:
        with pytest.raises(OSError):
            installation.run("collect_garbage")
    finally:
        arm("")
    assert installation.fsck(deep=True) == []
    collect(installation)

    assert keys(installation) == sorted(installation.path(blob).name for blob in kept.blobs)
    assert installation.ask_database("SELECT count(*) FROM removal") == (0,)
    with installation.database.reading() as db:
        found = figures.find_all(db)
    assert (found["gc_collected_blobs"], found["gc_removed_blobs"]) == (3, 3)
    assert found["gc_removed_bytes"] == image.size_bytes
    assert (found["gc_reviews"], found["gc_waiting_removals"], found["gc_paused"]) == (0, 0, 0)
