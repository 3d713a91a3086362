"""`openecr lifecycle`: what a policy will have removed or archived by some day; have one followed now.

Reads the same database as the server, running or not, and asks the same evaluator as the job that follows
policies (domain/lifecycle.py). To simulate changes nothing.
"""

import argparse
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, say

if TYPE_CHECKING:
    from openecr.domain.lifecycle import Foreseen, Snapshot
    from openecr.domain.repository import Repository
    from openecr.metadata.database import Database, Transaction

FURTHEST = timedelta(days=36_525)
"""A hundred years: how far ahead is looked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    simulate = commands.add_parser(
        "simulate",
        help="print what the policy will have done by a day, if nobody pushes, pulls or deletes anything",
    )
    simulate.add_argument(
        "--at",
        metavar="DATE",
        required=True,
        help="2027-01-31, for the end of that day (UTC), or 2027-01-31T12:00:00Z.",
    )
    simulate.add_argument("--policy", metavar="FILE", help="A policy. [the one that the repository has]")
    run = commands.add_parser("run", help="have the policy of a repository followed now, as the next job")
    for command in (simulate, run):
        command.add_argument("--repository", metavar="NAME", required=True)
        command.add_argument("--account", metavar="NUMBER", help="Whose it is. [that of the root key]")
        command.add_argument("--region", metavar="NAME", help="Where it is. [the server's own]")
        add_place(command)


def run(arguments: argparse.Namespace) -> int:
    from openecr.domain.registry import private_registry

    with faults_told():
        settings = settings_of(arguments, account=arguments.account, region=arguments.region)
        with opened(settings) as database:
            with database.reading() as db:
                registry = private_registry(settings.account, settings.region)
                repository = db.repositories.get(registry, arguments.repository)
            if arguments.what == "run":
                _run(database, repository)
            else:
                until = _moment(arguments.at)
                with database.reading() as db:
                    text = _policy_text(db, repository, arguments.policy)
                    snapshot = db.lifecycle_facts.read(repository)
                _simulate(snapshot, text, until)
    return 0


def _moment(text: str) -> datetime:
    """Raises ValueError for what is no date, or none that is ahead."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    else:
        at = datetime.combine(day, time(), UTC) + timedelta(days=1)
    now = datetime.now(UTC)
    if not now <= at <= now + FURTHEST:
        raise ValueError(f"{text} is over, or more than {FURTHEST.days // 365} years ahead.")
    return at


def _policy_text(db: "Transaction", repository: "Repository", file: str | None) -> str:
    from openecr.errors import LifecyclePolicyNotFoundException

    if file is not None:
        return Path(file).read_text()
    stored = db.lifecycle_policies.find(repository)
    if stored is None:
        raise LifecyclePolicyNotFoundException(
            repository_name=repository.name, registry_id=repository.registry.id
        )
    return stored.text


def _simulate(snapshot: "Snapshot", text: str, until: datetime) -> None:
    from openecr.domain import lifecycle
    from openecr.domain.lifecycle_policy import EXPIRE, parse
    from openecr.metadata.query import milliseconds

    policy = parse(text)
    now = milliseconds(datetime.now(UTC))
    expired: set[int] = set()
    archived: set[int] = set()
    for each in lifecycle.simulate(snapshot, policy, now=now, until=milliseconds(until)):
        _show(each)
        is_gone = each.rule is None or each.rule.action == EXPIRE
        (expired if is_gone else archived).add(each.image.id)
    every = len(snapshot.images)
    left = f"left: {every - len(expired)} of {every}"
    say(f"expired: {len(expired)}; archived: {len(archived - expired)}; {left}")


def _show(each: "Foreseen") -> None:
    from openecr.metadata.query import moment

    what = (
        "expire  with its subject" if each.rule is None else f"{each.rule.action}  rule {each.rule.priority}"
    )
    tags = ",".join(each.image.tags) or "-"
    say(f"{moment(each.at):%Y-%m-%d}  {what}  {each.image.digest}  {tags}")


def _run(database: "Database", repository: "Repository") -> None:
    from openecr.errors import LifecyclePolicyNotFoundException
    from openecr.jobs.expire_images import topic

    with database.transaction() as db:
        if db.lifecycle_policies.find(repository) is None:
            raise LifecyclePolicyNotFoundException(
                repository_name=repository.name, registry_id=repository.registry.id
            )
        db.jobs.add(
            "evaluate_lifecycle",
            {"repository_id": repository.id, "asked": True},
            at=datetime.now(UTC),
            topic=f"{topic(repository.id)} asked",
        )
    say(f"the policy of {repository.name} is followed by the next job")
