"""May this tag move? Source: control-plane.md §2.7."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from openecr.errors import InvalidParameterException

MUTABLE = "MUTABLE"
IMMUTABLE = "IMMUTABLE"
WITH_EXCLUSION = "_WITH_EXCLUSION"
WILDCARDS_PER_FILTER = 2


@dataclass(frozen=True, slots=True)
class TagMutability:
    """One of the four settings, and the filters of the two `…_WITH_EXCLUSION`."""

    setting: str = MUTABLE
    filters: tuple[str, ...] = ()

    def is_immutable(self, tag: str) -> bool:
        """Whether the tag, once assigned, must stay with its image."""
        excluded = any(matches(pattern, tag) for pattern in self.filters)
        return self.setting.startswith(IMMUTABLE) is not excluded


def parse(setting: str, filters: Sequence[Mapping[str, Any]] | None) -> TagMutability:
    """A setting and its filters, as they came (`[{"filterType": "WILDCARD", "filter": "latest*"}]`).

    Raises InvalidParameterException where the two do not go together.
    """
    member = "imageTagMutabilityExclusionFilters"
    reason = "ImageTagMutabilityExclusionFilters can't be {} when imageTagMutability is set as " + setting
    wants_filters = setting.endswith(WITH_EXCLUSION)
    if wants_filters and not filters:
        raise InvalidParameterException(member=member, reason=reason.format("null"))
    if filters and not wants_filters:
        raise InvalidParameterException(member=member, reason=reason.format("set"))
    patterns = tuple(each["filter"] for each in filters or ())
    for pattern in patterns:
        if pattern.count("*") > WILDCARDS_PER_FILTER:
            raise InvalidParameterException(
                member=member, reason=f"filter must have at most {WILDCARDS_PER_FILTER} wildcards"
            )
    return TagMutability(setting, patterns)


def matches(pattern: str, tag: str) -> bool:
    """Whether the whole tag matches; `*` stands for any run of characters, all else for itself."""
    return matcher(pattern)(tag) is not None


@lru_cache(maxsize=2048)
def matcher(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """`matches`, for one pattern and many tags.

    What stands between two stars is looked for where it comes first, and nowhere else (`(?>…)`): the time it
    takes does not multiply with each star.
    """
    first, *others = map(re.escape, pattern.split("*"))
    if not others:
        return re.compile(first).fullmatch
    *middle, last = others
    found_first = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(f"{first}{found_first}.*{last}", re.DOTALL).fullmatch
