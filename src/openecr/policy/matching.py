"""Wildcards: `*` is any run of characters, `?` exactly one.

Within the engine a pattern is a string in which MANY and ONE stand for the two and every other
character for itself, so that what a variable puts in stays literal. Both are noncharacters of
Unicode, which a policy's text, U+0020–U+00FF, cannot hold.

No regular expressions: they go back and try again, and a pattern of ten stars could keep one busy
for hours. The runs between stars are sought from left to right, each where it first fits; if that
fails, no other way fits either.
"""

from collections.abc import Iterable

from openecr.policy.effort import Effort

MANY = "\ufdd0"
ONE = "\ufdd1"

Runs = tuple[str, ...]
"""A pattern, cut at its stars."""


def with_wildcards(text: str) -> str:
    """The pattern a policy means by the text."""
    return text.replace("*", MANY).replace("?", ONE)


class Patterns:
    """Some patterns, of which any may match.

    colons  how many colons part a pattern into parts that are matched each on its own: 1 of an
            action, 5 of an ARN, whose last part may hold more of them; 0 of a plain text. What has
            fewer parts, pattern or text, does not match.
    Nearly all patterns are one whole text or the beginning of texts: these are compared at once.
    """

    __slots__ = ("_colons", "_exact", "_others", "_prefixes")

    def __init__(self, patterns: Iterable[str], colons: int = 0) -> None:
        exact, prefixes, others = [], [], []
        for pattern in patterns:
            if colons and pattern.count(":") < colons:
                continue
            if ONE not in pattern:
                first_star = pattern.find(MANY)
                if first_star < 0:
                    exact.append(pattern)
                    continue
                if first_star == len(pattern) - 1:
                    prefixes.append(pattern[:-1])
                    continue
            *heads, tail = [tuple(part.split(MANY)) for part in pattern.split(":", colons)]
            others.append((tuple(heads), tail))
        self._colons = colons
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)
        self._others = tuple(others)

    def match(self, text: str, effort: Effort) -> bool:
        if text in self._exact or text.startswith(self._prefixes):
            return True
        if not self._others:
            return False
        *parts, last = text.split(":", self._colons)
        if len(parts) < self._colons:
            return False
        effort.spend(5 + 3 * len(self._others))
        for heads, tail in self._others:
            # The last part tells most patterns apart.
            if _fits(tail, last, effort) and all(
                _fits(head, part, effort) for head, part in zip(heads, parts, strict=True)
            ):
                return True
        return False


def _fits(runs: Runs, text: str, effort: Effort) -> bool:
    """Whether the text is those runs, in order, with anything between one and the next."""
    first = runs[0]
    if len(runs) == 1:
        return len(first) == len(text) and _stands(first, text, 0, effort)
    last = runs[-1]
    place, end = len(first), len(text) - len(last)
    # The lengths first: a run may be far longer than the text.
    if place > end or not _stands(first, text, 0, effort) or not _stands(last, text, end, effort):
        return False
    for run in runs[1:-1]:
        place = _find(run, text, place, end, effort)
        if place < 0:
            return False
        place += len(run)
    return True


def _stands(run: str, text: str, place: int, effort: Effort) -> bool:
    """Whether the run stands in the text at that place."""
    if ONE not in run:
        return text.startswith(run, place)
    pieces = run.split(ONE)
    effort.spend(2 + len(pieces))
    for piece in pieces:
        if not text.startswith(piece, place):
            return False
        place += len(piece) + 1
    return True


def _find(run: str, text: str, place: int, end: int, effort: Effort) -> int:
    """Where the run first stands in the text from `place` on, all of it before `end`; -1 for nowhere."""
    effort.spend(2 + (len(run) * (end - place) >> 7))
    if ONE not in run:
        return text.find(run, place, end)
    lead = next(filter(None, run.split(ONE)), "")
    offset = run.index(lead)
    last = end - len(run)
    while place <= last:
        hit = text.find(lead, place + offset, end)
        if hit < 0 or hit - offset > last:
            return -1
        place = hit - offset
        if _stands(run, text, place, effort):
            return place
        place += 1
    return -1
