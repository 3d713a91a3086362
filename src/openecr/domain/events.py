"""What has happened, as far as something follows from it.

An operation writes an event in its own transaction (`db.outbox.add(…)`) and knows nothing of what follows;
that is `jobs/triggers.py`. To add one: a class here and its line there. Its fields are numbers and texts,
for it is kept as JSON until it is dispatched.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One that is not about a repository would have other fields; there is none yet."""

    repository_id: int


@dataclass(frozen=True, slots=True)
class SubjectDeleted(Event):
    """An image went that others name as their subject."""

    digest: str


@dataclass(frozen=True, slots=True)
class ImageRestoring(Event):
    """An archived image is wanted in the standard class again, with what it lists."""

    digest: str


EVENTS: dict[str, type[Event]] = {each.__name__: each for each in (SubjectDeleted, ImageRestoring)}
"""By name, as they are kept."""
