"""`openecr jobs`: what waits, is done or was given up, and what an operator may do about it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from openecr.cli import main
from openecr.domain.job import ATTEMPTS, State
from tests.jobs.installation import Installation

MINUTE = timedelta(minutes=1)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.database.close()


@pytest.fixture
def jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command on that installation: exit code, what it printed, what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["jobs", arguments[0], "--data-dir", str(tmp_path), *arguments[1:]])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def three(installation: Installation) -> Installation:
    """One that waits, one that is done, one that was given up."""
    with installation.database.transaction() as db:
        db.jobs.add("expire_sessions", {}, at=installation.now)
        job = db.jobs.claim("somebody", now=installation.now, lease=MINUTE)
        assert job is not None
        db.jobs.add("restore_images", {"repository_id": 7}, at=installation.now + MINUTE)
        db.jobs.add("scrub", {}, at=installation.now)
    installation.ask_database(
        "UPDATE job SET state = 'dead', attempt = ?, error = ? WHERE kind = 'scrub'",
        ATTEMPTS,
        "Traceback\nOSError: the disk is on fire\n",
    )
    return installation


def states(installation: Installation) -> dict[str, State]:
    with installation.database.reading() as db:
        return {job.kind: job.state for job in db.jobs.page(after=0, limit=100)}


def test_each_job_is_a_line_with_its_last_error_below(three, jobs):
    assert jobs("list") == (
        0,
        "1  running  2026-11-21T12:01:00Z  1  expire_sessions\n"
        "2  waiting  2026-11-21T12:01:00Z  0  restore_images  repository_id=7\n"
        "3  dead  2026-11-21T12:00:00Z  8  scrub\n"
        "    OSError: the disk is on fire\n",
        "",
    )


@pytest.mark.parametrize(
    ("state", "kind"), [("running", "expire_sessions"), ("waiting", "restore_images"), ("dead", "scrub")]
)
def test_one_state_may_be_asked_for(three, jobs, state, kind):
    code, printed, _ = jobs("list", "--state", state)
    assert code == 0
    assert printed.splitlines()[0].split()[4] == kind


def test_many_jobs_are_all_listed(installation, jobs, monkeypatch):
    monkeypatch.setattr("openecr.cli.jobs.PAGE", 2)
    with installation.database.transaction() as db:
        for _ in range(5):
            db.jobs.add("scrub", {}, at=installation.now)

    assert len(jobs("list")[1].splitlines()) == 5


@pytest.mark.parametrize("which", ["3", "all"])
def test_one_that_was_given_up_is_tried_again(three, jobs, which):
    assert jobs("retry", which) == (0, "3  scrub\n", "")

    [job] = three.jobs_named("scrub")
    assert (job.state, job.attempt) == (State.WAITING, 0)
    assert states(three)["restore_images"] is State.WAITING


def test_one_that_waits_is_done_now(three, jobs):
    jobs("retry", "2")
    [job] = three.jobs_named("restore_images")
    assert job.run_at > three.now + MINUTE


def test_one_that_is_being_done_is_not_begun_twice(three, jobs):
    code, printed, complained = jobs("retry", "1")
    assert (code, printed) == (2, "")
    assert "Job 1 is being done." in complained
    assert states(three)["expire_sessions"] is State.RUNNING


@pytest.mark.parametrize("which", ["3", "all"])
def test_one_that_was_given_up_is_forgotten(three, jobs, which):
    assert jobs("cancel", which) == (0, "3  scrub\n", "")
    assert states(three) == {"expire_sessions": State.RUNNING, "restore_images": State.WAITING}


def test_one_that_is_being_done_is_told_to_end(three, jobs):
    assert jobs("cancel", "1")[0] == 0
    [job] = three.jobs_named("expire_sessions")
    assert (job.state, job.is_cancelled) == (State.RUNNING, True)


@pytest.mark.parametrize("which", ["4", "0", "-1", "scrub", "²"])
def test_a_job_that_is_not_there(three, jobs, which):
    code, printed, complained = jobs("cancel", "--", which)
    assert (code, printed) == (2, "")
    assert f"There is no job {which}." in complained


def test_a_folder_without_a_database_has_no_jobs(jobs, tmp_path):
    code, printed, complained = jobs("list")
    assert (code, printed) == (2, "")
    assert "There is no database" in complained
    assert list(tmp_path.iterdir()) == []
