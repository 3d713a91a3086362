"""Jobs: done once they are due, tried again when they fail, taken over when their worker has died."""

import threading
from collections.abc import Mapping
from datetime import timedelta

import pytest

from openecr.domain.events import EVENTS, SubjectDeleted
from openecr.domain.job import ATTEMPTS, State
from openecr.jobs import dispatch, kinds, triggers, worker
from openecr.jobs.kinds import Kind
from openecr.jobs.triggers import Wanted
from openecr.jobs.work import Rest, Work
from openecr.jobs.worker import LEASE, STUCK_SECONDS, Worker
from openecr.metadata.jobs import FAR, LONG_ERROR

SECOND = timedelta(seconds=1)


class Bench:
    """An installation whose only jobs are those of the test."""

    def __init__(self, installation, monkeypatch):
        self.installation = installation
        self.worker = Worker(installation.tools)
        self.done: list[str] = []
        self._kinds: dict[str, Kind] = {}
        self._monkeypatch = monkeypatch
        for module in (kinds, worker, dispatch):
            monkeypatch.setattr(module, "KINDS", self._kinds)

    def kind(self, name, run=None, **more):
        """A job that writes its name down, and then does what is given."""

        def do(work: Work):
            self.done.append(name)
            return run(work) if run else None

        self._kinds[name] = Kind(do, **more)

    def follows(self, event, *wanted: Wanted):
        self._monkeypatch.setattr(dispatch, "TRIGGERS", {event: lambda happened: list(wanted)})

    def add(self, kind, payload: Mapping[str, object] | None = None, *, after=timedelta(0), topic=None):
        with self.database.transaction() as db:
            db.jobs.add(kind, payload or {}, at=self.now + after, topic=topic)

    @property
    def database(self):
        return self.installation.database

    @property
    def now(self):
        return self.installation.now

    def wait(self, duration):
        self.installation.now += duration

    @property
    def jobs(self):
        with self.database.reading() as db:
            return db.jobs.page(after=0, limit=100)


@pytest.fixture
def bench(installation, monkeypatch):
    return Bench(installation, monkeypatch)


def fail(work):
    raise OSError("the disk is on fire")


def test_a_job_is_done_once_when_its_time_has_come(bench):
    bench.kind("sweep")
    bench.add("sweep", after=SECOND)

    assert bench.worker.run_due() == 0
    bench.wait(SECOND)
    assert bench.worker.run_due() == 1
    assert bench.worker.run_due() == 0
    assert bench.done == ["sweep"]
    assert bench.jobs == []


def test_what_follows_from_an_event_is_done_after_its_transaction_and_not_without_it(bench):
    bench.kind("follow", lambda work: None)
    bench.follows(SubjectDeleted, Wanted("follow", {"digest": "x"}))

    def happen_in_vain():
        with bench.database.transaction() as db:
            db.outbox.add(SubjectDeleted(1, "sha256:1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        happen_in_vain()
    assert bench.worker.run_due() == 0

    with bench.database.transaction() as db:
        db.outbox.add(SubjectDeleted(1, "sha256:1"))
    assert bench.database.news.is_set()
    assert bench.worker.run_due() == 1
    assert bench.done == ["follow"]


def test_jobs_of_one_topic_that_wait_are_one_done_at_the_earliest_time(bench):
    bench.kind("evaluate")
    bench.add("evaluate", after=10 * SECOND, topic="evaluate 7")
    bench.add("evaluate", after=SECOND, topic="evaluate 7")
    bench.add("evaluate", after=20 * SECOND, topic="evaluate 7")
    bench.add("evaluate", after=SECOND, topic="evaluate 8")

    bench.wait(SECOND)
    assert bench.worker.run_due() == 2
    bench.wait(60 * SECOND)
    assert bench.worker.run_due() == 0


def test_a_job_that_is_wanted_again_while_it_is_run_is_done_again_afterwards(bench):
    """What it looked at may have changed since; and no two of one topic are run at once."""

    def want_again(work):
        if len(bench.done) == 1:
            bench.add("evaluate", topic="evaluate 7")
            assert not bench.worker.run_next()

    bench.kind("evaluate", want_again)
    bench.add("evaluate", topic="evaluate 7")

    assert bench.worker.run_due() == 2
    assert bench.done == ["evaluate", "evaluate"]


def test_a_job_that_fails_is_tried_again_ever_later_and_then_given_up(bench):
    bench.kind("sweep", fail)
    bench.add("sweep")
    delays = []
    while (job := bench.jobs[0]).state is State.WAITING:
        delays.append(job.run_at - bench.now)
        bench.wait(job.run_at - bench.now)
        assert bench.worker.run_due() == 1

    assert [delay.total_seconds() for delay in delays] == [0, 2, 8, 32, 128, 512, 2048, 3600]
    assert len(bench.done) == ATTEMPTS
    assert (job.state, job.error) == (State.DEAD, "OSError: the disk is on fire")
    bench.wait(1000 * LEASE)
    assert bench.worker.run_due() == 0
    assert [line["state"] for line in bench.installation.log] == ["waiting"] * 7 + ["dead"]


def test_a_mistake_of_ours_is_told_with_its_story_and_does_not_end_the_worker(bench):
    bench.kind("sweep", lambda work: 1 / 0)
    bench.add("sweep")

    assert bench.worker.run_due() == 1
    assert "ZeroDivisionError" in bench.installation.log[0]["trace"]


def test_one_that_was_given_up_can_be_tried_again(bench):
    bench.kind("sweep", fail)
    bench.add("sweep", topic="sweep")
    for _ in range(ATTEMPTS):
        bench.worker.run_due()
        bench.wait(timedelta(hours=1))
    bench.kind("sweep")

    with bench.database.transaction() as db:
        db.jobs.retry(bench.jobs[0], at=bench.now)

    assert bench.worker.run_due() == 1
    assert bench.jobs == []


def test_the_job_of_a_worker_that_died_is_done_by_another_when_its_lease_has_ended(bench):
    bench.kind("sweep")
    bench.add("sweep")
    with bench.database.transaction() as db:
        job = db.jobs.claim("who dies", now=bench.now, lease=LEASE)

    assert bench.worker.run_due() == 0
    bench.wait(LEASE)
    assert bench.worker.run_due() == 1

    with bench.database.transaction() as db:  # and if it was only slow
        assert not db.jobs.finish(job, "who dies")
        assert not db.jobs.renew(job, "who dies", until=bench.now)
        assert db.jobs.fail(job, "who dies", "late", now=bench.now) is None


def test_who_lost_the_lease_ends_at_the_next_step_and_changes_nothing(bench):
    def be_slow(work):
        if len(bench.done) == 1:
            bench.wait(LEASE + SECOND)
            Worker(bench.installation.tools).run_due()
        work.step()
        bench.done.append("end")

    bench.kind("sweep", be_slow)
    bench.add("sweep")

    assert bench.worker.run_due() == 1
    assert bench.done == ["sweep", "sweep", "end"]
    assert bench.jobs == []


def test_a_job_that_kills_its_worker_again_and_again_is_given_up(bench):
    bench.kind("sweep")
    bench.add("sweep")
    for _ in range(ATTEMPTS):
        with bench.database.transaction() as db:
            assert db.jobs.claim("who dies", now=bench.now, lease=LEASE) is not None
        bench.wait(LEASE)

    bench.worker.run_due()
    assert [(job.state, job.attempt) for job in bench.jobs] == [(State.DEAD, ATTEMPTS)]
    assert bench.done == []
    assert [(line["event"], line["state"]) for line in bench.installation.log] == [("job failed", "dead")]


def test_a_cancelled_job_is_not_done_and_one_that_is_run_ends_at_its_next_step(bench):
    def be_cancelled(work):
        with bench.database.transaction() as db:
            db.jobs.cancel(db.jobs.page(after=0, limit=1)[0])
        work.step()
        bench.done.append("not reached")

    bench.kind("sweep", be_cancelled)
    bench.add("sweep")
    assert bench.worker.run_due() == 1
    assert bench.done == ["sweep"]
    assert bench.jobs == []

    bench.add("sweep")
    with bench.database.transaction() as db:
        db.jobs.cancel(bench.jobs[0])
    assert bench.worker.run_due() == 0


def test_a_job_that_fails_after_it_was_cancelled_is_not_tried_again(bench):
    def be_cancelled(work):
        with bench.database.transaction() as db:
            db.jobs.cancel(db.jobs.page(after=0, limit=1)[0])
        fail(work)

    bench.kind("sweep", be_cancelled)
    bench.add("sweep")

    assert bench.worker.run_due() == 1
    assert bench.jobs == []


def test_of_a_long_story_the_end_is_kept(bench):
    def fail_at_length(work):
        raise RuntimeError("long " * 1000 + "the end")

    bench.kind("sweep", fail_at_length)
    bench.add("sweep")
    bench.worker.run_due()

    [job] = bench.jobs
    assert job.error.endswith("the end\n")
    assert len(job.error) == LONG_ERROR


def test_a_lease_given_under_a_clock_that_was_far_ahead_does_not_keep_a_job(bench):
    bench.kind("sweep")
    bench.add("sweep")
    with bench.database.transaction() as db:
        db.jobs.claim("who dies", now=bench.now + FAR, lease=LEASE)

    bench.wait(LEASE)  # from here on it ends at FAR exactly: somebody may have it so long
    assert bench.worker.run_due() == 0
    bench.wait(-SECOND)
    assert bench.worker.run_due() == 1


def test_a_process_that_slept_past_its_lease_may_do_its_own_job_again(bench):
    """Its other thread claims it, and both come to an end."""
    inner = []

    def oversleep(work):
        if len(bench.done) == 1:
            bench.wait(LEASE + SECOND)
            inner.append(bench.worker.run_next())

    bench.kind("sweep", oversleep)
    bench.add("sweep")

    assert bench.worker.run_next()
    assert inner == [True]
    assert bench.done == ["sweep", "sweep"]
    assert bench.jobs == []


def test_an_event_that_this_version_does_not_know_is_left_to_a_newer_one(bench):
    bench.kind("follow")
    bench.follows(SubjectDeleted, Wanted("follow"))
    with bench.database.transaction() as db:
        db.outbox.add(SubjectDeleted(1, "sha256:1"))
        db.outbox.add(SubjectDeleted(1, "sha256:2"))
    bench.installation.ask_database("UPDATE outbox SET event = 'MoonRose' WHERE id = 1")

    assert bench.worker.run_due() == 1
    with bench.database.reading() as db:
        assert db.outbox.count() == 1
        assert not db.outbox.has_any()


def test_the_lease_of_a_job_is_renewed_until_it_is_stuck_and_again_when_it_goes_on(bench):
    def lease_ends_in():
        [job] = bench.jobs
        return job.run_at - bench.now

    def take_long(work):
        for seconds, left in [(STUCK_SECONDS, LEASE), (1, LEASE / 2)]:
            bench.installation.seconds += seconds
            bench.wait(LEASE / 2)
            bench.worker.renew()
            assert lease_ends_in() == left
        bench.worker.renew()
        work.step()
        bench.worker.renew()
        assert lease_ends_in() == LEASE

    bench.kind("sweep", take_long)
    bench.add("sweep")
    bench.worker.run_next()

    assert bench.jobs == []
    assert [line["event"] for line in bench.installation.log] == ["job stuck"]


def test_a_heavy_job_is_done_apart_and_how_that_ended_is_written_down(bench):
    answers = [1, None, 0]
    apart = []

    def run_apart(job, owner, is_stopping):
        apart.append((job.kind, job.attempt))
        if answers[0] == 0:
            with bench.database.transaction() as db:
                db.jobs.finish(job, owner)
        return answers.pop(0)

    worker = Worker(bench.installation.tools, run_apart=run_apart)
    bench.kind("light", is_heavy=lambda work: False)
    bench.kind("heavy", is_heavy=lambda work: True)
    bench.add("light")
    bench.add("heavy")

    assert worker.run_due() == 2
    assert bench.done == ["light"]
    [job] = bench.jobs
    assert (job.error, job.attempt) == ("its process ended with 1", 1)

    bench.wait(timedelta(minutes=1))
    worker.run_next()  # ended because the worker stops: nobody's fault
    [job] = bench.jobs
    assert (job.state, job.attempt) == (State.WAITING, 1)

    worker.run_next()
    assert bench.jobs == []
    assert apart == [("heavy", 1), ("heavy", 2), ("heavy", 2)]


def test_a_worker_that_is_told_to_stop_gives_its_job_back(bench):
    def be_stopped(work):
        bench.worker.stop()
        work.step()

    bench.kind("sweep", be_stopped)
    bench.add("sweep")

    bench.worker.run_next()

    assert [(job.state, job.attempt) for job in bench.jobs] == [(State.WAITING, 0)]


def test_a_job_goes_on_where_it_was(bench):
    def walk(work):
        at = work.payload.get("at", 0)
        bench.done.append(at)
        return Rest(work.now + SECOND, {"at": at + 1}) if at < 2 else None

    bench.kind("walk", walk)
    bench.add("walk")

    for _ in range(4):
        bench.worker.run_due()
        bench.wait(SECOND)
    assert bench.done == ["walk", 0, "walk", 1, "walk", 2]
    assert bench.jobs == []


def test_a_job_that_has_a_schedule_comes_again_and_again(bench):
    bench.kind("tidy", every=timedelta(hours=1))

    assert [bench.worker.run_due(), bench.worker.run_due()] == [1, 0]
    bench.wait(timedelta(minutes=59))
    assert bench.worker.run_due() == 0
    bench.wait(timedelta(minutes=1))
    assert bench.worker.run_due() == 1
    bench.wait(timedelta(hours=10))  # nobody was there: once is enough
    assert bench.worker.run_due() == 1


def test_a_schedule_written_under_a_clock_that_was_far_ahead_does_not_stop_it(bench):
    bench.kind("tidy", every=timedelta(hours=1))
    bench.wait(timedelta(days=400))
    bench.worker.run_due()
    bench.wait(-timedelta(days=400))

    assert bench.worker.run_due() == 1


def test_the_threads_of_a_worker_do_what_is_due_and_end(bench):
    done = []
    bench.kind("sweep", lambda work: done.append(work.now))
    bench.worker.start()
    bench.add("sweep")
    bench.database.news.set()

    for _ in range(200):
        if done and not bench.jobs:
            break
        bench.worker._is_stopping.wait(0.05)
    bench.worker.stop()

    assert len(done) == 1


def wait_until(is_so):
    for _ in range(400):
        if is_so():
            return
        threading.Event().wait(0.025)
    pytest.fail("it did not become so")


def test_a_thread_goes_on_whatever_happens_to_it(bench):
    """A trigger that is wrong, a table that is gone: others are done meanwhile, and it later."""
    done = []
    bench.kind("sweep", lambda work: done.append(work.now))
    bench.follows(SubjectDeleted)
    bench._monkeypatch.setattr(dispatch, "TRIGGERS", {})
    with bench.database.transaction() as db:
        db.outbox.add(SubjectDeleted(1, "sha256:1"))
    bench.add("sweep")
    bench.worker.start()
    wait_until(lambda: done)
    assert "KeyError" in next(
        line["trace"] for line in bench.installation.log if line["event"] == "no events are dispatched"
    )

    bench.installation.ask_database("ALTER TABLE job RENAME TO away")
    wait_until(lambda: any(line["event"] == "no jobs are done" for line in bench.installation.log))
    bench.installation.ask_database("ALTER TABLE away RENAME TO job")
    bench.add("sweep")
    wait_until(lambda: len(done) == 2)
    assert bench.worker.stop()


def test_every_event_has_a_line():
    assert set(triggers.TRIGGERS) == set(EVENTS.values())
