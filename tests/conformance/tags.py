"""Tags: the list of a repository, whole and from a tag on.

`last` is a tag of the caller's choice, so a cursor that only the registry can make does not do.
Source: data-plane.md §1.7, §2.3.
"""

from collections.abc import Collection, Iterator
from urllib.parse import urljoin

import requests

from .client import Client, NonconformingError

PAGES = 1000  # more than any repository these cases meet


def list_of_empty(client: Client, repository: str) -> None:
    """A repository nothing was pushed to has a list, or is not there."""
    client("GET", _path(repository)).has_status(200, 404)


def lists(client: Client, repository: str, tags: Collection[str]) -> None:
    """All these tags are in the list; from the middle on, exactly the later half is; and n bounds a page."""
    listed = sorted(_list(client, repository))
    if missing := sorted(set(tags) - set(listed)):
        raise NonconformingError(f"the list lacks {', '.join(missing)}")
    if len(listed) < 2:
        return

    middle = len(listed) // 2
    last = listed[middle - 1]
    later = sorted(_list(client, repository, last=last))
    if later != listed[middle:]:
        raise NonconformingError(f"after {last!r} the list has {later}, expected {listed[middle:]}")
    page = client("GET", _path(repository), query={"n": "1", "last": last}).has_status(200).json()
    if page.get("tags") != listed[middle : middle + 1]:
        raise NonconformingError(f"the page of one after {last!r} has {page.get('tags')}")


def _list(client: Client, repository: str, **query: str) -> Iterator[str]:
    """All tags, page after page."""
    target, parameters = _path(repository), dict(query)
    for _ in range(PAGES):
        answer = client("GET", target, query=parameters).has_status(200, 404)
        if answer.status == 404:
            return
        yield from answer.json().get("tags") or []
        links = requests.utils.parse_header_links(answer.headers.get("Link", ""))
        following = [link["url"] for link in links if link.get("rel") == "next"]
        if not following:
            return
        target, parameters = urljoin(answer.url, following[0]), {}
    raise NonconformingError(f"the list has more than {PAGES} pages")


def _path(repository: str) -> str:
    return f"/v2/{repository}/tags/list"
