"""Policies that name principals: trust, repository and registry policies, as they are kept and as they are
shown.

The users and roles that such a policy names are kept as unique ids, so that one made anew under an old name
has nothing of what the old one had; shown, they are ARNs again, and one that is gone stays an id. An account
is always its root. Users and roles of accounts that are not here stay as they were written, and so do
services and sessions. Source: auth-iam.md §4.2, §6.1.
"""

import re
from collections.abc import Callable

from openecr.domain.registry import ACCOUNT
from openecr.identity.caller import root_arn
from openecr.metadata.database import Transaction
from openecr.policy.document import Kind
from openecr.policy.text import with_principals

USER_OR_ROLE = re.compile(r"arn:aws:iam::([0-9]{12}):(?:user|role)/.+")
UNIQUE_ID = re.compile(r"(?:AIDA|AROA)[A-Z0-9]+")


class PrincipalNotFound(ValueError):
    """A policy names a user or a role that its account, which is here, does not have."""

    def __init__(self, principal: str) -> None:
        super().__init__(principal)
        self.principal = principal


def to_store(db: Transaction, text: str, kind: Kind) -> str:
    """The text to keep, of a policy that has been parsed.

    A trust policy that names nobody who is kept otherwise than written is kept as it was sent; repository
    and registry policies are always printed anew, as ECR shows them.
    Raises PrincipalNotFound
    """
    printed, is_changed = _translated(text, lambda principal: _kept(db, principal))
    return printed if is_changed or kind is not Kind.TRUST else text


def to_show(db: Transaction, text: str) -> str:
    """What was kept, with the ARNs that the users and roles have now."""
    printed, is_changed = _translated(text, lambda principal: _shown(db, principal))
    return printed if is_changed else text


def _translated(text: str, translate: Callable[[str], str]) -> tuple[str, bool]:
    """The policy printed with every principal translated; whether any is another now."""
    changed = False

    def note(principal: str) -> str:
        nonlocal changed
        translated = translate(principal)
        changed |= translated != principal
        return translated

    return with_principals(text, note), changed


def _kept(db: Transaction, principal: str) -> str:
    """How a principal is kept. An id that nobody has any more is as unknown as an ARN is.

    Raises PrincipalNotFound
    """
    if ACCOUNT.fullmatch(principal):
        return root_arn(principal)
    if UNIQUE_ID.fullmatch(principal):
        if db.identities.find_by_id(principal) is None:
            raise PrincipalNotFound(principal)
        return principal
    written = USER_OR_ROLE.fullmatch(principal)
    if written is None:
        return principal
    identity = db.identities.find_by_arn(principal)
    if identity is not None:
        return identity.id
    if db.accounts.has(written[1]):
        raise PrincipalNotFound(principal)
    return principal


def _shown(db: Transaction, principal: str) -> str:
    if not UNIQUE_ID.fullmatch(principal):
        return principal
    identity = db.identities.find_by_id(principal)
    return principal if identity is None else identity.arn
