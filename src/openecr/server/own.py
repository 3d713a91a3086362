"""The front under `/-/`: health, metrics, downloads, logos. Everything of ours that no protocol asks for.

`healthz` says that the process answers; `readyz` that it should be sent requests: its stores answer
and it is not about to stop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from openecr.domain.addresses import LOGOS_PATH
from openecr.errors import ServiceError
from openecr.port import Request, Response
from openecr.server.downloads import PATH as LAYERS
from openecr.server.downloads import Downloads
from openecr.server.hosts import not_found, plain
from openecr.server.logos import Logos
from openecr.server.telemetry import Exposition

Handler = Callable[[Request], Awaitable[Response]]


class OwnFront:
    """checks  what must hold for us to be ready: name → a look that raises ServiceError or OSError if
    it does not
    """

    def __init__(
        self,
        exposition: Exposition,
        downloads: Downloads,
        logos: Logos,
        checks: Mapping[str, Callable[[], None]],
    ) -> None:
        self._exposition = exposition
        self._checks = checks
        self._downloads = downloads
        self._logos = logos
        self._paths: dict[str, Handler] = {
            "/-/healthz": self._health,
            "/-/readyz": self._readiness,
            "/-/metrics": self._metrics,
        }

    async def handle(self, request: Request) -> Response:
        if request.path.startswith(LAYERS):
            return await self._downloads.handle(request)
        if request.path.startswith(LOGOS_PATH):
            return await self._logos.handle(request)
        handler = self._paths.get(request.path, not_found)
        if handler is not not_found and request.method not in ("GET", "HEAD"):
            response = plain(405, "Method Not Allowed\n")
            response.headers["Allow"] = "GET, HEAD"
            return response
        return await handler(request)

    async def _health(self, request: Request) -> Response:
        return plain(200, "ok\n")

    async def _readiness(self, request: Request) -> Response:
        for name, check in self._checks.items():
            try:
                check()
            except (ServiceError, OSError) as fault:
                return plain(503, f"{name}: {fault}\n")
        return plain(200, "ready\n")

    async def _metrics(self, request: Request) -> Response:
        # In a thread, for the sake of the first time, when the library is imported.
        media_type, text = await asyncio.to_thread(self._exposition.text)
        return Response(200, {"Content-Type": media_type}, text)
