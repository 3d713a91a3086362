"""How much work one evaluation may do.

The grammar lets a text of 10,240 characters ask for hundreds of millions of comparisons: a thousand
patterns, each tried against each of fifty tag keys, each made to fail late. So every comparison whose
cost is not plain from the length of the text is counted, and who goes on for too long is cut off.
Whoever catches that must refuse: work left undone is to nobody's gain.
"""

STEPS = 8_000
"""The most one evaluation may do. A step is between one and two tenths of a microsecond: with the time
it takes to read a policy of 10,240 characters no request takes 5 ms. One as people make them takes less
than a thousand; fifty patterns tried on each of fifty tag keys would take all."""


class TooMuchWork(Exception):
    """The steps are used up."""


class Effort:
    __slots__ = ("_left",)

    def __init__(self, steps: int | None = None) -> None:
        self._left = STEPS if steps is None else steps

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork

    @property
    def is_used_up(self) -> bool:
        return self._left < 0
