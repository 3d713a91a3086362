"""What a lifecycle policy does to a repository: one evaluator, for the run, its preview and the simulation.

Pure: facts of images and a time in, what is to become of them out. The rules of evaluation, which are easy
to get wrong:

    each rule is asked on its own about all images of its storage class, as if there were no other;
    an image whose tags and class a rule asks for is that rule's, also where the rule spares it, and no
    later rule (of a higher number) may take it: but the later one counts it all the same;
    what an index lists goes after the index, and stays as long as the index does.

Two kinds of images no rule sees. A referrer (a signature, an SBOM: whatever has a subject) goes with its
subject, whether there is a policy or not, and neither counts as one of the images to keep nor is it taken
from the subject that it signs. What is on its way back from the archive is in no storage class yet.

A referrer whose subject is not in the repository, and perhaps never was, would go with nothing: rules see it.
But it takes no other's place among the images to keep, for it may be about to go, or its subject to come.

There may be a hundred thousand images: so what is known of one is a tuple, times are milliseconds since 1970
and digests bytes, as they are stored.
Source: control-plane.md §6.4, §6.5.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from openecr.domain.image import ACTIVE, ARCHIVED
from openecr.domain.lifecycle_policy import (
    ANY,
    ARCHIVE,
    EXPIRE,
    SINCE_PULLED,
    SINCE_TRANSITIONED,
    STANDARD,
    UNTAGGED,
    LifecyclePolicy,
    Rule,
)
from openecr.domain.names import Digest
from openecr.domain.tag_mutability import matcher

DAY = 86_400_000
"""Milliseconds. A day is that long, whatever clocks do in summer."""

_CLASSES = {ACTIVE: STANDARD, ARCHIVED: ARCHIVE}


class Candidate(NamedTuple):
    """An image, as far as rules look at it."""

    id: int  # in the order in which they were pushed
    sha256: bytes
    status: str  # ACTIVE, ARCHIVED, ACTIVATING
    pushed_at: int
    pulled_at: int | None = None
    archived_at: int | None = None
    activated_at: int | None = None
    subject: bytes | None = None  # its sha256; 64 bytes of sha512 where it was named so and is not there
    tags: tuple[str, ...] = ()

    @property
    def digest(self) -> Digest:
        return Digest.of_sha256(self.sha256)

    @property
    def since(self) -> int:
        """From when on it is as new: it was pushed, or restored."""
        return self.pushed_at if self.activated_at is None else self.activated_at

    @property
    def used_at(self) -> int:
        """When it was last pulled or, where it was not since then, pushed or restored."""
        return max(self.since, self.pulled_at or 0)


class Decision(NamedTuple):
    """That image is to go the way the rule says."""

    image: Candidate
    rule: Rule
    spare: int | None = None  # where the rule counts: of the younger ones it counts, how many are too many


@dataclass(frozen=True, slots=True)
class Failure:
    """It would have to go, if these indexes did not list it, which stay."""

    decision: Decision
    lists: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    decisions: list[Decision]  # in the order they are to be carried out
    failures: list[Failure]
    changes_at: int | None  # the next time at which an age that a rule asks about is reached; None: never


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The images of a repository at one moment, and which of them list others."""

    images: Sequence[Candidate]
    parents: Mapping[int, Sequence[int]]  # id of an image → ids of the indexes that list it


def evaluate(snapshot: Snapshot, policy: LifecyclePolicy, *, now: int) -> Verdict:
    """What the policy does to the images at that time; the order in which they come does not matter."""
    by_class: dict[str, list[Candidate]] = {STANDARD: [], ARCHIVE: []}
    here = {image.sha256 for image in snapshot.images}
    for image in snapshot.images:
        if image.subject not in here and image.status in _CLASSES:
            by_class[_CLASSES[image.status]].append(image)

    taken: set[int] = set()
    decisions: dict[int, Decision] = {}
    changes: list[int] = []
    for rule in policy.rules:
        identified = _identified(rule, by_class[rule.storage_class])
        for decision in _marked(rule, identified, now):
            if decision.image.id not in taken:
                decisions[decision.image.id] = decision
        if not rule.is_count:
            coming = (_due_at(rule, image) for image in identified if image.id not in taken)
            changes += [min((at for at in coming if at > now), default=0)]
        taken.update(image.id for image in identified)

    failures = _listed(snapshot, decisions)
    for each in failures:
        del decisions[each.decision.image.id]
    return Verdict(
        list(_lists_first(decisions, snapshot.parents)), failures, min(filter(None, changes), default=None)
    )


def _identified(rule: Rule, images: list[Candidate]) -> list[Candidate]:
    """Those of its class that have the tags a rule asks for: every entry of its list is that of at least one
    of them."""
    if rule.tag_status == ANY:
        return images
    if rule.tag_status == UNTAGGED:
        return [image for image in images if not image.tags]
    tests = [matcher(pattern) for pattern in rule.tag_patterns]
    tests += [re.compile(re.escape(prefix)).match for prefix in rule.tag_prefixes]
    return [image for image in images if image.tags and _has_all(tests, image.tags)]


def _has_all(tests: Sequence[Callable[[str], object | None]], tags: Sequence[str]) -> bool:
    """Loops as plain as can be: there may be a thousand tests, and a hundred thousand images."""
    for is_it in tests:
        for tag in tags:
            if is_it(tag):
                break
        else:
            return False
    return True


def _marked(rule: Rule, identified: list[Candidate], now: int) -> list[Decision]:
    """Those that a rule would have go, of those it asks for."""
    if rule.is_count:
        return list(_beyond(rule, identified))
    return [Decision(image, rule) for image in identified if _due_at(rule, image) <= now]


def _beyond(rule: Rule, identified: list[Candidate]) -> Iterator[Decision]:
    """Those before which there are as many as the rule keeps; referrers are before referrers alone."""
    places = 0
    for place, image in enumerate(reversed(_from_old_to_new(identified))):
        before = places if image.subject is None else place
        if before >= rule.count_number:
            yield Decision(image, rule, spare=before - rule.count_number)
        places += image.subject is None


def _from_old_to_new(images: Iterable[Candidate]) -> list[Candidate]:
    """Of those that are equally old the one pushed later is younger."""
    return [image for _, _, image in sorted([(image.since, image.id, image) for image in images])]


def _due_at(rule: Rule, image: Candidate) -> int:
    """The first moment at which it is older than the rule allows."""
    if rule.count_type == SINCE_TRANSITIONED:
        reference = image.archived_at or 0
    elif rule.count_type == SINCE_PULLED:
        reference = image.used_at
    else:
        reference = image.since
    return reference + rule.count_number * DAY + 1


# Indexes, and what they list.


def _listed(snapshot: Snapshot, decisions: Mapping[int, Decision]) -> list[Failure]:
    """Decisions that cannot be carried out, for an index that stays lists the image; and then those of what
    this image lists."""
    parents = snapshot.parents
    children: dict[int, list[int]] = {}
    for child in decisions:
        for parent in parents.get(child, ()):
            children.setdefault(parent, []).append(child)
    if not children:
        return []
    by_id = {image.id: image for image in snapshot.images if image.id in children}
    failed: dict[int, Failure] = {}
    waiting = [child for child in decisions if child in parents]
    while waiting:
        child = waiting.pop()
        if child in failed:
            continue
        decision = decisions[child]
        staying = [
            by_id[parent].digest
            for parent in parents[child]
            if not _makes_way(by_id[parent], None if parent in failed else decisions.get(parent), decision)
        ]
        if staying:
            failed[child] = Failure(decision, tuple(sorted(staying)))
            waiting += (
                each
                for each in children.get(child, ())
                if not _makes_way(by_id[child], None, decisions[each])
            )
    return [failed[child] for child in sorted(failed)]


def _makes_way(index: Candidate, decision: Decision | None, wanted: Decision) -> bool:
    """Whether an index does not keep what it lists from going: by its state, or by what is to become of it.
    To be deleted, an image must not be listed; to be archived, only by indexes that are archived too."""
    if wanted.rule.action == EXPIRE:
        return decision is not None and decision.rule.action == EXPIRE
    return index.status == ARCHIVED or decision is not None


def _lists_first(
    decisions: Mapping[int, Decision], parents: Mapping[int, Sequence[int]]
) -> Iterator[Decision]:
    """From old to new, but each index before what it lists."""
    done: set[int] = set()
    for oldest in _from_old_to_new(decision.image for decision in decisions.values()):
        if not parents:
            yield decisions[oldest.id]
            continue
        waiting = [oldest.id]
        while waiting:
            last = waiting[-1]
            before = [each for each in parents.get(last, ()) if each in decisions and each not in done]
            if before:
                waiting += before
                continue
            waiting.pop()
            if last not in done:
                done.add(last)
                yield decisions[last]


# What will be.


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What becomes of an image, and when. Without a rule: it goes with its subject."""

    at: int
    image: Candidate
    rule: Rule | None


def simulate(
    snapshot: Snapshot, policy: LifecyclePolicy, *, now: int, until: int, every: int = DAY
) -> Iterator[Foreseen]:
    """What the policy does from now until then, if nobody pushes, pulls or deletes anything.

    It is run now, then once in every `every` milliseconds, and at the end; a run that would find nothing
    new is left out, for nothing comes of itself but age.
    """
    images = {image.id: image for image in snapshot.images}
    at = now
    while True:
        left = Snapshot(list(images.values()), _of(snapshot.parents, images))
        verdict = evaluate(left, policy, now=at)
        gone = [each for each in verdict.decisions if each.rule.action == EXPIRE]
        for decision in verdict.decisions:
            image = decision.image
            yield Foreseen(at, image, decision.rule)
            if decision.rule.action == EXPIRE:
                del images[image.id]
            else:
                images[image.id] = image._replace(status=ARCHIVED, archived_at=at)
        for image in _referrers(images.values(), {each.image.sha256 for each in gone}):
            if not any(parent in images for parent in snapshot.parents.get(image.id, ())):
                yield Foreseen(at, image, None)
                del images[image.id]
        if at >= until:
            return
        if verdict.decisions:  # what they kept may go now
            at += every
        elif verdict.changes_at is None:
            return
        else:
            at = now - (now - verdict.changes_at) // every * every
        if at > until:
            at = until


def _of(parents: Mapping[int, Sequence[int]], images: Mapping[int, Candidate]) -> dict[int, list[int]]:
    """Which of the images list which."""
    found = {
        child: [parent for parent in some if parent in images]
        for child, some in parents.items()
        if child in images
    }
    return {child: some for child, some in found.items() if some}


def _referrers(images: Iterable[Candidate], gone: set[bytes]) -> list[Candidate]:
    """Of those images and of their referrers in turn, the ones that name something gone as their subject."""
    found: list[Candidate] = []
    by_subject: dict[bytes, list[Candidate]] = {}
    for image in images:
        if image.subject is not None:
            by_subject.setdefault(image.subject, []).append(image)
    waiting = list(gone)
    while waiting:
        those = by_subject.pop(waiting.pop(), [])
        found += those
        waiting += (each.sha256 for each in those)
    return found
