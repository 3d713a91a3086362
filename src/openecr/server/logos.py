"""`/-/logos/<sha256>`: the picture of a public repository, for anybody.

It is found as long as any repository has it for its logo. The bytes are a stranger's, sent from an address
where people may be signed in, so a browser is told what they are, not to guess, and to run nothing of them.
Source: control-plane.md §9.5.
"""

import asyncio
import re
from collections.abc import Callable

from openecr.domain.addresses import LOGOS_PATH
from openecr.domain.logo import Logo
from openecr.port import Request, Response
from openecr.server.hosts import plain

SHA256 = re.compile(r"[0-9a-f]{64}")
CACHED_SECONDS = 3600
"""How long a client may show a logo that is not there any more."""

FindLogo = Callable[[bytes], Logo | None]
"""sha256 → the picture, where it is any repository's."""


class Logos:
    def __init__(self, find_logo: FindLogo) -> None:
        self._find_logo = find_logo

    async def handle(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            refused = plain(405, "Method Not Allowed\n")
            refused.headers["Allow"] = "GET, HEAD"
            return refused
        name = request.path.removeprefix(LOGOS_PATH)
        if not SHA256.fullmatch(name):
            return plain(404, "Not Found\n")
        # In a thread: half a megabyte takes most of a millisecond, and a disk longer.
        logo = await asyncio.to_thread(self._find_logo, bytes.fromhex(name))
        if logo is None:
            return plain(404, "Not Found\n")
        etag = f'"{name}"'
        headers = {"ETag": etag, "Cache-Control": f"public, max-age={CACHED_SECONDS}"}
        if _is_known(request.headers.get("If-None-Match"), etag):
            return Response(304, headers)
        headers |= {
            "Content-Type": logo.media_type,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return Response(200, headers, logo.content)


def _is_known(condition: str | None, etag: str) -> bool:
    """Whether a client that says what it has, has this. Source: RFC 9110 §13.1.2."""
    if condition is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag in tags
