"""For each kind of job, something for it to do: the table that test_kill_jobs.py walks.

To add one: a function that prepares an installation whose clock is a hundred days back, so that all is old
enough, and its line in CASES. It returns the payload of the job; the job itself is added by who calls it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from openecr.domain.garbage import COPY, Removal
from openecr.domain.image import LEASE
from openecr.domain.names import Digest
from openecr.domain.principal import Session
from openecr.domain.tier import STANDARD
from tests.builders import a_layer, an_artifact, an_image, sha256
from tests.domain.policies import a_text, keep
from tests.jobs.installation import ACCOUNT, REGISTRY, Installation

MOVING = ("move.reserved", "move.copied", "move.committed")

Payload = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """points  where it may be killed besides the steps of every job, each at its first hit"""

    prepare: Callable[[Installation], Payload]
    points: tuple[str, ...] = ()


def something_stored(installation: Installation) -> Payload:
    installation.create("team/app")
    installation.push("team/app", an_image(layers=[a_layer(os.urandom(200_000))]), "1.0")
    return {}


def something_missing(installation: Installation) -> Payload:
    something_stored(installation)
    layer = a_layer()
    installation.push_layer("team/app", layer)
    installation.path(layer).unlink()
    return {}


def something_damaged(installation: Installation) -> Payload:
    installation.create("team/app")
    image = an_image()
    installation.push("team/app", image)
    installation.path(image.blobs[0]).write_bytes(b"x" * len(image.blobs[0].content))
    return {}


def garbage(installation: Installation) -> Payload:
    """Blobs that nothing holds, and bytes whose time has come."""
    something_stored(installation)
    image = an_image()
    installation.push("team/app", image, "old")
    installation.ask("BatchDeleteImage", repositoryName="team/app", imageIds=[{"imageTag": "old"}])
    for number in range(2):
        key, content = str(UUID(int=number + 1)), f"copy {number}".encode()
        _store(installation, key, content)
        with installation.database.transaction() as db:
            digest = Digest.parse(sha256(content))
            db.removals.add(Removal(key, STANDARD, digest, len(content), COPY, installation.now))
    return {}


def orphans(installation: Installation) -> Payload:
    something_stored(installation)
    for number in range(3):
        path = _store(installation, str(UUID(int=number + 1)), b"x")
        os.utime(path, (installation.now.timestamp(),) * 2)
    return {}


def referrers_of_nothing(installation: Installation) -> Payload:
    something_stored(installation)
    subject = an_image()
    installation.push("team/app", subject, "signed")
    for _ in range(3):
        installation.push("team/app", an_artifact(subject=subject))
    installation.ask(
        "BatchDeleteImage", repositoryName="team/app", imageIds=[{"imageDigest": subject.digest}]
    )
    [newest] = installation.ask_database("SELECT max(id) FROM image")
    return {
        "repository_id": _repository(installation),
        "digest": subject.digest,
        "newest_image_id": newest,
    }


def idle_uploads(installation: Installation) -> Payload:
    something_stored(installation)
    for _ in range(3):
        installation.upload("team/app", b"abandoned")
    for number in range(2):
        with installation.blobs.append(str(UUID(int=number + 1)), 0) as part:
            part.write(b"orphan")
    for path in (installation.file.parent / "staging").iterdir():
        os.utime(path, (installation.now.timestamp(),) * 2)
    return {}


def ended_sessions(installation: Installation) -> Payload:
    now = installation.now
    with installation.database.transaction() as db:
        db.accounts.add(ACCOUNT, "", at=now)
        for number, life in enumerate((timedelta(hours=1), timedelta(hours=2), timedelta(days=1000))):
            ends_at = now + life
            db.sessions.add(
                Session(f"ASIA{number}", ACCOUNT, None, "arn", ACCOUNT, b"", bytes(32), now, ends_at)
            )
    return {}


def an_archived_image(installation: Installation) -> Payload:
    """Its layers are at hand still."""
    something_stored(installation)
    image = an_image(layers=[a_layer(), a_layer()])
    installation.push("team/app", image)
    _change(installation, image.digest, "ARCHIVE")
    return {"repository_id": _repository(installation), "digest": image.digest}


def a_wanted_image(installation: Installation) -> Payload:
    """Its layers are in the archive still."""
    payload = an_archived_image(installation)
    installation.now += LEASE
    installation.run("archive_layers", **payload)
    _change(installation, payload["digest"], "STANDARD")
    return payload


def referrers_of_an_archived_image(installation: Installation) -> Payload:
    something_stored(installation)
    subject = an_image()
    installation.push("team/app", subject)
    for _ in range(2):
        installation.push("team/app", an_artifact(subject=subject))
    _change(installation, subject.digest, "ARCHIVE")
    return {"repository_id": _repository(installation), "digest": subject.digest}


def referrers_of_a_restored_image(installation: Installation) -> Payload:
    payload = referrers_of_an_archived_image(installation)
    installation.run("archive_referrers", **payload)
    _change(installation, payload["digest"], "STANDARD")
    installation.run("restore_images", **payload)
    return payload


def a_lifecycle_policy(installation: Installation) -> Payload:
    """By which twenty images are to go, in three parts."""
    something_stored(installation)
    layer = a_layer()
    for number in range(20):
        installation.push("team/app", an_image(layers=[layer]), f"ci-{number}")
    installation.ask("PutLifecyclePolicy", repositoryName="team/app", lifecyclePolicyText=a_text(keep(1)))
    return {"repository_id": _repository(installation)}


def a_policy_that_is_due(installation: Installation) -> Payload:
    a_lifecycle_policy(installation)
    return {}


def a_preview_that_is_wanted(installation: Installation) -> Payload:
    payload = a_lifecycle_policy(installation)
    installation.ask("StartLifecyclePolicyPreview", repositoryName="team/app")
    return payload


def an_old_preview(installation: Installation) -> Payload:
    installation.run("preview_lifecycle", **a_preview_that_is_wanted(installation))
    return {}


CASES: Mapping[str, Case] = {
    "archive_layers": Case(an_archived_image, points=MOVING),
    "archive_referrers": Case(referrers_of_an_archived_image),
    "check": Case(something_missing),
    "collect_garbage": Case(garbage, points=("gc.collected", "gc.bytes_removed")),
    "evaluate_lifecycle": Case(a_lifecycle_policy),
    "expire_referrers": Case(referrers_of_nothing),
    "expire_sessions": Case(ended_sessions),
    "expire_uploads": Case(idle_uploads),
    "forget_old_previews": Case(an_old_preview),
    "preview_lifecycle": Case(a_preview_that_is_wanted),
    "restore_images": Case(a_wanted_image, points=MOVING),
    "restore_referrers": Case(referrers_of_a_restored_image),
    "scrub": Case(something_damaged),
    "sweep_lifecycle": Case(a_policy_that_is_due),
    "take_inventory": Case(orphans),
}


def _change(installation: Installation, digest: str, storage_class: str) -> None:
    installation.ask(
        "UpdateImageStorageClass",
        repositoryName="team/app",
        imageId={"imageDigest": digest},
        targetStorageClass=storage_class,
    )


def _repository(installation: Installation) -> int:
    with installation.database.reading() as db:
        return db.repositories.get(REGISTRY, "team/app").id


def _store(installation: Installation, key: str, content: bytes) -> Path:
    """Bytes under that key, of which no row of a blob speaks."""
    path = Path(installation.blobs.path(key))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path
