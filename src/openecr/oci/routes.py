"""The whole table: method, path, function.

A path is what follows `/v2/` and the part that names the registry, as received. It is read from the
right: its last fixed words decide, and all before them is the repository's name, so a name may have
parts called `blobs`, `manifests`, `tags`, `uploads` or `v2`. Decoding comes after, part by part: an
encoded slash never moves a border. Sources: data-plane.md §1.1, §1.2, §4.9.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson

from openecr.errors import ServiceError
from openecr.oci import blobs, manifests, referrers, tags, uploads
from openecr.oci.error_response import (
    JSON_TYPE,
    Refused,
    answer,
    answer_on_blobs,
    method_not_allowed,
    page_not_found,
)
from openecr.oci.exchange import Exchange
from openecr.oci.text import decoded
from openecr.port import Response

Function = Callable[[Exchange], Awaitable[Response]]


async def ping(exchange: Exchange) -> Response:
    """Nothing but that the credentials hold."""
    return Response(200, {"Content-Length": "0"})


async def extensions(exchange: Exchange) -> Response:
    """There are none. Source: distribution specification, extensions, `_oci/ext/discover`."""
    body = orjson.dumps({"extensions": []}, option=orjson.OPT_APPEND_NEWLINE)
    return Response(200, {"Content-Type": JSON_TYPE, "Content-Length": str(len(body))}, body)


ROUTES: Final[tuple[tuple[str, str, Function], ...]] = (
    # The commonest first; where two patterns fit one path, the first is meant.
    ("GET", "{name}/manifests/{reference}", manifests.get),
    ("HEAD", "{name}/manifests/{reference}", manifests.head),
    ("PUT", "{name}/manifests/{reference}", manifests.put),
    ("DELETE", "{name}/manifests/{reference}", manifests.delete),
    ("POST", "{name}/blobs/uploads/", uploads.start),
    ("POST", "{name}/blobs/uploads", uploads.start),
    ("GET", "{name}/blobs/uploads/{id}", uploads.status),
    ("PATCH", "{name}/blobs/uploads/{id}", uploads.append),
    ("PUT", "{name}/blobs/uploads/{id}", uploads.complete),
    ("DELETE", "{name}/blobs/uploads/{id}", uploads.cancel),
    ("GET", "{name}/blobs/{digest}", blobs.get),
    ("HEAD", "{name}/blobs/{digest}", blobs.head),
    ("DELETE", "{name}/blobs/{digest}", blobs.delete),
    ("GET", "{name}/tags/list", tags.list_tags),
    ("GET", "{name}/referrers/{digest}", referrers.list_referrers),
    ("GET", "_catalog", tags.catalog),
    ("GET", "_oci/ext/discover", extensions),
    ("GET", "", ping),
    ("HEAD", "", ping),
)


@dataclass(frozen=True, slots=True)
class Route:
    function: Function
    answer: Callable[[ServiceError], Response]  # to an error of an operation


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    name: str | None  # the repository's, decoded; None where the route has none
    reference: str  # a tag, a digest or an upload id, decoded; "" where the route has none


def find(method: str, path: str) -> Match:
    """The route of a request. Raises Refused: 404 for no route, 405 for one of other methods."""
    for pattern, has_name, methods in _PATTERNS:
        if (matched := pattern.fullmatch(path)) is None:
            continue
        if (route := methods.get(method)) is None:
            raise Refused(method_not_allowed(methods))
        parts = matched.groups()
        if not has_name:
            return Match(route, None, "")
        return Match(route, decoded(parts[0] or ""), decoded(parts[1]) if len(parts) > 1 else "")
    raise Refused(page_not_found())


def _compiled() -> tuple[tuple[re.Pattern[str], bool, dict[str, Route]], ...]:
    """Pattern by pattern, in the order of the table: expression, whether it has a name, by method."""
    by_pattern: dict[str, dict[str, Route]] = {}
    for method, pattern, function in ROUTES:
        route = Route(function, answer_on_blobs if "/blobs/" in pattern else answer)
        by_pattern.setdefault(pattern, {})[method] = route
    return tuple((_expression(pattern), "{name}" in pattern, each) for pattern, each in by_pattern.items())


def _expression(pattern: str) -> re.Pattern[str]:
    """The name takes all it can, the last part has no slash. A path without a name matches too: that
    this is no name is said where names are judged."""
    return re.compile(re.sub(r"\{[a-z]+\}", "([^/]+)", pattern.replace("{name}/", "(?:(.+)/)?")))


_PATTERNS = _compiled()
