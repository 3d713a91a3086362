"""Where a registry is found: the four ways a client may name one, and the addresses we give out.

1. by Host: `ACCOUNT.dkr.ecr.REGION.<any domain>/repository`, `public.ecr.<any domain>/alias/repository`;
2. by `?ns=ACCOUNT.dkr.ecr.REGION.amazonaws.com`, as containerd's mirrors send it, for reading only;
3. by path: `host:port/ACCOUNT.dkr.ecr.REGION/repository`, `host:port/public.ecr.aws/alias/repository`;
4. plain: `localhost:3270/repository`, in the account and region of the token, or the default ones.

All four work at once, whatever the addresses given out look like. Those come from two settings.
Sources: design.md §2 "Addressing"; data-plane.md §5.4, §5.5.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from openecr.domain.registry import ALIAS, Kind, Registry

AS_THE_REQUEST_CAME: Final = "host"
"""The value of an external URL that stands for the origin of the request at hand."""
PUBLIC_PATH: Final = "public.ecr.aws"
"""The first part of a path that names the public registry (form 3)."""
LOGOS_PATH: Final = "/-/logos/"
"""Before the sha256 of a logo, in hexadecimal digits."""

PRIVATE_HOST = re.compile(r"([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\..+")
PUBLIC_HOST = re.compile(r"(?:public\.ecr|ecr-public)\..+")
PRIVATE_PATH = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)")
PRIVATE_PATH_TEMPLATE: Final = "/{account}.dkr.ecr.{region}"


@dataclass(frozen=True, slots=True)
class Address:
    """Whose registry a request to the OCI front is for, and what it asks of it."""

    kind: Kind
    account: str | None  # None: private, that of the token (form 4); public, the owner of the alias
    region: str | None  # None: that of the token, or the default one; always None where public
    alias: str | None  # public: the first part of the path; None where there is none, as in the ping
    prefix: str  # to keep in Location and Link after /v2: "" or "/123456789012.dkr.ecr.us-east-1"
    path: str  # what follows, as received: "team/app/manifests/1.0"; "" is the ping
    host_names_registry: bool  # form 1: the challenge follows the kind; else it is Bearer

    @property
    def is_plain(self) -> bool:
        """Form 4: nothing but the token says whose registry is meant."""
        return self.kind is Kind.PRIVATE and self.account is None


@dataclass(frozen=True, slots=True)
class Addresses:
    """The external addresses of this installation.

    external_url         `http://localhost:3270`; may hold `{account}` and `{region}` in its host, and
                         may end in `/{account}.dkr.ecr.{region}`; or `host`
    public_external_url  `https://public.ecr.example.com`, or one ending in `/public.ecr.aws`; or `host`
    """

    external_url: str
    public_external_url: str

    def place(self, host: str, path: str, *, namespace: str | None = None) -> Address:
        """The address of a request.

        host       the Host header as received
        path       what follows `/v2/`, as received; also the `from` of a mount, which is written alike
        namespace  the value of `?ns=` where the request only reads, else None
        """
        named = _registry_of_host(host, self.public_host)
        if named is not None:
            return _address(named, path, prefix="", host_names_registry=True)
        if namespace:
            named = _registry_of_host(namespace, self.public_host)
            if named is not None:
                return _address(named, path, prefix="", host_names_registry=False)

        first, slash, rest = path.partition("/")
        if slash and (named := _registry_of_path(first)) is not None:
            return _address(named, rest, prefix="/" + first, host_names_registry=False)
        return Address(Kind.PRIVATE, None, None, None, "", path, host_names_registry=False)

    @property
    def public_host(self) -> str:
        """The host that is ECR Public by setting; empty where the setting names a path or `host`."""
        return _host_of_url(self.public_external_url)

    def repository_uri(self, registry: Registry, name: str, *, alias: str | None = None, origin: str) -> str:
        """`localhost:3270/team/app`, `localhost:3270/public.ecr.aws/alias/team/app`.

        alias   the primary alias of a public registry; unused where it is private
        origin  of the request that asks: `http://localhost:3270`
        """
        if registry.kind is Kind.PUBLIC:
            return f"{self.registry_uri(alias or '', origin=origin)}/{name}"
        return f"{_without_scheme(self._private_base(registry.account, registry.region, origin))}/{name}"

    def registry_uri(self, alias: str, *, origin: str) -> str:
        """`localhost:3270/public.ecr.aws/alias`: a public registry."""
        return f"{_without_scheme(self._public_base(origin))}/{alias}"

    def logo_url(self, sha256: bytes, *, origin: str) -> str:
        """`http://localhost:3270/-/logos/5f70bf18…`: a picture, where the public registry is found."""
        base = urlsplit(self._public_base(origin))
        return f"{base.scheme}://{base.netloc}{LOGOS_PATH}{sha256.hex()}"

    def proxy_endpoint(self, account: str, region: str, *, origin: str) -> str:
        """`http://localhost:3270`: what `docker login` is given.

        Without a path, because docker keeps one credential for each host and port: that must be the
        beginning of the repository URI, or the credential is not found (data-plane.md §5.4).
        """
        base = urlsplit(self._private_base(account, region, origin))
        return f"{base.scheme}://{base.netloc}"

    def _private_base(self, account: str, region: str, origin: str) -> str:
        if self.external_url == AS_THE_REQUEST_CAME:
            return origin
        return self.external_url.replace("{account}", account).replace("{region}", region)

    def _public_base(self, origin: str) -> str:
        if self.public_external_url != AS_THE_REQUEST_CAME:
            return self.public_external_url
        if PUBLIC_HOST.fullmatch(_bare_host(urlsplit(origin).netloc)):
            return origin
        return f"{origin}/{PUBLIC_PATH}"


def is_reserved_name(repository_name: str) -> bool:
    """Whether the name would be read as another registry's by form 3, so that no repository may have it."""
    return _registry_of_path(repository_name.partition("/")[0]) is not None


def check_external_url(url: str) -> str | None:
    """What is wrong with a value of OPENECR_EXTERNAL_URL, or None."""
    if url == AS_THE_REQUEST_CAME:
        return None
    filled = url.replace("{account}", "0" * 12).replace("{region}", "us-east-1")
    return _fault_of_url(filled) or _fault_of_path(urlsplit(url).path, PRIVATE_PATH_TEMPLATE)


def check_public_external_url(url: str) -> str | None:
    """What is wrong with a value of OPENECR_PUBLIC_EXTERNAL_URL, or None."""
    if url == AS_THE_REQUEST_CAME:
        return None
    if has_placeholders(url):
        return "there is one public address for all accounts, so it may hold no placeholders"
    return _fault_of_url(url) or _fault_of_path(urlsplit(url).path, "/" + PUBLIC_PATH)


def has_placeholders(url: str) -> bool:
    return "{account}" in url or "{region}" in url


@dataclass(frozen=True, slots=True)
class _Named:
    """The registry a host or the first part of a path names; public where there is no account."""

    account: str | None
    region: str | None


_PUBLIC = _Named(None, None)


def _address(named: _Named, path: str, *, prefix: str, host_names_registry: bool) -> Address:
    if named.account is not None:
        return Address(Kind.PRIVATE, named.account, named.region, None, prefix, path, host_names_registry)
    alias, slash, rest = path.partition("/")
    if not slash or not ALIAS.fullmatch(alias):
        return Address(Kind.PUBLIC, None, None, None, prefix, path, host_names_registry)
    return Address(Kind.PUBLIC, None, None, alias, f"{prefix}/{alias}", rest, host_names_registry)


@lru_cache(maxsize=512)
def _registry_of_host(host: str, public_host: str) -> _Named | None:
    name = _bare_host(host)
    if private := PRIVATE_HOST.fullmatch(name):
        return _Named(private[1], private[2])
    if PUBLIC_HOST.fullmatch(name) or (public_host and name == public_host):
        return _PUBLIC
    return None


@lru_cache(maxsize=512)
def _registry_of_path(first: str) -> _Named | None:
    if private := PRIVATE_PATH.fullmatch(first):
        return _Named(private[1], private[2])
    return _PUBLIC if first == PUBLIC_PATH else None


@lru_cache(maxsize=4)
def _host_of_url(url: str) -> str:
    parts = urlsplit(url)
    return "" if parts.path else _bare_host(parts.netloc)


def _bare_host(host: str) -> str:
    """Without its port and the dot of the root, in lower case."""
    return re.sub(r":[0-9]*$", "", host).removesuffix(".").lower()


def _without_scheme(url: str) -> str:
    return url.partition("://")[2]


def _fault_of_url(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return "it must begin with http:// or https://, or be the word host"
    if not re.fullmatch(r"(?:[a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?", parts.netloc):
        return "it names no host"
    if parts.query or parts.fragment:
        return "it may have no query and no fragment"
    return None


def _fault_of_path(path: str, allowed: str) -> str | None:
    """Docker knows no path before a repository's, so ours may only be what form 3 reads."""
    return None if path in ("", allowed) else f"its path may only be {allowed}"
