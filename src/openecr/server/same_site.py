"""Of a server in development: what a page of another site made a browser send is refused.

There any credentials are a root's, so nothing but its loopback address keeps others out; and a browser on
the same machine sends there whatever any page asks it to, a form or a query without asking first. It is
told by what it says of itself: `Origin`, `Sec-Fetch-Site`. A page can also have its own name resolve to our
address (DNS rebinding); then it is of the same site, and only the name tells. So it must be one that nobody
else can have resolved: of loopback, of our external addresses, or a registry's in a domain of AWS's. A
registry's name in any other domain may be that page's.
Sources: Fetch Metadata Request Headers, "Sec-Fetch-Site"; RFC 6454 §7; RFC 6761 §6.3 (localhost).
"""

import re
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from openecr.domain.addresses import Addresses
from openecr.errors import AccessDeniedException
from openecr.port import Request, Response
from openecr.server.hosts import Front

OWN_SITES: Final = ("same-origin", "none")
"""A page of ours, or what somebody typed."""
AWS_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".ecr.aws", "ecr-public.aws.com")
OTHER_SITE: Final = (
    "With --dev any credentials are those of a root, so what a browser sends for a page of another site is "
    "refused."
)
OTHER_HOST: Final = (
    "With --dev any credentials are those of a root, so a request must be for localhost, a loopback address, "
    "the host of OPENECR_EXTERNAL_URL or one of a registry at AWS. A page may have any other host."
)


def of_the_same_site(front: Front, addresses: Addresses) -> Front:
    """The front, for requests that no other site's page has made a browser send. It refuses the others
    itself, in its own form."""
    is_ours = lru_cache(maxsize=512)(_Names(addresses).has)
    answer = front.handle

    async def handle(request: Request) -> Response:
        if not is_ours(request.host):
            raise AccessDeniedException(OTHER_HOST)
        if _is_of_another_site(request):
            raise AccessDeniedException(OTHER_SITE)
        return await answer(request)

    return replace(front, handle=handle)


def _is_of_another_site(request: Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and origin.lower() != request.origin.lower()


class _Names:
    """The hosts that are ours whoever else has names resolved."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        urls = (addresses.external_url, addresses.public_external_url)
        self._external = [_pattern(url) for url in urls if "://" in url]

    def has(self, host: str) -> bool:
        """Whether that is one of them. `host` is the Host header as received."""
        name = re.sub(r":[0-9]*$", "", host).removesuffix(".").lower()
        if name == "localhost" or name.endswith(".localhost") or _is_loopback(name):
            return True
        if any(pattern.fullmatch(name) for pattern in self._external):
            return True
        return name.endswith(AWS_DOMAINS) and self._addresses.place(host, "").host_names_registry


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _pattern(url: str) -> re.Pattern[str]:
    """What the host of an external URL may be, whatever stands in place of its placeholders."""
    host = re.sub(r":[0-9]*$", "", url.partition("://")[2].partition("/")[0]).lower()
    pattern = re.escape(host)
    for placeholder, values in (("{account}", "[0-9]{12}"), ("{region}", "[a-z0-9-]+")):
        pattern = pattern.replace(re.escape(placeholder), values)
    return re.compile(pattern)
