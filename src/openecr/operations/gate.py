"""The gate: what every call goes through, whichever front asks. One way in.

`@operation` names a function as an operation; `Gate` makes calls, authorises them, runs them and
has them written down. Nothing else calls an operation. An operation is synchronous; which thread it
runs in is `server/pools.py`'s business, and AsyncGate is what the fronts see of that.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from openecr.domain.registry import ACCOUNT, Registry, public_registry
from openecr.errors import (
    RegistryNotFoundException,
    RepositoryNotFoundException,
    ServiceError,
    ThrottlingException,
)
from openecr.identity.caller import Caller
from openecr.operations.audit import AuditWriter, record
from openecr.operations.authorize import require
from openecr.operations.call import Call, Intake, Output, Stores
from openecr.operations.context_keys import Value
from openecr.operations.throttle import Throttle

Resources = Callable[[Call], Iterable[str]]
ContextKeys = Callable[[Call], Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its name on the wire, who offers it, what a policy must allow."""

    name: str  # PutImage
    services: tuple[str, ...]  # ecr, ecr-public
    run: Callable[[Call], Any]  # (Call) -> Output, or (Call) -> Intake where it takes bytes
    action: str  # PutImage, as a policy names it after the service
    resources: Resources  # the ARNs a policy must allow the action on
    context: ContextKeys | None  # what policies may ask beside what they may ask of any call
    inline: bool  # reads a few rows by key: may run on the event loop
    unlisted: frozenset[str]  # services whose model does not list it
    takes_bytes: bool
    read_only: bool  # changes nothing: not audited unless refused, and runs beside those that write


READS = ("Get", "Describe", "List", "BatchGet", "BatchCheck", "Simulate")
"""How the names of operations that only read begin."""

OPERATIONS: dict[tuple[str, str], Operation] = {}
"""(service, operation name) → operation. Filled by `@operation` when `openecr.operations.all` is imported."""


TELLS_OF_REPOSITORIES_ONLY = "BatchDeleteImage"
"""It takes an alias, and its model has no RegistryNotFoundException. Source: control-plane.md §9.1, §9.6."""


def repository_arn(call: Call) -> list[str]:
    """The repository the input names: what most operations are about."""
    return [call.registry.repository_arn(call.input["repositoryName"])]


def any_repository(call: Call) -> list[str]:
    return [call.registry.repository_arn("*")]


def everything(call: Call) -> list[str]:
    """`*`: for operations that have no resource type."""
    return ["*"]


def nothing(call: Call) -> list[str]:
    """No resource, so no permission: for operations that are anybody's, or that ask by themselves."""
    return []


def operation(
    *services: str,
    resource: Resources = repository_arn,
    name: str | None = None,
    action: str | None = None,
    context: ContextKeys | None = None,
    inline: bool = False,
    unlisted: bool | Iterable[str] = False,
    takes_bytes: bool = False,
    read_only: bool | None = None,
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Make a function the operation of its name, for the services named.

    resource     the ARNs that must be allowed; by default the repository of `repositoryName`
    name         where the function's does not tell it: ListMFADevices
    action       where it is not the operation's own name
    context      further context keys, in lower case, for policies about this operation
    unlisted     a front needs it and the service model does not list it (True, or for which services)
    takes_bytes  a generator: checks, is sent batches until an empty one, returns its output
    read_only    whether it changes nothing, where its name does not tell (READS)
    """

    def register(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        called = name or "".join(word.capitalize() for word in function.__name__.split("_"))
        hidden = frozenset(services if unlisted is True else unlisted or ())
        made = Operation(
            name=called,
            services=services,
            run=function,
            action=action or called,
            resources=resource,
            context=context,
            inline=inline,
            unlisted=hidden,
            takes_bytes=takes_bytes,
            read_only=called.startswith(READS) if read_only is None else read_only,
        )
        for service in services:
            OPERATIONS[service, called] = made
        return function

    return register


class AsyncGate(Protocol):
    """The gate as a front sees it. `server/pools.py` keeps this promise."""

    def call(
        self,
        service: str,
        name: str,
        *,
        caller: Caller,
        registry: Registry,
        input: Mapping[str, Any],
        request_id: str,
        origin: str,
        via_oci: bool = False,
    ) -> Call: ...

    async def admit(self, call: Call) -> None:
        """Authorise only, for a front that must decide before it reads a body."""

    async def perform(self, call: Call, body: AsyncIterator[bytes] | None = None) -> Output:
        """Authorise, run, write down. `body` for operations that take bytes; without it they take
        the `layerPartBlob` of the input."""


class Gate:
    def __init__(self, stores: Stores, write_audit: AuditWriter, throttle: Throttle | None = None) -> None:
        """`throttle`: None where anybody may ask as often as they like."""
        self.stores = stores
        self._write_audit = write_audit
        self._throttle = throttle

    def call(
        self,
        service: str,
        name: str,
        *,
        caller: Caller,
        registry: Registry,
        input: Mapping[str, Any],
        request_id: str = "",
        origin: str = "",
        via_oci: bool = False,
        has_loop: bool = False,
    ) -> Call:
        """A call of an operation, about the registry that `registryId` names, else `registry`.

        has_loop  whether it will run on an event loop, if it is one that may
        The operation must be one of OPERATIONS: what the others answer, the front that lists them knows.
        Raises RegistryNotFoundException for an alias nobody has (BatchDeleteImage:
        RepositoryNotFoundException).
        """
        operation = OPERATIONS[service, name]
        return Call(
            operation=operation,
            service=service,
            caller=caller,
            registry=self._registry(registry, name, input),
            input=input,
            now=self.stores.clock(),
            stores=self.stores,
            request_id=request_id,
            origin=origin,
            via_oci=via_oci,
            on_loop=has_loop and operation.inline,
        )

    def _registry(self, own: Registry, name: str, input: Mapping[str, Any]) -> Registry:
        """The registry asked about, in the same region. Source: control-plane.md §0 fact 30, §9.1."""
        registry_id: str | None = input.get("registryId")
        if registry_id is None or registry_id == own.account:
            return own
        if ACCOUNT.fullmatch(registry_id):
            return replace(own, account=registry_id)
        with self.stores.database.reading() as db:
            account = db.aliases.find_account(registry_id)
        if account is None and name == TELLS_OF_REPOSITORIES_ONLY:
            raise RepositoryNotFoundException(
                repository_name=input["repositoryName"], registry_id=registry_id
            )
        if account is None:
            raise RegistryNotFoundException(registry_id=registry_id)
        return public_registry(account)

    def throttle(self, call: Call) -> None:
        """For who answers clients, before all else: raises ThrottlingException where they ask too often."""
        if self._throttle is None:
            return
        try:
            self._throttle.check(call)
        except ThrottlingException as error:
            self._audit(call, None, error)
            raise

    def admit(self, call: Call) -> None:
        """Return if the caller may do this on every resource it touches. Raises what `require` does."""
        try:
            operation = call.operation
            context = None if operation.context is None else operation.context(call)
            for resource in operation.resources(call):
                require(call, operation.action, resource, context=context)
        except ServiceError as error:
            self._audit(call, None, error)
            raise

    def perform(self, call: Call) -> Output:
        self.admit(call)
        if self.stores.is_dev and not call.operation.inline:
            self._make_account(call.caller.account)
        if call.operation.takes_bytes:
            return self._take(call, call.input.get("layerPartBlob", b""))
        try:
            output = cast(Output, call.operation.run(call))
        except ServiceError as error:
            self._audit(call, None, error)
            raise
        self._audit(call, output, None)
        return output

    def _make_account(self, account: str) -> None:
        """In `--dev` whoever gives an account's number for an access key is its root: so it is there."""
        with self.stores.database.reading() as db:
            if not account or db.accounts.has(account):
                return
        with self.stores.database.transaction() as db:
            if not db.accounts.has(account):
                db.accounts.add(account, "", at=self.stores.clock())

    def start(self, call: Call) -> Intake:
        """Begin an operation that takes bytes, which was admitted: its checks are made, it can be fed."""
        intake = self._audited(call)
        next(intake)
        return intake

    @staticmethod
    def finish(intake: Intake) -> Output:
        """No more bytes: what the operation returns."""
        try:
            intake.send(b"")
        except StopIteration as end:
            return cast(Output, end.value)
        raise AssertionError("an operation that takes bytes ends with the empty batch")

    def _audited(self, call: Call) -> Intake:
        try:
            output = yield from call.operation.run(call)
        except ServiceError as error:
            self._audit(call, None, error)
            raise
        self._audit(call, output, None)
        return cast(Output, output)

    def _take(self, call: Call, content: bytes) -> Output:
        intake = self.start(call)
        if content:
            intake.send(content)
        return self.finish(intake)

    def _audit(self, call: Call, output: Output | None, error: ServiceError | None) -> None:
        """Every change and every refusal is written down; a read that succeeds is not."""
        if error is None and call.operation.read_only:
            return
        self._write_audit(record(call, output, error))
