"""Which front a request is for. Source: design.md §2 "Server".

Whose registry it is for, the OCI front learns from `domain/addresses.py`; the AWS front never asks the
host, but the signature.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from openecr.errors import ServiceError
from openecr.port import Request, Response


@dataclass(frozen=True, slots=True)
class Front:
    """A front as the server calls it."""

    name: str  # oci, aws, server, web: as the metrics and the access log say it
    handle: Callable[[Request], Awaitable[Response]]
    refuse: Callable[[Request, ServiceError], Response]
    """The answer where `handle` raised: the error it let pass, or ServerException for a fault of ours."""


@dataclass(frozen=True, slots=True)
class Fronts:
    oci: Front
    aws: Front
    server: Front
    web: Front

    def choose(self, request: Request) -> Front:
        path = request.path
        if path.startswith("/v2/") or path in ("/v2", "/token", "/token/"):
            return self.oci
        if path == "/" and _is_call(request):
            return self.aws
        if path.startswith("/-/"):
            return self.server
        return self.web


def namespace_of(request: Request) -> str | None:
    """The value of `?ns=`, where the request only reads (form 2). Source: data-plane.md §5.4, rule 2."""
    if request.method not in ("GET", "HEAD") or "ns=" not in request.query:
        return None
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        if name == "ns":
            return unquote_plus(value)
    return None


async def not_found(request: Request) -> Response:
    """What is nobody's path. Source: data-plane.md §3.3, last line."""
    return plain(404, "404 page not found\n")


def refuse_plainly(request: Request, error: ServiceError) -> Response:
    return plain(error.status, error.text + "\n")


def plain(status: int, text: str) -> Response:
    return Response(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def _is_call(request: Request) -> bool:
    """A POST may have its Action in a form; any other call has it in the query or in X-Amz-Target."""
    if request.method == "POST" or "X-Amz-Target" in request.headers:
        return True
    return any(part.startswith("Action=") for part in request.query.split("&"))
