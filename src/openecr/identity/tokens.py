"""Tokens that need no row: authorization tokens, download signatures, page tokens.

An **authorization token** is a JWS (compact, HS256): the password of `docker login`, and the bearer token
of a public registry. Its header names the key and is compared as a whole, so a token has no say in how it
is verified. It is written and read here, by hand: that takes 7 µs, and 17 with a library [measured], which
weighs algorithms and keys that are none of ours and is a tenth of a second to import. docker sends a token
with every request, so those that held are remembered, by their text; their times are judged on each use.
Only letters, digits, `-`, `_` and `.`: tools split at the first or second colon and pass passwords through
a shell (auth-iam.md §3.3). It says who the principal is and by which access key it was asked for, never
what the principal may do.

A **download signature** opens one layer for a while, a **page token** goes on with one list. Both are an
HMAC-SHA256 and the text it is of, in base64url. They are no JWS: they stand in URLs and are made by the
page. Each of the three has keys of its own, derived from the token keys, so none can pass for another.

Several keys are for rotation: the first signs, all verify.
"""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

import orjson

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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
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
    key: str  # the id of the access key it was asked for with, whose end is the token's; empty if anonymous
    issued_at: datetime  # in milliseconds: there may be a revocation in the same second
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
        # By the header their tokens begin with, in order.
        self._signing_keys = {_header(key): _derived(key, "authorization token") for key in keys}
        self._download_keys = [_derived(key, "download signature") for key in keys]
        self._page_keys = [_derived(key, "page token") for key in keys]
        # Only what held is remembered; a text that did not raises, and is looked at again.
        self._verified = lru_cache(maxsize=CACHED_TOKENS)(self._verify)

    # Authorization tokens.

    def mint(
        self,
        kind: Kind,
        *,
        account: str,
        region: str,
        principal_arn: str,
        principal_id: str,
        key: str = "",
        now: datetime,
        until: datetime | None = None,
    ) -> Minted:
        """A token that holds from now on for the kind's lifetime, in whole seconds, or `until` then.

        key      the id of the access key it is asked for with
        now      aware; so is
        until    the end of that key, of a temporary one
        returns  the password (what follows `AWS:`), mostly under 500 characters, under 1,800 for the
                 longest ARN there can be (auth-iam.md §3.2)
        """
        expires_at = now + LIFETIMES[kind]
        if until is not None and until < expires_at:
            expires_at = until
        expires_at = expires_at.replace(microsecond=0)
        payload = {
            "kind": kind,
            "account": account,
            "region": region,
            "arn": principal_arn,
            "principal": principal_id,
            "key": key,
            "iat_ms": (now - _EPOCH) // _MILLISECOND,
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_hex(8),
        }
        header, secret = next(iter(self._signing_keys.items()))
        text = f"{header}.{_base64url(orjson.dumps(payload))}"
        return Minted(f"{text}.{_signature(secret, text)}", expires_at)

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
        # By the whole header, as we write it: no other algorithm, type or key can be asked for.
        text, _, signature = password.rpartition(".")
        header, _, payload = text.partition(".")
        secret = self._signing_keys.get(header)
        if secret is None or not password.isascii():
            raise InvalidToken
        # As texts, so there is one for each token: the last character of base64 has bits to spare.
        if not hmac.compare_digest(signature, _signature(secret, text)):
            raise InvalidToken
        claims = orjson.loads(_bytes(payload))
        return TokenClaims(
            kind=claims["kind"],
            account=claims["account"],
            region=claims["region"],
            arn=claims["arn"],
            principal_id=claims["principal"],
            key=claims["key"],
            issued_at=_EPOCH + claims["iat_ms"] * _MILLISECOND,
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            id=claims["jti"],
        )

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


def _header(key: TokenKey) -> str:
    """What the tokens of a key begin with. `typ` says what else they hold: a token of an earlier form has
    another header, and is none."""
    return _base64url(orjson.dumps({"alg": "HS256", "kid": key.id, "typ": "openecr2"}))


def _signature(secret: bytes, text: str) -> str:
    return _base64url(hmac.digest(secret, text.encode(), "sha256"))


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
        sealed = _bytes(text)
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


def _bytes(base64url: str) -> bytes:
    """Raises ValueError for a length no encoding has."""
    return base64.urlsafe_b64decode(base64url + "=" * (-len(base64url) % 4))
