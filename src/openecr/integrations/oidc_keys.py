"""Key sets of OIDC issuers: from a file that was given for the issuer, else by asking it.

A file is for clusters that nobody can ask from here. It is read again when it is another one; a mounted
ConfigMap is a symbolic link that changes where it points. An issuer is asked as OpenID Connect Discovery
says: its configuration names it and its keys. Certificates are judged by the authorities that `Outbound`
trusts; the thumbprints that IAM keeps with a provider are not looked at.

Anyone may send a token, so nothing that a token says makes us ask more often than so: an answer is kept
for an hour or for as long as it says, within bounds, a failure for a minute, and a key id that is unknown
leads to one question a minute. Keys that are over are used for an hour more where they cannot be renewed.
One thread asks one issuer; few may ask or wait at a time, for they are threads that others need
(server/pools.py), and for each account only one, so that nobody's slow issuers keep others from theirs. Who
comes then is told that there are no keys, and to retry.
Source: OpenID Connect Discovery 1.0 §4; RFC 7517 §5; reliability.md I4.
"""

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from openecr.integrations.outbound import Answer, Outbound, OutboundFailed

KeySet = dict[str, Any]
"""A JWKS: `{"keys": [{…}, …]}`. Every key is an object; what is in it, nobody has looked at."""

MAX_BYTES = 256 << 10
"""Of a configuration, and of a key set."""
MAX_KEYS = 100
MAX_ISSUERS = 128
"""How many issuers' answers are kept; the one not used for longest goes."""
MAX_ASKING = 4
"""Threads that ask issuers, or wait for one that does: each for another account."""
LIFETIME = timedelta(hours=1)
SHORTEST_LIFETIME = timedelta(minutes=5)
LONGEST_LIFETIME = timedelta(hours=24)
GRACE = timedelta(hours=1)
"""How much longer keys are used where they cannot be renewed."""
FAILURE_LIFETIME = timedelta(seconds=60)
REFRESH_INTERVAL = timedelta(seconds=60)

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,])", re.IGNORECASE)


class KeysUnavailable(Exception):
    """There is no key set of that issuer now. `reason` is for the log: it may tell of our network."""

    def __init__(self, reason: str) -> None:
        super().__init__("The keys of the issuer could not be had.")
        self.reason = reason


class _TooManyAsk(KeysUnavailable):
    """The issuer was not asked."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of asking."""

    asked_at: datetime
    expires_at: datetime
    keys: KeySet | None
    reason: str = ""  # why there are none, or no newer ones


@dataclass(slots=True)
class _Issuer:
    name: str
    answer: _Answer | None = None  # replaced as a whole, so it is read without the lock
    asking: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, ...]  # another one when the file is
    keys: KeySet


class KeySets:
    """Safe to use from many threads. An issuer is named by its URL, as a token or as IAM writes it: with
    `https://` or without, with a slash at the end or without."""

    def __init__(
        self,
        outbound: Outbound,
        files: Mapping[str, Path],
        clock: Callable[[], datetime],
        *,
        max_issuers: int = MAX_ISSUERS,
    ) -> None:
        """`files`: issuers that are not asked, because their key sets are these files."""
        self._outbound = outbound
        self._paths = {_name(issuer): path for issuer, path in files.items()}
        self._clock = clock
        self._max_issuers = max_issuers
        self._files: dict[str, _File] = {}
        self._issuers: OrderedDict[str, _Issuer] = OrderedDict()
        self._issuers_lock = threading.Lock()
        self._asking: set[str] = set()  # for which accounts
        self._asking_lock = threading.Lock()

    def find(self, issuer: str, *, account: str) -> KeySet:
        """Its key set, which may be as old as its answer said it may, and older by GRACE where it cannot be
        renewed. `account`: for whom it is asked. Raises KeysUnavailable."""
        name = _name(issuer)
        if name in self._paths:
            return self._from_file(name)
        known = self._issuer(name)
        try:
            return self._ask(known, account, _is_over)
        except _TooManyAsk:
            if known.answer is None:
                raise
            return _keys(known.answer, self._clock())

    def refresh(self, issuer: str, *, account: str) -> KeySet:
        """Its key set as it is now, for a token that names a key unknown to `find`; but the one we have
        where the issuer was asked less than a minute ago, or gives no other. Raises KeysUnavailable."""
        name = _name(issuer)
        if name in self._paths:
            return self._from_file(name)
        return self._ask(self._issuer(name), account, _may_be_asked_again)

    # By asking.

    def _issuer(self, name: str) -> _Issuer:
        with self._issuers_lock:
            known = self._issuers.setdefault(name, _Issuer(name))
            self._issuers.move_to_end(name)
            if len(self._issuers) > self._max_issuers:
                self._issuers.popitem(last=False)
            return known

    def _ask(self, issuer: _Issuer, account: str, is_due: Callable[[_Answer, datetime], bool]) -> KeySet:
        answer = issuer.answer
        if answer is None or is_due(answer, self._clock()):
            with self._turn_of(account, issuer), issuer.asking:
                answer = issuer.answer  # whoever had to wait finds that of the one before
                if answer is None or is_due(answer, self._clock()):
                    answer = issuer.answer = self._answer(issuer)
        return _keys(answer, self._clock())

    @contextmanager
    def _turn_of(self, account: str, issuer: _Issuer) -> Iterator[None]:
        """Within it a thread may ask, or wait for another that does. Raises _TooManyAsk."""
        with self._asking_lock:
            if account in self._asking or len(self._asking) >= MAX_ASKING:
                raise _TooManyAsk(f"{issuer.name}: too many wait for key sets")
            self._asking.add(account)
        try:
            yield
        finally:
            with self._asking_lock:
                self._asking.remove(account)

    def _answer(self, issuer: _Issuer) -> _Answer:
        now = self._clock()
        try:
            return self._discover(issuer.name, now)
        except (OutboundFailed, KeysUnavailable) as error:
            if issuer.answer is None or issuer.answer.keys is None:
                return _Answer(now, now + FAILURE_LIFETIME, None, error.reason)
            return replace(issuer.answer, asked_at=now, reason=error.reason)

    def _discover(self, name: str, now: datetime) -> _Answer:
        url = f"https://{name}/.well-known/openid-configuration"
        configuration = _object(self._outbound.get(url, max_bytes=MAX_BYTES).body, url)
        issuer, jwks_uri = configuration.get("issuer"), configuration.get("jwks_uri")
        if not isinstance(issuer, str) or not issuer.startswith("https://") or _name(issuer) != name:
            raise KeysUnavailable(f"{url}: is of another issuer")
        if not isinstance(jwks_uri, str) or not jwks_uri.startswith("https://"):
            raise KeysUnavailable(f"{url}: has no jwks_uri with https")
        answer = self._outbound.get(jwks_uri, max_bytes=MAX_BYTES)
        return _Answer(now, now + _lifetime(answer), _key_set(answer.body, jwks_uri))

    # From files.

    def _from_file(self, name: str) -> KeySet:
        path = self._paths[name]
        try:
            known = self._files.get(name)
            if known is None or known.stamp != _stamp(os.stat(path)):
                with open(path, "rb") as file:
                    # The stamp of what is read, taken first: what is written meanwhile is read next time.
                    stamp = _stamp(os.fstat(file.fileno()))
                    data = file.read(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    raise KeysUnavailable(f"{path}: is longer than {MAX_BYTES} bytes")
                known = self._files[name] = _File(stamp, _key_set(data, str(path)))
        except OSError as error:
            raise KeysUnavailable(f"{path}: {error.strerror}") from None
        return known.keys


def _name(issuer: str) -> str:
    """As IAM keeps it: `oidc.example.com/path`."""
    return issuer.removeprefix("https://").removesuffix("/")


def _is_over(answer: _Answer, now: datetime) -> bool:
    return now >= max(answer.expires_at, answer.asked_at + FAILURE_LIFETIME)


def _may_be_asked_again(answer: _Answer, now: datetime) -> bool:
    return now >= answer.asked_at + REFRESH_INTERVAL


def _keys(answer: _Answer, now: datetime) -> KeySet:
    if answer.keys is None or now >= answer.expires_at + GRACE:
        raise KeysUnavailable(answer.reason)
    return answer.keys


def _key_set(data: bytes, where: str) -> KeySet:
    key_set = _object(data, where)
    keys = key_set.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise KeysUnavailable(f"{where}: is no key set")
    if len(keys) > MAX_KEYS:
        raise KeysUnavailable(f"{where}: has more than {MAX_KEYS} keys")
    return {"keys": keys}


def _object(data: bytes, where: str) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise KeysUnavailable(f"{where}: is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise KeysUnavailable(f"{where}: is no JSON object")
    return value


def _lifetime(answer: Answer) -> timedelta:
    """How long the answer says it may be kept, within our bounds. Source: RFC 9111 §5.2.2."""
    cache_control = answer.headers.get("cache-control", "")
    if _NOT_KEPT.search(cache_control):
        return SHORTEST_LIFETIME
    max_age = _MAX_AGE.search(cache_control)
    lifetime = timedelta(seconds=int(max_age[1])) if max_age else LIFETIME
    return min(max(lifetime, SHORTEST_LIFETIME), LONGEST_LIFETIME)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
