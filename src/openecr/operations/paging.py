"""maxResults and nextToken. Source: control-plane.md §1.8.

A list pages by key: the token holds the key of the last item given, and what the list was asked
for and by which account; it is authenticated, and refused with any other question and from any other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openecr.errors import InvalidParameterException
from openecr.identity.tokens import InvalidToken
from openecr.operations.call import Call

DEFAULT_RESULTS = 100
MOST_OVER_OCI = 1000
PAGING_MEMBERS = frozenset({"maxResults", "nextToken", "MaxItems", "Marker"})
"""Of an input: the second pair is IAM's (operations/iam/paging.py)."""

Key = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    after: list[str]  # the key of the last item of the page before; empty at the beginning


def page(call: Call, *, default: int = DEFAULT_RESULTS) -> Page:
    """What part of the list is asked for. Raises InvalidParameterException for a token of another list."""
    limit = call.input.get("maxResults") or default
    token = call.input.get("nextToken")
    if token is None:
        return Page(limit, [])
    try:
        after = call.stores.tokens.open_page(token, scope(call))
    except InvalidToken:
        raise InvalidParameterException(
            member="nextToken", reason="The token is not valid for this request"
        ) from None
    return Page(limit, [str(part) for part in after])


def next_token(call: Call, key: Key) -> str:
    """The token that continues after the item with that key."""
    return call.stores.tokens.seal_page(scope(call), list(key))


def refuse_with(call: Call, member: str) -> None:
    """Raises where a page is asked for together with `member`, which names all that is wanted."""
    for paging in ("maxResults", "nextToken"):
        if call.input.get(paging) is not None:
            raise InvalidParameterException(
                member=paging, reason=f"must not be specified together with {member}"
            )


def last_name(call: Call) -> tuple[str, int]:
    """(`last`, how many) of an OCI list, which pages by plain names. Source: data-plane.md §3.4, §3.5."""
    limit = call.input.get("maxResults", DEFAULT_RESULTS)
    if limit > MOST_OVER_OCI:
        raise InvalidParameterException(
            member="maxResults", reason=f"Member must have value less than or equal to {MOST_OVER_OCI}"
        )
    return call.input.get("last", ""), limit


def scope(call: Call) -> str:
    """Everything the list depends on but the page itself, and whose it is."""
    asked: dict[str, Any] = {key: value for key, value in call.input.items() if key not in PAGING_MEMBERS}
    registry = call.registry
    place = [registry.kind, registry.account, registry.region]
    return json.dumps([call.operation.name, call.caller.account, place, asked], sort_keys=True)
