"""A server of ours on a real port, in this process, and clients of it."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from tests.registry_client import RegistryClient

ROOT = ("AKIATESTROOTKEY00000", "root-secret-of-the-tests-0123456789abcdef")


Key = tuple[str, str] | tuple[str, str, str]
"""Access key id, secret and, of temporary credentials, session token."""


@dataclass
class Clock:
    """The server's time: it stands still, near the real one, until it is moved."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class Clients:
    """boto3's clients of what listens on a port: made once for each who asks."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._made: dict[tuple[str, Key, str], Any] = {}

    def client(self, service: str, key: Key, region: str) -> Any:
        """One that asks once and does not retry."""
        wanted = service, key, region
        if wanted not in self._made:
            self._made[wanted] = boto3.client(
                service,
                endpoint_url=f"http://localhost:{self.port}",
                aws_access_key_id=key[0],
                aws_secret_access_key=key[1],
                aws_session_token=key[2] if len(key) > 2 else None,
                region_name=region,
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._made[wanted]

    def hang_up(self) -> None:
        """Close all connections. Who asks again opens another."""
        for client in self._made.values():
            client.close()


@dataclass
class RunningServer:
    port: int
    parts: Any  # what build() joined, for the few tests that must look behind the wire
    root_clients: Clients | None = None  # those of who ran on this port before, if somebody did

    def __post_init__(self) -> None:
        self._clients = Clients(self.port)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def run_jobs(self, *kinds: str) -> int:
        """Do these jobs and all that is due by the server's clock; it has no worker. How many jobs."""
        stores = self.parts.stores
        if kinds:
            with stores.database.transaction() as db:
                for kind in kinds:
                    db.jobs.add(kind, {}, at=stores.clock())
        count: int = self.parts.worker.run_due()
        return count

    def client(self, service: str, *, key: Key = ROOT, region: str = "us-east-1") -> Any:
        """A boto3 client that asks once and does not retry: for the same question, the same. The root's
        stays for the tests to come, who must find nothing registered with it."""
        clients = self.root_clients if key == ROOT and self.root_clients else self._clients
        return clients.client(service, key, region)

    def password(self, *, key: Key = ROOT, region: str = "us-east-1") -> str:
        """What `docker login` is given."""
        data = self.client("ecr", key=key, region=region).get_authorization_token()["authorizationData"]
        return base64.b64decode(data[0]["authorizationToken"]).decode().removeprefix("AWS:")

    def public_password(self, *, key: Key = ROOT) -> str:
        data = self.client("ecr-public", key=key).get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")

    def docker(self, *, key: Key = ROOT, region: str = "us-east-1", prefix: str = "") -> RegistryClient:
        """Logged in to the private registry of the key's account."""
        return RegistryClient(self.url, self.password(key=key, region=region), prefix=prefix)

    def account(self, number: str) -> tuple[str, str]:
        """A new account with that number: its root key."""
        made = self.parts.make_account(number, f"account {number}")
        return made.id, made.secret
