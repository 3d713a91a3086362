"""Tokens that need no row: authorization tokens, download signatures, page tokens.

An **authorization token** is a JWS (compact, HS256): the password of `docker login`, and the bearer token
of a public registry. Its header names the key and is compared as a whole, so a token has no say in how it
is verified; then joserfc verifies it under the one algorithm. docker sends it with every request, so
those that held are remembered, by their text; their times are judged on each use. Only letters, digits,
`-`, `_` and `.`: tools split at the first or second colon and pass passwords through a shell
(auth-iam.md §3.3). It says who the principal is, never what it may do.

A **download signature** opens one layer for a while, a **page token** goes on with one list. Both are an
HMAC-SHA256 and the text it is of, in base64url. They are no JWS: they stand in URLs and are made by the
page. Each of the three has keys of its own, derived from the token keys, so none can pass for another.

Several keys are for rotation: the first signs, all verify.

joserfc is imported when a token is first minted or verified: it takes longer than all else here.
"""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

Kind = Literal["private", "public", "anonymous"]

LIFETIMES: dict[Kind, timedelta] = {
    "private": timedelta(hours=12),  # GetAuthorizationToken of ecr
    "public": timedelta(hours=12),  # GetAuthorizationToken of ecr-public
    "anonymous": timedelta(hours=1),  # /token/ without a login
}
"""Source: auth-iam.md §3.1, §3.3; data-plane.md §3.3."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future a token may have been issued: by another node, whose clock is ahead."""
PASSWORD_CHARACTERS = 4096
SEALED_CHARACTERS = 4096
CACHED_TOKENS = 4096
SECRET_BYTES = 32
MAC_BYTES = 32

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEALED = re.compile(rf"[A-Za-z0-9_-]{{1,{SEALED_CHARACTERS}}}")


class InvalidToken(Exception):
    """Not a token of ours: malformed, changed, of another kind, or of a key that is gone."""


class ExpiredToken(Exception):
    """A token of ours whose time is over."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    id: str  # the kid
    secret: bytes = field(repr=False)  # 32 random bytes; never used itself, only keys derived from it


@dataclass(frozen=True, slots=True)
class Minted:
    password: str = field(repr=False)
    expires_at: datetime

    @property
    def authorization_token(self) -> str:
        """As GetAuthorizationToken gives it: base64 of the user name `AWS`, a colon and the password."""
        return base64.b64encode(f"AWS:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class TokenClaims:
    kind: Kind
    account: str  # empty for an anonymous token
    region: str
    arn: str
    principal_id: str  # the unique id: a user made anew under an old name is another
    issued_at: datetime
    expires_at: datetime  # the first moment it no longer holds
    id: str  # 16 hexadecimal digits


def make_token_key() -> TokenKey:
    return TokenKey(secrets.token_hex(4), secrets.token_bytes(SECRET_BYTES))


class Tokens:
    def __init__(self, keys: Sequence[TokenKey]) -> None:
        """`keys`: at least one, of different ids and 32 bytes each. Raises ValueError otherwise."""
        if not keys or len({key.id for key in keys}) < len(keys):
            raise ValueError("There must be a token key, and no two with the same id.")
        for key in keys:
            if len(key.secret) != SECRET_BYTES or not _KEY_ID.fullmatch(key.id):
                raise ValueError(f"The token key {key.id!r} is not one of {SECRET_BYTES} bytes, well named.")
        self._keys = tuple(keys)
        self._download_keys = [_derived(key, "download signature") for key in keys]
        self._page_keys = [_derived(key, "page token") for key in keys]
        # Only what held is remembered; a text that did not raises, and is looked at again.
        self._verified = lru_cache(maxsize=CACHED_TOKENS)(self._verify)

    # Authorization tokens.

    def mint(
        self, kind: Kind, *, account: str, region: str, principal_arn: str, principal_id: str, now: datetime
    ) -> Minted:
        """A token that holds from now on for the kind's lifetime, in whole seconds.

        now      aware
        returns  the password (what follows `AWS:`), mostly under 500 characters, under 1,800 for the
                 longest ARN there can be (auth-iam.md §3.2)
        """
        from joserfc import jws

        issued_at = now.replace(microsecond=0)
        expires_at = issued_at + LIFETIMES[kind]
        payload = {
            "kind": kind,
            "account": account,
            "region": region,
            "arn": principal_arn,
            "principal": principal_id,
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_hex(8),
        }
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        key = next(iter(self._signing_keys.values()))
        return Minted(jws.serialize_compact(_header(key.kid), text, key, [_ALGORITHM]), expires_at)

    def verify(self, password: str, now: datetime) -> TokenClaims:
        """Who a token speaks for. It may be of any kind: that a front must look at itself.

        now     aware
        Raises  InvalidToken, ExpiredToken
        """
        if len(password) > PASSWORD_CHARACTERS:
            raise InvalidToken
        claims = self._verified(password)
        if claims.issued_at > now + CLOCK_SKEW:
            raise InvalidToken
        if now >= claims.expires_at:
            raise ExpiredToken
        return claims

    def _verify(self, password: str) -> TokenClaims:
        from joserfc import jws
        from joserfc.errors import JoseError

        # By the whole header, as we write it: no other algorithm, type or key can be asked for.
        key = self._signing_keys.get(password.partition(".")[0])
        if key is None or not password.isascii():
            raise InvalidToken
        try:
            signed = jws.deserialize_compact(password, key, [_ALGORITHM])
        except JoseError:
            raise InvalidToken from None
        payload = json.loads(signed.payload)
        return TokenClaims(
            kind=payload["kind"],
            account=payload["account"],
            region=payload["region"],
            arn=payload["arn"],
            principal_id=payload["principal"],
            issued_at=datetime.fromtimestamp(payload["iat"], UTC),
            expires_at=datetime.fromtimestamp(payload["exp"], UTC),
            id=payload["jti"],
        )

    @cached_property
    def _signing_keys(self) -> dict[str, "OctKey"]:
        """By the header their tokens begin with, in order."""
        from joserfc.jwk import OctKey

        return {
            _base64url(_json(_header(key.id))): OctKey.import_key(
                _derived(key, "authorization token"), {"kid": key.id, "alg": _ALGORITHM, "use": "sig"}
            )
            for key in self._keys
        }

    # Download signatures.

    def sign_download(self, repository_id: int, digest: str, expires_at: datetime) -> str:
        """What a download URL carries: it opens this layer, in this repository, until then.

        expires_at  aware; counts in whole seconds
        returns     letters, digits, `-` and `_`; about 160 for a sha256 digest
        """
        facts = f"{repository_id}.{int(expires_at.timestamp())}.{digest}"
        return _seal(self._download_keys[0], "", facts)

    def verify_download(self, text: str, now: datetime) -> tuple[int, str]:
        """The repository's id and the digest. Raises InvalidToken, ExpiredToken."""
        repository_id, expires_at, digest = _unseal(self._download_keys, "", text).split(".", 2)
        if now.timestamp() >= int(expires_at):
            raise ExpiredToken
        return int(repository_id), digest

    # Page tokens.

    def seal_page(self, scope: str, key: list[str | int]) -> str:
        """A nextToken. It may be read, with some effort, but not changed.

        scope  whatever the list is of: operation, registry, filters
        key    where the next page begins, as the query wants it
        """
        return _seal(self._page_keys[0], scope, json.dumps(key, separators=(",", ":")))

    def open_page(self, text: str, scope: str) -> list[str | int]:
        """Where the page begins. Raises InvalidToken: also where the token is of another scope."""
        key: list[str | int] = json.loads(_unseal(self._page_keys, scope, text))
        return key


_ALGORITHM = "HS256"


def _header(kid: str | None) -> dict[str, Any]:
    return {"alg": _ALGORITHM, "kid": kid, "typ": "openecr"}


def _derived(key: TokenKey, purpose: str) -> bytes:
    return hmac.digest(key.secret, f"openecr {purpose}".encode(), "sha256")


def _seal(key: bytes, scope: str, text: str) -> str:
    body = text.encode()
    return _base64url(_mac(key, scope, body) + body)


def _unseal(keys: Sequence[bytes], scope: str, text: str) -> str:
    """The text that was sealed with one of these keys. Raises InvalidToken."""
    if not _SEALED.fullmatch(text):
        raise InvalidToken
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:  # a length no encoding has
        raise InvalidToken from None
    mac, body = sealed[:MAC_BYTES], sealed[MAC_BYTES:]
    # One text per token: the bits that fill up the last character must be as we wrote them.
    if _base64url(sealed) != text or not any(
        hmac.compare_digest(mac, _mac(key, scope, body)) for key in keys
    ):
        raise InvalidToken
    return body.decode()


def _mac(key: bytes, scope: str, body: bytes) -> bytes:
    about = scope.encode("utf-8", "surrogatepass")
    return hmac.digest(key, len(about).to_bytes(4, "big") + about + body, "sha256")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
