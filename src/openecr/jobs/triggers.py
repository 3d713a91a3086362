"""What follows from what has happened: event → jobs. One line per event."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from openecr.domain.events import (
    Event,
    ImageArchived,
    ImageWanted,
    LifecyclePolicyPut,
    LifecyclePreviewStarted,
    SubjectActivated,
    SubjectArchived,
    SubjectDeleted,
)
from openecr.jobs import expire_images, preview_lifecycle
from openecr.jobs.follow_subject import DELAY


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that follows from an event."""

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    topic: str | None = None  # where one with that topic waits, that one is enough
    after: timedelta = timedelta(0)


Follows = Callable[[Any], list[Wanted]]


def _as_it_says(kind: str, after: timedelta = timedelta(0)) -> Follows:
    """One job, with all that the event says."""
    return lambda event: [Wanted(kind, asdict(event), after=after)]


def _restore(event: ImageWanted) -> list[Wanted]:
    topic = f"restore_images {event.repository_id} {event.digest}"
    return [Wanted("restore_images", asdict(event), topic)]


def _evaluate(event: LifecyclePolicyPut) -> list[Wanted]:
    topic = expire_images.topic(event.repository_id)
    return [Wanted("evaluate_lifecycle", asdict(event), topic, after=expire_images.DELAY)]


def _preview(event: LifecyclePreviewStarted) -> list[Wanted]:
    return [Wanted("preview_lifecycle", asdict(event), preview_lifecycle.topic(event.repository_id))]


TRIGGERS: Mapping[type[Event], Follows] = {
    ImageArchived: _as_it_says("archive_layers"),
    ImageWanted: _restore,
    LifecyclePolicyPut: _evaluate,
    LifecyclePreviewStarted: _preview,
    SubjectActivated: _as_it_says("restore_referrers"),
    SubjectArchived: _as_it_says("archive_referrers"),
    SubjectDeleted: _as_it_says("expire_referrers", after=DELAY),
}
