"""Uploads that nobody goes on with are forgotten, with their bytes; others are left alone."""

import os
from datetime import timedelta

import pytest

from openecr.domain.collecting import JUMP, STEADY
from openecr.errors import UploadNotFoundException
from openecr.jobs import expire_uploads as job
from openecr.jobs.expire_uploads import ORPHAN_LIFE
from tests.builders import a_layer

DAY = timedelta(hours=24)
MOMENT = timedelta(seconds=1)


@pytest.fixture
def expire(installation):
    return lambda: installation.run("expire_uploads")


def size_of(installation, upload: str) -> int:
    found = installation.ask("DescribeLayerUpload", repositoryName="team/app", uploadId=upload)
    return int(found["lastByteReceived"]) + 1


def test_an_upload_is_forgotten_when_it_was_idle_for_more_than_a_day(installation, expire):
    installation.create("team/app")
    upload = installation.upload("team/app", b"abandoned")

    installation.now += DAY
    assert expire() == 0
    assert size_of(installation, upload) == 9

    installation.now += MOMENT
    assert expire() == 1
    with pytest.raises(UploadNotFoundException):
        size_of(installation, upload)
    assert list(installation.blobs.staged()) == []
    assert expire() == 0


def test_while_the_clock_is_not_to_be_trusted_no_upload_was_idle_for_long(installation, expire):
    installation.create("team/app")
    upload = installation.upload("team/app", b"going on")
    installation.run("collect_garbage")  # it looks at the clock
    installation.now += 40 * DAY
    assert expire() == 0
    installation.run("collect_garbage")
    assert expire() == 0
    assert size_of(installation, upload) == 8

    for _ in range(STEADY // JUMP):  # the clock was right
        installation.now += JUMP
        installation.run("collect_garbage")
    assert expire() == 1


def test_an_upload_that_goes_on_stays(installation, expire):
    installation.create("team/app")
    upload = installation.upload("team/app", b"first ")
    installation.now += DAY - MOMENT
    installation.ask("UploadLayerPart", repositoryName="team/app", uploadId=upload, layerPartBlob=b"second")

    installation.now += DAY - MOMENT

    assert expire() == 0
    assert size_of(installation, upload) == 12


def test_an_upload_without_any_bytes_is_forgotten_too(installation, expire):
    installation.create("team/app")
    installation.ask("InitiateLayerUpload", repositoryName="team/app")
    installation.now += DAY + MOMENT

    assert expire() == 1


def test_the_file_of_a_commit_that_was_not_recorded_goes_with_its_upload(installation, expire):
    installation.create("team/app")
    upload = installation.upload("team/app", b"renamed, then the server died")
    installation.blobs.commit(upload, 29, installation.blobs.digest(upload, 29))
    installation.now += DAY + MOMENT

    assert expire() == 1
    assert list(installation.blobs.keys()) == []


def test_blobs_are_left_alone(installation, expire):
    installation.create("team/app")
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.now += 100 * DAY

    assert expire() == 0
    assert installation.path(layer).read_bytes() == layer.content


def test_more_uploads_than_one_transaction_forgets_are_all_forgotten(installation, expire, monkeypatch):
    monkeypatch.setattr(job, "BATCH", 2)
    installation.create("team/app")
    for _ in range(5):
        installation.upload("team/app", b"abandoned")
    installation.now += DAY + MOMENT

    assert expire() == 5
    assert list(installation.blobs.staged()) == []


# Bytes without a row: of an upload whose row went and whose file stayed.


def an_orphan(installation, name: str, age: timedelta) -> None:
    with installation.blobs.append(name, 0) as part:
        part.write(b"orphan")
    written = (installation.now - age).timestamp()
    os.utime(installation.file.parent / "staging" / name, (written, written))


def test_staged_bytes_without_an_upload_are_removed_when_older_than_two_days(installation, expire):
    young, old = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
    an_orphan(installation, young, ORPHAN_LIFE - MOMENT)
    an_orphan(installation, old, ORPHAN_LIFE + MOMENT)

    assert expire() == 1
    assert [each.upload_id for each in installation.blobs.staged()] == [young]


def test_staged_bytes_of_an_upload_stay_however_old_they_are(installation, expire):
    installation.create("team/app")
    upload = installation.upload("team/app", b"slow")
    long_ago = (installation.now - 2 * ORPHAN_LIFE).timestamp()
    os.utime(installation.file.parent / "staging" / upload, (long_ago, long_ago))

    assert expire() == 0
    assert size_of(installation, upload) == 4


def test_an_orphan_with_the_name_of_a_blob_does_not_take_the_blob_with_it(installation, expire):
    """A part that came too late can leave one: its upload is a blob by now, its row gone."""
    installation.create("team/app")
    layer = a_layer()
    installation.push_layer("team/app", layer)
    an_orphan(installation, installation.path(layer).name, ORPHAN_LIFE + MOMENT)

    assert expire() == 1
    assert installation.path(layer).read_bytes() == layer.content
    assert installation.fsck(deep=True) == []
