"""How fast somebody may go. The time and the waiting are handed in."""

from collections.abc import Callable

CATCH_UP_SECONDS = 0.1
"""Who was held up may hurry for as much as this; what was missed beyond it is missed."""


class Pace:
    """So much a second, and no more.

    a_second  0: as fast as it goes
    clock     seconds, from whenever
    """

    def __init__(self, a_second: int, *, clock: Callable[[], float], wait: Callable[[float], None]) -> None:
        self._a_second = a_second
        self._clock = clock
        self._wait = wait
        self._due = clock()

    def spend(self, amount: int) -> None:
        """Call this after so much was done: it waits until one may go on."""
        if self._a_second == 0:
            return
        now = self._clock()
        self._due = max(self._due, now - CATCH_UP_SECONDS) + amount / self._a_second
        if self._due > now:
            self._wait(self._due - now)
