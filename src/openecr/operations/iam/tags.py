"""The tags of users, roles, policies and OIDC providers: keys whose case does not count but is kept.

Their characters and lengths, and that a request has 50 at most, the service model says and the front
checks. Source: IAM user guide, "Tags for IAM resources": rules for tagging.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from openecr.errors import InvalidInputException, LimitExceededException
from openecr.operations.call import Call, Output
from openecr.operations.iam import quotas
from openecr.operations.iam.paging import by_position

RESERVED = "aws:"

Tags = Mapping[str, str]


def parse_tags(given: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """`[{"Key": "team", "Value": "blue"}]` → key to value, in order. Raises InvalidInputException."""
    _check_keys([tag["Key"] for tag in given or ()])
    return {tag["Key"]: tag["Value"] for tag in given or ()}


def fault_of_keys(keys: Collection[str]) -> str | None:
    """What is wrong with the keys of tags that a request gives, session tags too; None if nothing is.

    Only AWS sets tags whose keys begin with `aws:`. The sentence on them is other services'; IAM's was never
    seen.
    """
    folded = {key.lower() for key in keys}
    if len(folded) < len(keys):
        return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    if any(key.startswith(RESERVED) for key in folded):
        return "aws: prefixed tag key names are not allowed for external use."
    return None


def with_tags(tags: Tags, more: Tags, *, of: str) -> dict[str, str]:
    """The tags, and more: one whose key is there takes its place, however that was spelled.

    of      User, Role, Policy: whose they are
    Raises  LimitExceededException
    """
    merged = {**_without(tags, more), **more}
    if len(merged) > quotas.TAGS:
        raise LimitExceededException(f"Cannot exceed quota for TagsPer{of}: {quotas.TAGS}")
    return merged


def without_tags(tags: Tags, keys: Sequence[str]) -> dict[str, str]:
    """The tags but those; a key that is not there is no error. Raises InvalidInputException."""
    _check_keys({key.lower() for key in keys})
    return _without(tags, keys)


def shown_tags(tags: Tags) -> list[dict[str, str]]:
    """As they are shown: sorted by key. Source: API reference, ListUserTags."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def page_of_tags(call: Call, tags: Tags) -> Output:
    """The output of ListUserTags and its like: Tags, IsTruncated, Marker."""
    return by_position(call, "Tags", shown_tags(tags))


def _without(tags: Tags, keys: Iterable[str]) -> dict[str, str]:
    folded = {key.lower() for key in keys}
    return {key: value for key, value in tags.items() if key.lower() not in folded}


def _check_keys(keys: Collection[str]) -> None:
    fault = fault_of_keys(keys)
    if fault is not None:
        raise InvalidInputException(fault)
