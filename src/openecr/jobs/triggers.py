"""What follows from what has happened: event → jobs. One line per event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from openecr.domain.events import Event, ImageRestoring, SubjectDeleted
from openecr.jobs.expire_referrers import DELAY


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that follows from an event."""

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    topic: str | None = None  # where one with that topic waits, that one is enough
    after: timedelta = timedelta(0)


Follows = Callable[[Any], list[Wanted]]


def _referrers(event: SubjectDeleted) -> list[Wanted]:
    payload = {"repository_id": event.repository_id, "digest": event.digest}
    return [Wanted("expire_referrers", payload, after=DELAY)]


def _restore(event: ImageRestoring) -> list[Wanted]:
    payload = {"repository_id": event.repository_id, "digest": event.digest}
    return [Wanted("restore_images", payload)]


TRIGGERS: Mapping[type[Event], Follows] = {
    ImageRestoring: _restore,
    SubjectDeleted: _referrers,
}
