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
    known_as: str = ""  # the digest they name it by, where that is another
    newest_image_id: int = 0  # what was pushed later did not go with it


@dataclass(frozen=True, slots=True)
class SubjectArchived(Event):
    """An image was archived that others name as their subject."""

    digest: str
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class SubjectActivated(Event):
    """An archived image is active again that others name as their subject."""

    digest: str
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class ImageArchived(Event):
    """Nobody can pull an image any more: perhaps nobody needs its layers at hand."""

    digest: str


@dataclass(frozen=True, slots=True)
class ImageWanted(Event):
    """An image is to be active, with what it lists, or is already: its layers are to be at hand."""

    digest: str


@dataclass(frozen=True, slots=True)
class LifecyclePolicyPut(Event):
    """A repository has a policy that was not followed yet."""


@dataclass(frozen=True, slots=True)
class LifecyclePreviewStarted(Event):
    """Somebody wants to know what a policy would do."""


EVENTS: dict[str, type[Event]] = {
    each.__name__: each
    for each in (
        SubjectDeleted,
        SubjectArchived,
        SubjectActivated,
        ImageArchived,
        ImageWanted,
        LifecyclePolicyPut,
        LifecyclePreviewStarted,
    )
}
"""By name, as they are kept."""
