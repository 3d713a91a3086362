"""Stored bytes are read again and again, to see if they are still what they were.

A pass reads every blob, at a bounded rate, in slices of a few seconds: between two of them its place is kept
as a bookmark, and others have their turn. A blob whose bytes are missing, of another size or of another
digest is marked: it is there for nobody any more, so that whoever has the bytes pushes them again, which
heals it. One that was marked and is found whole is unmarked: the disk may have come back.

Where very many blobs are missing one after the other it is the store that is not there, not they: a
folder that was not mounted. Then none is marked, and the job fails.

A digest on its way cannot be kept as a row. A blob that takes longer than a slice goes on from where it was
if the same process has the next one; else whoever has it reads the blob to its end without a rest.
Source: reliability.md B3, B4, §6.
"""

import errno
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from openecr.blobs.hashing import BLOCK_BYTES, PIECE_BYTES, Hashing
from openecr.domain.pace import Pace
from openecr.domain.tier import ARCHIVE
from openecr.errors import ServiceUnavailable
from openecr.jobs import figures
from openecr.jobs.service_event import service_event
from openecr.jobs.work import Rest, Tools, Work
from openecr.metadata.damage import Stored
from openecr.metadata.database import Transaction
from openecr.metadata.query import milliseconds, moment

SLICE_SECONDS = 5.0
PAGE = 100
PIECES_A_SECOND = 16
MISSING_IN_A_ROW = 100
TOLD_REPOSITORIES = 100
"""Each gets a record in the audit file; a blob may be in thousands."""
TOLD_IMAGES = 100
UNREADABLE = {errno.ENOENT, errno.EIO, errno.EBADMSG, errno.EUCLEAN}
"""What says of a file that its bytes are lost; other faults are of the machine."""
PLACE = "scrub"
LAST = "scrub last"


@dataclass(slots=True)
class Pass:
    """How far one has come, and what it has found."""

    began_at: int  # milliseconds
    after: int = 0  # the last blob that was looked at
    going: str = ""  # the key of one that was begun
    blobs: int = 0
    size_bytes: int = 0
    damaged: int = 0
    healed: int = 0
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """wrong  what is wrong with the bytes; "" where they are whole again"""

    blob: Stored
    wrong: str
    images: list[str]  # those that use it: ARN of the repository@digest


def scrub(work: Work) -> Rest | None:
    """Go on with the pass that is under way, or begin one when it is time, for a few seconds."""
    tools = work.tools
    with work.database.reading() as db:
        going_on = _next_pass(find_pass(db), tools.bounds.scrub_days, work.now)
    if going_on is None:
        return None
    read_before = going_on.size_bytes
    scrubber = Scrubber(tools, going_on, tools.bounds.scrub_bytes_per_second, step=work.step)
    for finding in scrubber.go_on(tools.stopwatch() + SLICE_SECONDS):
        work.counts["damaged" if finding.wrong else "healed"] += 1
    with work.database.transaction(durable=False) as db:
        db.bookmarks.put(PLACE, asdict(going_on))
        figures.add(db, scrub_read_bytes=going_on.size_bytes - read_before)
        if going_on.ended_at is not None:
            keep_result(db, going_on)
    return Rest(tools.clock(), {}) if going_on.ended_at is None else None


def find_pass(db: Transaction, name: str = PLACE) -> Pass | None:
    """The pass that is under way, or that was the last; with LAST the last that ended."""
    kept = db.bookmarks.find(name)
    return None if kept is None else Pass(**kept)


def keep_result(db: Transaction, ended: Pass) -> None:
    assert ended.ended_at is not None
    db.bookmarks.put(LAST, asdict(ended))
    figures.put(db, scrub_damaged_blobs=ended.damaged, scrub_ended_timestamp_seconds=ended.ended_at / 1000)


def _next_pass(last: Pass | None, days: int, now: datetime) -> Pass | None:
    """The one to go on with; None where it is not time for any."""
    if days == 0:
        return None
    if last is not None:
        if last.ended_at is None:
            return last
        since = now - moment(last.began_at)
        if timedelta(0) <= since < timedelta(days=days):
            return None
    return Pass(milliseconds(now))


class Scrubber:
    """Reads blobs, marks and unmarks them.

    run               goes on from there, and is kept up to date
    bytes_per_second  0: as fast as it goes
    step              called between pieces; may raise to end it
    marks_all         even where it is the store that is missing
    """

    def __init__(
        self,
        tools: Tools,
        run: Pass,
        bytes_per_second: int,
        *,
        step: Callable[[], None] = lambda: None,
        marks_all: bool = False,
    ) -> None:
        self._tools = tools
        self._run = run
        self._step = step
        self._most_missing = inf if marks_all else MISSING_IN_A_ROW
        self._pace = Pace(bytes_per_second, clock=tools.stopwatch, wait=tools.wait)
        self._piece_bytes = _piece_bytes(bytes_per_second)

    def go_on(self, until: float = inf) -> Iterator[Finding]:
        """What was found damaged, or whole again, until that moment of the stopwatch or until all is read.

        Raises ServiceUnavailable where the store seems to be missing, OSError where it fails otherwise.
        """
        missing: list[tuple[Stored, str]] = []
        for blob in self._blobs():
            self._step()
            if blob.tier == ARCHIVE and not self._tools.blobs.has_archive:
                continue  # nobody can look; fsck tells of it
            try:
                wrong = self._look(blob, until)
            except OSError as error:
                if error.errno not in UNREADABLE:
                    raise
                missing.append((blob, f"cannot be read: {error.strerror}"))
                if len(missing) > self._most_missing:
                    reason = f"{len(missing)} blobs, one after the other, cannot be read: is the store there?"
                    self._tools.tell("error", "scrub stopped", reason=reason)
                    raise ServiceUnavailable from error
                continue
            for each in missing:
                yield from self._found(*each)
            missing = []
            if wrong is None:
                return
            yield from self._found(blob, wrong)
            if self._tools.stopwatch() >= until:
                return
        for each in missing:
            yield from self._found(*each)
        self._run.ended_at = milliseconds(self._tools.clock())

    def _blobs(self) -> Iterator[Stored]:
        last = self._run.after
        while True:
            with self._tools.database.reading() as db:
                page = db.damage.stored(after=last, limit=PAGE)
            if not page:
                return
            last = page[-1].id
            yield from page

    def _look(self, blob: Stored, until: float) -> str | None:
        """What is wrong with its bytes; "" if nothing is; None if it is not all read in time."""
        blobs = self._tools.blobs.at(blob.tier)
        size_bytes = blobs.size(blob.key)
        if size_bytes is not None and size_bytes != blob.size_bytes:
            return f"has {size_bytes} bytes in place of {blob.size_bytes}"
        was_begun = self._run.going == blob.key
        key, hashing = self._tools.memory.pop(PLACE, ("", None))
        if key != blob.key or not was_begun:
            hashing = Hashing(blobs.path(blob.key))
            until = inf if was_begun else until
        while count := hashing.read(self._piece_bytes):
            self._run.size_bytes += count
            self._pace.spend(count)
            if self._tools.stopwatch() >= until and hashing.read_bytes < blob.size_bytes:
                self._tools.memory[PLACE] = blob.key, hashing
                self._run.going = blob.key
                return None
            self._step()
        return "" if hashing.digest == blob.digest else f"has the digest {hashing.digest}"

    def _found(self, blob: Stored, wrong: str) -> Iterator[Finding]:
        """Mark it or unmark it, unless it was replaced or collected meanwhile."""
        run = self._run
        run.after, run.going = blob.id, ""
        run.blobs += 1
        if not wrong and not blob.is_damaged:
            return
        with self._tools.database.transaction() as db:
            if wrong and not blob.is_damaged:
                is_so = db.damage.mark(blob)
                if is_so:
                    figures.add(db, scrub_marked_blobs=1)
            else:
                is_so = bool(wrong) or db.damage.clear(blob)
            images = [
                f"{registry.repository_arn(name)}@{it}" for registry, name, it in db.damage.images(blob)
            ]
            if is_so and bool(wrong) != blob.is_damaged:
                self._tell(db, blob, wrong, images)  # once too often rather than never
        if is_so:
            run.damaged += bool(wrong)
            run.healed += not wrong
            yield Finding(blob, wrong, images)

    def _tell(self, db: Transaction, blob: Stored, wrong: str, images: list[str]) -> None:
        level, event = ("error", "blob damaged") if wrong else ("warning", "blob whole again")
        facts = {"digest": str(blob.digest), "key": blob.key, "images": len(images)}
        self._tools.tell(level, event, **facts, **({"reason": wrong} if wrong else {}))
        name = "BlobDamagedEvent" if wrong else "BlobHealedEvent"
        details: dict[str, Any] = {
            "digest": str(blob.digest),
            "sizeInBytes": blob.size_bytes,
            "key": blob.key,
            "reason": wrong,
            "images": images[:TOLD_IMAGES],
        }
        now = self._tools.clock()
        holders = db.damage.repositories(blob, limit=TOLD_REPOSITORIES)
        if not holders:
            self._tools.write_audit(service_event(name, details, at=now))
        for registry, repository in holders:
            arn = registry.repository_arn(repository)
            mine = details | {
                "repositoryName": repository,
                "images": [each for each in images if each.startswith(f"{arn}@")][:TOLD_IMAGES],
            }
            self._tools.write_audit(
                service_event(name, mine, at=now)
                | {
                    "awsRegion": registry.region,
                    "recipientAccountId": registry.account,
                    "resources": [{"ARN": arn, "accountId": registry.account}],
                }
            )


def _piece_bytes(bytes_per_second: int) -> int:
    """So much that the waits are short: others are served between."""
    if bytes_per_second == 0:
        return PIECE_BYTES
    blocks = bytes_per_second // PIECES_A_SECOND // BLOCK_BYTES
    return min(max(blocks, 1) * BLOCK_BYTES, PIECE_BYTES)
