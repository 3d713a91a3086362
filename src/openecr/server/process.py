"""One process from its first answer to its last: loop, signals, timers, drain."""

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

from openecr.errors import ServiceError
from openecr.server.adapter import HttpServer
from openecr.server.app import Parts
from openecr.server.incoming import Incoming
from openecr.server.limits import Limits
from openecr.server.listeners import Certificate
from openecr.server.telemetry import RequestIds, Telemetry
from openecr.settings import Settings

CERTIFICATE_SECONDS = 10.0
PULLS_SECONDS = 30.0
"""How long a pull is only known to its process. Source: advanced-features.md §6.3: at most a minute."""
SWITCH_SECONDS = 0.0005
"""How long a thread that moves bytes may keep the loop waiting for the interpreter."""
YOUNG_OBJECTS = 10_000
"""New objects before the collector looks: a request leaves no cycles, so it finds little."""


def run(
    parts: Parts, listeners: list[socket.socket], *, is_first: bool, on_ready: Callable[[], None]
) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is under way. A second signal cuts it short.

    is_first  of the workers: the one that does what must be done once
    on_ready  called when the first request would be answered
    Raises OSError where the certificate cannot be used.
    """
    _allow_many_connections()
    _leave_no_core()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 50, 50)
    gc.enable()
    try:
        asyncio.run(_run(parts, listeners, is_first, on_ready))
    finally:
        parts.close()


async def serve(
    parts: Parts,
    listeners: list[socket.socket],
    stop: asyncio.Event,
    *,
    certificate: Certificate | None = None,
    limits: Limits | None = None,
    is_first: bool = True,
    on_ready: Callable[[], None],
) -> None:
    """Answer until `stop` is set, then finish what is under way. No signals: for tests, and for `run`."""
    incoming = Incoming(RequestIds(), parts.settings.trusted_proxies)
    server = HttpServer(parts.fronts.choose, parts.telemetry, incoming, limits or Limits())
    for listener in listeners:
        await server.listen(listener, certificate.context if certificate else None)
    timers = [asyncio.create_task(every(PULLS_SECONDS, parts.telemetry, parts.record_pulls))]
    if certificate is not None:
        reload = certificate.reload_if_changed
        timers.append(asyncio.create_task(every(CERTIFICATE_SECONDS, parts.telemetry, reload)))
    if is_first and parts.settings.jobs:
        parts.worker.start()
    on_ready()
    await stop.wait()
    for timer in timers:
        timer.cancel()
    await server.stop()
    await asyncio.to_thread(parts.record_pulls)


async def every(seconds: float, telemetry: Telemetry, work: Callable[[], object]) -> None:
    """Do it now and then, in a thread, until cancelled. What goes wrong is told, a mistake of ours with its
    story, and the work is done again next time."""
    while True:
        [ended] = await asyncio.gather(asyncio.to_thread(work), return_exceptions=True)
        if isinstance(ended, (ServiceError, OSError)):
            reason = f"{type(ended).__name__}: {ended}"
            telemetry.log.write("error", "timer", work=work.__name__, reason=reason)
        elif isinstance(ended, BaseException):
            telemetry.crashed(None, ended)
        await asyncio.sleep(seconds)


def open_certificate(settings: Settings) -> Certificate | None:
    """None where the server speaks plain HTTP. Raises OSError where the files cannot be used."""
    if settings.tls_certificate is None:
        return None
    return Certificate(settings.tls_certificate, settings.tls_key)


async def _run(
    parts: Parts, listeners: list[socket.socket], is_first: bool, on_ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: _tell(parts, context))
    stop = asyncio.Event()
    certificate = open_certificate(parts.settings)
    serving = asyncio.create_task(
        serve(parts, listeners, stop, certificate=certificate, is_first=is_first, on_ready=on_ready)
    )

    def end() -> None:
        if stop.is_set():
            serving.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(
        signal.SIGHUP, end if certificate is None else partial(_reload, parts, certificate)
    )
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


def _allow_many_connections() -> None:
    """Every connection is an open file. A shell allows 1,024, the system mostly many more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _leave_no_core() -> None:
    """What a process leaves when it crashes would hold every secret it has opened."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _reload(parts: Parts, certificate: Certificate) -> None:
    try:
        certificate.reload()
    except OSError as error:
        parts.log.write("error", "certificate not read", reason=str(error))


def _tell(parts: Parts, context: dict[str, object]) -> None:
    """What asyncio cannot give to anybody: a callback that failed, a socket that broke while accepting."""
    error = context.get("exception")
    if isinstance(error, Exception):
        parts.log.write("error", str(context.get("message")), reason=f"{type(error).__name__}: {error}")
    else:
        parts.log.write("error", str(context.get("message")), reason="")
