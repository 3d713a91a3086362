"""Sessions are forgotten a day after their end, however many there are; others are left alone."""

from datetime import timedelta

import pytest

from openecr.domain.principal import Session
from openecr.jobs import expire_sessions as job
from tests.jobs.installation import ACCOUNT

DAY = timedelta(hours=24)
MOMENT = timedelta(seconds=1)


@pytest.fixture
def expire(installation):
    return lambda: installation.run("expire_sessions")


def open_sessions(installation, *, count=1, life=timedelta(hours=1)):
    """Their ids."""
    with installation.database.transaction() as db:
        if not db.accounts.has(ACCOUNT):
            db.accounts.add(ACCOUNT, "", at=installation.now)
        ids = [f"ASIA{life.total_seconds():.0f}X{number}" for number in range(count)]
        for id_ in ids:
            ends_at = installation.now + life
            db.sessions.add(
                Session(id_, ACCOUNT, None, "arn", ACCOUNT, b"", bytes(32), installation.now, ends_at)
            )
    return ids


def kept(installation, *ids):
    with installation.database.reading() as db:
        return [db.sessions.find(id_) is not None for id_ in ids]


def test_a_session_is_forgotten_a_day_after_its_end(installation, expire):
    [short], [long] = open_sessions(installation), open_sessions(installation, life=2 * DAY)

    installation.now += timedelta(hours=25) - MOMENT
    assert expire() == 0
    assert kept(installation, short, long) == [True, True]

    installation.now += MOMENT
    assert expire() == 1
    assert kept(installation, short, long) == [False, True]
    assert expire() == 0


def test_more_sessions_than_one_transaction_forgets_are_all_forgotten(installation, expire, monkeypatch):
    monkeypatch.setattr(job, "BATCH", 2)
    ids = open_sessions(installation, count=5)
    installation.now += 3 * DAY

    assert expire() == 5
    assert not any(kept(installation, *ids))
