"""What jobs leave as numbers, and what `/-/metrics` makes of them."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from openecr.domain.events import SubjectDeleted
from openecr.jobs import figures
from openecr.jobs.figures import Figure
from openecr.server.job_metrics import job_families


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(
        figures, "FIGURES", {"heap": Figure("How high."), "swept": Figure("How much.", is_counter=True)}
    )


def test_a_figure_is_what_was_put_last_and_a_counter_grows(installation, known):
    with installation.database.transaction() as db:
        assert figures.find_all(db) == {"swept": 0}
        figures.put(db, heap=3)
        figures.put(db, heap=2)
        figures.add(db, swept=5)
        figures.add(db, swept=6.5)
        assert figures.find_all(db) == {"heap": 2, "swept": 11.5}


def test_figures_are_gone_with_a_transaction_that_failed(installation, known):
    def fail():
        with installation.database.transaction() as db:
            figures.put(db, heap=3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with installation.database.reading() as db:
        assert figures.find_all(db) == {"swept": 0}


@pytest.mark.parametrize("wrong", [{"put": {"swept": 1}}, {"add": {"heap": 1}}])
def test_a_counter_is_not_put_and_a_gauge_not_added_to(installation, known, wrong):
    [(verb, values)] = wrong.items()
    with pytest.raises(AssertionError), installation.database.transaction() as db:
        getattr(figures, verb)(db, **values)


# Over HTTP.


def metrics(server):
    """Name with labels → value."""
    text = requests.get(f"{server.url}/-/metrics", timeout=10).text
    return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}


def test_figures_are_metrics(server):
    server.run_jobs()
    with server.parts.stores.database.transaction() as db:
        figures.put(db, fsck_breaches=7)

    shown = metrics(server)

    assert shown["openecr_fsck_breaches"] == 7
    assert shown["openecr_fsck_ended_timestamp_seconds"] == pytest.approx(
        server.parts.stores.clock().timestamp()
    )


def test_jobs_are_counted_by_their_state(server, clock):
    database = server.parts.stores.database
    with database.transaction() as db:
        for kind in ("check", "check", "expire_uploads"):
            db.jobs.add(kind, {}, at=clock())
        db.jobs.add("check", {}, at=clock() + timedelta(hours=1))
        db.jobs.claim("somebody", now=clock(), lease=timedelta(minutes=1))

    shown = metrics(server)

    assert shown['openecr_jobs{state="waiting"}'] == 3
    assert shown['openecr_jobs{state="running"}'] == 1
    assert shown['openecr_jobs{state="dead"}'] == 0


def test_the_oldest_job_that_is_due_and_the_events_that_wait_are_shown(server, clock):
    database = server.parts.stores.database
    with database.transaction() as db:
        db.jobs.add("check", {}, at=clock() + timedelta(seconds=1))
        db.outbox.add(SubjectDeleted(1, "sha256:" + "0" * 64))

    assert metrics(server)["openecr_oldest_due_job_seconds"] == 0
    assert metrics(server)["openecr_outbox_events"] == 1

    clock.advance(seconds=61)
    assert metrics(server)["openecr_oldest_due_job_seconds"] == pytest.approx(60, abs=0.001)


def test_where_the_database_cannot_be_read_the_other_metrics_stay(installation):
    installation.file.unlink()
    installation.file.mkdir()

    with ThreadPoolExecutor(1) as thread:  # one that has not opened it yet
        families = thread.submit(lambda: list(job_families(installation.database, lambda: installation.now)))
        assert families.result() == []
