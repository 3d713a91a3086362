"""Policy documents as IAM takes them: valid, and not too long.

What makes a document valid, `policy/` knows. Here stands what IAM says of one that is not: its sentence for
the fault, where that is known, else the one it has for everything. Sizes are in characters, white space not
counted. Source: auth-iam.md §2.5, §4.1; the sentences as users of AWS quote them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from openecr.domain.principal import Identity, policy_size
from openecr.errors import LimitExceededException, MalformedPolicyDocumentException
from openecr.metadata.database import Transaction
from openecr.operations.iam import quotas
from openecr.operations.stored_policies import PrincipalNotFound, to_store
from openecr.policy.document import Kind, MalformedPolicy, parse
from openecr.policy.principals import KINDS

SOMETHING_WRONG = MalformedPolicyDocumentException.message

Statement = Mapping[str, Any]


def check_identity_policy(text: str) -> None:
    """Raises MalformedPolicyDocumentException unless it is a policy for users, groups and roles."""
    _check(text, Kind.IDENTITY)


def check_managed_policy(text: str) -> None:
    """The same, and its size. Raises MalformedPolicyDocumentException, LimitExceededException."""
    _check(text, Kind.IDENTITY)
    quotas.MANAGED_POLICY.check(policy_size(text))


def check_trust_policy(text: str) -> None:
    """Whether it can say who may assume a role. Raises MalformedPolicyDocumentException,
    LimitExceededException."""
    _check(text, Kind.TRUST)
    quotas.TRUST_POLICY.check(policy_size(text))


def trust_policy_to_store(db: Transaction, text: str) -> str:
    """A trust policy that has been checked, as it is kept. Raises MalformedPolicyDocumentException."""
    try:
        return to_store(db, text, Kind.TRUST)
    except PrincipalNotFound as unknown:
        raise MalformedPolicyDocumentException(
            f'Invalid principal in policy: "AWS":"{unknown.principal}"'
        ) from None


def check_room(db: Transaction, identity: Identity, name: str, text: str) -> None:
    """Whether the text fits in, as the inline policy of that name. Raises LimitExceededException."""
    most = quotas.INLINE_POLICIES[identity.kind]
    replaced = db.identity_policies.find(identity.id, name) or ""
    if db.identity_policies.size(identity.id) - policy_size(replaced) + policy_size(text) > most:
        raise LimitExceededException(
            f"Maximum policy size of {most} bytes exceeded for {identity.kind} {identity.name}"
        )


def _check(text: str, kind: Kind) -> None:
    try:
        parse(text, kind)
    except MalformedPolicy:
        raise MalformedPolicyDocumentException(_sentence(text, kind)) from None


def _sentence(text: str, kind: Kind) -> str:
    """What IAM says of a text that is no policy of that kind."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "This policy contains invalid Json" if kind is Kind.TRUST else SOMETHING_WRONG
    faults = _trust_faults if kind is Kind.TRUST else _identity_faults
    sentences = (sentence for statement in _statements(document) for sentence in faults(statement))
    return next(sentences, SOMETHING_WRONG)


def _identity_faults(statement: Statement) -> Iterator[str]:
    if "Principal" in statement or "NotPrincipal" in statement:
        yield "Policy document should not specify a principal."
    if not statement.get("Action") and not statement.get("NotAction"):
        yield "Policy statement must contain actions."
    if not statement.get("Resource") and not statement.get("NotResource"):
        yield "Policy statement must contain resources."
    if any(":" not in action and action != "*" for action in _texts(statement, "Action", "NotAction")):
        yield "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    for resource in _texts(statement, "Resource", "NotResource"):
        if ":" not in resource and resource != "*":
            yield f'Resource {resource} must be in ARN format or "*".'


def _trust_faults(statement: Statement) -> Iterator[str]:
    for member in ("Resource", "NotResource"):
        if member in statement:
            yield f"Has prohibited field {member}"
    for member in ("Effect", "Principal", "Action"):
        if member not in statement and f"Not{member}" not in statement:
            yield f"Missing required field {member}"
    for named in (statement.get("Principal"), statement.get("NotPrincipal")):
        yield from _principal_faults(named if isinstance(named, dict) else {})
    if not all(action.lower().startswith("sts:") for action in _texts(statement, "Action", "NotAction")):
        yield "AssumeRole policy may only specify STS AssumeRole actions."


def _principal_faults(named: Mapping[str, Any]) -> Iterator[str]:
    for kind in filter(str.isprintable, named):
        if kind not in KINDS:
            yield f'Invalid principal in policy: "{kind}"'
            continue
        for text in _texts(named, kind):
            if not KINDS[kind].fullmatch(text):
                yield f'Invalid principal in policy: "{kind.upper()}":"{text}"'


def _statements(document: Any) -> Iterator[Statement]:
    """What stands in the place of the statements of a document that may be none."""
    found = document.get("Statement") if isinstance(document, dict) else None
    yield from (each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict))


def _texts(holder: Mapping[str, Any], *members: str) -> Iterator[str]:
    """The strings in these members of an object, alone or in a list; only what can be said in an answer."""
    for member in members:
        found = holder.get(member)
        for each in found if isinstance(found, list) else [found]:
            if isinstance(each, str) and each.isprintable():
                yield each
