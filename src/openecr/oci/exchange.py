"""One request on its way: who asks, of which registry, about which repository; and the way to the gate."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import quote

from openecr.domain.addresses import Address, Addresses
from openecr.domain.names import PRIVATE_REPOSITORY_NAME, PUBLIC_REPOSITORY_NAME
from openecr.domain.registry import Kind, Registry
from openecr.identity.caller import Caller
from openecr.oci.challenge import Authentication
from openecr.oci.text import values_of
from openecr.operations.call import Call, Output
from openecr.operations.gate import AsyncGate
from openecr.port import Request

PRIVATE_NAME_LENGTH: Final = 256
PUBLIC_NAME_LENGTH: Final = 205
"""Source of both: the service models, RepositoryName."""


@dataclass(slots=True, frozen=True)
class Exchange:
    request: Request
    gate: AsyncGate
    authentication: Authentication
    addresses: Addresses
    caller: Caller
    registry: Registry
    address: Address
    repository: str  # its name within the registry; "" where the route has none
    reference: str  # what the path ends in, decoded: a tag, a digest, an upload id

    def call(self, name: str, input: Mapping[str, Any]) -> Call:
        return self.gate.call(
            self.registry.kind,
            name,
            caller=self.caller,
            registry=self.registry,
            input=input,
            request_id=self.request.id,
            origin=self.request.origin,
            via_oci=True,
        )

    async def admit(self, *names: str) -> None:
        """Authorise operations on the repository that will follow. Raises AccessDeniedException."""
        for name in names:
            await self.gate.admit(self.call(name, {"repositoryName": self.repository}))

    async def perform(
        self,
        name: str,
        input: Mapping[str, Any],
        body: AsyncIterator[bytes] | None = None,
    ) -> Output:
        return await self.gate.perform(self.call(name, input), body)

    def with_caller_anew(self) -> Self:
        """The same, by whom the credentials stand for now. For what follows a body: that may take hours, as
        its sender likes, and its sender may have been shut out meanwhile. Raises Refused."""
        return replace(self, caller=self.authentication.identify(self.request, self.address).caller)

    async def batches(self) -> AsyncIterator[bytes]:
        """The body. Raises Refused at its end where the credentials have come to theirs."""
        async for batch in self.request.body.batches():
            yield batch
        self.authentication.identify(self.request, self.address)

    def asked(self, parameter: str) -> list[str]:
        """The values of a parameter of the query, decoded, in order."""
        return values_of(self.request.query, parameter)

    def location(self, rest: str) -> str:
        """`/v2/team/app/` and the rest, relative, with the prefix the client used. Source: §5.5 there."""
        return f"/v2{self.address.prefix}/{self.repository}/{rest}"

    def is_repository_name(self, name: str) -> bool:
        """Whether a repository there could be called so. Without an alias there are no public ones."""
        if self.address.kind is Kind.PRIVATE:
            return len(name) <= PRIVATE_NAME_LENGTH and PRIVATE_REPOSITORY_NAME.fullmatch(name) is not None
        if self.address.alias is None or len(name) > PUBLIC_NAME_LENGTH:
            return False
        return PUBLIC_REPOSITORY_NAME.fullmatch(name) is not None

    def sibling(self, written: str) -> str | None:
        """The name of a repository of this registry, from how a client writes it in `from=`; None for
        one of another registry, and for what is no name."""
        other = self.addresses.place(self.request.host, written)
        if replace(other, path="") != replace(self.address, path=""):
            return None
        return other.path if self.is_repository_name(other.path) else None

    def next_link(self, path: str, parameters: list[tuple[str, str]]) -> str:
        """The value of a Link header that names the next page; `ns` goes along (form 2)."""
        parameters = parameters + [("ns", namespace) for namespace in self.asked("ns")[:1]]
        query = "&".join(f"{name}={quote(value, safe='/:')}" for name, value in parameters)
        return f'<{path}?{query}>; rel="next"'
