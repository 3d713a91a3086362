"""Lists of tags and of repositories. Source: data-plane.md §1.7, §3.4, §3.5."""

from typing import Final

import orjson

from openecr.domain.registry import Kind
from openecr.oci.error_response import JSON_TYPE, Refused, error
from openecr.oci.exchange import Exchange
from openecr.oci.text import COUNT
from openecr.port import Response

PAGE: Final = 100
"""Names in a page where no `n` is given. More than 1,000 the operation refuses."""


async def list_tags(exchange: Exchange) -> Response:
    page = _page(exchange)
    output = await exchange.perform("ListTags", {"repositoryName": exchange.repository, **page})
    tags: list[str] = output["tags"]
    response = _json({"name": _spelled(exchange, exchange.repository), "tags": tags})
    if output["more"]:
        response.headers["Link"] = _next(exchange, exchange.location("tags/list"), page, tags[-1])
    return response


async def catalog(exchange: Exchange) -> Response:
    """The repositories of the registry asked for, which for public ones must be named: without an alias
    a client could pull none of what it read."""
    if exchange.address.kind is Kind.PUBLIC and exchange.address.alias is None:
        raise Refused(error(405, "UNSUPPORTED", "The catalog of a public registry is found under its alias."))
    page = _page(exchange, before_names=_spelled(exchange, ""))
    output = await exchange.perform("ListRepositoryNames", page)
    names: list[str] = output["repositoryNames"]
    response = _json({"repositories": [_spelled(exchange, name) for name in names]})
    if output["more"]:
        path = f"/v2{exchange.address.prefix}/_catalog"
        response.headers["Link"] = _next(exchange, path, page, names[-1])
    return response


def _page(exchange: Exchange, *, before_names: str = "") -> dict[str, int | str]:
    """What a listing operation is asked: how many names at most, and after which.

    before_names  what stands before each name in the list, and so perhaps before `last`
    """
    count = next(iter(exchange.asked("n")), str(PAGE))
    if not COUNT.fullmatch(count):
        raise Refused(error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested"))
    page: dict[str, int | str] = {"maxResults": int(count)}
    if last := exchange.asked("last"):
        page["last"] = last[0].removeprefix(before_names)
    return page


def _next(exchange: Exchange, path: str, page: dict[str, int | str], last: str) -> str:
    return exchange.next_link(path, [("n", str(page["maxResults"])), ("last", last)])


def _spelled(exchange: Exchange, name: str) -> str:
    """A repository's name as this client writes it: with the registry's part of the path before it."""
    return f"{exchange.address.prefix}/{name}".removeprefix("/")


def _json(document: object) -> Response:
    body = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    return Response(200, {"Content-Type": JSON_TYPE, "Content-Length": str(len(body))}, body)
