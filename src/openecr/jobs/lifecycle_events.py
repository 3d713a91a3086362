"""How the audit is told what a lifecycle policy did, or in a preview would do. Pure.

A record for every few images, each with the policy and when it was followed before, as CloudTrail has it.
Source: control-plane.md §6.5 at the end; advanced-features.md §8.2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openecr.domain.lifecycle import Candidate, Decision, Failure
from openecr.domain.lifecycle_policy import (
    COUNT,
    SINCE_PULLED,
    SINCE_PUSHED,
    SINCE_TRANSITIONED,
    LifecyclePolicy,
    Rule,
)
from openecr.domain.repository import Repository
from openecr.jobs.service_event import service_event

RUN, DRY_RUN = "PolicyExecutionEvent", "DryRunEvent"
IMAGES_PER_EVENT = 9
"""Ten and more are split over several."""
TAGS_PER_IMAGE = 100
LISTS_PER_FAILURE = 100
"""Ours: an image may be listed by all others."""
POLICY_VERSION = "1"

_COUNT_TYPES = {
    COUNT: "Image count more than",
    SINCE_PUSHED: "Time since image pushed",
    SINCE_PULLED: "Time since image pulled",
    SINCE_TRANSITIONED: "Time since image transitioned",
}
"""The first two as AWS's records have them; the others are formed like them."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Which policy was followed, where."""

    repository: Repository
    policy: LifecyclePolicy
    policy_id: str
    evaluated_at: datetime  # the time before


def events(
    name: str, followed: Followed, done: Sequence[Decision], failed: Sequence[Failure], *, at: datetime
) -> Iterator[dict[str, Any]]:
    """The records of what was done and of what could not be; none where that is nothing."""
    told = [("lifecycleEventImageActions", _action(each)) for each in done]
    told += [("lifecycleEventFailureDetails", _failure(each)) for each in failed]
    about = _policy(followed)
    for first in range(0, len(told), IMAGES_PER_EVENT):
        details: dict[str, Any] = {
            "repositoryName": followed.repository.name,
            "lifecycleEventPolicy": about,
            "lifecycleEventImageActions": [],
            "lifecycleEventFailureDetails": [],
        }
        for member, each in told[first : first + IMAGES_PER_EVENT]:
            details[member].append(each)
        yield service_event(name, details, at=at, registry=followed.repository.registry)


def _policy(followed: Followed) -> dict[str, Any]:
    return {
        "lifecycleEventRules": [_rule(rule) for rule in followed.policy.rules],
        "lastEvaluatedAt": round(followed.evaluated_at.timestamp() * 1000),
        "policyVersion": POLICY_VERSION,
        "policyId": followed.policy_id,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    selection: dict[str, Any] = {
        "tagStatus": rule.tag_status.capitalize(),
        "countType": _COUNT_TYPES[rule.count_type],
        "countNumber": rule.count_number,
    }
    if rule.tag_prefixes:
        selection["tagPrefixList"] = list(rule.tag_prefixes)
    if rule.tag_patterns:
        selection["tagPatternList"] = list(rule.tag_patterns)
    if not rule.is_count:
        selection["countUnit"] = "Days"
    told: dict[str, Any] = {
        "rulePriority": rule.priority,
        "lifecycleEventSelection": selection,
        "action": rule.action,
    }
    if rule.description is not None:
        told["description"] = rule.description
    return told


def _action(decision: Decision) -> dict[str, Any]:
    return {"lifecycleEventImage": _image(decision.image), "rulePriority": decision.rule.priority}


def _failure(failure: Failure) -> dict[str, Any]:
    listed = ", ".join(map(str, failure.lists[:LISTS_PER_FAILURE]))
    return _action(failure.decision) | {
        "failureCode": "ImageReferencedByManifestList",
        "failureReason": f"Requested image referenced by manifest list: [{listed}]",
    }


def _image(image: Candidate) -> dict[str, Any]:
    return {
        "digest": "sha256:" + image.sha256.hex(),
        "tagStatus": "Tagged" if image.tags else "Untagged",
        "tagList": list(image.tags[:TAGS_PER_IMAGE]),
        "pushedAt": image.pushed_at,
    }
