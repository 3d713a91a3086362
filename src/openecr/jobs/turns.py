"""How a job that writes much lets others write: after each transaction it rests."""

from collections.abc import Iterator
from contextlib import contextmanager

from openecr.jobs.work import Tools
from openecr.metadata.database import Transaction

RESTS = 4
"""How much longer it rests than it was at work: a fifth of the time is its own, and the writer's lock for a
part of that, for most of it waits for the disk."""
LONG_RESTS = 19
"""The same for who writes much, or for long, and is in no hurry: a twentieth, for the disk, too, is to be
left to others."""
LONGEST_REST_SECONDS = 0.25
QUIET_SECONDS = 0.5
"""Who was the only one to write for so long is alone."""
PAUSE_SECONDS = 0.001
"""Between two transactions of who is alone. Who waits for the lock outside this process looks for it now and
then, after 1, 2, 5 ms and at last every 100: what lets it in is rather that the job tells the audit, without
the lock, what it has done."""
HELD_SECONDS = 0.4
"""A transaction that held the writer's lock for longer is followed by a smaller one; one that held it for a
quarter of that, or less, by a larger one."""


@contextmanager
def turn(tools: Tools, *, rests: int = RESTS) -> Iterator[None]:
    """One transaction, and a rest after it, so many times as long."""
    begun = tools.stopwatch()
    yield
    took = tools.stopwatch() - begun
    tools.wait(min(took * rests, LONGEST_REST_SECONDS))


class Turns:
    """The same for who writes very much: longer rests, but hardly any while nobody else writes. Then the
    transactions grow, too, as long as others would not have to wait long.

    Whether anybody else writes is seen by the version that SQLite counts for a connection, of what was
    written by others: so only a process that does nothing but this job can know.

    few, many  how much one transaction is to do, while others write and at the very most
    """

    def __init__(self, tools: Tools, *, few: int, many: int) -> None:
        self._tools = tools
        self._few = few
        self._many = many
        self.size = few
        """How much the transaction under way is to do."""
        self._first = self._version = self._version_now()
        self._heard_at = tools.stopwatch()
        self._held = 0.0

    @property
    def is_alone(self) -> bool:
        """Whether nobody else has written for a while."""
        return self._tools.is_apart and self._tools.stopwatch() - self._heard_at >= QUIET_SECONDS

    @property
    def is_undisturbed(self) -> bool:
        """Whether nobody else has written since this was made: what was read since is so still. Within a
        transaction of `transaction`, up to its end."""
        return self._tools.is_apart and self._version == self._first

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One after which to rest."""
        with self._tools.database.transaction(durable=False) as db:
            begun = self._tools.stopwatch()  # others wait from here
            self._look(db)
            self.size = self._next_size()
            yield db
        self._held = self._tools.stopwatch() - begun

    def rest(self) -> None:
        """Let others write."""
        long = min(self._held * LONG_RESTS, LONGEST_REST_SECONDS)
        self._tools.wait(PAUSE_SECONDS if self.is_alone else long)

    def _look(self, db: Transaction) -> None:
        version = db.connection.data_version
        if version != self._version:
            self._version = version
            self._heard_at = self._tools.stopwatch()

    def _next_size(self) -> int:
        if not self.is_alone:
            return self._few
        if self._held < HELD_SECONDS / 4:
            return min(2 * self.size, self._many)
        if self._held > HELD_SECONDS:
            return max(self.size // 2, self._few)
        return self.size

    def _version_now(self) -> int:
        if not self._tools.is_apart:
            return 0
        with self._tools.database.transaction(durable=False) as db:
            return db.connection.data_version
