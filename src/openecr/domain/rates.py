"""How often anything may be asked, where that is limited at all: by default as ECR does it.

Source: control-plane.md §7.1, §7.2. Of other operations no rate was published, and they have none here. How
many may come at once is not published either: an old guide gave 20 a second with a burst of 200.
"""

from collections.abc import Mapping

from openecr.domain.registry import Kind
from openecr.domain.token_bucket import Rate, rate

BURST_SECONDS = 10
"""For how long a full bucket has tokens in store."""

AUTHENTICATED_PULL = "AuthenticatedPull"
ANONYMOUS_PULL = "AnonymousPull"
"""A pull of a public image: its manifest is sent. A HEAD is none, and layers are not counted."""

DEFAULTS: Mapping[Kind, Mapping[str, float]] = {
    Kind.PRIVATE: {
        "BatchCheckLayerAvailability": 1_000,
        "BatchGetImage": 2_000,
        "CompleteLayerUpload": 100,
        "GetAuthorizationToken": 500,
        "GetDownloadUrlForLayer": 3_000,
        "InitiateLayerUpload": 100,
        "PutImage": 10,
        "UploadLayerPart": 500,
    },
    Kind.PUBLIC: {
        "BatchCheckLayerAvailability": 200,
        "CompleteLayerUpload": 10,
        "GetAuthorizationToken": 200,
        "InitiateLayerUpload": 10,
        "PutImage": 10,
        "UploadLayerPart": 260,
        AUTHENTICATED_PULL: 10,
        ANONYMOUS_PULL: 1,
    },
}
"""Per second, account and region; anonymous callers each have their own by their network."""

NAMES = tuple(sorted(set(DEFAULTS[Kind.PRIVATE]) | set(DEFAULTS[Kind.PUBLIC])))


def kinds_and_name(written: str) -> tuple[list[Kind], str] | None:
    """What `PutImage`, or `ecr-public.PutImage`, is about; None for what has no rate."""
    prefix, dot, name = written.rpartition(".")
    asked = [kind for kind in Kind if not dot or prefix == kind]
    kinds = [kind for kind in asked if name in DEFAULTS[kind]]
    return (kinds, name) if kinds else None


def with_changes(changes: Mapping[str, float], *, sharers: int) -> dict[tuple[str, str], Rate]:
    """(service, name) → its rate, of which each of those who share it has its part. What is said of one kind
    of registries counts more than what is said of both."""
    per_second = {(kind.value, name): each for kind in Kind for name, each in DEFAULTS[kind].items()}
    for written in sorted(changes, key=lambda each: "." in each):
        found = kinds_and_name(written)
        assert found is not None, "a setting is parsed before it gets here"
        kinds, name = found
        per_second |= {(kind.value, name): changes[written] for kind in kinds}
    return {key: rate(each / sharers, each * BURST_SECONDS / sharers) for key, each in per_second.items()}
