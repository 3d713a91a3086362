"""A registry client that does nothing a check does not see: one request, one answer, and what was said.

It answers Basic and Bearer challenges, follows redirects without taking the credentials to another host,
never decodes a body (digests are of the bytes as sent) and writes every exchange down, so that a failure can
be shown as it went over the wire.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import requests
import urllib3

from .settings import Settings

TIMEOUT_SECONDS = 60
SHOWN_BODY_BYTES = 600
STREAM_PIECE_BYTES = 1 << 16

REPOSITORY_PATH = re.compile(r"/v2/(?P<name>.+?)/(?:blobs|manifests|tags|referrers)/[^/]*(?:/[^/]*)?$")
CHALLENGE_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class NonconformingError(Exception):
    """The registry did what the specification does not allow."""


class UnsupportedError(Exception):
    """The registry answered as one that lacks this feature may: the case is skipped."""


class Answer:
    """A response and what is expected of it. An expectation that is not met raises NonconformingError."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.body = body

    def has_status(self, *allowed: int) -> "Answer":
        if self.status not in allowed:
            raise NonconformingError(f"status is {self.status}, expected {' or '.join(map(str, allowed))}")
        return self

    def has_header(self, name: str, *allowed: str) -> "Answer":
        value = self.headers.get(name)
        if value not in allowed:
            raise NonconformingError(f"{name} is {value!r}, expected {' or '.join(map(repr, allowed))}")
        return self

    def has_body(self, content: bytes) -> "Answer":
        if self.body != content:
            raise NonconformingError(f"the body is not the {len(content)} bytes expected: {shown(self.body)}")
        return self

    def has_digest(self, digest: str, *, required: bool) -> "Answer":
        """Docker-Content-Digest, in the algorithm that was asked for; it may be absent unless required."""
        if required or "Docker-Content-Digest" in self.headers:
            self.has_header("Docker-Content-Digest", digest)
        return self

    @property
    def location(self) -> str:
        """The absolute form of Location."""
        if not self.headers.get("Location"):
            raise NonconformingError("the answer has no Location")
        return urljoin(self.url, self.headers["Location"])

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        try:
            value = json.loads(self.body)
        except ValueError:
            raise NonconformingError(f"the body is not JSON: {shown(self.body)}") from None
        if not isinstance(value, dict):
            raise NonconformingError(f"the body is not a JSON object: {shown(self.body)}")
        return value


class Client:
    """Asks one registry. Use as a context manager; not for several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.exchanges: list[str] = []
        self._authorizations: dict[tuple[str, str], str] = {}
        self._session = requests.Session()
        self._session.trust_env = False  # neither .netrc nor a proxy may stand between us and the registry
        self._session.verify = settings.tls != "insecure"
        if settings.tls == "insecure":
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def __call__(
        self,
        method: str,
        target: str,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        streamed: bool = False,
    ) -> Answer:
        """Send one request, and once more with credentials if it is challenged.

        target    a path such as /v2/, or a Location as Answer.location gives it
        query     added to whatever query the target has
        body      sent with Content-Length, or with chunked transfer encoding if streamed
        Raises NonconformingError when no whole answer comes.
        """
        url = with_query(urljoin(self.settings.base_url, target), query or {})
        scope = scope_of(method, url)
        sent = dict(headers or {})
        if authorization := self._authorizations.get(scope):
            sent["Authorization"] = authorization
        answer = self._send(method, url, sent, body, streamed)
        if answer.status == 401 and self.settings.username:
            self._authorizations[scope] = sent["Authorization"] = self._authorize(answer)
            answer = self._send(method, url, sent, body, streamed)
        return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, streamed: bool
    ) -> Answer:
        data = pieces(body) if streamed and body is not None else body
        # Go clients offer gzip unasked; a registry must not take them up on it for a blob or a manifest.
        offered = {"Accept-Encoding": "gzip", **headers}
        try:
            with self._session.request(
                method, url, headers=offered, data=data, stream=True, timeout=TIMEOUT_SECONDS
            ) as response:
                answer = Answer(
                    response.url,
                    response.status_code,
                    response.headers,
                    response.raw.read(decode_content=False),
                )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            self.exchanges.append(transcript(method, url, headers, body, streamed) + f"\n< {error}")
            raise NonconformingError(f"no whole answer to {method} {url}: {error}") from error
        self.exchanges.append(transcript(method, url, headers, body, streamed, answer))
        return answer

    def _authorize(self, challenged: Answer) -> str:
        """The Authorization that a 401 asks for: Basic, or a Bearer token fetched from its realm."""
        scheme, _, rest = challenged.headers.get("WWW-Authenticate", "").partition(" ")
        user = f"{self.settings.username}:{self.settings.password}".encode()
        basic = f"Basic {base64.b64encode(user).decode()}"
        match scheme.lower():
            case "basic":
                return basic
            case "bearer":
                parameters = dict(CHALLENGE_PARAMETER.findall(rest))
                query = {key: parameters[key] for key in ("service", "scope") if key in parameters}
                realm = with_query(urljoin(challenged.url, parameters.get("realm", "")), query)
                token = self._send("GET", realm, {"Authorization": basic}, None, False).has_status(200).json()
                return f"Bearer {token.get('access_token') or token.get('token')}"
            case _:
                raise NonconformingError(f"a 401 without a Basic or Bearer challenge: {scheme!r}")


def with_query(url: str, query: Mapping[str, str | list[str]]) -> str:
    """The URL with these parameters behind those it has; a Location's own query stays as it is."""
    if not query:
        return url
    parts = urlsplit(url)
    added = urlencode(query, doseq=True)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def scope_of(method: str, url: str) -> tuple[str, str]:
    """Repository and kind of access: one Authorization serves all requests that share them."""
    found = REPOSITORY_PATH.match(urlsplit(url).path)
    kind = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(method, "push")
    return (found["name"] if found else ""), kind


def pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), STREAM_PIECE_BYTES):
        yield body[start : start + STREAM_PIECE_BYTES]


def transcript(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    streamed: bool,
    answer: Answer | None = None,
) -> str:
    """An exchange as curl -v would show it, without credentials."""
    lines = [f"> {method} {url}"]
    lines += [f"> {name}: {'…' if name == 'Authorization' else value}" for name, value in headers.items()]
    if body is not None:
        lines.append("> Transfer-Encoding: chunked" if streamed else f"> Content-Length: {len(body)}")
        lines.append(f"> {shown(body)}")
    if answer is not None:
        lines.append(f"< {answer.status}")
        lines += [f"< {name}: {value}" for name, value in answer.headers.items()]
        lines.append(f"< {shown(answer.body)}")
    return "\n".join(lines)


def shown(body: bytes) -> str:
    """The beginning of a body if it is text, else its length."""
    try:
        text = body[:SHOWN_BODY_BYTES].decode()
    except UnicodeDecodeError:
        return f"[{len(body)} bytes]"
    rest = f" … [{len(body)} bytes]" if len(body) > SHOWN_BODY_BYTES else ""
    return (text.rstrip("\n") or "[no body]") + rest
