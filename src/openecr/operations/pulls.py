"""Pulls that are noted in memory, and recorded now and then: a pull writes nothing.

A process notes which image was pulled, by whom, and when; some time later all of it is recorded at once, for
each image no more often than its time needs to be known. Who is excluded is asked then.
What a process noted and has not recorded is lost when it is killed. Source: control-plane.md §4.8;
advanced-features.md §6.3.
"""

from collections import Counter
from datetime import datetime, timedelta

from openecr.domain.registry import owner_of
from openecr.identity.caller import Caller
from openecr.metadata.database import Database

ROOM = 50_000
"""How many pairs of image and principal are noted at most. Further ones are not, until these are recorded. An
account has at most as many as there is room left: one alone takes half of it, and keeps nobody out."""
BATCH = 500
"""How many images one transaction writes: it holds the writer's lock."""


class NotedPulls:
    """Of one process. Any thread may note."""

    def __init__(self) -> None:
        self._noted: dict[tuple[int, str], datetime] = {}
        self._of_account: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._noted)

    def note(self, image_id: int, caller: Caller, at: datetime) -> None:
        """A pull happened. The sessions of a role are one principal."""
        key = image_id, caller.role_arn or caller.arn
        if key not in self._noted:
            if self._of_account[caller.account] >= ROOM - len(self._noted):
                return
            self._of_account[caller.account] += 1
        self._noted[key] = at

    def record(self, database: Database, *, resolution: timedelta) -> int:
        """Write down what was noted; for how many images.

        resolution  an image whose time was recorded more lately than that keeps it
        Raises ServiceUnavailable; what was noted stays noted. Two may be at it when a server ends.
        """
        noted = dict(self._noted)
        latest: dict[int, datetime] = {}
        with database.reading() as db:
            for (image_id, principal), at in noted.items():
                if db.pull_times.counts(image_id, principal, at=at, resolution=resolution):
                    latest[image_id] = max(at, latest.get(image_id, at))
        pulls = sorted(latest.items())
        count = 0
        for start in range(0, len(pulls), BATCH):
            with database.transaction(durable=False) as db:
                count += db.pull_times.record(pulls[start : start + BATCH], resolution=resolution)
        for key, at in noted.items():
            if self._noted.get(key) == at:  # not pulled again meanwhile
                self._noted.pop(key, None)
        self._of_account = Counter(owner_of(principal) for _, principal in dict(self._noted))
        return count
