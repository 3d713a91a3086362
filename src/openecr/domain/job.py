"""A job: something to be done later, and how often it is tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

ATTEMPTS = 8
"""How often a job is begun before it is given up."""
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(hours=1)


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"  # given up; `openecr jobs retry` has it tried again


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    kind: str  # expire_uploads; a line of jobs/kinds.py
    payload: Mapping[str, Any]
    topic: str | None  # of the jobs with one topic, one waits and one is run
    run_at: datetime  # not before; of a running one, when its lease ends
    attempt: int  # how often it was begun, this time included
    state: State
    is_cancelled: bool
    error: str  # of the last attempt that failed


def delay(attempt: int) -> timedelta:
    """How long to wait before the next attempt, after that many."""
    return min(FIRST_DELAY * (1 << 2 * (attempt - 1)), LONGEST_DELAY)
