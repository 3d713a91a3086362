"""What policies' conditions and variables may ask about a request: the context keys.

A key is looked for when a statement that could decide asks for it, so most requests cost nothing here.
To add one: a function of the Context, and its line in KEYS. A key that has no value is absent.
Source: auth-iam.md §4.6, §5.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from openecr.domain.registry import PUBLIC_REGION, Registry, owner_of, parse_repository_arn
from openecr.identity.caller import Caller, PrincipalType
from openecr.metadata.database import Transaction

Value = str | tuple[str, ...]


class Asked(Protocol):
    """What is asked, as far as the keys go: a Call, or the question of `openecr explain`."""

    @property
    def service(self) -> str: ...
    @property
    def caller(self) -> Caller: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def input(self) -> Mapping[str, Any]: ...
    @property
    def now(self) -> datetime: ...
    def reading(self) -> AbstractContextManager[Transaction]: ...


class Context(Mapping[str, Value]):
    """The context of one request. Keys are in lower case; a tuple is a key with several values."""

    def __init__(
        self, call: Asked, resource: str, principal_tags: Mapping[str, str], given: Mapping[str, Value]
    ) -> None:
        """`given`: what the operation and the caller's session add, or know better."""
        self.call = call
        self.resource = resource
        self._principal_tags = principal_tags
        self._given = given

    def get(self, key: str, default: Any = None) -> Any:
        found = self._find(key)
        return default if found is None else found

    def __getitem__(self, key: str) -> Value:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        names = {*KEYS, *self._given, *(f"aws:principaltag/{key}" for key in self._principal_tags)}
        return (name for name in names if self._find(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _find(self, key: str) -> Value | None:
        if key in self._given:
            return self._given[key]
        if (find := KEYS.get(key)) is not None:
            return find(self)
        prefix, slash, tag = key.partition("/")
        if not slash:
            return None
        if prefix == "aws:principaltag":
            return self._principal_tags.get(tag)
        if prefix == "aws:requesttag":
            return self._request_tags.get(tag)
        if prefix in ("aws:resourcetag", f"{self._resource_service}:resourcetag"):
            return self._resource_tags.get(tag)
        return None

    @property
    def _resource_service(self) -> str:
        """ecr of `arn:aws:ecr:…`: a role has its tags under iam's key for sts:AssumeRole too."""
        return self.resource.partition(":")[2].partition(":")[2].partition(":")[0]

    @cached_property
    def _resource_tags(self) -> Mapping[str, str]:
        """The tags of what the ARN names; none of what does not exist or has none."""
        with self.call.reading() as db:
            return folded(_tags_of(db, self.resource))

    @cached_property
    def _request_tags(self) -> Mapping[str, str]:
        """The tags a request would set: `tags` of ECR, where a key may be missing, `Tags` of IAM and STS."""
        tags = self.call.input.get("tags") or self.call.input.get("Tags") or ()
        return folded((tag.get("Key", ""), tag.get("Value", "")) for tag in tags)


def folded(tags: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Tags as conditions see them, whose keys have no case. Where two of ECR's differ in nothing else, the
    one that was set first counts: who may add a tag cannot put it before one that protects."""
    found: dict[str, str] = {}
    for key, value in tags.items() if isinstance(tags, Mapping) else tags:
        found.setdefault(key.lower(), value)
    return found


def _tags_of(db: Transaction, resource: str) -> Mapping[str, str]:
    if (place := parse_repository_arn(resource)) is not None:
        repository = db.repositories.find(*place)
        return {} if repository is None else db.resource_tags.list(repository)
    noun, _, name = resource.partition("::")[2].partition(":")[2].partition("/")
    if noun == "policy":
        policy = db.managed_policies.find(resource)
        return {} if policy is None else policy.tags
    if noun == "oidc-provider":
        provider = db.oidc_providers.find(owner_of(resource), name)
        return {} if provider is None else provider.tags
    identity = db.identities.find_by_arn(resource)
    return {} if identity is None else identity.tags


def _tag_keys(context: Context) -> Value | None:
    given = context.call.input
    tags = given.get("tags") or given.get("Tags") or ()
    keys = given.get("tagKeys") or given.get("TagKeys") or ()
    return (*(tag.get("Key", "") for tag in tags), *keys) or None


def _user_name(context: Context) -> Value | None:
    caller = context.call.caller
    return caller.arn.rsplit("/", 1)[-1] if caller.type is PrincipalType.USER else None


def _principal_arn(context: Context) -> Value | None:
    """A session's is that of its role. Source: auth-iam.md §4.6."""
    caller = context.call.caller
    return None if caller.is_anonymous else caller.role_arn or caller.arn


def _mfa(context: Context) -> Value | None:
    """Only temporary credentials tell of it."""
    caller = context.call.caller
    return _boolean(caller.has_mfa) if caller.session_id else None


def _mfa_age(context: Context) -> Value | None:
    caller = context.call.caller
    if not caller.has_mfa or caller.token_issued_at is None:
        return None
    return str(int((context.call.now - caller.token_issued_at).total_seconds()))


def _issued_at(context: Context) -> Value | None:
    issued_at = context.call.caller.token_issued_at
    return None if issued_at is None else f"{issued_at:%Y-%m-%dT%H:%M:%SZ}"


def _requested_region(context: Context) -> Value | None:
    """IAM is one service for all regions, whatever a request was signed for."""
    return PUBLIC_REGION if context.call.service == "iam" else context.call.registry.region or None


def _boolean(value: bool) -> str:
    return "true" if value else "false"


LASTING = frozenset(
    {
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principaltype",
        "aws:resourceaccount",
        "aws:tokenissuetime",
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
    }
)
"""Keys whose values are the same for all requests of one principal, or session, about one resource, until
something is written."""


def is_lasting(key: str) -> bool:
    """Whether a key is one of LASTING, or a tag of the principal or the resource."""
    return (
        key in LASTING
        or key.startswith("aws:principaltag/")
        or key.partition("/")[0].endswith(":resourcetag")
    )


KEYS: dict[str, Callable[[Context], Value | None]] = {
    "aws:currenttime": lambda context: f"{context.call.now:%Y-%m-%dT%H:%M:%SZ}",
    "aws:epochtime": lambda context: str(int(context.call.now.timestamp())),
    "aws:multifactorauthage": _mfa_age,
    "aws:multifactorauthpresent": _mfa,
    "aws:principalaccount": lambda context: context.call.caller.account or None,
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": lambda _: "false",
    "aws:principaltype": lambda context: str(context.call.caller.type),
    "aws:requestedregion": _requested_region,
    "aws:resourceaccount": lambda context: owner_of(context.resource) or None,
    "aws:securetransport": lambda context: _boolean(context.call.caller.is_secure),
    "aws:sourceip": lambda context: context.call.caller.source_address or None,
    "aws:tagkeys": _tag_keys,
    "aws:tokenissuetime": _issued_at,
    "aws:useragent": lambda context: context.call.caller.user_agent or None,
    "aws:userid": lambda context: context.call.caller.principal_id or None,
    "aws:username": _user_name,
    "aws:viaawsservice": lambda _: "false",
    "ecr:accountsetting": lambda context: (
        context.call.input.get("name") if context.call.service == "ecr" else None
    ),
}
"""By key, in lower case."""
