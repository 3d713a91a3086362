"""What the collector of garbage remembers (domain/collecting.py), as bookmarks.

The time it trusts has one of its own, for the statements that ask for it (garbage.py, `by_the_clock`).
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from openecr.domain.collecting import Memory
from openecr.metadata.bookmarks import Bookmarks
from openecr.metadata.garbage import CLOCK
from openecr.metadata.query import Connection, milliseconds, moment

NAME = "garbage"
_TIMES = ("seen_at", "jumped_at", "trusted_at", "stopped_at", "allowed_until")


class Collecting:
    def __init__(self, connection: Connection) -> None:
        self._bookmarks = Bookmarks(connection)

    def memory(self) -> Memory:
        kept: dict[str, Any] = dict(self._bookmarks.find(NAME) or {})
        for name in _TIMES:
            if kept.get(name) is not None:
                kept[name] = moment(kept[name])
        if "usual" in kept:
            kept["usual"] = tuple(kept["usual"])
        return Memory(**kept)

    def remember(self, change: Callable[[Memory], Memory]) -> Memory:
        """Change what is remembered; returns what is then."""
        before = self.memory()
        after = change(before)
        if after == before:
            return after
        kept = asdict(after)
        for name in _TIMES:
            kept[name] = _stored(kept[name])
        self._bookmarks.put(NAME, kept)
        if after.trusted_at is not None and after.trusted_at != before.trusted_at:
            self._bookmarks.put(CLOCK, milliseconds(after.trusted_at))
        return after


def _stored(time: datetime | None) -> int | None:
    return None if time is None else milliseconds(time)
