"""What a job is given, and what it may answer."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from openecr.blobs.files import FileBlobs
from openecr.domain.collecting import Brakes
from openecr.domain.garbage import REMOVAL_DELAY
from openecr.failpoints import fp
from openecr.metadata.database import Database


class Interrupted(Exception):
    """The job is not to go on: somebody cancelled it, or its lease was lost and another has it."""


class Telling(Protocol):
    """A line of the log."""

    def __call__(self, level: str, event: str, **facts: Any) -> None: ...


def _go_on() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Bounds:
    """What settings say of jobs; tests may say what settings may not."""

    gc_grace: timedelta = timedelta(hours=24)
    gc_removal_delay: timedelta = REMOVAL_DELAY
    gc_brakes: Brakes = field(default_factory=Brakes)

    scrub_bytes_per_second: int = 16 << 20
    scrub_days: int = 7  # 0: not by itself


@dataclass(frozen=True, slots=True)
class Tools:
    """What every job may use."""

    database: Database
    blobs: FileBlobs
    clock: Callable[[], datetime]
    write_audit: Callable[[dict[str, Any]], None]
    tell: Telling
    bounds: Bounds = field(default_factory=Bounds)
    memory: dict[str, Any] = field(default_factory=dict)
    """What a job remembers in this process from one part to the next, by its kind. The next part may be done
    by another process, so it saves work and nothing rests on it."""
    is_apart: bool = False
    """Whether this process does one job and nothing else."""
    wait: Callable[[float], None] = time.sleep
    stopwatch: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Work:
    """One job, for the function of its kind."""

    tools: Tools
    payload: Mapping[str, Any]
    now: datetime  # when it was begun
    is_wanted: Callable[[], bool] = _go_on
    counts: Counter[str] = field(default_factory=Counter)  # what it did, for the log: {"uploads": 3}

    @property
    def database(self) -> Database:
        return self.tools.database

    @property
    def bounds(self) -> Bounds:
        return self.tools.bounds

    @property
    def blobs(self) -> FileBlobs:
        return self.tools.blobs

    def step(self) -> None:
        """Between two steps: here it may be cut short. Raises Interrupted where it is not to go on."""
        fp("job.step")
        if not self.is_wanted():
            raise Interrupted


@dataclass(frozen=True, slots=True)
class Rest:
    """What a job returns that is not done yet: go on at that time, with that payload."""

    at: datetime
    payload: Mapping[str, Any]
