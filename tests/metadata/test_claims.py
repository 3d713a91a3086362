"""Who may add to an upload: claims that end with their process, or are held while work goes on."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from openecr.errors import InvalidLayerPartException
from openecr.metadata.uploads import claims_of
from tests.builders import sha256
from tests.jobs.installation import REGISTRY, Installation

NAME = "team/app"


@pytest.fixture
def installation(tmp_path: Path):
    installation = Installation(tmp_path)
    installation.create(NAME)
    yield installation
    installation.database.close()


def test_the_claims_of_a_process_that_died_are_free_and_nobody_elses(installation):
    holders = {installation.upload(NAME, b"part"): process for process in (12, 1, 123)}
    with installation.database.transaction() as db:
        repository = db.repositories.get(REGISTRY, NAME)
        uploads = {process: db.uploads.find(repository, id_) for id_, process in holders.items()}
        for process, upload in uploads.items():
            assert db.uploads.claim(upload, f"{claims_of(process)}one", at=installation.now)

        db.uploads.release_of(12)

        free = {
            process
            for process, upload in uploads.items()
            if db.uploads.claim(upload, f"{claims_of(7)}another", at=installation.now)
        }
    assert free == {12}


def test_an_upload_whose_bytes_took_long_to_read_is_still_held_at_its_commit(
    installation, tmp_path, monkeypatch
):
    upload = installation.upload(NAME, b"content")
    restarted = Installation(tmp_path)  # it has to read the bytes to know their digest
    read, sync = os.preadv, os.fsync
    refusals = []

    def read_slowly(*given):
        restarted.now += timedelta(minutes=9)
        return read(*given)

    def sync_slowly(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        installation.now = restarted.now + timedelta(minutes=2)
        with pytest.raises(InvalidLayerPartException) as refusal:
            installation.ask("UploadLayerPart", repositoryName=NAME, uploadId=upload, layerPartBlob=b"more")
        refusals.append(str(refusal.value))
        sync(descriptor)

    monkeypatch.setattr(os, "preadv", read_slowly)
    monkeypatch.setattr(os, "fsync", sync_slowly)
    restarted.ask(
        "CompleteLayerUpload", repositoryName=NAME, uploadId=upload, layerDigests=[sha256(b"content")]
    )

    assert len(refusals) == 1
    assert restarted.blobs.size(upload) == 7
    restarted.database.close()
