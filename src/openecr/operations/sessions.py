"""Temporary credentials: what a session may be given, how long it lasts, how it is kept.

What STS's calls have in common. Source: auth-iam.md §2.2–§2.4, §4.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from openecr.domain.principal import AWS_ACCOUNT, Identity, Session, policy_size
from openecr.errors import (
    MalformedPolicyDocumentException,
    PackedPolicyTooLargeException,
    ThrottlingException,
    ValidationError,
)
from openecr.identity.caller import Caller
from openecr.identity.credentials import make_session_key, make_session_token, token_sha256
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.iam.tags import fault_of_keys
from openecr.policy import document
from openecr.policy.document import Kind, MalformedPolicy

MOST_PACKED_CHARACTERS = 16_384
"""Session policies, without blanks, and session tags together. AWS packs them into a space whose size it
does not tell [proposed]; ten managed policies fit as well as not."""
CHAINED_SECONDS = 3600
"""The longest session of a role that was assumed by a role."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What limits a session, and what is known of it."""

    seconds: int
    policies: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: Sequence[str] = ()
    source_identity: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def packed_percent(self) -> int | None:
        """How much of what may be packed is; None where nothing was asked for."""
        if not self.policies and not self.tags:
            return None
        characters = sum(map(policy_size, self.policies))
        characters += sum(len(key) + len(value) for key, value in self.tags.items())
        return -(-100 * characters // MOST_PACKED_CHARACTERS)


def session_policies(call: Call, db: Transaction, account: str) -> list[str]:
    """The documents of `Policy` and `PolicyArns`, as they are now; none where neither is given.

    account  the role's, whose managed policies may be named
    Raises MalformedPolicyDocumentException, ValidationError
    """
    documents = []
    if (text := call.input.get("Policy")) is not None:
        _check_packed(Terms(0, [text]))  # before it is read: the model knows no maximum
        try:
            document.parse(text, Kind.IDENTITY)
        except MalformedPolicy as malformed:
            raise MalformedPolicyDocumentException(malformed.reason) from None
        documents.append(text)
    for named in call.input.get("PolicyArns") or ():
        arn = named.get("arn", "")
        found = db.managed_policies.find(arn)
        is_ours = found is not None and found.account in (AWS_ACCOUNT, account)
        text = db.managed_policies.document(arn) if is_ours else None
        if text is None:
            raise ValidationError(f"Policy {arn} does not exist or is not attachable.")
        documents.append(text)
    return documents


def begin(call: Call, db: Transaction, who: Caller, identity: Identity | None, terms: Terms) -> Output:
    """Keep a new session; returns `Credentials` and `PackedPolicySize`, the answer's common members.

    who       what its requests will be told as; no circumstances
    identity  the role or user whose policies count; None for a root
    Raises PackedPolicyTooLargeException; ThrottlingException where too many live, of which some will end
    """
    _check_packed(terms)
    most = call.quotas.sessions
    who_has_them = None if identity is None else identity.id
    if db.sessions.has_as_many_as(most, who.account, who_has_them, now=call.now):
        raise ThrottlingException(
            f"There are {most} sessions of this principal. No more begin until one ends."
        )
    key, token = make_session_key(), make_session_token()
    expires_at = call.now.replace(microsecond=0) + timedelta(seconds=terms.seconds)
    db.sessions.add(
        Session(
            access_key_id=key.id,
            account=who.account,
            identity_id=None if identity is None else identity.id,
            arn=who.arn,
            principal_id=who.principal_id,
            sealed_secret=call.stores.sealer.seal(key.secret.encode(), key.id.encode()),
            token_sha256=token_sha256(token),
            issued_at=call.now,
            expires_at=expires_at,
            policies=tuple(terms.policies),
            tags=terms.tags,
            transitive_tag_keys=tuple(terms.transitive_tag_keys),
            source_identity=terms.source_identity,
            has_mfa=False,
            facts=terms.facts,
        )
    )
    credentials = {
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "SessionToken": token,
        "Expiration": expires_at,
    }
    return {"Credentials": credentials, "PackedPolicySize": terms.packed_percent}


def _check_packed(terms: Terms) -> None:
    percent = terms.packed_percent
    if percent is not None and percent > 100:
        raise PackedPolicyTooLargeException(percent=percent)


def role_seconds(call: Call, role: Identity) -> int:
    """How long a session of the role shall last. Raises ValidationError beyond what is allowed."""
    seconds: int = call.input.get("DurationSeconds") or min(3600, role.max_session_seconds)
    if call.caller.role_arn and seconds > CHAINED_SECONDS:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining."
        )
    if seconds > role.max_session_seconds:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return seconds


def session_tags(call: Call, inherited: Session | None) -> tuple[dict[str, str], list[str]]:
    """The tags of a new session and the keys of those that go on to the next, those included that the
    calling session hands on. Raises ValidationError."""
    asked = call.input.get("Tags") or []
    tags = {tag["Key"]: tag["Value"] for tag in asked}
    if fault := fault_of_keys([tag["Key"] for tag in asked]):
        raise ValidationError(fault)
    spelled = {key.lower(): key for key in tags}
    wanted = {key.lower() for key in call.input.get("TransitiveTagKeys") or ()}
    if wanted - spelled.keys():
        raise ValidationError("The specified transitive tag key must be included in the requested tags.")
    transitive = [spelled[key] for key in sorted(wanted)]
    if inherited is not None:
        handed_on = {key: inherited.tags[key] for key in inherited.transitive_tag_keys}
        if {key.lower() for key in handed_on} & spelled.keys():
            raise ValidationError(
                "One of the specified transitive tag keys can't be set because it conflicts with a "
                "transitive tag key from the calling session."
            )
        tags |= handed_on
        transitive += handed_on
    return tags, transitive
