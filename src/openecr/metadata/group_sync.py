"""One sync of a file for all who wait for one.

A commit to SQLite's log is durable once the log is synced. SQLite would do that within the commit, while
everybody else waits for the writer's lock; here a writer lets the lock go and waits for a sync that
*begins* after its commit. Whoever comes while one is running shares the next: under load one sync
serves many commits, and the lock is held for microseconds in place of milliseconds.

A sync that fails ends it. The kernel may have dropped what could not be written and would call the next
sync a success, so from then on every wait fails, until the process is started anew.
"""

import os
import threading
from collections.abc import Callable

from openecr.errors import ServiceUnavailable


class GroupSync:
    """The syncs of one file, for any number of threads.

    path  the file, which is there
    sync  makes what was written to a descriptor's file safe; raises OSError where it cannot
    """

    def __init__(self, path: str, sync: Callable[[int], None] = os.fdatasync) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._run = sync
        self._is_closed = False
        self._changed = threading.Condition()
        self._begun = 0  # syncs so far
        self._ended = 0  # the last one that has ended; they run one at a time
        self._has_failed = False

    def wait(self) -> None:
        """Return once a sync has ended that began after this call. Raises ServiceUnavailable."""
        with self._changed:
            wanted = self._begun + 1
            while self._ended < wanted and not self._has_failed:
                if self._begun > self._ended:
                    self._changed.wait()
                else:
                    self._sync()
            if self._has_failed:
                raise ServiceUnavailable

    def close(self) -> None:
        """Once or more often: by then the number may be another file's. No wait may be under way."""
        if not self._is_closed:
            self._is_closed = True
            self._has_failed = True  # nobody can be served any more
            os.close(self._file)

    def _sync(self) -> None:
        """Run the next sync, without holding the condition meanwhile."""
        self._begun += 1
        self._changed.release()
        try:
            self._run(self._file)
        except OSError:
            self._has_failed = True  # everybody who waits is told, and whoever comes
        finally:
            self._changed.acquire()
            self._ended = self._begun
            self._changed.notify_all()
