"""`openecr explain`: may somebody do something, and which statement of which policy says so?

Opens the same database as the server, running or not, gathers the same policies as the gate and asks the
same engine. Exit code 0: allowed; 1: denied; 2: it could not be asked.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openecr.cli.installation import add_place, settings_of
from openecr.cli.saying import faults_told, say
from openecr.domain.registry import Kind, Registry, parse_repository_arn, private_registry
from openecr.identity.caller import ANONYMOUS
from openecr.settings import Settings

if TYPE_CHECKING:
    from openecr.identity.caller import Caller
    from openecr.metadata.database import Database, Transaction
    from openecr.policy.request import Source

ALLOWED, DENIED = 0, 1
ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
PRINCIPAL = re.compile(
    r"arn:aws:(?:iam::(?P<owner>[0-9]{12}):(?P<of>root|user/.+|role/.+)"
    r"|sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/(?P<session>[^/]+))"
)
NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity", "sts:GetSessionToken"}
OF_TRUST = {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}
ALSO_IN_THE_API = {"BatchCheckLayerAvailability"}
"""Of the actions of a public pull the one that policies decide about where it is no pull."""
ANY_SESSION = "any-session"
"""What a session is called where only its role was named."""


class BadQuestion(ValueError):
    """What is wrong with the question, as a sentence."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--principal",
        metavar="ARN",
        required=True,
        help="Of a user, a role, a role's session or a root; or what follows the account in it: user/ci, "
        "root. Or: anonymous.",
    )
    add("--action", metavar="ACTION", required=True, help="As a policy names it: ecr:PutImage.")
    add("--resource", metavar="ARN", required=True, help="Or *, for an action that has no resource.")
    add(
        "--context",
        metavar="KEY=VALUE",
        action="extend",
        nargs="+",
        default=[],
        help="What else is known of the request: aws:SourceIp=192.0.2.1. A key given twice has two values.",
    )
    add("--session", metavar="ID", help="The temporary key (ASIA…) whose session policies and tags count.")
    add("--account", metavar="NUMBER", help="Where the principal names none. [that of the root key]")
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    from openecr.metadata.database import Database

    with faults_told():
        settings = settings_of(arguments, account=arguments.account)
        if not settings.database_path.is_file():  # opening it would make one
            raise BadQuestion(f"There is no database {settings.database_path}.")
        with closing(Database(settings.database_path)) as database:
            return _explain(database, settings, arguments)


def _explain(database: "Database", settings: Settings, arguments: argparse.Namespace) -> int:
    from openecr.operations.authorize import request_of
    from openecr.operations.grounds import read_grounds
    from openecr.policy.evaluate import evaluate

    action, resource = arguments.action, arguments.resource
    if not ACTION.fullmatch(action):
        raise BadQuestion(f"{action} is no action: one is a service and a name, as in ecr:PutImage.")
    if resource != "*" and (not resource.startswith("arn:") or resource.count(":") < 5):
        raise BadQuestion(f"{resource} is no ARN, nor *.")
    given = _context(arguments.context)
    with database.reading() as db:
        caller = _caller(db, _in_full(arguments.principal, settings.account), arguments.session)
        grounds = read_grounds(db, caller, resource)
        trust = _trust(db, action, resource)

    own = private_registry(caller.account or settings.account, settings.region)
    found = parse_repository_arn(resource)
    question = Question(action.partition(":")[0], caller, found[0] if found else own, database)
    if (rule := _rule(caller, action)) is not None:
        decided, why = rule
        say(f"{'ALLOWED' if decided == ALLOWED else 'DENIED'} {caller.arn} {action} {resource}\n  {why}")
        return decided
    request = request_of(question, grounds, action, resource, given)
    request = replace(request, resource_account=request.resource_account or own.account)
    policies = grounds.policies_for(action)
    decision = evaluate(request, policies if trust is None else replace(policies, trust=trust))
    say(decision.explain(request))
    return ALLOWED if decision.allowed else DENIED


def _rule(caller: "Caller", action: str) -> tuple[int, str] | None:
    """What holds whatever policies say: the exit code and the reason; None where they decide.

    Source: data-plane.md §3.3; auth-iam.md §2.3
    """
    from openecr.operations.authorize import PULL_ACTIONS

    service, _, name = action.partition(":")
    if service == Kind.PUBLIC and name in PULL_ACTIONS - ALSO_IN_THE_API:
        return ALLOWED, "anybody may pull from a public registry"
    if action in NEEDS_NO_PERMISSION and not caller.is_anonymous:
        return ALLOWED, "this needs no permission"
    if action == "sts:AssumeRole" and caller.is_root:
        return DENIED, "roles may not be assumed by root accounts"
    return None


def _trust(db: "Transaction", action: str, resource: str) -> "Source | None":
    """The trust policy that has a say in assuming a role; what is no role trusts nobody."""
    from openecr.domain.principal import IdentityKind
    from openecr.operations.grounds import trust_of

    if action not in OF_TRUST:
        return None
    found = db.identities.find_by_arn(resource)
    return trust_of(found if found is not None and found.kind is IdentityKind.ROLE else None)


@dataclass(frozen=True, slots=True)
class Question:
    """What stands for a call, where nobody calls: what the context keys are found in."""

    service: str
    caller: "Caller"
    registry: Registry
    database: "Database"
    input: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def reading(self) -> "AbstractContextManager[Transaction]":
        return self.database.reading()


def _context(pairs: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    """`aws:SourceIp=192.0.2.1` → {"aws:sourceip": "192.0.2.1"}; of a key given twice, both values."""
    values: dict[str, list[str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise BadQuestion(f"{pair} is no context key with its value, as in aws:SourceIp=192.0.2.1.")
        values.setdefault(key.lower(), []).append(value)
    return {key: many[0] if len(many) == 1 else tuple(many) for key, many in values.items()}


def _in_full(principal: str, account: str) -> str:
    """Its ARN, where only what follows the account in it was given."""
    if principal == ANONYMOUS or principal.startswith("arn:"):
        return principal
    return f"arn:aws:iam::{account}:{principal}"


def _caller(db: "Transaction", arn: str, session_id: str | None) -> "Caller":
    """Whom an ARN means; with a session's id, as that session."""
    from openecr.domain.principal import IdentityKind
    from openecr.identity.caller import Caller, PrincipalType, anonymous_caller, root_caller

    if arn == ANONYMOUS:
        return anonymous_caller()
    found = PRINCIPAL.fullmatch(arn)
    if found is None:
        raise BadQuestion(f"{arn} is no ARN of a user, a role, a role's session or a root, nor {ANONYMOUS}.")
    account = found["owner"] or found["account"]
    if not db.accounts.has(account):
        raise BadQuestion(f"There is no account {account}.")
    if found["of"] == "root":
        caller = root_caller(account)
    else:
        by_name = found["role"] is not None
        identity = (
            db.identities.find(account, IdentityKind.ROLE, found["role"])
            if by_name
            else db.identities.find_by_arn(arn)
        )
        if identity is None:
            raise BadQuestion(f"There is no {'role of ' if by_name else ''}{arn}.")
        if identity.kind is IdentityKind.USER:
            caller = Caller(PrincipalType.USER, identity.arn, account, identity.id)
        else:
            name = found["session"] or ANY_SESSION
            caller = Caller(
                PrincipalType.ROLE,
                f"arn:aws:sts::{account}:assumed-role/{identity.name}/{name}",
                account,
                f"{identity.id}:{name}",
                role_arn=identity.arn,
            )
    return caller if session_id is None else _as_session(db, caller, session_id)


def _as_session(db: "Transaction", caller: "Caller", id: str) -> "Caller":
    session = db.sessions.find(id)
    any_of_role = caller.principal_id.endswith(f":{ANY_SESSION}")
    if (
        session is None
        or (session.account, session.identity_id or "") != (caller.account, caller.identity_id)
        or not (any_of_role or session.arn == caller.arn)
    ):
        raise BadQuestion(f"{caller.arn} has no session {id}.")
    return replace(
        caller,
        arn=session.arn,
        principal_id=session.principal_id,
        session_id=id,
        token_issued_at=session.issued_at,
        has_mfa=session.has_mfa,
    )
