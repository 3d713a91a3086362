"""What a client may take: bytes, time, patience. Every bound has its name here.

Sources: reliability.md G1 and G2; dependencies.md §1; data-plane.md §4.9 (headers, idle connections,
what is drained after a refusal).
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    line_bytes: int = 16 << 10  # the request target
    field_bytes: int = 16 << 10  # one header, name and value: a token of 2 KB must fit
    fields: int = 128
    head_bytes: int = 64 << 10  # all of a request before its body
    pipelined: int = 16  # requests waiting behind the one that is being answered
    head_seconds: float = 10.0  # from the first byte of a request to the end of its head
    keep_alive_seconds: float = 75.0  # between requests
    pace_bytes_per_second: int = 1024  # the floor of a body on its way in, and of an answer on its way out
    pace_window_seconds: float = 30.0
    unread_bytes: int = 1 << 20  # of a body that was refused: read and thrown away, for kindness
    linger_seconds: float = 5.0
    handshake_seconds: float = 10.0
    drain_seconds: float = 30.0  # for what is under way when the server is told to stop
    sweep_seconds: float = 0.5  # how often all this is looked at


class Pace:
    """Whether a peer keeps up: the bytes that moved while we waited for it, over the last window.

    Time in which the peer waits for us does not count, so neither a slow disk nor a long queue of
    ours makes a client look slow.
    """

    def __init__(self, limits: Limits, moved_bytes: int) -> None:
        """`moved_bytes`: what had moved when the waiting began."""
        self._window_seconds = limits.pace_window_seconds
        self._floor_bytes = limits.pace_window_seconds * limits.pace_bytes_per_second
        self._waited_seconds = 0.0
        self._samples = deque([(0.0, moved_bytes)])

    def keeps_up(self, waited_seconds: float, moved_bytes: int) -> bool:
        """Called at short intervals, with the time since the last call and all bytes moved until now."""
        self._waited_seconds += waited_seconds
        samples = self._samples
        samples.append((self._waited_seconds, moved_bytes))
        since = self._waited_seconds - self._window_seconds
        if since < 0:
            return True
        while len(samples) > 1 and samples[1][0] <= since:
            samples.popleft()
        return moved_bytes - samples[0][1] >= self._floor_bytes
