"""Who asks too often is told to come again, if the installation wants that.

A rate is an account's in a region, whoever of it asks: the caller's account, as on AWS, where each is
told of "the requests that you can make". Anonymous callers have no account and go by their network. The
buckets are this process's; where several answer on a port, each has its share of the rate.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from openecr.domain.rates import ANONYMOUS_PULL, AUTHENTICATED_PULL
from openecr.domain.registry import Kind
from openecr.domain.token_bucket import NANOSECONDS, Rate, take
from openecr.errors import ThrottlingException
from openecr.operations.call import Call

MOST_BUCKETS = 65_536
"""Those used longest ago, which are most likely full again, are forgotten beyond it."""
PREFIX_BITS = 64
"""Of an IPv6 address: what is behind it is one network's, to use as it likes."""

Key = tuple[str, ...]


class Throttle:
    """Asked on the event loop alone."""

    def __init__(self, rates: Mapping[tuple[str, str], Rate]) -> None:
        """`rates` by service and operation; and AuthenticatedPull, AnonymousPull."""
        self._rates = rates
        self._full_at: dict[Key, int] = {}  # the least recently used first
        self.refused: dict[tuple[str, str], int] = {}
        """How many calls were, by service and operation."""

    def check(self, call: Call) -> None:
        """Raises ThrottlingException where a call comes too soon; else it is counted."""
        what = call.service, _name(call)
        rate = self._rates.get(what)
        if rate is None:
            return
        key = (*what, call.registry.region, call.caller.account or network_of(call.caller.source_address))
        full_at, wait = take(self._full_at.pop(key, 0), _nanoseconds(call.now), rate)
        self._full_at[key] = full_at
        if len(self._full_at) > MOST_BUCKETS:
            del self._full_at[next(iter(self._full_at))]
        if wait:
            self.refused[what] = self.refused.get(what, 0) + 1
            raise ThrottlingException(retry_after_seconds=wait / NANOSECONDS)


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """The address; of IPv6 the network it is in; what is no address is as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    beyond = 128 - PREFIX_BITS
    return f"{IPv6Address(int(parsed) >> beyond << beyond)}/{PREFIX_BITS}"


def _name(call: Call) -> str:
    """What is counted: the operation or, in public, the pull that it is."""
    name = call.operation.name
    if name != "BatchGetImage" or call.registry.kind is Kind.PRIVATE:
        return name
    if "isHead" in call.input:
        return name
    return ANONYMOUS_PULL if call.caller.is_anonymous else AUTHENTICATED_PULL


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
