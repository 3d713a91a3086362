"""`openecr gc`: what waits to be removed, why something is kept; to collect now, to go on after a stop.

May run beside the server. `why` ends with 1 where nothing is known of the digest.
"""

import argparse
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, say
from openecr.settings import Settings

if TYPE_CHECKING:
    from openecr.domain.names import Digest
    from openecr.metadata.database import Database, Transaction

UNKNOWN = 1
SHOWN = 20
"""Holders of a blob, and blobs of a dry run, that are told one by one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    status = commands.add_parser("status", help="print what waits, what was reclaimed, whether it is paused")
    why = commands.add_parser("why", help="print what keeps the bytes of a digest, or when they go")
    why.add_argument("digest", metavar="DIGEST", help="sha256:… or sha512:…")
    collect = commands.add_parser("run", help="collect what is due, now")
    collect.add_argument("--dry-run", action="store_true", help="Say what would go, and change nothing.")
    resume = commands.add_parser("resume", help="go on after a jump of the clock or a brake: all is right")
    for command in (status, why, collect, resume):
        add_place(command)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments)
        with opened(settings) as database:
            grace = timedelta(minutes=settings.gc_grace_minutes)
            if arguments.what == "why":
                from openecr.domain.names import Digest

                with database.reading() as db:
                    return _say_why(db, Digest.parse(arguments.digest), grace)
            if arguments.what == "status":
                with database.reading() as db:
                    _say_status(db, grace)
            elif arguments.what == "resume":
                _resume(database)
            elif arguments.dry_run:
                with database.reading() as db:
                    _say_dead(db, grace)
            else:
                _collect(settings, database)
    return 0


def _say_status(db: "Transaction", grace: timedelta) -> None:
    from openecr.domain.collecting import why_paused
    from openecr.jobs import figures

    reason = why_paused(db.collecting.memory())
    reviews, since = db.garbage.waiting()
    waiting, due_at = db.removals.waiting()
    found = figures.find_all(db)
    say(f"paused: {reason}" if reason else "not paused")
    say(f"in review: {reviews} blobs{_first(since and since + grace)}")
    say(f"to be removed: {waiting.blobs} blobs, {waiting.size_bytes} bytes{_first(due_at)}")
    say(f"reclaimed: {found['gc_removed_blobs']:.0f} blobs, {found['gc_removed_bytes']:.0f} bytes")


def _first(at: datetime | None) -> str:
    return "" if at is None else f", the first not before {_time(at)}"


def _say_why(db: "Transaction", digest: "Digest", grace: timedelta) -> int:
    from openecr.metadata.holders import Holders

    holders = Holders(db.connection)
    digest = holders.resolve(digest)
    blob = holders.find(digest)
    removals = db.removals.of_digest(digest)
    images = holders.images(digest, limit=SHOWN)
    if blob is not None:
        say(f"{digest} is a blob of {blob.size_bytes} bytes, {blob.state}, under key {blob.key}")
        uses = holders.uses(blob, limit=SHOWN)
        for arn, image in uses:
            say(f"  used by {arn}@{image}")
        if (more := holders.count_uses(blob) - len(uses)) > 0:
            say(f"  used by {more} images more")
        for arn, until in holders.leases(blob, limit=SHOWN):
            say(f"  {'promised' if until > _now() else 'was promised'} to {arn} until {_time(until)}")
        if blob.since is not None:
            say(f"  looked at not before {_time(blob.since + grace)}: if nothing holds it then, it goes")
    for each in removals:
        say(f"{digest}: the bytes under key {each.key} go not before {_time(each.due_at)}: {each.reason}")
    for arn in images:
        say(f"{digest} is an image of {arn}")
    if blob is None and not removals and not images:
        say(f"{digest}: nothing is known of it")
        return UNKNOWN
    return 0


def _say_dead(db: "Transaction", grace: timedelta) -> None:
    from openecr.domain.collecting import why_paused

    before = _now() - grace
    amount = db.garbage.dead(before=before)
    listed = db.garbage.list_dead(before=before, limit=SHOWN)
    for digest, size_bytes in listed:
        say(f"{digest}  {size_bytes}")
    if amount.blobs > len(listed):
        say(f"… and {amount.blobs - len(listed)} more")
    say(f"would go: {amount.blobs} blobs, {amount.size_bytes} bytes of {db.garbage.stored().size_bytes}")
    if reason := why_paused(db.collecting.memory()):
        say(f"paused: {reason}")


def _resume(database: "Database") -> None:
    from openecr.domain import collecting

    now = _now()
    with database.transaction() as db:
        db.collecting.remember(lambda memory: collecting.resume(memory, now))
        for kind in ("collect_garbage", "take_inventory"):
            db.jobs.add(kind, {}, at=now, topic=kind)
    say("not paused")


def _collect(settings: Settings, database: "Database") -> None:
    from openecr.domain.collecting import why_paused
    from openecr.jobs.collect_garbage import collect_garbage
    from openecr.jobs.work import Work
    from openecr.server.apart import open_blobs, tools_of
    from openecr.server.telemetry import AUDIT_FILE, AuditFile, Log

    log = Log(settings.log_format)
    with closing(log), closing(AuditFile(settings.data_dir / AUDIT_FILE, log)) as audit:
        blobs = open_blobs(settings)
        tools = tools_of(settings, database, blobs, clock=_now, audit=audit, log=log, is_apart=True)
        work = Work(tools, {}, _now())
        collect_garbage(work)
    with database.reading() as db:
        reason = why_paused(db.collecting.memory())
    say(f"collected: {work.counts['collected']} blobs; removed: {work.counts['removed']}")
    if reason:
        say(f"paused: {reason}")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _now() -> datetime:
    return datetime.now(UTC)
