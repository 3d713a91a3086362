"""`openecr revoke`: end all sessions and tokens of a user, a role or a root. May run beside the server.

Nothing is taken away for good: access keys stay what they are, and who may ask for a token or a session
gets a new one. (To keep somebody out: disable or delete their keys.)
"""

import argparse
import re
from datetime import UTC, datetime, timedelta

from openecr.cli.installation import add_place, opened, settings_of
from openecr.cli.saying import faults_told, say
from openecr.settings import Settings

ROOT = re.compile(r"arn:aws:iam::([0-9]{12}):root")
MILLISECOND = timedelta(milliseconds=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--principal",
        metavar="ARN",
        required=True,
        help="Of a user, a role or a root; or what follows the account in it: user/ci, role/deploy, root.",
    )
    parser.add_argument(
        "--account", metavar="NUMBER", help="Where the principal names none. [that of the root key]"
    )
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    with faults_told():
        settings = settings_of(arguments, account=arguments.account)
        principal: str = arguments.principal
        arn = principal if principal.startswith("arn:") else f"arn:aws:iam::{settings.account}:{principal}"
        _revoke(settings, arn)
    return 0


def _revoke(settings: Settings, arn: str) -> None:
    from openecr.metadata.database import Transaction

    def whose(db: Transaction) -> str | None:
        """As which revocations name the principal: by its unique id, a root by its account's number."""
        if (root := ROOT.fullmatch(arn)) is not None:
            return root[1] if db.accounts.has(root[1]) else None
        found = db.identities.find_by_arn(arn)
        return None if found is None else found.id

    with opened(settings) as database, database.transaction() as db:
        id_ = whose(db)
        if id_ is None:
            raise ValueError(
                f"There is no user, role or root {arn}. (To end a session, name its role or user.)"
            )
        now = datetime.now(UTC)
        # Times are kept in milliseconds: what was issued until now is before the next one.
        db.revocations.put(id_, now + MILLISECOND)
    say(f"All sessions and tokens that {arn} was given before {now:%Y-%m-%dT%H:%M:%SZ} have ended.")
