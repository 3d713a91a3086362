"""`/-/layers/<signed>`: the bytes of a layer, for whoever has the URL that GetDownloadUrlForLayer gave.

The signature is all it takes: no header, no account. It opens one layer in one repository until its
time is over; a layer that has left the repository since is gone here too. What cannot be served looks
the same, whatever the reason, except that a URL of ours says when it has expired.
Source: control-plane.md §3.7.
"""

from collections.abc import Callable
from datetime import datetime

from openecr.domain.ranges import RangeNotSatisfiable, content_range
from openecr.identity.tokens import ExpiredToken, InvalidToken, Tokens
from openecr.port import Request, Response, file_response
from openecr.server.hosts import plain

PATH = "/-/layers/"

FindLayer = Callable[[int, str], tuple[str, int] | None]
"""(repository's id, digest) → (path of the file, its size in bytes); None where it is not, or no more."""


class Downloads:
    def __init__(self, tokens: Tokens, find_layer: FindLayer, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._find_layer = find_layer
        self._clock = clock

    async def handle(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return _refused(405, "Method Not Allowed", Allow="GET, HEAD")
        try:
            repository_id, digest = self._tokens.verify_download(
                request.path.removeprefix(PATH), self._clock()
            )
        except ExpiredToken:
            return _refused(403, "Request has expired")
        except InvalidToken:
            return _refused(403, "Access Denied")
        found = self._find_layer(repository_id, digest)
        if found is None:
            return _refused(404, "Not Found")
        path, size_bytes = found
        headers = {
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "ETag": f'"{digest}"',
            "Docker-Content-Digest": digest,
        }
        try:
            return file_response(path, size_bytes, _range_of(request, headers["ETag"]), headers)
        except RangeNotSatisfiable:
            unsatisfied = {"Content-Range": content_range(None, size_bytes)}
            return _refused(416, "Range Not Satisfiable", **unsatisfied)


def _range_of(request: Request, etag: str) -> str | None:
    """The Range header, where it counts: If-Range names what the client has the beginning of."""
    condition = request.headers.get("If-Range")
    return request.headers.get("Range") if condition is None or condition.strip() == etag else None


def _refused(status: int, text: str, **headers: str) -> Response:
    response = plain(status, text + "\n")
    response.headers.update(headers)
    return response
