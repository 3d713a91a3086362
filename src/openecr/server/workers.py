"""Several processes on one port: started, watched, started again, stopped together.

Every worker has a socket of its own on the shared port (SO_REUSEPORT); the kernel spreads connections
over them. They are opened before the processes are made and stay open here, so clients of a worker
that died wait for its successor, and are not refused.
"""

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
EARLY_SECONDS = 10.0
MAX_EARLY_DEATHS = 5
"""Workers that die so soon after their start, one after the other: then it will not get better."""

Work = Callable[[int, list[socket.socket], Callable[[], None]], None]
"""What a worker does: its number, its sockets, whom to tell that it answers."""


def supervise(
    listeners: list[list[socket.socket]],
    work: Work,
    on_ready: Callable[[], None],
    on_death: Callable[[int], None],
    *,
    reloads: bool,
) -> int:
    """Run one worker per list of sockets until told to stop. The exit code: 0 if all ended well.

    on_death  called with the id of a process that ended unasked, before another takes its place
    reloads  SIGHUP is for the workers, who read their certificate anew; else it stops them too
    Called before there is any thread, connection or loop in this process: it forks.
    """
    return _Supervisor(listeners, work, on_death, reloads).run(on_ready)


class _Supervisor:
    def __init__(
        self,
        listeners: list[list[socket.socket]],
        work: Work,
        on_death: Callable[[int], None],
        reloads: bool,
    ) -> None:
        self._listeners = listeners
        self._work = work
        self._on_death = on_death
        self._reloads = reloads
        self._workers: dict[int, tuple[int, float]] = {}  # process → its number, when it began
        self._is_stopping = False
        self._early_deaths = 0
        self._code = 0

    def run(self, on_ready: Callable[[], None]) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        told, telling = os.pipe()
        for number in range(len(self._listeners)):
            self._start(number, telling)
        os.close(telling)
        if _all_ready(told, len(self._listeners)):
            on_ready()
        else:
            self._stop(1)
        while self._workers:
            number = signal.sigwait(SIGNALS)
            if number == signal.SIGCHLD:
                for process, status in _ended():
                    self._bury(process, os.waitstatus_to_exitcode(status))
            elif number == signal.SIGHUP and self._reloads:
                self._send(signal.SIGHUP)
            else:
                self._stop(0)
        return self._code

    def _stop(self, code: int) -> None:
        self._is_stopping = True
        self._code = self._code or code
        for each in self._listeners:
            for listener in each:
                listener.close()
        self._send(signal.SIGTERM)

    def _bury(self, process: int, code: int) -> None:
        """A worker has ended. If nobody asked it to, another takes its place."""
        number, since = self._workers.pop(process)
        if self._is_stopping:
            if code != -signal.SIGTERM:  # so ends one that was still starting
                self._code = self._code or code
            return
        print(f"worker {number} ended with {code}", file=sys.stderr, flush=True)  # noqa: T201
        self._early_deaths = self._early_deaths + 1 if time.monotonic() - since < EARLY_SECONDS else 0
        if self._early_deaths > MAX_EARLY_DEATHS:
            self._stop(1)
            return
        self._on_death(process)
        nobody = os.open(os.devnull, os.O_WRONLY)
        self._start(number, nobody)
        os.close(nobody)

    def _start(self, number: int, telling: int) -> None:
        process = os.fork()
        if process:
            self._workers[process] = number, time.monotonic()
            return

        def on_ready() -> None:
            if self._reloads:  # until now nobody would have taken it but the system, which kills
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
            _tell(telling)

        code = 1
        try:
            # A terminal signals every process; what stops a worker is we.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
            for other, each in enumerate(self._listeners):
                for listener in each:
                    if other != number:
                        listener.close()
            self._work(number, self._listeners[number], on_ready)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            # Whatever the parent would still do, up the stack, is not the child's to do.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _send(self, number: signal.Signals) -> None:
        for process in self._workers:
            os.kill(process, number)


def _tell(telling: int) -> None:
    os.write(telling, b".")
    os.close(telling)


def _all_ready(told: int, count: int) -> bool:
    """Wait until every worker has told that it answers; False if one ended before."""
    ready = 0
    while ready < count and (text := os.read(told, count)):
        ready += len(text)
    os.close(told)
    return ready == count


def _ended() -> list[tuple[int, int]]:
    """The processes that have ended, with their status."""
    ended = []
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended.append(found)
    except ChildProcessError:  # there is none left
        pass
    return ended
