"""OIDC tokens: is it signed by a key of its issuer, for us, and still good? Pure: the key set is handed in.

A token is read before it is believed: its issuer says whose keys to fetch, its header which of them.
Nothing else of it counts until the signature holds. The key decides which algorithms there are for it,
and only those that AWS takes are in the table, so neither `none` nor a shared secret can be asked for;
keys and addresses that a header brings along are not looked at. What may be read in two ways is refused:
a name that is there twice, a base64 text with bits to spare.
Source: API reference, AssumeRoleWithWebIdentity, WebIdentityToken; RFC 7515, 7517, 7519; RFC 8725;
OpenID Connect Core 1.0 §2, §3.1.3.7.

joserfc is imported when a token is first verified: it takes longer than all else here.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

TOKEN_CHARACTERS = 20_000
"""Source: STS model, clientTokenType."""
SUBJECT_CHARACTERS = 255
"""Source: STS model, webIdentitySubjectType."""
CLOCK_SKEW = timedelta(minutes=5)
"""How long after its end a token is still taken, and how far from now it may begin.
Source: IAM user guide, "OIDC federation", for the end; for the beginning [proposed]."""
MODULUS_BITS = range(2048, 8192 + 1)
"""Of RSA keys. The least: RFC 7518 §3.3; the most, so that a signature is cheap to check [proposed]."""

_ALGORITHMS = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""Algorithm → type and curve of its keys. Source: STS model, WebIdentityToken."""
_KEY_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class InvalidWebIdentity(Exception):
    """Not a token to believe. `reason` is a sentence for whoever sent it; it tells nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKey(InvalidWebIdentity):
    """The key set has no key for it; a newer one may have."""


class WrongAudience(InvalidWebIdentity):
    """Its issuer's, but for somebody else."""


class ExpiredWebIdentity(InvalidWebIdentity):
    def __init__(self, expires_at: datetime) -> None:
        super().__init__("The token has expired.")
        self.expires_at = expires_at


@dataclass(frozen=True, slots=True)
class WebIdentity:
    subject: str  # 1–255 characters
    audience: str  # the client id it is for
    issuer: str  # as the token has it, with https://
    expires_at: datetime
    issued_at: datetime
    amr: tuple[str, ...]  # how the subject was authenticated
    claims: Mapping[str, Any] = field(repr=False)  # all of them


def unverified_issuer(token: str) -> str:
    """Who the token says has made it, as it is written there: mostly `https://…`.

    Raises InvalidWebIdentity
    """
    return _text(_parse(token)[1], "iss")


def verify(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    client_ids: Collection[str],
    now: datetime,
) -> WebIdentity:
    """Whose token it is.

    keys        the issuer's JWKS: `{"keys": [{…}, …]}`
    issuer      the provider's URL: to the letter what its tokens say, but IAM leaves out `https://`
    client_ids  whom it may be for
    now         aware
    Raises      InvalidWebIdentity and its kinds: UnknownKey, ExpiredWebIdentity, WrongAudience
    """
    header, claims = _parse(token)
    said = _text(claims, "iss")
    if said != f"https://{issuer.removeprefix('https://')}":
        raise InvalidWebIdentity("The token is of another issuer.")
    _verify_signature(token, header, keys)
    expires_at, issued_at = _times(claims, now)
    return WebIdentity(
        subject=_subject(claims),
        audience=_audience(claims, client_ids),
        issuer=said,
        expires_at=expires_at,
        issued_at=issued_at,
        amr=_texts(claims, "amr"),
        claims=claims,
    )


# What the token is.


def _parse(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Its header and its claims, of which nothing is known yet."""
    if len(token) > TOKEN_CHARACTERS or not _COMPACT.fullmatch(token):
        raise InvalidWebIdentity("The token is no signed JSON Web Token.")
    header, claims, _ = token.split(".")
    return _object(header), _object(claims)


def _object(part: str) -> dict[str, Any]:
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        # Half a surrogate pair, which only an escape can bring in, is no text that could be stored.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidWebIdentity("The token is no signed JSON Web Token.") from None
    if not isinstance(value, dict) or base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise InvalidWebIdentity("The token is no signed JSON Web Token.")
    return value


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a name is there twice")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


# Who signed it.


def _verify_signature(token: str, header: dict[str, Any], keys: Mapping[str, Any]) -> None:
    if "crit" in header or "b64" in header:
        raise InvalidWebIdentity("The token wants an extension that is not supported.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise InvalidWebIdentity("The token is signed with an algorithm that is not supported.")
    jwk = _choose(keys["keys"], header.get("kid"), algorithm)

    from joserfc import jws
    from joserfc.errors import JoseError

    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_signature_length = TOKEN_CHARACTERS
    try:
        jws.deserialize_compact(token, _import(jwk), registry=registry)
    except (JoseError, ValueError):
        raise InvalidWebIdentity("The signature of the token does not hold.") from None


def _choose(jwks: list[dict[str, Any]], kid: Any, algorithm: str) -> dict[str, Any]:
    """The key of that id, or where the token names none, the only one that fits."""
    if kid is not None and not isinstance(kid, str):
        raise InvalidWebIdentity("The token names its key by something that is no text.")
    fitting = [jwk for jwk in jwks if _fits(jwk, algorithm) and (kid is None or jwk.get("kid") == kid)]
    if not fitting:
        raise UnknownKey("The issuer has no such key.")
    if kid is None and len(fitting) > 1:
        raise InvalidWebIdentity("The token does not say which of the issuer's keys it is signed with.")
    return fitting[0]


def _fits(jwk: dict[str, Any], algorithm: str) -> bool:
    """Whether the key is made for the algorithm, and for signatures. Source: RFC 7517 §4.1–§4.4."""
    key_type, curve = _ALGORITHMS[algorithm]
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("kty") == key_type
        and jwk.get("crv") == curve
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
    )


def _import(jwk: dict[str, Any]) -> "RSAKey | ECKey":
    """Its public half, and nothing else that the issuer put there. Raises JoseError, ValueError."""
    from joserfc.jwk import ECKey, RSAKey

    key_type = jwk["kty"]
    members: dict[str, Any] = {name: jwk.get(name) for name in ("kty", *_KEY_MEMBERS[key_type])}
    if not all(isinstance(value, str) for value in members.values()):
        raise ValueError("a member is missing")
    if key_type == "EC":
        return ECKey.import_key(members)
    if _bits(members["n"]) not in MODULUS_BITS:
        raise ValueError("the key is too short or too long")
    return RSAKey.import_key(members)


def _bits(number: str) -> int:
    """How long a number is, written as a JWK has it."""
    return int.from_bytes(base64.urlsafe_b64decode(number + "=" * (-len(number) % 4)), "big").bit_length()


# What it says.


def _times(claims: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """When it ends and when it was made."""
    expires_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    not_before = _moment(claims, "nbf") if "nbf" in claims else issued_at
    if now - CLOCK_SKEW >= expires_at:
        raise ExpiredWebIdentity(expires_at)
    if max(issued_at, not_before) > now + CLOCK_SKEW:
        raise InvalidWebIdentity("The token does not hold yet.")
    return expires_at, issued_at


def _audience(claims: dict[str, Any], client_ids: Collection[str]) -> str:
    """The client id it is for. A token that was handed to one party for use with others says so in `azp`,
    and then that one is its audience. Source: IAM user guide, "Available keys for AWS OIDC federation"."""
    audiences = _texts(claims, "aud")
    if not audiences:
        raise InvalidWebIdentity("The token has no aud.")
    if "azp" in claims:
        audiences = (_text(claims, "azp"),)
    for audience in audiences:
        if audience in client_ids:
            return audience
    raise WrongAudience("Incorrect token audience")  # auth-iam.md §2.4


def _subject(claims: dict[str, Any]) -> str:
    subject = _text(claims, "sub")
    if len(subject) > SUBJECT_CHARACTERS:
        raise InvalidWebIdentity(f"The sub of the token is longer than {SUBJECT_CHARACTERS} characters.")
    return subject


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidWebIdentity(f"The token has no {name}.")
    return value


def _texts(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    """A text or a list of them; none where the claim is not there."""
    value = claims.get(name, [])
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        raise InvalidWebIdentity(f"The {name} of the token is no text.")
    return tuple(values)


def _moment(claims: dict[str, Any], name: str) -> datetime:
    """Whole seconds: AWS takes no others. Source: STS model, WebIdentityToken."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidWebIdentity(f"The token has no {name} in whole seconds.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidWebIdentity(f"The {name} of the token is no moment.") from None
