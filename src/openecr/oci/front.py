"""Request → response: the steps in order. Who asks, which route, which registry, and then the gate.

The front translates and never decides: a rule about pushing or pulling is an operation's.
"""

from collections.abc import Callable
from datetime import datetime

from openecr.domain.addresses import Address, Addresses
from openecr.domain.registry import Kind, Registry, private_registry, public_registry
from openecr.errors import AccessDeniedException, RepositoryNotFoundException, ServiceError
from openecr.identity.tokens import Tokens
from openecr.oci import routes
from openecr.oci.challenge import Authentication, FindPrincipal, Identity, challenge, host_names
from openecr.oci.error_response import Refused, answer
from openecr.oci.exchange import Exchange
from openecr.operations.gate import AsyncGate
from openecr.port import Request, Response

FindAlias = Callable[[str], str | None]
"""The account that has a public alias, if any."""


class OciFront:
    def __init__(
        self,
        gate: AsyncGate,
        *,
        tokens: Tokens,
        addresses: Addresses,
        find_principal: FindPrincipal,
        find_alias: FindAlias,
        default_registry: Registry,
        clock: Callable[[], datetime],
        dev: bool,
    ) -> None:
        self._gate = gate
        self._addresses = addresses
        self._find_alias = find_alias
        self._authentication = Authentication(tokens, find_principal, clock, default_registry, dev=dev)

    async def handle(self, request: Request, address: Address) -> Response:
        """The answer to a request for `/v2/…` or `/token/`. `address` is where its host, its `?ns=` and
        its path place it."""
        try:
            response = await self._answer(request, address)
        except Refused as refused:
            response = refused.response
        except ServiceError as raised:
            response = answer(raised)
        return _finished(request, response)

    def refuse(self, request: Request, fault: ServiceError) -> Response:
        """The answer where a request came to an end outside of this front, in the server."""
        return _finished(request, answer(fault))

    async def _answer(self, request: Request, address: Address) -> Response:
        if request.path.startswith("/token"):
            return await self._authentication.answer_token(request, address)
        identity = self._authentication.identify(request, address)
        match = routes.find(request.method, address.path)
        exchange = Exchange(
            request=request,
            gate=self._gate,
            authentication=self._authentication,
            addresses=self._addresses,
            caller=identity.caller,
            registry=self._registry(address, identity),
            address=address,
            repository=match.name or "",
            reference=match.reference,
        )
        if match.name is not None and not exchange.is_repository_name(match.name):
            raise Refused(_name_unknown(exchange))
        try:
            return await match.route.function(exchange)
        except ServiceError as raised:
            return _translated(raised, exchange, match.route)

    def _registry(self, address: Address, identity: Identity) -> Registry:
        """The registry meant. A public alias that nobody has stands for itself: no account is called
        so, nothing is in it, and who may not push learns no more of it than of another's. Where there
        is none at all, as in the ping, no operation is asked."""
        if address.kind is Kind.PUBLIC:
            alias = address.alias or ""
            return public_registry(self._find_alias(alias) or alias)
        return private_registry(address.account or identity.account, address.region or identity.region)


def _finished(request: Request, response: Response) -> Response:
    """With what every answer has; to HEAD with the length of the body and without the body."""
    response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
    if request.method == "HEAD":
        if isinstance(response.body, bytes):
            response.headers["Content-Length"] = str(len(response.body))
        response.body = None
    return response


def _translated(raised: ServiceError, exchange: Exchange, route: routes.Route) -> Response:
    """What an operation refused, as this front says it."""
    if isinstance(raised, RepositoryNotFoundException):
        return _name_unknown(exchange)
    if isinstance(raised, AccessDeniedException) and exchange.caller.is_anonymous:
        return challenge(exchange.request, host_names(exchange.address))
    return route.answer(raised)


def _name_unknown(exchange: Exchange) -> Response:
    """In public the alias stands where in private the registry's id does. Source: data-plane.md §3.4."""
    address = exchange.address
    registry_id = exchange.registry.id if address.kind is Kind.PRIVATE else (address.alias or "")
    unknown = RepositoryNotFoundException(repository_name=exchange.repository, registry_id=registry_id)
    return answer(unknown)
