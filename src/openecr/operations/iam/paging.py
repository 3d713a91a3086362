"""MaxItems and Marker: the pages of IAM's lists. Source: auth-iam.md §2.5; the service model.

A Marker is bound to its list and cannot be changed, as a nextToken (operations/paging.py). It holds where
the next page begins: the key of the last item given or, in a short list, how many were given. The model takes
a Marker of 320 characters at most. That is room for any name, not for an ARN with its path or for any tag
key; lists by those are short.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from openecr.errors import ValidationError
from openecr.identity.tokens import InvalidToken
from openecr.operations.call import Call, Output
from openecr.operations.paging import scope

DEFAULT_ITEMS = 100

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    after: str = ""  # the key of the last item given before; empty at the beginning
    given: int = 0  # how many items were given before, in a list without keys


def page(call: Call) -> Page:
    """What part of the list is asked for. Raises ValidationError for a Marker of another list."""
    limit = call.input.get("MaxItems") or DEFAULT_ITEMS
    marker = call.input.get("Marker")
    if marker is None:
        return Page(limit)
    try:
        place = call.stores.tokens.open_page(marker, scope(call))[0]
    except InvalidToken:
        raise ValidationError("Invalid Marker.") from None
    return Page(limit, after=place) if isinstance(place, str) else Page(limit, given=place)


def by_key(
    call: Call,
    asked: Page,
    member: str,
    items: Sequence[Item],
    *,
    key: Callable[[Item], str],
    show: Callable[[Item], Any],
) -> Output:
    """A page of a list in the order of a key, such as a folded name.

    items    from the one after `asked.after` on, or all there are; one more than fits, if there are more
    returns  `member` with the items as `show` shows them, IsTruncated, and Marker if that is true
    """
    rest = [item for item in items if key(item) > asked.after]
    shown = rest[: asked.limit]
    output: Output = {member: [show(item) for item in shown]}
    return output | _more(call, len(rest) > len(shown), lambda: key(shown[-1]))


def by_position(call: Call, member: str, items: Sequence[Any]) -> Output:
    """A page of a short list: all its items, as they are shown.

    A list that is changed between two pages may have an item skipped, or given twice.
    """
    asked = page(call)
    end = asked.given + asked.limit
    output: Output = {member: list(items[asked.given : end])}
    return output | _more(call, end < len(items), lambda: end)


def _more(call: Call, is_truncated: bool, place: Callable[[], str | int]) -> Output:
    """IsTruncated, which is always there, and Marker."""
    if not is_truncated:
        return {"IsTruncated": False}
    return {"IsTruncated": True, "Marker": call.stores.tokens.seal_page(scope(call), [place()])}
