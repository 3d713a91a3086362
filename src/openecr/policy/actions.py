"""Actions: how policies write them, and those that may be done to a repository.

The policy of a repository may only name actions there are; in any other an unknown one is legal and
never matches. Source: auth-iam.md §4.1, §5.1, §5.2; vectors W12–W15.
"""

import re
from bisect import bisect_left
from itertools import repeat

from openecr.policy.effort import Effort
from openecr.policy.malformed import MalformedPolicy
from openecr.policy.matching import Patterns, with_wildcards

WRITTEN = re.compile(r"[A-Za-z0-9_*?-]+:[A-Za-z0-9_*?-]+")

REPOSITORY_ACTIONS = {
    "ecr": """
        BatchCheckLayerAvailability BatchDeleteImage BatchGetImage BatchGetRepositoryScanningConfiguration
        BatchImportUpstreamImage CompleteLayerUpload CreateRepository DeleteLifecyclePolicy DeleteRepository
        DeleteRepositoryPolicy DescribeImageReplicationStatus DescribeImageScanFindings
        DescribeImageSigningStatus DescribeImages DescribeRepositories GetDownloadUrlForLayer
        GetImageCopyStatus GetLifecyclePolicy GetLifecyclePolicyPreview GetRepositoryPolicy
        InitiateLayerUpload ListImages ListTagsForResource PutImage PutImageScanningConfiguration
        PutImageTagMutability PutLifecyclePolicy ReplicateImage SetRepositoryPolicy StartImageScan
        StartLifecyclePolicyPreview TagResource UntagResource UpdateImageStorageClass UploadLayerPart
    """,
    "ecr-public": """
        BatchCheckLayerAvailability BatchDeleteImage CompleteLayerUpload CreateRepository DeleteRepository
        DeleteRepositoryPolicy DescribeImageTags DescribeImages DescribeRepositories GetRepositoryCatalogData
        GetRepositoryPolicy InitiateLayerUpload ListTagsForResource PutImage PutRepositoryCatalogData
        SetRepositoryPolicy TagResource UntagResource UploadLayerPart
    """,
}
"""The actions that have a repository for their resource, by service."""
KNOWN = {
    service: tuple(sorted(f"{service}:{name.lower()}" for name in names.split()))
    for service, names in REPOSITORY_ACTIONS.items()
}


class Actions:
    """What an Action or NotAction element lists. Letter case does not count."""

    __slots__ = ("_is_everything", "_is_not", "_patterns", "written")

    def __init__(self, written: tuple[str, ...], *, is_not: bool) -> None:
        self.written = written
        self._is_not = is_not
        self._is_everything = "*" in written
        self._patterns = Patterns((with_wildcards(each.lower()) for each in written), colons=1)

    @property
    def is_everything(self) -> bool:
        return self._is_everything and not self._is_not

    def match(self, action: str, effort: Effort) -> bool:
        """Whether the element means the action. Raises TooMuchWork."""
        is_listed = self._is_everything or self._patterns.match(action.lower(), effort)
        return is_listed is not self._is_not


def check_actions(
    written: tuple[str, ...], service: str | None, effort: Effort, *, are_known: bool = False
) -> None:
    """Raises MalformedPolicy for what is neither `*` nor `service:Name`, wildcards allowed in both halves.

    service    the only one whose actions may be named; None for any
    are_known  each must mean an action on a repository of that service
    """
    for each in written:
        if each == "*":
            continue
        if not WRITTEN.fullmatch(each):
            raise MalformedPolicy(f"{each[:120]!r} is no action")
        if service and not _is_of(each.lower(), service, effort):
            raise MalformedPolicy(f"{each[:120]!r} is no action of {service}")
        if service and are_known and not _is_known(each.lower(), service, effort):
            raise MalformedPolicy(f"{each[:120]!r} is no action on a repository")


def _is_of(action: str, service: str, effort: Effort) -> bool:
    prefix = action.partition(":")[0]
    if prefix == service:
        return True
    effort.spend(20)
    return Patterns([with_wildcards(prefix)]).match(service, effort)


def _is_known(action: str, service: str, effort: Effort) -> bool:
    known = KNOWN[service]
    beginning = action.rstrip("*")
    if "*" in beginning or "?" in beginning:
        effort.spend(3 * len(known))
        return any(map(Patterns([with_wildcards(action)], colons=1).match, known, repeat(effort)))
    place = bisect_left(known, beginning)
    if place == len(known):
        return False
    return known[place].startswith(beginning) if beginning != action else known[place] == action
