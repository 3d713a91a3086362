"""Resources: the ARNs a statement speaks of. Source: auth-iam.md §4.1, §5.1.

A pattern is matched part by part, each of the first five for itself; in the last a star spans
anything. A request without a resource, `*`, is met by `*` alone.
"""

import re

from openecr.policy.inquiry import Inquiry
from openecr.policy.malformed import MalformedPolicy
from openecr.policy.matching import MANY, ONE, Patterns
from openecr.policy.variables import fill_all, read_all

COLONS = 5
"""How many part an ARN: `arn:partition:service:region:account:` and the rest."""
WRITTEN = re.compile(r"arn:[A-Za-z0-9*?-]+:[A-Za-z0-9-]+:[^:$]*:[^:$]*:(?s:.+)")
"""An ARN pattern. No wildcard in the service; no variable before the fifth colon."""


ANY_BEGINNING = ("",)


class Resources:
    """What a Resource or NotResource element lists. Raises MalformedPolicy for an unreadable variable.

    written        as in the text
    has_variables  the policy's version knows them
    beginnings     the last part of a resource that is meant begins with one of them: a test that costs
                   next to nothing and tells most statements apart
    """

    __slots__ = ("_is_everything", "_is_not", "_patterns", "beginnings", "templates", "written")

    def __init__(self, written: tuple[str, ...], *, is_not: bool, has_variables: bool) -> None:
        patterns, self.templates = read_all(written, has_wildcards=True, has_variables=has_variables)
        self.written = written
        self._is_not = is_not
        self._is_everything = "*" in written
        self._patterns = Patterns(patterns, COLONS)
        literals = [*patterns, *(template.literals[0] for template in self.templates)]
        self.beginnings = ANY_BEGINNING if is_not else tuple(map(_beginning, literals))

    @property
    def is_everything(self) -> bool:
        return self._is_everything and not self._is_not

    def match(self, inquiry: Inquiry) -> bool:
        """Whether the element means the resource of the request."""
        resource = inquiry.request.resource
        is_listed = self._is_everything or self._patterns.match(resource, inquiry)
        if self.templates and not is_listed:
            is_listed = Patterns(fill_all(self.templates, inquiry), COLONS).match(resource, inquiry)
        return is_listed is not self._is_not


def _beginning(pattern: str) -> str:
    """How the last part of an ARN begins if it is to match; empty where that is open."""
    last = pattern.split(":", COLONS)[COLONS:]
    return last[0].partition(MANY)[0].partition(ONE)[0] if last else ""


def check_resources(written: tuple[str, ...]) -> None:
    """Raises MalformedPolicy for what is neither `*` nor the pattern of an ARN."""
    for each in written:
        if each != "*" and not WRITTEN.fullmatch(each):
            raise MalformedPolicy(f"{each[:120]!r} is no ARN")
