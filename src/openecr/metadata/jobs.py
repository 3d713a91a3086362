"""Jobs: who has which, until when. The lease table.

A job that is claimed has an owner and a lease; `run_at` is when the lease ends. Only the owner may end the
job, and only for the attempt it claimed: who comes back after the lease was lost changes nothing.
Source: dependencies.md §6.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, delete, exists, func, insert, null, select, update

from openecr.domain.job import ATTEMPTS, Job, State, delay
from openecr.metadata.query import Connection, Query, Row, milliseconds, moment
from openecr.metadata.schema import job, schedule

LONG_ERROR = 2000
FAR = timedelta(hours=2)
"""A lease that ends later than this was given under a clock that was wrong: nobody gives one so long."""

_COLUMNS = (
    job.c.id,
    job.c.kind,
    job.c.payload,
    job.c.topic,
    job.c.run_at,
    job.c.attempt,
    job.c.state,
    job.c.is_cancelled,
    job.c.error,
)
_WHICH = job.c.id == bindparam("job")
_MINE = (_WHICH, job.c.owner == bindparam("mine"), job.c.attempt == bindparam("tried"))
_ADD = Query(
    insert(job).values({column.name: bindparam(column.name) for column in job.c if column.name != "id"})
)
_WAITING = Query(
    select(job.c.id, job.c.run_at).where(job.c.topic == bindparam("topic"), job.c.state == State.WAITING)
)
_other = job.alias("other")
_topic_is_run = exists().where(_other.c.topic == job.c.topic, _other.c.state == State.RUNNING)


_is_due = job.c.run_at <= bindparam("now")


def _due(state: State, *conditions: ColumnElement[bool]) -> Query:
    return Query(
        select(*_COLUMNS).where(job.c.state == state, *conditions).order_by(job.c.run_at, job.c.id).limit(1)
    )


_LOST = _due(State.RUNNING, _is_due | (job.c.run_at > bindparam("far")))
_DUE = _due(State.WAITING, _is_due, ~_topic_is_run)
_CLAIM = Query(
    update(job)
    .where(_WHICH)
    .values(
        state=State.RUNNING,
        owner=bindparam("mine"),
        attempt=job.c.attempt + 1,
        run_at=bindparam("until"),
        is_cancelled=False,
    )
)
_RENEW = Query(update(job).where(*_MINE).values(run_at=bindparam("until")))
_FIND = Query(select(*_COLUMNS).where(_WHICH))
_FIND_MINE = Query(select(job.c.is_cancelled).where(*_MINE))
_FINISH = Query(delete(job).where(*_MINE))
_DELETE = Query(delete(job).where(_WHICH))
_DELETE_OTHER = Query(
    delete(job).where(job.c.topic == bindparam("topic"), job.c.state == bindparam("other"), ~_WHICH)
)
_AGAIN = Query(
    update(job)
    .where(_WHICH)
    .values(
        state=bindparam("new_state"),
        owner=null(),
        run_at=bindparam("at"),
        attempt=bindparam("new_attempt"),
        error=bindparam("new_error"),
        payload=bindparam("new_payload"),
    )
)
_CANCEL = Query(update(job).where(_WHICH).values(is_cancelled=True))
_PAGE = Query(
    select(*_COLUMNS).where(job.c.id > bindparam("after")).order_by(job.c.id).limit(bindparam("limit"))
)
_COUNTS = Query(select(job.c.state, func.count()).group_by(job.c.state))
_OLDEST_DUE = Query(
    select(func.min(job.c.run_at)).where(job.c.state == State.WAITING, job.c.run_at <= bindparam("now"))
)
_SCHEDULES = Query(select(schedule.c.name, schedule.c.next_at))
_SET_NEXT = Query(
    update(schedule).where(schedule.c.name == bindparam("name")).values(next_at=bindparam("at"))
)
_ADD_NEXT = Query(insert(schedule))


class Jobs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        at: datetime,
        topic: str | None = None,
        created_at: datetime | None = None,
    ) -> None:
        """Have it done, not before `at`. Where one with that topic waits already, that one is enough; it is
        then done at the earlier of both times."""
        if topic is not None and (found := self._connection.one(_WAITING, topic=topic)) is not None:
            if milliseconds(at) < found[1]:
                waiting = self.find(found[0])
                assert waiting is not None
                self._put_back(waiting, State.WAITING, at, attempt=waiting.attempt, error=waiting.error)
            return
        self._connection.add(
            _ADD,
            kind=kind,
            payload=_json(payload),
            topic=topic,
            created_at=milliseconds(created_at or at),
            run_at=milliseconds(at),
            attempt=0,
            owner=None,
            state=State.WAITING,
            is_cancelled=False,
            error="",
        )

    def claim(self, owner: str, *, now: datetime, lease: timedelta) -> Job | None:
        """The next job that is due, for `owner` to do before its lease ends; one whose owner let the lease
        end comes first. One that was begun too often is given up instead: it is dead when it is returned."""
        while True:
            row = self._next(now)
            if row is None:
                return None
            found = _job(row)
            if found.is_cancelled:
                self._connection.run(_DELETE, job=found.id)
            elif found.attempt >= ATTEMPTS:
                error = found.error or "whoever did it ended"
                self._put_back(found, State.DEAD, now, attempt=found.attempt, error=error)
                return self.find(found.id)
            else:
                self._connection.run(_CLAIM, job=found.id, mine=owner, until=milliseconds(now + lease))
                return self.find(found.id)

    def renew(self, which: Job, owner: str, *, until: datetime) -> bool:
        """Keep it for longer. Whether it is the owner's still."""
        return self._connection.run(_RENEW, **_mine(which, owner), until=milliseconds(until)) == 1

    def is_wanted(self, which: Job, owner: str) -> bool:
        """Whether it is the owner's still, and nobody cancelled it."""
        row = self._connection.one(_FIND_MINE, **_mine(which, owner))
        return row is not None and not row[0]

    def finish(self, which: Job, owner: str) -> bool:
        """It is done, or not wanted any more. Whether it was the owner's still."""
        return self._connection.run(_FINISH, **_mine(which, owner)) == 1

    def go_on(self, which: Job, owner: str, *, payload: Mapping[str, Any], at: datetime) -> None:
        """A part of it is done; the rest, which `payload` says, is to be done at `at`."""
        if self._connection.one(_FIND_MINE, **_mine(which, owner)) is not None:
            self._put_back(which, State.WAITING, at, attempt=0, payload=payload)

    def fail(self, which: Job, owner: str, error: str, *, now: datetime) -> State | None:
        """It went wrong: it is tried again later, or given up. What it is now; None if it was not the
        owner's any more, or nobody wants it any more."""
        row = self._connection.one(_FIND_MINE, **_mine(which, owner))
        if row is not None and row[0]:
            self._connection.run(_DELETE, job=which.id)
        if row is None or row[0]:
            return None
        state = State.DEAD if which.attempt >= ATTEMPTS else State.WAITING
        self._put_back(which, state, now + delay(which.attempt), attempt=which.attempt, error=error)
        return state

    def give_back(self, which: Job, owner: str, *, at: datetime) -> None:
        """It was not done, and that is nobody's fault: it is done later, unless it was cancelled."""
        row = self._connection.one(_FIND_MINE, **_mine(which, owner))
        if row is not None and row[0]:
            self._connection.run(_DELETE, job=which.id)
        elif row is not None:
            self._put_back(which, State.WAITING, at, attempt=which.attempt - 1, error=which.error)

    def retry(self, which: Job, *, at: datetime) -> None:
        """One that was given up, or waits, is done at `at`, as if it were new."""
        self._put_back(which, State.WAITING, at, attempt=0, error=which.error)

    def cancel(self, which: Job) -> None:
        """It is not to be done. One that is being done ends at its next step."""
        if which.state is State.RUNNING:
            self._connection.run(_CANCEL, job=which.id)
        else:
            self._connection.run(_DELETE, job=which.id)

    def find(self, id_: int) -> Job | None:
        row = self._connection.one(_FIND, job=id_)
        return None if row is None else _job(row)

    def page(self, *, after: int, limit: int) -> list[Job]:
        """Up to `limit` jobs by id, from the one after that."""
        return [_job(row) for row in self._connection.all(_PAGE, after=after, limit=limit)]

    def has_due(self, now: datetime) -> bool:
        """Whether `claim` may find one."""
        return self._next(now) is not None

    def _next(self, now: datetime) -> Row | None:
        at = milliseconds(now)
        return self._connection.one(_LOST, now=at, far=milliseconds(now + FAR)) or self._connection.one(
            _DUE, now=at
        )

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state; states without any are left out."""
        return {State(state): count for state, count in self._connection.all(_COUNTS)}

    def oldest_due(self, now: datetime) -> datetime | None:
        """Since when the job that is due for longest has been so; None where none waits for anybody."""
        row = self._connection.one(_OLDEST_DUE, now=milliseconds(now))
        return None if row is None or row[0] is None else moment(row[0])

    # Schedules.

    def schedules(self) -> dict[str, datetime]:
        """Name → when it comes next."""
        return {name: moment(next_at) for name, next_at in self._connection.all(_SCHEDULES)}

    def schedule(self, name: str, *, at: datetime) -> None:
        if self._connection.run(_SET_NEXT, name=name, at=milliseconds(at)) == 0:
            self._connection.run(_ADD_NEXT, name=name, next_at=milliseconds(at))

    def _put_back(
        self,
        which: Job,
        state: State,
        at: datetime,
        *,
        attempt: int = 0,
        error: str = "",
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        """Nobody has it now. It takes the place of the one of its topic that is in that state."""
        if which.topic is not None:
            self._connection.run(_DELETE_OTHER, topic=which.topic, other=state, job=which.id)
        self._connection.run(
            _AGAIN,
            job=which.id,
            new_state=state,
            at=milliseconds(at),
            new_attempt=attempt,
            new_error=error[-LONG_ERROR:],  # the end of a story says what went wrong
            new_payload=_json(which.payload if payload is None else payload),
        )


def _mine(which: Job, owner: str) -> dict[str, Any]:
    return {"job": which.id, "mine": owner, "tried": which.attempt}


def _json(payload: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(payload)).decode()


def _job(row: Row) -> Job:
    id_, kind, payload, topic, run_at, attempt, state, is_cancelled, error = row
    return Job(
        id_,
        kind,
        orjson.loads(payload),
        topic,
        moment(run_at),
        attempt,
        State(state),
        bool(is_cancelled),
        error,
    )
