"""Does this signature hold? AWS Signature Version 4, in a header or in the query (pre-signed).

In two steps, because a front must refuse an unknown key before it reads a body of 28 MiB:

    request = sigv4.parse(method, path, query, headers, service="ecr", now=now)
    key = find_access_key(request.access_key_id)     # None: raise UnrecognizedClientException
    sigv4.verify(request, key.secret, sha256_of_body)

`parse` finds every fault that needs neither key nor body, in AWS's own order: parameters, date, clock,
signed headers, algorithm, credential, scope. So the clock is judged when a request arrives, and a body
that is slow to come does not age it.

The texts are AWS's, as seen in auth-iam.md §1.6 and in public reports of JSON services; those marked
[proposed] are ours. Nothing here is specific to ECR but that the path is encoded twice and the payload
is always signed, as for every service but S3. SigV4a is not verified (auth-iam.md §1.5).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from multidict import CIMultiDictProxy

from openecr.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)
from openecr.identity.credentials import matches, token_sha256

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
WINDOW = timedelta(minutes=15)
"""How far a request's date may lie from ours; a pre-signed one cannot live longer either."""
PRESIGNED_SECONDS = range(1, 604_801)
"""What X-Amz-Expires may say. Source: auth-iam.md §1.4."""
CACHED_KEYS = 1024
ECHO_CHARACTERS = 1024
"""As much of what a client sent as an error repeats to it."""

REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
ACCESS_KEY_ID = re.compile(r"[A-Za-z0-9_]{1,128}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_STAMP = "%Y%m%dT%H%M%SZ"
# As RFC 9110 has it; botocore writes -0000 for GMT.
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}(?::[0-9]{2}){2} (?:GMT|-0000)"
)

_CREDENTIAL_IN_HEADER = re.compile(r"[\s,]Credential=([^\s,]*)")
_CREDENTIAL_IN_QUERY = re.compile(r"(?:^|&)X-Amz-Credential=([^&]*)")

# Headers that proxies add on the way, after the client has signed. The X-Amzn-… of AWS's load balancers
# need no line: the rule is about X-Amz-….
_ADDED_BY_PROXIES = frozenset({"x-amz-cf-id"})

_IN_HEADER = ("Credential", "Signature", "SignedHeaders")
# The header as every SDK writes it.
_USUAL = re.compile(
    f"{ALGORITHM} Credential=([^\\s,=]+), ?SignedHeaders=([^\\s,=]+), ?Signature=([0-9a-f]{{64}})"
)
_IN_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_OPTIONAL_IN_QUERY = ("X-Amz-Expires", "X-Amz-Security-Token")
# Any of these makes a request a pre-signed one. The others can stand in the query of one signed by header.
_PRESIGNED = frozenset({"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"})


class SignedRequest(NamedTuple):
    """What a well-formed request claims; nothing of it is proven before `verify`."""

    access_key_id: str
    day: str  # 20260102
    region: str
    service: str
    timestamp: str  # 20260102T030405Z
    signed_headers: tuple[str, ...]  # lower case, sorted
    signature: str
    session_token: str | None
    content_sha256: str | None  # the header, if there is one
    canonical_head: str  # the canonical request, up to the hash of the payload

    def __repr__(self) -> str:
        """Without the signature, the session token and what is signed."""
        return f"SignedRequest({self.access_key_id}, {self.timestamp}, {self.region}, {self.service})"


def scoped_service(query: str, headers: CIMultiDictProxy[str]) -> str:
    """The service a signature says it is made for, before anything of it is looked at; empty if it does not.

    Arguments as of `parse`.
    """
    found = _CREDENTIAL_IN_HEADER.search(headers.get("Authorization", ""))
    found = found or _CREDENTIAL_IN_QUERY.search(query)
    credential = unquote(found[1]).split("/") if found else []
    return credential[3] if len(credential) == 5 else ""


def parse(
    method: str, path: str, query: str, headers: CIMultiDictProxy[str], *, service: str, now: datetime
) -> SignedRequest:
    """The signature a request carries, well formed, in time and of the right scope; not yet verified.

    path     as received, percent-encoded, without the query
    query    as received, without the question mark
    headers  as received, repeated ones in order of arrival; bytes that are not UTF-8 as surrogates
    service  the one asked for, which the signature must be scoped to: "ecr"
    now      aware
    Raises   MissingAuthenticationTokenException, IncompleteSignatureException,
             InvalidSignatureException; UnrecognizedClientException for an access key id no key can have
    Source   auth-iam.md §1.2–§1.6; the order of faults as observed of AWS's JSON services
    """
    fields = _fields(headers)
    parameters = _parameters(query)
    claim = _claim(fields, parameters)

    # The date, then the clock.
    now = now.replace(microsecond=0)
    age = now - _parse_timestamp(claim.timestamp)
    if age > claim.lifetime:
        raise InvalidSignatureException(
            f"Signature expired: {claim.timestamp} is now earlier than {now - claim.lifetime:{_STAMP}} "
            f"({now:{_STAMP}} - {_duration(claim.lifetime)})"
        )
    if age < -WINDOW:
        raise InvalidSignatureException(
            f"Signature not yet current: {claim.timestamp} is still later than {now + WINDOW:{_STAMP}} "
            f"({now:{_STAMP}} + {_duration(WINDOW)})"
        )

    # What is signed, and how.
    names = claim.signed_headers.split(";")
    _check_signed_headers(names, fields)
    if claim.algorithm != ALGORITHM:
        raise IncompleteSignatureException(
            f"Unsupported AWS 'algorithm': '{_echo(claim.algorithm)}' (only {ALGORITHM} for now). "
        )

    # By whom, for where.
    credential = claim.credential.split("/")
    if len(credential) != 5:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{_echo(claim.credential)}'"
        )
    access_key_id, day, region, scoped_service, _ = credential
    if faults := _scope_faults(credential, service, claim.timestamp):
        raise InvalidSignatureException(faults)
    if not ACCESS_KEY_ID.fullmatch(access_key_id):
        raise UnrecognizedClientException

    return SignedRequest(
        access_key_id=access_key_id,
        day=day,
        region=region,
        service=scoped_service,
        timestamp=claim.timestamp,
        signed_headers=tuple(names),
        signature=claim.signature,
        session_token=claim.session_token,
        content_sha256=fields.get("x-amz-content-sha256"),
        canonical_head=_canonical_head(method, path, parameters, names, fields),
    )


def verify(
    request: SignedRequest, secret: str, payload_sha256: str, *, session_token_sha256: bytes | None = None
) -> None:
    """Return if the signature holds; otherwise raise.

    secret                of the access key `request.access_key_id`
    payload_sha256        of the body, exactly as received: 64 hexadecimal digits in lower case
    session_token_sha256  of the one this key was issued with; None for a long-term key, which has none
    Raises  InvalidSignatureException; UnrecognizedClientException where the session token is another, is
            missing, or comes with a long-term key. As AWS does, the signature first.
    Source  auth-iam.md §1.2. A signed UNSIGNED-PAYLOAD is for S3 alone and does not hold here.
    """
    if request.content_sha256 is not None and request.content_sha256 != payload_sha256:
        raise InvalidSignatureException
    canonical_sha256 = hashlib.sha256(_octets(request.canonical_head + payload_sha256)).hexdigest()
    scope = f"{request.day}/{request.region}/{request.service}/{TERMINATOR}"
    text = f"{ALGORITHM}\n{request.timestamp}\n{scope}\n{canonical_sha256}"

    key = _signing_key(secret, request.day, request.region, request.service)
    if not matches(request.signature, hmac.digest(key, text.encode(), "sha256").hex()):
        raise InvalidSignatureException
    if session_token_sha256 is None:
        if request.session_token is not None:
            raise UnrecognizedClientException
    elif not hmac.compare_digest(token_sha256(request.session_token or ""), session_token_sha256):
        raise UnrecognizedClientException


# What the request says, in either form.


class _Claim(NamedTuple):
    algorithm: str
    credential: str
    signed_headers: str
    signature: str
    timestamp: str
    session_token: str | None
    lifetime: timedelta


def _claim(fields: Mapping[str, str], parameters: Sequence[tuple[str, str]]) -> _Claim:
    authorization = fields.get("authorization", "")
    if parameters and any(name in _PRESIGNED for name, _ in parameters):
        if authorization:
            raise IncompleteSignatureException(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
            )
        return _claim_of_query(parameters)
    if authorization:
        return _claim_of_header(authorization, fields)
    raise MissingAuthenticationTokenException


def _claim_of_header(authorization: str, fields: Mapping[str, str]) -> _Claim:
    timestamp = fields.get("x-amz-date") or _basic_form(fields.get("date", ""))
    session_token = fields.get("x-amz-security-token") or None
    if timestamp and (usual := _USUAL.fullmatch(authorization)):
        credential, names, signature = usual.groups()
        return _Claim(ALGORITHM, credential, names, signature, timestamp, session_token, WINDOW)

    # One word alone is no scheme: it may be what should have followed one.
    algorithm, blank, rest = authorization.partition(" ")
    given: dict[str, str] = {}
    echo = algorithm if blank and ACCESS_KEY_ID.fullmatch(algorithm.replace("-", "_")) else ""
    if algorithm.startswith("AWS4-"):
        # Nothing secret stands in such a header, so it may be repeated. The rest of another scheme's,
        # a password perhaps, is not looked at.
        echo = _echo(authorization)
        for part in rest.replace(",", " ").split():
            name, equals, value = part.partition("=")
            if not equals:
                raise IncompleteSignatureException(
                    f"'{_echo(part)}' not a valid key=value pair (missing equal-sign) "
                    f"in Authorization header: '{echo}'."
                )
            if name in given:  # [proposed]
                raise IncompleteSignatureException(
                    f"Authorization header has the parameter '{_echo(name)}' more than once. "
                    f"Authorization={echo}"
                )
            given[name] = value

    faults = [
        f"Authorization header requires '{name}' parameter." for name in _IN_HEADER if not given.get(name)
    ]
    if not timestamp:
        faults.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if faults:
        raise IncompleteSignatureException(f"{' '.join(faults)} Authorization={echo}")
    return _Claim(
        algorithm,
        given["Credential"],
        given["SignedHeaders"],
        given["Signature"],
        timestamp,
        session_token,
        WINDOW,
    )


def _claim_of_query(parameters: Sequence[tuple[str, str]]) -> _Claim:
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given and (name in _IN_QUERY or name in _OPTIONAL_IN_QUERY):  # [proposed]
            raise IncompleteSignatureException(
                f"AWS query-string parameters must include '{name}' once. "
                "Re-examine the query-string parameters."
            )
        given[name] = unquote(value)

    faults = [
        f"AWS query-string parameters must include '{name}'." for name in _IN_QUERY if not given.get(name)
    ]
    if faults:
        raise IncompleteSignatureException(f"{' '.join(faults)} Re-examine the query-string parameters.")
    return _Claim(
        given["X-Amz-Algorithm"],
        given["X-Amz-Credential"],
        given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"],
        given["X-Amz-Date"],
        given.get("X-Amz-Security-Token") or None,
        _presigned_lifetime(given.get("X-Amz-Expires")),
    )


def _presigned_lifetime(expires: str | None) -> timedelta:
    """What X-Amz-Expires allows, but never more than the window. Source: auth-iam.md §1.4."""
    if expires is None:
        return WINDOW
    if not (
        expires.isascii() and expires.isdigit() and len(expires) < 10 and int(expires) in PRESIGNED_SECONDS
    ):
        raise IncompleteSignatureException(  # [proposed]
            "X-Amz-Expires must be a number of seconds between 1 and 604800. "
            "Re-examine the query-string parameters."
        )
    return min(timedelta(seconds=int(expires)), WINDOW)


def _basic_form(date: str) -> str:
    """A Date header's moment as 20260102T030405Z; a text that is no HTTP date, as it is."""
    if _HTTP_DATE.fullmatch(date):
        try:
            return f"{parsedate_to_datetime(date):{_STAMP}}"
        except ValueError:  # such as a 31st of February
            pass
    return date


def _parse_timestamp(text: str) -> datetime:
    if _TIMESTAMP.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # such as a thirteenth month
            pass
    raise IncompleteSignatureException(
        f"Date must be in ISO-8601 'basic format'. Got '{_echo(text)}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601"
    )


def _echo(text: str) -> str:
    """What a client sent, as far as an error may repeat it: short, and with nothing that is no text."""
    return text[:ECHO_CHARACTERS].encode("utf-8", "replace").decode()


def _duration(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes * 60 + seconds} sec." if seconds else f"{minutes} min."


# Whether it may be so.


def _check_signed_headers(names: list[str], fields: Mapping[str, str]) -> None:
    """Host must be signed, and so must every X-Amz-… header there is (auth-iam.md §1.2, step 9)."""
    signed = set(names)
    if "host" not in signed:
        raise InvalidSignatureException(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name in fields:
        if name not in signed and name.startswith("x-amz-") and name not in _ADDED_BY_PROXIES:
            raise InvalidSignatureException(
                f"'{_echo(name.title())}' must be a 'SignedHeader' in the AWS Authorization."
            )
    # AWS sorts the names itself, so a list in another order does not match; nor can a header that did
    # not arrive have been the one that was signed.
    if names != sorted(signed) or not fields.keys() >= signed:
        raise InvalidSignatureException


def _scope_faults(credential: Sequence[str], service: str, timestamp: str) -> str:
    """All that is wrong with the scope, sentence after sentence; nothing if all is well.

    Source: auth-iam.md §1.6, with the blanks at the ends as there.
    """
    _, day, region, scoped_service, terminator = credential
    faults = ""
    if not REGION.fullmatch(region):
        faults += f"Credential should be scoped to a valid region, not '{_echo(region)}'. "
    if scoped_service != service:
        faults += f"Credential should be scoped to correct service: '{service}'. "
    if terminator != TERMINATOR:
        faults += (
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', "
            f"not '{_echo(terminator)}'. "
        )
    if day != timestamp[:8]:
        faults += (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{_echo(day)}' != '{timestamp[:8]}', from '{timestamp}'."
        )
    return faults


# The canonical request.


def _fields(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Each header once, by its name in lower case; values of a repeated one joined as they are signed."""
    fields: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        fields[name] = f"{_trimmed(fields[name])},{_trimmed(value)}" if name in fields else value
    return fields


def _trimmed(value: str) -> str:
    # Of any blanks, as botocore and the JavaScript SDK have it; the published rule speaks of spaces.
    return " ".join(value.split())


def _parameters(query: str) -> list[tuple[str, str]]:
    """The query's names and values in their order, decoded, and encoded anew as RFC 3986 has it."""
    if not query:
        return []
    pairs = (pair.partition("=") for pair in query.split("&"))
    return [(_encoded(name), _encoded(value)) for name, _, value in pairs]


def _encoded(text: str) -> str:
    # By way of bytes: what is no UTF-8 must come out as it went in. A plus is a plus, not a blank.
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogateescape")), safe="-_.~")


def _canonical_head(
    method: str,
    path: str,
    parameters: Sequence[tuple[str, str]],
    names: Sequence[str],
    fields: Mapping[str, str],
) -> str:
    query = "&".join(f"{name}={value}" for name, value in sorted(parameters) if name != "X-Amz-Signature")
    lines = "".join([f"{name}:{_trimmed(fields[name])}\n" for name in names])
    return f"{method}\n{_canonical_path(path)}\n{query}\n{lines}\n{';'.join(names)}\n"


def _canonical_path(path: str) -> str:
    """Without dot segments and doubled slashes, and encoded once more than it came (auth-iam.md §1.3)."""
    if path == "/":
        return path
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    normal = "/" + "/".join(segments) + ("/" if path.endswith("/") and segments else "")
    return quote(normal, safe="/-_.~", errors="surrogateescape")


def _octets(text: str) -> bytes:
    """As it is hashed: UTF-8. A header's bytes that are not UTF-8 are read as ISO-8859-1.

    botocore signs a header as UTF-8 and sends it as ISO-8859-1; other clients send what they sign.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\udc80-\udcff]", lambda found: chr(ord(found[0]) - 0xDC00), text).encode()


@lru_cache(maxsize=CACHED_KEYS)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = hmac.digest(f"AWS4{secret}".encode(), day.encode(), "sha256")
    for part in (region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
