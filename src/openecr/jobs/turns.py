"""How a job that writes much lets others write: after each transaction it rests."""

from collections.abc import Iterator
from contextlib import contextmanager

from openecr.jobs.work import Tools
from openecr.metadata.database import Transaction

RESTS = 4
"""How much longer it rests than it was at work: a fifth of the time is its own, and the writer's lock for a
part of that, for most of it waits for the disk."""
LONG_RESTS = 19
"""The same for who writes so much that the disk, too, is to be left to others: a twentieth."""
LONGEST_REST_SECONDS = 0.25
QUIET_SECONDS = 0.5
"""Who was the only one to write for so long is alone."""
PAUSE_SECONDS = 0.001
"""Between two transactions of who is alone. Who waits for the lock outside this process looks for it after
1, 2, 5, 10 ms."""


@contextmanager
def turn(tools: Tools) -> Iterator[None]:
    """One transaction, and a rest after it."""
    begun = tools.stopwatch()
    yield
    took = tools.stopwatch() - begun
    tools.wait(min(took * RESTS, LONGEST_REST_SECONDS))


class Pace:
    """The same for who writes much: longer rests, but hardly any while nobody else writes.

    Whether anybody does is seen by the version that SQLite counts for a process, of what others have
    written: so only one that does nothing but this job can know.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        with tools.database.transaction(durable=False) as db:
            self._first = self._version = db.connection.data_version
        self._heard_at = tools.stopwatch()

    def look(self, db: Transaction) -> None:
        """At the beginning of each transaction, before it is known how long it is to be."""
        version = db.connection.data_version
        if version != self._version:
            self._version = version
            self._heard_at = self._tools.stopwatch()

    @property
    def is_alone(self) -> bool:
        """Whether nobody else has written for a while."""
        return self._tools.is_apart and self._tools.stopwatch() - self._heard_at >= QUIET_SECONDS

    @property
    def is_undisturbed(self) -> bool:
        """Whether nobody else has written since this was made: what was read since is so still."""
        return self._tools.is_apart and self._version == self._first

    @contextmanager
    def turn(self) -> Iterator[None]:
        begun = self._tools.stopwatch()
        yield
        took = self._tools.stopwatch() - begun
        self._tools.wait(PAUSE_SECONDS if self.is_alone else min(took * LONG_RESTS, LONGEST_REST_SECONDS))
