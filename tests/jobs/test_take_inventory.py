"""Bytes that no row speaks of go, when they are old; others stay. Reliability.md D9."""

import os
from datetime import timedelta
from uuid import uuid4

import pytest

from openecr.domain.garbage import ORPHAN
from openecr.jobs import take_inventory as job
from openecr.jobs.take_inventory import AGE
from tests.builders import a_layer, an_image
from tests.jobs.garbage import GRACE, LEASE, TRUSTING, bound, collect

MOMENT = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def place(installation):
    installation.create("team/app")
    bound(installation, gc_brakes=TRUSTING)


def plant(installation, age: timedelta) -> str:
    """Bytes that no row speaks of; their key."""
    key = str(uuid4())
    with installation.blobs.append(key, 0) as part:
        part.write(b"nobody's")
    installation.blobs.commit(key, 8, installation.blobs.digest(key, 8))
    make_old(installation, key, age)
    return key


def make_old(installation, key: str, age: timedelta) -> None:
    written = (installation.now - age).timestamp()
    os.utime(installation.blobs.path(key), (written, written))


def test_an_upload_may_take_a_day_and_bytes_without_a_row_stay_for_two_more():
    assert timedelta(hours=72) == AGE


@pytest.mark.parametrize(("age", "count"), [(AGE - MOMENT, 0), (AGE + MOMENT, 1)])
def test_bytes_without_a_row_go_when_they_are_old(installation, age, count):
    key = plant(installation, age)
    installation.audit.clear()

    assert installation.run("take_inventory") == count
    assert len(list(installation.blobs.keys())) == 1 - count
    details = [record["serviceEventDetails"] for record in installation.audit]
    assert details == [{"key": key, "tier": "standard", "sizeInBytes": 8, "reason": ORPHAN}] * count


def test_a_thousand_go_and_a_thousand_uploads_stay(installation, monkeypatch):
    monkeypatch.setattr(installation.blobs, "_fsync", False)
    image = an_image()
    installation.push("team/app", image)
    for blob in image.blobs:
        make_old(installation, installation.path(blob).name, 2 * AGE)
    with installation.database.transaction() as db:
        repository = db.repositories.find_by_id(1)
        uploads = [str(uuid4()) for _ in range(1000)]
        for upload in uploads:
            db.uploads.add(repository, upload, at=installation.now)
    for upload in uploads[:500]:  # staged; the others are renamed, as before their row is written
        with installation.blobs.append(upload, 0) as part:
            part.write(b"on its way")
    for upload in uploads[500:]:
        with installation.blobs.append(upload, 0) as part:
            part.write(b"on its way")
        installation.blobs.commit(upload, 10, installation.blobs.digest(upload, 10))
        make_old(installation, upload, 2 * AGE)
    planted = {plant(installation, 2 * AGE) for _ in range(1000)}

    assert installation.run("take_inventory") == 1000
    left = set(installation.blobs.keys())
    assert not planted & left
    assert len(left) == 502
    assert len(list(installation.blobs.staged())) == 500
    assert installation.fsck(deep=True) == []


def test_bytes_that_wait_for_their_removal_are_left_to_it(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    key = installation.path(layer).name
    installation.now += LEASE + GRACE
    assert collect(installation) == 1
    make_old(installation, key, 2 * AGE)

    assert installation.run("take_inventory") == 0
    assert list(installation.blobs.keys()) == [key]


def test_a_key_that_a_row_has_come_to_speak_of_meanwhile_stays(installation, monkeypatch):
    """Nobody gives a row to bytes so old; if somebody should, they are looked at once more."""
    key = plant(installation, 2 * AGE)

    def come(work, wanted):
        with installation.database.transaction() as db:
            repository = db.repositories.find_by_id(1)
            db.uploads.add(repository, key, at=installation.now)
        return False

    monkeypatch.setattr(job, "is_stopped", come)
    assert installation.run("take_inventory") == 0
    assert list(installation.blobs.keys()) == [key]


def test_a_row_without_its_bytes_is_told_and_never_removed(installation):
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.path(layer).unlink()
    installation.now += 10 * AGE - LEASE

    assert installation.run("take_inventory") == 0
    assert installation.run("check") == 1
    assert [line["event"] for line in installation.log if line["level"] == "error"] == ["breach"]
    assert installation.ask_database("SELECT count(*) FROM blob") == (1,)
