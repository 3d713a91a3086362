"""Heavy jobs in processes of their own: done there, ended there, and told of here when they fail."""

import multiprocessing
import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from openecr.domain.job import State
from openecr.jobs import check, figures
from openecr.jobs.worker import LEASE, Worker
from openecr.server import apart
from openecr.server.apart import runner
from openecr.settings import Settings
from tests.builders import a_layer

NEVER = "job.step=sleep:600"


@pytest.fixture
def settings(tmp_path):
    return Settings.read({"data_dir": tmp_path}, environ={})


@pytest.fixture
def heavy(installation, monkeypatch):
    """An installation that has a heavy job to do, and nothing else."""
    installation.create("team/app")
    installation.push_layer("team/app", a_layer())
    installation.work()
    monkeypatch.setattr(check, "MANY_BLOBS", 0)
    with installation.database.transaction() as db:
        figures.put(db, fsck_breaches=-1)
        db.jobs.add("check", {}, at=installation.now)
    return installation


def breaches(installation):
    with installation.database.reading() as db:
        return figures.find_all(db)["fsck_breaches"]


def claimed(installation):
    with installation.database.transaction() as db:
        return db.jobs.claim("me", now=installation.now, lease=LEASE)


def test_a_heavy_job_is_done_in_another_process(heavy, settings):
    worker = Worker(heavy.tools, run_apart=runner(settings))

    assert worker.run_due() == 1

    assert breaches(heavy) == 0
    assert heavy.jobs_named("check") == []
    assert heavy.log == []


def test_a_process_that_dies_is_told_and_its_job_tried_again(heavy, settings, monkeypatch):
    monkeypatch.setenv("FAILPOINTS", "job.before_done=kill9")
    worker = Worker(heavy.tools, run_apart=runner(settings))
    worker.run_due()
    [job] = heavy.jobs_named("check")
    assert (job.state, job.error) == (State.WAITING, "its process ended with -9")
    assert [line["event"] for line in heavy.log] == ["job failed"]

    monkeypatch.delenv("FAILPOINTS")
    heavy.now += timedelta(minutes=1)
    assert worker.run_due() >= 1
    assert heavy.jobs_named("check") == []


def test_a_job_that_fails_there_is_put_down_as_it_would_be_here(heavy, settings):
    with heavy.database.transaction() as db:
        for job in db.jobs.page(after=0, limit=10):
            db.jobs.cancel(job)
        db.jobs.add("restore_images", {}, at=heavy.now)  # without what it needs to know
    job = claimed(heavy)

    assert runner(settings)(job, "me", lambda: False) == 0

    [job] = heavy.jobs_named("restore_images")
    assert "KeyError" in job.error
    assert job.state is State.WAITING


def test_one_that_was_cancelled_ends_at_its_next_step(heavy, settings):
    job = claimed(heavy)
    with heavy.database.transaction() as db:
        db.jobs.cancel(job)

    assert runner(settings)(job, "me", lambda: False) == 0

    assert heavy.jobs_named("check") == []
    assert breaches(heavy) == -1


def test_one_whose_worker_stops_gives_its_job_back_at_its_next_step(heavy, settings, monkeypatch):
    monkeypatch.setenv("FAILPOINTS", "job.step=sleep:0.5")

    assert runner(settings)(claimed(heavy), "me", has_begun) is None

    [job] = heavy.jobs_named("check")
    assert (job.state, job.attempt) == (State.WAITING, 0)


def has_begun():
    """Whether the other process can be told to stop."""
    [process] = multiprocessing.active_children()
    caught = re.search(r"^SigCgt:\t(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)[1]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def test_a_worker_that_stops_ends_one_that_does_not_come_to_a_step(heavy, settings, monkeypatch):
    monkeypatch.setenv("FAILPOINTS", NEVER)
    monkeypatch.setattr(apart, "STOP_SECONDS", 0.1)

    assert runner(settings)(claimed(heavy), "me", lambda: True) is None

    assert multiprocessing.active_children() == []


def test_one_that_does_not_come_to_an_end_is_ended(heavy, settings, monkeypatch):
    monkeypatch.setenv("FAILPOINTS", NEVER)

    assert runner(settings, limit_seconds=0.1)(claimed(heavy), "me", lambda: False) == -9

    assert multiprocessing.active_children() == []
