"""Would botocore have signed the request that arrived? The signature is recomputed with botocore's own parts.

What no signer decides is written down here once more, plainly: the form of the claim, its scope and time,
which headers must be signed, and whose session token it is.
"""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from tests.identity.received import Received

WINDOW = timedelta(minutes=15)
ALGORITHM = "AWS4-HMAC-SHA256"


class Claim(NamedTuple):
    """What an `Authorization` header or a query says."""

    credential: str
    names: str
    signature: str
    timestamp: str
    session_token: str | None
    lifetime: timedelta = WINDOW


class Recomputed(SigV4Auth):
    """botocore's signer, for a request with given headers signed at a given time."""

    def sign_again(self, arrived: Received, names: list[str], timestamp: str) -> str:
        signed = HTTPHeaders()
        for name, value in arrived.headers.items():
            if name.lower() in names:
                signed[name.lower()] = value
        canonical_request = "\n".join(
            [
                arrived.method,
                self._normalize_url_path(arrived.path),
                self._canonical_query_string_params(parameters(arrived)),
                self.canonical_headers(signed) + "\n",
                self.signed_headers(signed),
                sha256(arrived.body).hexdigest(),
            ]
        )
        request = AWSRequest()
        request.context["timestamp"] = timestamp
        return self.signature(self.string_to_sign(request, canonical_request), request)


def holds(
    arrived: Received,
    *,
    access_key_id: str,
    secret: str,
    session_token: str | None,
    service: str,
    now: datetime,
) -> bool:
    """Whether the request is one that botocore could have made with that key for that service by now."""
    claim = claim_of(arrived)
    if claim is None or claim.session_token != session_token:
        return False

    # The scope and the time.
    at = moment(claim.timestamp)
    scope = claim.credential.split("/")
    if at is None or len(scope) != 5 or not re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", scope[2]):
        return False
    if scope != [access_key_id, claim.timestamp[:8], scope[2], service, "aws4_request"]:
        return False
    if not now - claim.lifetime <= at <= now + WINDOW:
        return False

    # What must be signed, and that it is.
    present = {name.lower() for name in arrived.headers}
    names = claim.names.split(";")
    amz = {name for name in present if name.startswith("x-amz-") and name != "x-amz-cf-id"}
    if not {"host"} | amz <= set(names) <= present or names != sorted(set(names)):
        return False
    body_sha256 = sha256(arrived.body).hexdigest()
    if arrived.headers.get("X-Amz-Content-SHA256", body_sha256) != body_sha256:
        return False
    signer = Recomputed(Credentials(access_key_id, secret), service, scope[2])
    return signer.sign_again(arrived, names, claim.timestamp) == claim.signature


def claim_of(arrived: Received) -> Claim | None:
    authorization = ",".join(arrived.headers.getall("Authorization", []))
    query = [pair.partition("=")[::2] for pair in arrived.query.split("&")] if arrived.query else []
    given = [(unquote(name), unquote(value)) for name, value in query]
    if any(name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature") for name, _ in given):
        return None if authorization else claim_of_query(given)

    algorithm, _, rest = authorization.partition(" ")
    parts = [part.partition("=") for part in re.split(r"[,\s]+", rest) if part]
    found = {name: value for name, _, value in parts}
    if algorithm != ALGORITHM or len(found) < len(parts) or not all(equals for _, equals, _ in parts):
        return None
    needed = [found.get(name, "") for name in ("Credential", "SignedHeaders", "Signature")]
    timestamp = arrived.headers.get("X-Amz-Date", "")
    if not all([*needed, timestamp]) or len(arrived.headers.getall("X-Amz-Date")) > 1:
        return None
    token = ",".join(arrived.headers.getall("X-Amz-Security-Token", [])) or None
    return Claim(*needed, timestamp, token)


def claim_of_query(given: list[tuple[str, str]]) -> Claim | None:
    own = [(name, value) for name, value in given if name.startswith("X-Amz-")]
    found = dict(own)
    needed = [found.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature", "Date")]
    if len(found) < len(own) or not all(needed) or found.get("X-Amz-Algorithm") != ALGORITHM:
        return None
    expires = found.get("X-Amz-Expires", "900")
    if not re.fullmatch(r"[0-9]{1,9}", expires) or not 1 <= int(expires) <= 604_800:
        return None
    lifetime = min(timedelta(seconds=int(expires)), WINDOW)
    return Claim(*needed, found.get("X-Amz-Security-Token") or None, lifetime)


def parameters(arrived: Received) -> list[tuple[str, str]]:
    """The query's names and values, decoded, without the signature."""
    pairs = [pair.partition("=")[::2] for pair in arrived.query.split("&")] if arrived.query else []
    given = [(unquote(name, errors="strict"), unquote(value, errors="strict")) for name, value in pairs]
    return [(name, value) for name, value in given if name != "X-Amz-Signature"]


def moment(timestamp: str) -> datetime | None:
    if re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", timestamp, re.ASCII) is None:
        return None
    try:
        return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
