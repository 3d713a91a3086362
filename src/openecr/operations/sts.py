"""STS: who am I, and temporary credentials.

Source: auth-iam.md §2.3, §2.4.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from openecr.domain.principal import Identity, IdentityKind, OidcProvider
from openecr.errors import (
    AccessDeniedException,
    ExpiredTokenException,
    IDPCommunicationErrorException,
    InvalidIdentityTokenException,
    UnrecognizedClientException,
    ValidationError,
)
from openecr.identity import web_identity
from openecr.identity.caller import Caller, PrincipalType
from openecr.identity.web_identity import WebIdentity
from openecr.integrations.oidc_keys import KeysUnavailable
from openecr.metadata.database import Transaction
from openecr.operations.authorize import denial, grounds_of, request_of
from openecr.operations.call import Call, Output
from openecr.operations.context_keys import Context, Value
from openecr.operations.gate import everything, nothing, operation
from openecr.operations.grounds import trust_of
from openecr.operations.sessions import Terms, begin, role_seconds, session_policies, session_tags
from openecr.policy import document
from openecr.policy.document import Kind
from openecr.policy.evaluate import Reason, evaluate
from openecr.policy.request import AccessRequest, Policies, Principal, Source

ROLE_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):role/.+")
SESSION_SECONDS = 43_200
ROOT_SESSION_SECONDS = 3600
"""The default for users; the most, and the default, for a root."""
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@operation("sts", resource=nothing, inline=True)
def get_caller_identity(call: Call) -> Output:
    """Who asks. Needs no permission, and nothing can deny it.

    Output  UserId, Account, Arn
    """
    caller = call.caller
    return {"UserId": caller.principal_id, "Account": caller.account, "Arn": caller.arn}


@operation("sts", resource=everything)
def get_access_key_info(call: Call) -> Output:
    """The account of an access key, of anybody's.

    Input   AccessKeyId
    Output  Account
    Raises  ValidationError for a key that is not here
    """
    id_ = call.input["AccessKeyId"]
    with call.reading() as db:
        key = db.access_keys.find(id_) or db.sessions.find(id_)
    if key is None:
        raise ValidationError(f"The Access Key with id {id_} cannot be found.")
    return {"Account": key.account}


@operation("sts", resource=nothing, read_only=False)
def get_session_token(call: Call) -> Output:
    """Temporary credentials of the caller itself, a user or a root. Needs no permission.

    They are good for everything but IAM, as they come without MFA. Source: API reference, GetSessionToken.

    Input   DurationSeconds (default 12 hours; a root's last at most one)
    Output  Credentials
    Raises  AccessDeniedException with credentials that are temporary already
    """
    caller = call.caller
    if caller.session_id:
        raise AccessDeniedException("Cannot call GetSessionToken with session credentials")
    _refuse_code(call)
    seconds = call.input.get("DurationSeconds", SESSION_SECONDS)
    if caller.is_root:
        seconds = min(seconds, ROOT_SESSION_SECONDS)
    with call.transaction() as db:
        user = db.identities.find_by_id(caller.identity_id) if caller.identity_id else None
        if user is None and not caller.is_root:
            raise UnrecognizedClientException  # deleted while the request was on its way
        return begin(call, db, caller, user, Terms(seconds))


@operation("sts", resource=nothing)
def assume_role(call: Call) -> Output:
    """Temporary credentials of a role, for a caller whom the role trusts.

    Who may is decided by the trust policy and, where that names no more than the caller's account, by the
    caller's own policies as well. A role that is not there trusts nobody.

    Input   RoleArn, RoleSessionName, DurationSeconds, Policy, PolicyArns, Tags, TransitiveTagKeys,
            ExternalId, SourceIdentity. ProvidedContexts are refused
    Output  Credentials, AssumedRoleUser, PackedPolicySize, SourceIdentity
    Raises  AccessDeniedException, ValidationError, MalformedPolicyDocumentException,
            PackedPolicyTooLargeException
    """
    caller, asked = call.caller, call.input
    if caller.is_root:
        raise AccessDeniedException("Roles may not be assumed by root accounts.")
    _refuse_code(call)
    _account_of(asked["RoleArn"])
    if asked.get("ProvidedContexts"):
        raise ValidationError("ProvidedContexts are not supported by openecr.")
    with call.reading() as db:
        role = _find_role(db, asked["RoleArn"])
        calling = db.sessions.find(caller.session_id) if caller.session_id else None
    inherited = "" if calling is None else calling.source_identity
    source_identity = asked.get("SourceIdentity", inherited)
    _require_trust(call, role, source_identity)
    assert role is not None, "only a role that is there can trust"
    if inherited not in ("", source_identity):
        raise ValidationError("The source identity is already set for this assume role session")

    tags, transitive = session_tags(call, calling)
    with call.reading() as db:
        terms = Terms(
            seconds=role_seconds(call, role),
            policies=session_policies(call, db, role.account),
            tags=tags,
            transitive_tag_keys=transitive,
            source_identity=source_identity,
            facts={"aws:SourceIdentity": source_identity} if source_identity else {},
        )
    output = _begin(call, role, terms)
    return output | ({"SourceIdentity": source_identity} if source_identity else {})


@operation("sts", resource=nothing)
def assume_role_with_web_identity(call: Call) -> Output:
    """Temporary credentials of a role, for whoever has a token of a provider that the role trusts.

    The request is not signed: the token says who asks. Its keys come from the provider, or from a file.

    Input   RoleArn, RoleSessionName, WebIdentityToken, DurationSeconds, Policy, PolicyArns
    Output  Credentials, AssumedRoleUser, SubjectFromWebIdentityToken, Audience, Provider,
            PackedPolicySize
    Raises  InvalidIdentityTokenException, ExpiredTokenException, IDPCommunicationErrorException,
            AccessDeniedException, ValidationError,
            MalformedPolicyDocumentException, PackedPolicyTooLargeException
    """
    asked = call.input
    if asked.get("ProviderId") is not None:
        raise ValidationError("ProviderId is for OAuth 2.0 access tokens, which openecr does not take.")
    provider = _provider_of(call, account=_account_of(asked["RoleArn"]))
    who = _verified(call, provider)

    with call.reading() as db:
        role = _find_role(db, asked["RoleArn"])
    facts = _facts(provider, who)
    if role is None or not _is_trusted(call, role, provider, facts):
        raise AccessDeniedException(NOT_AUTHORIZED)
    with call.reading() as db:
        terms = Terms(
            seconds=role_seconds(call, role),
            policies=session_policies(call, db, role.account),
            facts={key: value for key, value in facts.items() if isinstance(value, str)},
        )
    output = _begin(call, role, terms)
    return output | {
        "SubjectFromWebIdentityToken": who.subject,
        "Audience": who.audience,
        "Provider": who.issuer,
    }


# The role, and whom it trusts.


def _account_of(role_arn: str) -> str:
    """Raises ValidationError for what is no ARN of a role."""
    found = ROLE_ARN.fullmatch(role_arn)
    if found is None:
        raise ValidationError(f"{role_arn} is invalid")
    return found[1]


def _find_role(db: Transaction, arn: str) -> Identity | None:
    found = db.identities.find_by_arn(arn)
    return found if found is not None and found.kind is IdentityKind.ROLE else None


def _require_trust(call: Call, role: Identity | None, source_identity: str) -> None:
    """Return if the caller may assume the role as it asks to. Raises AccessDeniedException, the same for a
    role that is not there."""
    asked = call.input
    grounds = grounds_of(call, asked["RoleArn"])
    context: dict[str, Value] = {"sts:rolesessionname": asked["RoleSessionName"]}
    if "ExternalId" in asked:
        context["sts:externalid"] = asked["ExternalId"]
    if source_identity:
        context["sts:sourceidentity"] = source_identity
    if keys := asked.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = tuple(keys)

    actions = ["sts:AssumeRole"]
    if asked.get("Tags") or asked.get("TransitiveTagKeys"):
        actions.append("sts:TagSession")
    if source_identity:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        request = request_of(call, grounds, action, asked["RoleArn"], context)
        decision = evaluate(request, replace(grounds.policies, trust=trust_of(role)))
        if decision.reason is Reason.TRUST_IMPLICIT:
            # Who is not even allowed to ask is told no more than that.
            own = evaluate(request, replace(grounds.policies, trust=_delegation(call.caller.account)))
            decision = decision if own.allowed else own
        if not decision.allowed:
            raise denial(call, request, decision)


def _delegation(account: str) -> Source:
    """The trust policy of a role that leaves it to an account whom of its own to let in."""
    text = (
        f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},'
        '"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}'
    )
    return Source("trust", "the trust policy", document.parse_stored(text, Kind.TRUST))


def _begin(call: Call, role: Identity, terms: Terms) -> Output:
    name = call.input["RoleSessionName"]
    who = Caller(
        PrincipalType.ROLE,
        arn=f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{name}",
        account=role.account,
        principal_id=f"{role.id}:{name}",
    )
    with call.transaction() as db:
        if db.identities.find_by_id(role.id) is None:
            raise AccessDeniedException("The role was deleted.")
        output = begin(call, db, who, role, terms)
    return output | {"AssumedRoleUser": {"AssumedRoleId": who.principal_id, "Arn": who.arn}}


def _refuse_code(call: Call) -> None:
    """There are no MFA devices here, so no code can be right."""
    if "TokenCode" in call.input or "SerialNumber" in call.input:
        raise AccessDeniedException("MultiFactorAuthentication failed with invalid MFA one time pass code. ")


# A token of another system.


def _provider_of(call: Call, account: str) -> OidcProvider:
    """The provider that issued the token, as the token says. Raises InvalidIdentityTokenException."""
    try:
        issuer = web_identity.unverified_issuer(call.input["WebIdentityToken"])
    except web_identity.InvalidWebIdentity as invalid:
        raise InvalidIdentityTokenException(invalid.reason) from None
    with call.reading() as db:
        provider = db.oidc_providers.find(account, issuer.removeprefix("https://"))
    if provider is None:
        raise InvalidIdentityTokenException(f"No OpenIDConnect provider found in your account for {issuer}")
    return provider


def _verified(call: Call, provider: OidcProvider) -> WebIdentity:
    """What the token proves. Keys that do not know its signature are asked for once more."""
    issuer = f"https://{provider.url}"
    key_sets = call.stores.key_sets
    try:
        try:
            return _verify(call, provider, key_sets.find(issuer, account=provider.account))
        except web_identity.UnknownKey:
            return _verify(call, provider, key_sets.refresh(issuer, account=provider.account))
    except KeysUnavailable as unavailable:
        error = IDPCommunicationErrorException()
        error.why = unavailable.reason
        raise error from None
    except web_identity.ExpiredWebIdentity as expired:
        raise ExpiredTokenException(
            f"Token expired: current date/time {int(call.now.timestamp())} must be before the expiration "
            f"date/time {int(expired.expires_at.timestamp())}"
        ) from None
    except web_identity.WrongAudience:
        raise InvalidIdentityTokenException("Incorrect token audience") from None
    except web_identity.InvalidWebIdentity as invalid:
        raise InvalidIdentityTokenException(invalid.reason) from None


def _verify(call: Call, provider: OidcProvider, keys: Mapping[str, object]) -> WebIdentity:
    return web_identity.verify(
        call.input["WebIdentityToken"],
        keys,
        issuer=f"https://{provider.url}",
        client_ids=provider.client_ids,
        now=call.now,
    )


def _facts(provider: OidcProvider, who: WebIdentity) -> dict[str, Value]:
    """The context keys that a provider's tokens have: HOST/PATH:sub and the like."""
    facts: dict[str, Value] = {
        f"{provider.url}:sub": who.subject,
        f"{provider.url}:aud": who.audience,
        "aws:FederatedProvider": provider.arn,
    }
    return facts | ({f"{provider.url}:amr": who.amr} if who.amr else {})


def _is_trusted(call: Call, role: Identity, provider: OidcProvider, facts: Mapping[str, Value]) -> bool:
    given: dict[str, Value] = {key.lower(): value for key, value in facts.items()}
    given["sts:rolesessionname"] = call.input["RoleSessionName"]
    request = AccessRequest(
        principal=Principal("WebIdentity", provider.arn, provider.account, ""),
        action="sts:AssumeRoleWithWebIdentity",
        resource=role.arn,
        resource_account=role.account,
        context=Context(call, role.arn, {}, given),
    )
    return evaluate(request, Policies(trust=trust_of(role))).allowed
