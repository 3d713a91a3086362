"""D4: each rule that keeps images whole is left out once, and the tests that must see it do.

Three rules: a promise gives a lease (2), a manifest's layers are looked for in the transaction that writes it
(3), whether a blob is held is asked in the transaction that collects it (5). For the last two the database's
own guard, its foreign keys, is off: it would not let a layer be lost, only make of it a mistake of ours.
"""

import sqlite3
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, local

import pytest

from openecr.domain import manifest as manifests
from openecr.errors import LayersNotFoundException
from openecr.failpoints import arm
from openecr.operations import images
from openecr.operations.gate import OPERATIONS
from tests.builders import an_image
from tests.jobs.garbage import GRACE, LEASE, TRUSTING, bound, can_be_read
from tests.races import test_orders
from tests.races.live import EVER, live, without_foreign_keys
from tests.races.pushing import prepare, stress
from tests.races.test_orders import NOTHING, ORDER, go_through
from tests.races.test_stress import HARDLY

NO_LEASE = "layer.lease=skip"
NO_RECHECK = "gc.recheck=skip"
SECONDS = 3
place = test_orders.place
orders = pytest.mark.parametrize(("promise", "life"), ORDER, ids=["upload", "mount", "head"])


@contextmanager
def left_out(failpoint: str):
    arm(failpoint)
    try:
        yield
    finally:
        arm("")


def resolve_too_early(monkeypatch, then=lambda call: None) -> None:
    """PutImage looks for the layers first, and writes what it found in a transaction later on."""
    resolve, put = images._references, OPERATIONS["ecr", "PutImage"]
    found = local()

    def run(call):
        with call.reading() as db:
            repository = db.repositories.get(call.registry, call.input["repositoryName"])
            found.early = resolve(call, db, repository, manifests.parse(call.input["imageManifest"], None))
        then(call)
        return put.run(call)

    monkeypatch.setattr(images, "_references", lambda *_: found.early)
    monkeypatch.setitem(OPERATIONS, ("ecr", "PutImage"), replace(put, run=run))


# D2 and D3.


@orders
def test_without_leases_a_manifest_in_time_does_not_find_its_layers(installation, promise, life):
    with left_out(NO_LEASE), pytest.raises(LayersNotFoundException):
        go_through(installation, promise, life, NOTHING, count=60)


@orders
def test_without_the_second_look_images_lose_their_layers(installation, promise, life):
    without_foreign_keys(installation)
    with left_out(NO_RECHECK), pytest.raises(AssertionError):
        go_through(installation, promise, life, NOTHING, count=60)


@orders
def test_without_the_second_look_the_foreign_keys_keep_them(installation, promise, life):
    with left_out(NO_RECHECK), pytest.raises(sqlite3.IntegrityError):
        go_through(installation, promise, life, NOTHING, count=60)
    assert installation.fsck() == []


def a_late_manifest(installation, monkeypatch) -> tuple[object, bool]:
    """The collector comes between the look for the layers and the writing. Whether the image is whole."""
    bound(installation, gc_brakes=TRUSTING)
    image = an_image()
    for blob in image.blobs:
        installation.push_layer("team/app", blob)
    installation.now += LEASE + GRACE
    resolve_too_early(monkeypatch, then=lambda call: installation.run("collect_garbage"))
    installation.ask("PutImage", repositoryName="team/app", imageManifest=image.manifest, imageTags=["1.0"])
    return all(can_be_read(installation, "team/app", blob) for blob in image.blobs)


def test_a_manifest_resolved_before_its_transaction_is_of_layers_that_are_gone(installation, monkeypatch):
    without_foreign_keys(installation)
    assert not a_late_manifest(installation, monkeypatch)


def test_the_foreign_keys_refuse_a_manifest_of_layers_that_are_gone(installation, monkeypatch):
    with pytest.raises(sqlite3.IntegrityError):
        a_late_manifest(installation, monkeypatch)
    assert installation.fsck() == []


# D1.


@pytest.mark.slow
def test_the_stress_sees_that_there_are_no_leases(tmp_path):
    prepare(tmp_path)
    with live(tmp_path, EVER) as installation, left_out(NO_LEASE):
        tally = stress(installation, SECONDS, seed=11)
    print(dict(tally))
    assert tally["again"] > 0


@pytest.mark.slow
def test_the_stress_sees_that_nobody_looks_twice(tmp_path):
    prepare(tmp_path)
    with live(tmp_path, HARDLY) as installation, left_out(NO_RECHECK):
        without_foreign_keys(installation)
        tally = stress(installation, SECONDS, seed=12)
    print(dict(tally))
    assert tally["broken"] > 0


@pytest.mark.slow
def test_the_stress_sees_that_manifests_are_resolved_too_early(tmp_path, monkeypatch):
    prepare(tmp_path)
    resolve_too_early(monkeypatch, then=lambda call: Event().wait(0.02))  # as on a machine that is busy
    with live(tmp_path, HARDLY) as installation:
        without_foreign_keys(installation)
        tally = stress(installation, 2 * SECONDS, seed=13)
    print(dict(tally))
    assert tally["broken"] > 0
