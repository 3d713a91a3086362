"""A Call: everything an operation may know about what it is asked, and the stores it may use."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from openecr.blobs.files import FileBlobs
from openecr.domain.addresses import Addresses
from openecr.domain.quotas import DEFAULTS, Quotas
from openecr.domain.registry import Kind, Registry
from openecr.identity.caller import Caller
from openecr.identity.sealed import Sealer
from openecr.identity.tokens import Tokens
from openecr.integrations.oidc_keys import KeySets
from openecr.metadata.database import Database, Transaction
from openecr.operations.pulls import NotedPulls

if TYPE_CHECKING:
    from openecr.operations.gate import Operation

Output = dict[str, Any]
Intake = Generator[None, bytes, Output]
"""An operation that takes bytes: sent batches, then an empty one; returns its output."""


class NeedsThread(Exception):
    """A call that runs on the event loop has to write, and nobody writes there: whoever has it run has it
    run again, from its beginning, in a thread."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What `build()` hands every operation."""

    database: Database
    blobs: FileBlobs
    addresses: Addresses
    tokens: Tokens
    sealer: Sealer
    key_sets: KeySets
    clock: Callable[[], datetime]
    is_dev: bool = False  # any account is there, and whoever is denied is told why
    pulls: NotedPulls = field(default_factory=NotedPulls)
    quotas: Mapping[Kind, Quotas] = field(default_factory=lambda: DEFAULTS)


@dataclass(frozen=True, slots=True)
class Call:
    operation: "Operation"
    service: str  # the one asked: ecr, ecr-public, sts, iam
    caller: Caller
    registry: Registry  # the one asked about: the caller's own private one, or that of `registryId`
    input: Mapping[str, Any]  # as parsed: wire names; blobs are bytes
    now: datetime
    stores: Stores
    request_id: str = ""
    origin: str = ""  # http://localhost:3270 as this client reached us
    via_oci: bool = False
    on_loop: bool = False  # it may read a few rows by key, and not wait

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[Transaction]:
        """The one writing connection: all of it happens, or nothing. See Database.transaction.

        Raises NeedsThread on the event loop.
        """
        if self.on_loop:
            raise NeedsThread
        return self.stores.database.transaction(durable=durable)

    def reading(self) -> AbstractContextManager[Transaction]:
        """A consistent view to read from; never waits for a writer."""
        return self.stores.database.reading()

    @property
    def quotas(self) -> Quotas:
        """Those of the registry asked about."""
        return self.stores.quotas[self.registry.kind]

    @property
    def blobs(self) -> FileBlobs:
        return self.stores.blobs
