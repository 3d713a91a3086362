"""What policies may cost that somebody only sends along, to be told of them.

Policies in force are short, and a decision by them has a bound (policy/effort.py). Who simulates may send
many and ask for thousands of decisions, and waits in one of the few threads that readers have. So there is
one at a time in a process, others are told to come back; it has so many characters to read, and so much work
to do. Work is counted, not timed: the same simulation has the same pages, whatever else goes on.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from openecr.domain.principal import policy_size
from openecr.errors import InvalidInputException, ThrottlingException

STEPS = 500_000
"""Of one call, in the steps of policy/effort.py: 50 ms, or 100 with the worst policies [measured]. A thousand
requests by a policy such as people write take less."""
MOST_CHARACTERS = 65_536
"""In all policies sent along, white space not counted: ten managed policies of the greatest size are fewer.
The worst of them take 20 ms to read [measured]."""

TURN = threading.Lock()


class Allowance:
    """The steps that one call may still take."""

    def __init__(self) -> None:
        self._left = STEPS

    def spend(self, steps: int) -> None:
        self._left -= steps

    @property
    def is_used_up(self) -> bool:
        return self._left <= 0


@contextmanager
def one_at_a_time() -> Iterator[Allowance]:
    """Raises ThrottlingException while another call is at it."""
    if not TURN.acquire(blocking=False):
        raise ThrottlingException
    try:
        yield Allowance()
    finally:
        TURN.release()


def check_length(policies: Iterable[str]) -> None:
    """Raises InvalidInputException for more than one call may send along."""
    if sum(map(policy_size, policies)) > MOST_CHARACTERS:
        raise InvalidInputException(
            f"There may be {MOST_CHARACTERS} characters in all policies together, white space not counted."
        )
