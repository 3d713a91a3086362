"""Lifecycle policies of private repositories, and previews of what they would do.

An operation checks a policy and keeps it; a job follows it (jobs/expire_images.py) or finds out what it
would do (jobs/preview_lifecycle.py). What policies mean is in domain/lifecycle.py.
Source: control-plane.md §6.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from openecr.domain.events import LifecyclePolicyPut, LifecyclePreviewStarted
from openecr.domain.image import ARCHIVED
from openecr.domain.lifecycle_policy import TRANSITION, parse
from openecr.domain.repository import Repository
from openecr.errors import (
    InvalidParameterException,
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewInProgressException,
    LifecyclePolicyPreviewNotFoundException,
)
from openecr.metadata.database import Transaction
from openecr.metadata.lifecycle_policies import StoredPolicy
from openecr.metadata.lifecycle_previews import (
    COMPLETE,
    IN_PROGRESS,
    Preview,
    PreviewedImage,
)
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.images import resolve
from openecr.operations.paging import next_token, page, refuse_with

EXPIRED, FAILED = "EXPIRED", "FAILED"
PREVIEW_LIFE = timedelta(hours=24)
"""How long the images of a preview are shown. Source: control-plane.md §6.7 (proposed)."""
PREVIEW_PATIENCE = timedelta(minutes=15)
"""A preview that is not complete by then has failed, whatever the reason: another may be started."""


@operation("ecr")
def put_lifecycle_policy(call: Call) -> Output:
    """Give a repository a lifecycle policy, in place of the one it may have had.

    It is followed some minutes later, and then every few hours: who was wrong can still put another.
    Input   repositoryName, registryId, lifecyclePolicyText (JSON)
    Output  registryId, repositoryName, lifecyclePolicyText without its blanks, keys as given
    Raises  RepositoryNotFoundException, InvalidParameterException
    Source  control-plane.md §6.1, §6.2
    """
    policy = parse(call.input["lifecyclePolicyText"])
    with call.transaction() as db:
        repository = _repository(call, db)
        db.lifecycle_policies.put(repository, policy.text, at=call.now)
        db.outbox.add(LifecyclePolicyPut(repository.id))
    return _named(call) | {"lifecyclePolicyText": policy.text}


@operation("ecr")
def get_lifecycle_policy(call: Call) -> Output:
    """The lifecycle policy of a repository.

    Input   repositoryName, registryId
    Output  registryId, repositoryName, lifecyclePolicyText, lastEvaluatedAt (1970: never)
    Raises  RepositoryNotFoundException, LifecyclePolicyNotFoundException
    """
    with call.reading() as db:
        found = _policy(call, db, _repository(call, db))
    return _shown(call, found)


@operation("ecr")
def delete_lifecycle_policy(call: Call) -> Output:
    """Take its lifecycle policy away from a repository. A run that is under way ends.

    Input   repositoryName, registryId
    Output  registryId, repositoryName, lifecyclePolicyText as it was, lastEvaluatedAt
    Raises  RepositoryNotFoundException, LifecyclePolicyNotFoundException
    """
    with call.transaction() as db:
        repository = _repository(call, db)
        found = _policy(call, db, repository)
        db.lifecycle_policies.delete(repository)
    return _shown(call, found)


@operation("ecr")
def start_lifecycle_policy_preview(call: Call) -> Output:
    """Have it found out what a policy would do to a repository as it is now. Nothing is changed.

    Input   repositoryName, registryId, lifecyclePolicyText (by default the policy that the repository has)
    Output  registryId, repositoryName, lifecyclePolicyText as it was given, status (IN_PROGRESS)
    Raises  RepositoryNotFoundException, InvalidParameterException, LifecyclePolicyNotFoundException,
            LifecyclePolicyPreviewInProgressException while the one before is not complete
    Source  control-plane.md §6.7
    """
    text = call.input.get("lifecyclePolicyText")
    if text is not None:
        parse(text)
    with call.transaction() as db:
        repository = _repository(call, db)
        if text is None:
            text = _policy(call, db, repository).text
        before = db.lifecycle_previews.find(repository)
        if before is not None and _status(before, call.now) == IN_PROGRESS:
            raise LifecyclePolicyPreviewInProgressException(
                repository_name=repository.name, registry_id=call.registry.id
            )
        db.lifecycle_previews.start(repository, text, at=call.now)
        db.outbox.add(LifecyclePreviewStarted(repository.id))
    return _named(call) | {"lifecyclePolicyText": text, "status": IN_PROGRESS}


@operation("ecr")
def get_lifecycle_policy_preview(call: Call) -> Output:
    """What the policy of the last preview would do: the images it would expire or archive, by digest.

    Input   repositoryName, registryId; either imageIds (1 to 100), or maxResults (default 100) and
            nextToken; filter {tagStatus}
    Output  registryId, repositoryName, lifecyclePolicyText, status (IN_PROGRESS, COMPLETE, FAILED, EXPIRED
            when it is a day old), previewResults [{imageTags, imageDigest, imagePushedAt, action
            {type, targetStorageClass}, appliedRulePriority, storageClass}], nextToken, summary of all of it
            {expiringImageTotalCount, transitioningImageTotalCounts, if there are any}. Only a complete one
            has results and a summary
    Raises  RepositoryNotFoundException, LifecyclePolicyPreviewNotFoundException, InvalidParameterException
    Source  control-plane.md §6.7
    """
    image_ids = call.input.get("imageIds")
    if image_ids is not None:
        refuse_with(call, "imageIds")
    asked = page(call)
    with call.reading() as db:
        repository = _repository(call, db)
        preview = db.lifecycle_previews.find(repository)
        if preview is None:
            raise LifecyclePolicyPreviewNotFoundException(
                repository_name=repository.name, registry_id=call.registry.id
            )
        status = _status(preview, call.now)
        output = _named(call) | {
            "lifecyclePolicyText": preview.text,
            "status": status,
            "previewResults": [],
        }
        if status != COMPLETE:
            return output
        output["summary"] = _summary(preview)
        tagged = call.input.get("filter", {}).get("tagStatus", "ANY")
        if image_ids is not None:
            output["previewResults"] = [
                _result(each) for each in _named_images(db, repository, image_ids) if _passes(each, tagged)
            ]
            return output
        found = db.lifecycle_previews.page(
            repository, tagged=tagged, after=_after(preview, asked.after), limit=asked.limit + 1
        )
    shown = found[: asked.limit]
    output["previewResults"] = [_result(each) for each in shown]
    if len(found) > asked.limit:
        output["nextToken"] = next_token(call, [preview.id, shown[-1].digest.raw.hex()])
    return output


def _repository(call: Call, db: Transaction) -> Repository:
    return db.repositories.get(call.registry, call.input["repositoryName"])


def _policy(call: Call, db: Transaction, repository: Repository) -> StoredPolicy:
    found = db.lifecycle_policies.find(repository)
    if found is None:
        raise LifecyclePolicyNotFoundException(repository_name=repository.name, registry_id=call.registry.id)
    return found


def _named(call: Call) -> Output:
    return {"registryId": call.registry.id, "repositoryName": call.input["repositoryName"]}


def _shown(call: Call, policy: StoredPolicy) -> Output:
    return _named(call) | {"lifecyclePolicyText": policy.text, "lastEvaluatedAt": policy.evaluated_at}


def _status(preview: Preview, now: datetime) -> str:
    age = abs(now - preview.started_at)  # a time to come was written under a clock that was wrong
    if preview.status == IN_PROGRESS:
        return FAILED if age > PREVIEW_PATIENCE else IN_PROGRESS
    return EXPIRED if age > PREVIEW_LIFE else COMPLETE


def _summary(preview: Preview) -> Output:
    summary: Output = {"expiringImageTotalCount": preview.expiring_count}
    if preview.transitioning_count:
        summary["transitioningImageTotalCounts"] = [
            {"targetStorageClass": "ARCHIVE", "imageTotalCount": preview.transitioning_count}
        ]
    return summary


def _after(preview: Preview, key: Sequence[str]) -> bytes:
    """Where the page begins. Of another preview than the page before, it is none."""
    if not key:
        return b""
    preview_id, digest = key
    if preview_id != preview.id:
        raise InvalidParameterException(member="nextToken", reason="The token is not valid for this request")
    return bytes.fromhex(digest)


def _named_images(
    db: Transaction, repository: Repository, image_ids: Sequence[Mapping[str, Any]]
) -> list[PreviewedImage]:
    """Those that are results, once each. A tag counts if it pointed to the image then and does now."""
    found: dict[str, PreviewedImage] = {}
    for image_id in image_ids:
        digest_text, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if digest_text is None and tag is None:
            raise InvalidParameterException(member="imageIds", reason="both tag and digest cannot be null")
        digest = resolve(db, repository, digest_text)
        if digest_text is None and tag is not None:
            image = db.images.find_by_tag(repository, tag)
            digest = None if image is None else image.digest
        result = None if digest is None else db.lifecycle_previews.find_image(repository, digest)
        if result is not None and (tag is None or tag in result.tags):
            found[str(result.digest)] = result
    return list(found.values())


def _passes(result: PreviewedImage, tagged: str) -> bool:
    return bool(result.tags) in {"TAGGED": (True,), "UNTAGGED": (False,)}.get(tagged, (True, False))


def _result(each: PreviewedImage) -> Output:
    is_transition = each.action == TRANSITION
    result: Output = {
        "imageDigest": str(each.digest),
        "imagePushedAt": each.pushed_at,
        "action": {"type": each.action.upper()}
        | ({"targetStorageClass": "ARCHIVE"} if is_transition else {}),
        "appliedRulePriority": each.priority,
        "storageClass": "ARCHIVE" if each.status == ARCHIVED else "STANDARD",
    }
    if each.tags:
        result["imageTags"] = each.tags
    return result
