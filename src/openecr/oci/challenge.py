"""Who asks: Basic and Bearer off the request, the 401 that asks for them, the token endpoint.

Which of them is asked for follows from what the host names (data-plane.md §3.2, §3.3, §5.5):

    host names            asked for     accepted           /token/
    a private registry    Basic         Basic              none
    ECR Public            Bearer        Bearer             Basic, or nothing: anonymous
    no registry           Bearer        Basic and Bearer   Basic, or nothing: anonymous

The third cannot tell at `/v2/` which kind will be asked for, and docker pulls nothing anonymously
after a Basic challenge.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import parse_qsl

import orjson
import pybase64

from openecr.domain.addresses import Address
from openecr.domain.registry import ACCOUNT, Kind, Registry
from openecr.identity.caller import ANONYMOUS, Caller, anonymous_caller, root_caller
from openecr.identity.tokens import ExpiredToken, InvalidToken, Minted, TokenClaims, Tokens
from openecr.oci.error_response import Refused, error, method_not_allowed, page_not_found
from openecr.port import Request, Response

USER: Final = "AWS"
NOT_AUTHORIZED: Final = "Not Authorized"
INVALID: Final = "Your Authorization Token is invalid."
EXPIRED: Final = "Your authorization token has expired. Reauthenticate and try again."
TOKEN_PATHS: Final = ("/token", "/token/")
TOKEN_METHODS: Final = ("GET", "POST")
DEV_LIFETIME: Final = timedelta(hours=1)
MAX_FORM_BYTES: Final = 64 << 10
MAX_FORM_FIELDS: Final = 32
REMEMBERED: Final = 1024

FindPrincipal = Callable[[TokenClaims], Caller | None]
"""The principal a token speaks for, as it is now; None where it, or what the token rests on, is gone."""


class HostNames(Enum):
    """What the host of a request names, and so how it is asked for credentials."""

    PRIVATE = "private"
    PUBLIC = "public"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Credentials:
    scheme: Literal["basic", "bearer"]
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks; and the account and the region meant by an address that names none."""

    caller: Caller
    account: str
    region: str


class Authentication:
    def __init__(
        self,
        tokens: Tokens,
        find_principal: FindPrincipal,
        clock: Callable[[], datetime],
        default: Registry,
        *,
        dev: bool,
    ) -> None:
        """`dev`: credentials that are no token of a principal's are those of the root of the default
        account or, where the user is the number of an account, of that one."""
        self._tokens = tokens
        self._find_principal = find_principal
        self._clock = clock
        self._default = default
        self._dev = dev

    def identify(self, request: Request, address: Address) -> Identity:
        """Who sends a request. Raises Refused: with a challenge, or with what is wrong."""
        host = host_names(address)
        header = request.headers.get("Authorization")
        if header is None:
            raise Refused(challenge(request, host))
        credentials = parse_credentials(header)
        if credentials is None or not _is_accepted(credentials, host):
            raise Refused(_invalid(request, host))
        try:
            return self._identity(credentials, request, address, host)
        except Refused:
            if self._stands_for_root(credentials):
                return self._root(credentials, request)
            raise

    async def answer_token(self, request: Request, address: Address) -> Response:
        """The token endpoint: GET with Basic or nothing, POST with the OAuth 2 form, containerd's way.

        A login gets back the very token that is its password, and no login an anonymous one.
        Sources: data-plane.md §3.3, §5.5; docker's registry token authentication, "Token Authentication
        Specification" and "OAuth2 Token Authentication".
        """
        host = host_names(address)
        if request.path not in TOKEN_PATHS or host is HostNames.PRIVATE:
            raise Refused(page_not_found())
        if request.method not in TOKEN_METHODS:
            raise Refused(method_not_allowed(TOKEN_METHODS))

        login = await _login(request, host)
        now = self._clock()  # a form may take its time, and what is in it may end meanwhile
        if login is None:
            anonymous = self._tokens.mint(
                "anonymous", account="", region="", principal_arn=ANONYMOUS, principal_id="", now=now
            )
            return _token(anonymous, now)
        try:
            return _token(self._held(login, request, host, now), now)
        except Refused:
            if self._stands_for_root(login):
                text = pybase64.b64encode(f"{login.user}:{login.password}".encode()).decode()
                return _token(Minted(text, now + DEV_LIFETIME), now)
            raise

    def _identity(
        self, credentials: Credentials, request: Request, address: Address, host: HostNames
    ) -> Identity:
        try:
            claims = self._claims(credentials, self._clock())
        except InvalidToken:
            raise Refused(_invalid(request, host)) from None
        except ExpiredToken:
            raise Refused(_expired(request, host, credentials)) from None

        if claims.kind == "anonymous":
            if address.kind is Kind.PRIVATE and not _is_ping(address):
                raise Refused(challenge(request, host))
            return Identity(_in_these_circumstances(anonymous_caller(), request), "", "")
        if not _is_good_for(claims, address):
            raise Refused(error(400 if host is HostNames.PUBLIC else 403, "DENIED", INVALID))
        return Identity(self._principal(claims, request), claims.account, claims.region)

    def _held(self, login: Credentials, request: Request, host: HostNames, now: datetime) -> Minted:
        """The token of a login, if it holds and its principal is there."""
        try:
            claims = self._claims(login, now)
        except InvalidToken:
            raise Refused(_invalid(request, host)) from None
        except ExpiredToken:
            raise Refused(error(403, "DENIED", EXPIRED)) from None
        if claims.kind == "private" and host is HostNames.PUBLIC:
            raise Refused(_invalid(request, host))
        self._principal(claims, request)
        return Minted(login.password, claims.expires_at)

    def _claims(self, credentials: Credentials, now: datetime) -> TokenClaims:
        """What the token says. An anonymous one is no password: nobody is given it to log in with."""
        if credentials.user != USER:
            raise InvalidToken
        claims = self._tokens.verify(credentials.password, now)
        if credentials.scheme == "basic" and claims.kind == "anonymous":
            raise InvalidToken
        return claims

    def _principal(self, claims: TokenClaims, request: Request) -> Caller:
        found = self._find_principal(claims)
        if found is None:
            raise Refused(error(403, "DENIED", INVALID))
        return _in_these_circumstances(found, request)

    def _stands_for_root(self, credentials: Credentials) -> bool:
        """Whether credentials that were refused are a root's all the same. Never in production; and never a
        token that names a principal: an end it has come to must not make it more than it was."""
        if not self._dev:
            return False
        try:
            return self._claims(credentials, self._clock()).kind == "anonymous"
        except ExpiredToken:
            return False
        except InvalidToken:
            return True

    def _root(self, credentials: Credentials, request: Request) -> Identity:
        account = credentials.user if ACCOUNT.fullmatch(credentials.user) else self._default.account
        caller = _in_these_circumstances(root_caller(account), request)
        return Identity(caller, account, self._default.region)


def host_names(address: Address) -> HostNames:
    if not address.host_names_registry:
        return HostNames.NOTHING
    return HostNames.PRIVATE if address.kind is Kind.PRIVATE else HostNames.PUBLIC


def challenge(request: Request, host: HostNames) -> Response:
    """401, and where to turn. The realm is the host as received. Sources: data-plane.md §3.2, §3.3, §5.5."""
    origin = f"{request.scheme}://{_NO_HOST.sub('', request.host)}"
    if host is HostNames.PRIVATE:
        headers = {
            "WWW-Authenticate": f'Basic realm="{origin}/",service="ecr.amazonaws.com"',
            "Content-Type": "text/plain; charset=utf-8",
        }
        return Response(401, headers, NOT_AUTHORIZED.encode() + b"\n")

    service = "public.ecr.aws" if host is HostNames.PUBLIC else "ecr.amazonaws.com"
    response = error(401, "DENIED", NOT_AUTHORIZED)
    response.headers["Content-Type"] = "application/json"
    response.headers["WWW-Authenticate"] = f'Bearer realm="{origin}/token/",service="{service}",scope="aws"'
    return response


@lru_cache(maxsize=REMEMBERED)
def parse_credentials(header: str) -> Credentials | None:
    """What an Authorization header holds; None where it is neither Basic nor Bearer, or malformed. docker
    sends the same with every request, so the last ones are remembered.

    A bearer token is either of ours, which has dots, or an `authorizationToken` as the API returned
    it, `base64("AWS:…")`, which has none. Source: data-plane.md §3.3.
    """
    scheme, _, value = header.partition(" ")
    value = value.strip()
    match scheme.lower():
        case "basic":
            return _user_and_password("basic", value)
        case "bearer" if "." in value:
            return Credentials("bearer", USER, value)
        case "bearer":
            return _user_and_password("bearer", value)
    return None


_NO_HOST = re.compile(r"[^A-Za-z0-9._:\[\]-]+")
"""What is in no host, and might end the quotes it is put into."""


def _user_and_password(scheme: Literal["basic", "bearer"], value: str) -> Credentials | None:
    try:
        user, colon, password = pybase64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # what is not base64, ASCII or UTF-8
        return None
    return Credentials(scheme, user, password) if colon else None


async def _login(request: Request, host: HostNames) -> Credentials | None:
    """Who logs in at the token endpoint; None is anonymous. A form has `username` and `password`, or a
    `refresh_token`, as which docker sends a password it was told to keep."""
    header = request.headers.get("Authorization")
    if header is not None:
        credentials = parse_credentials(header)
        if credentials is None or credentials.scheme != "basic":
            raise Refused(_invalid(request, host))
        return credentials
    if request.method == "GET":
        return None

    body = await request.body.read(MAX_FORM_BYTES)
    try:
        form = dict(parse_qsl(body.decode(), max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        raise Refused(error(400, "UNSUPPORTED", "The form cannot be read.")) from None
    if refresh_token := form.get("refresh_token"):
        return Credentials("basic", USER, refresh_token)
    if "password" in form:
        return Credentials("basic", form.get("username", ""), form["password"])
    return None


def _is_accepted(credentials: Credentials, host: HostNames) -> bool:
    if host is HostNames.NOTHING:
        return True
    return credentials.scheme == ("basic" if host is HostNames.PRIVATE else "bearer")


def _is_ping(address: Address) -> bool:
    """A request that asks for nothing but whether the credentials hold, of a host that names nothing."""
    return address.is_plain and address.path == ""


def _is_good_for(claims: TokenClaims, address: Address) -> bool:
    """Whether a token may be used on a registry, whatever its principal may do there.

    A private token is good for its region; where the host names no registry also for public ones,
    because docker keeps one login for each host. Source: auth-iam.md §3.3, "Every use".
    """
    if _is_ping(address):
        return True
    if address.kind is Kind.PUBLIC:
        return claims.kind != "private" or not address.host_names_registry
    return claims.kind == "private" and (address.is_plain or claims.region == address.region)


def _invalid(request: Request, host: HostNames) -> Response:
    """Credentials that are none of ours. Source: auth-iam.md §3.3, "Malformed or forged"."""
    return error(400, "DENIED", INVALID) if host is HostNames.PUBLIC else challenge(request, host)


def _expired(request: Request, host: HostNames, credentials: Credentials) -> Response:
    """Our own token, too late. A client that got it from `/token/` is sent there again."""
    if host is HostNames.PUBLIC:
        return error(400, "DENIED", INVALID)
    if credentials.scheme == "bearer":
        return challenge(request, host)
    return error(403, "DENIED", EXPIRED)


def _in_these_circumstances(caller: Caller, request: Request) -> Caller:
    agent = request.headers.get("User-Agent", "")
    return caller.at(request.source_address, agent, request.scheme == "https")


def _token(minted: Minted, now: datetime) -> Response:
    """Some clients read `token`, some `access_token`; what is missing of the rest they guess."""
    answer = {
        "token": minted.password,
        "access_token": minted.password,
        "expires_in": int((minted.expires_at - now).total_seconds()),
        "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    body = orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
    return Response(200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, body)
