"""What must always hold is looked at every hour: breaches are told, and counted for the metrics."""

import pytest

from openecr.jobs import check as job
from openecr.jobs import figures, fsck
from openecr.jobs.work import Interrupted, Work
from tests.builders import a_layer, an_image


def left(installation):
    with installation.database.reading() as db:
        return figures.find_all(db)


def told(installation, event):
    return [line for line in installation.log if line["event"] == event]


@pytest.fixture
def broken(installation):
    """An installation in which three layers have lost their bytes."""
    installation.create("team/app")
    for _ in range(3):
        layer = a_layer()
        installation.push_layer("team/app", layer)
        installation.path(layer).unlink()
    return installation


def test_a_sound_installation_has_no_breach_and_the_figures_say_since_when(installation):
    installation.create("team/app")
    installation.push("team/app", an_image(), "1.0")
    assert "fsck_breaches" not in left(installation)

    installation.run("check")

    assert left(installation)["fsck_breaches"] == 0
    assert left(installation)["fsck_ended_timestamp_seconds"] == installation.now.timestamp()
    assert told(installation, "breach") == []


def test_each_breach_is_a_line_of_the_log_and_the_figure_counts_them(broken):
    assert broken.run("check") == 3

    assert left(broken)["fsck_breaches"] == 3
    assert [line["level"] for line in told(broken, "breach")] == ["error"] * 3
    assert sorted(f"{line['invariant']} {line['text']}" for line in told(broken, "breach")) == sorted(
        broken.fsck()
    )


def test_so_many_breaches_are_told_and_the_others_counted(broken, monkeypatch):
    monkeypatch.setattr(job, "TOLD", 3)
    broken.run("check")
    assert (len(told(broken, "breach")), told(broken, "more breaches")) == (3, [])

    monkeypatch.setattr(job, "TOLD", 2)
    broken.run("check")
    assert len(told(broken, "breach")) == 3 + 2
    assert [line["count"] for line in told(broken, "more breaches")] == [1]
    assert left(broken)["fsck_breaches"] == 3


def test_it_comes_by_itself_every_hour(installation):
    installation.work()
    assert left(installation)["fsck_breaches"] == 0


def test_it_may_be_ended_between_two_pages(broken, monkeypatch):
    monkeypatch.setattr(fsck, "PAGE", 1)
    answers = iter([True, True])

    with pytest.raises(Interrupted):
        job.check(Work(broken.tools, {}, broken.now, lambda: next(answers, False)))

    assert len(told(broken, "breach")) == 2
    assert "fsck_breaches" not in left(broken)


def test_where_there_are_many_blobs_it_has_a_process_of_its_own(broken, monkeypatch):
    work = Work(broken.tools, {}, broken.now)
    monkeypatch.setattr(job, "MANY_BLOBS", 3)
    assert not job.has_many_blobs(work)
    monkeypatch.setattr(job, "MANY_BLOBS", 2)
    assert job.has_many_blobs(work)
