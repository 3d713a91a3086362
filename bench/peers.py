"""The servers under test: how each is started, filled and stopped.

Each speaks to one port of its own on 127.0.0.1 and keeps what it has in a directory of its own. A server
that takes no uploads (nginx) gets the same bytes as files.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import boto3
from botocore.config import Config

from bench.client import Connection, open_source, upload
from bench.content import MANIFEST_TYPE, Manifest, Payload, Source
from bench.cpu import SERVER_CORE, pinned

START_SECONDS = 30
TAGS_PER_PUT = 50
REGION = "us-east-1"
ROOT = ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIABENCHBENCHBENCH0", "bench/secret/bench/secret/bench/secret/0"

READS, PUSHES, MANIFESTS, TAGS, AWS, STARTS = "reads", "pushes", "manifests", "tags", "aws", "starts"
"""What a server can be asked for: GETs; uploads; manifest PUTs; tags/list; AWS JSON; start and memory."""


class Peer(ABC):
    """One server program, running or not. `stop` ends it and leaves its directory."""

    name: ClassVar[str]
    program: ClassVar[str]  # its path; empty where it is not there
    can: ClassVar[frozenset[str]]
    ready_path = "/v2/"

    def __init__(self, directory: Path, source: Source) -> None:
        self.directory = directory
        self.source = source
        self.headers = {"Accept": f"{MANIFEST_TYPE}, */*"}  # 2.8 gives OCI manifests only to those who ask
        self.seeded: set[str] = set()
        directory.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """The command line that serves on this port; writes the configuration it needs."""

    def start(self) -> None:
        """Start it on the server core; returns with its first answer, of whatever status."""
        self.address = ("127.0.0.1", _free_port())
        self._spawn(self.command(self.address[1]))
        self._wait_for_answer()

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def connect(self) -> Connection:
        return Connection(self.address, self.headers)

    def log_in(self) -> None:
        """Get what every later request must carry in its headers."""
        return  # here nobody is asked who they are

    # filling it

    def create_repository(self, name: str) -> None:
        """Make it, so that it can be pushed to."""
        return  # here a push makes it

    def put_blob(self, repository: str, payload: Payload) -> None:
        connection, source = self.connect(), open_source(self.source.path)
        upload(connection, repository, payload, source)
        connection.close()
        os.close(source)

    def put_manifest(self, repository: str, tag: str, manifest: Manifest) -> None:
        connection = self.connect()
        put_manifest(connection, repository, tag, manifest)
        connection.close()

    def put_tags(self, repository: str, manifest: Manifest, tags: Sequence[str]) -> None:
        """Give all these tags to one manifest."""
        connection = self.connect()
        for tag in tags:
            put_manifest(connection, repository, tag, manifest)
        connection.close()

    def _spawn(self, command: list[str]) -> None:
        self.log = self.directory / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                pinned(SERVER_CORE, command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )

    def environment(self) -> dict[str, str]:
        return {}

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            self._check_alive(deadline)
            time.sleep(0.002)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, AssertionError):
            connection = self.connect()
            connection.send_request("GET", self.ready_path)
            connection.receive()
            return True
        return False

    def _check_alive(self, deadline: float) -> None:
        if self._process.poll() is not None or time.monotonic() > deadline:
            self.stop()
            raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text()[-2000:]}")


@contextlib.contextmanager
def fresh(peer: Peer) -> Iterator[Peer]:
    """Another server of the same kind, with nothing in it, not started; stopped and removed at the end."""
    other = type(peer)(peer.directory.with_name(peer.directory.name + "-fresh"), peer.source)
    try:
        yield other
    finally:
        other.stop()
        shutil.rmtree(other.directory)


def put_manifest(connection: Connection, repository: str, reference: str, manifest: Manifest) -> None:
    connection.request(
        "PUT",
        f"/v2/{repository}/manifests/{reference}",
        manifest.body,
        expect=201,
        headers={"Content-Type": MANIFEST_TYPE},
    )


class AwsPeer(Peer):
    """One that answers AWS JSON at its root."""

    def client(self, service: str = "ecr", key: tuple[str, str] = ROOT) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://{self.address[0]}:{self.address[1]}",
            region_name=REGION,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            config=Config(retries={"max_attempts": 1}),
        )

    def create_repository(self, name: str) -> None:
        self.client().create_repository(repositoryName=name)


class Openecr(AwsPeer):
    name = "openecr"
    program = sys.executable
    can = frozenset({READS, PUSHES, MANIFESTS, TAGS, AWS, STARTS})

    def start(self) -> None:
        self._spawn(self.command(0))
        self.address = ("127.0.0.1", self._port_on_ready_line())
        self._wait_for_answer()

    def command(self, port: int) -> list[str]:
        data = str(self.directory / "data")
        return [self.program, "-m", "openecr", "serve", "--port", str(port), "--data-dir", data]

    def environment(self) -> dict[str, str]:
        # Compiled modules are kept, as where a package was installed: pip compiles what it installs.
        return {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.directory.parent / "compiled"),
            "OPENECR_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "OPENECR_ROOT_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "OPENECR_QUOTAS": "tags_per_image=100000",  # the other servers know no such thing
        }

    def log_in(self) -> None:
        """Fetch a token, as docker's credential helper does; from now on every request carries it."""
        self.headers = self.headers_of(ROOT)

    def headers_of(self, key: tuple[str, str]) -> dict[str, str]:
        """What a request carries of whoever has that key."""
        answer = self.client(key=key).get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        return {**self.headers, "Authorization": f"Basic {token}"}

    def put_tags(self, repository: str, manifest: Manifest, tags: Sequence[str]) -> None:
        connection = self.connect()
        for first in range(0, len(tags), TAGS_PER_PUT):
            query = "&".join(f"tag={tag}" for tag in tags[first : first + TAGS_PER_PUT])
            put_manifest(connection, repository, f"{manifest.digest}?{query}", manifest)
        connection.close()

    def _port_on_ready_line(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while True:
            ready = re.search(r"^ready.*:(\d+)", self.log.read_text(), re.MULTILINE)
            if ready:
                return int(ready[1])
            self._check_alive(deadline)
            time.sleep(0.002)


class Distribution(Peer):
    """The registry of the distribution project: files, cached descriptors, no authentication, no log."""

    can = frozenset({READS, PUSHES, MANIFESTS, TAGS, STARTS})

    def command(self, port: int) -> list[str]:
        configuration = self.directory / "config.yml"
        configuration.write_text(
            "version: 0.1\n"
            "log: {accesslog: {disabled: true}, level: error}\n"
            "storage:\n"
            f"  filesystem: {{rootdirectory: {self.directory / 'data'}}}\n"
            "  cache: {blobdescriptor: inmemory}\n"
            "  delete: {enabled: true}\n"
            f"http: {{addr: '127.0.0.1:{port}'}}\n"
        )
        return [self.program, "serve", str(configuration)]

    def environment(self) -> dict[str, str]:
        return {"OTEL_TRACES_EXPORTER": "none"}  # v3 would look for a collector

    def put_tags(self, repository: str, manifest: Manifest, tags: Sequence[str]) -> None:
        """As files: ten thousand PUTs would take a minute.

        Source: distribution, registry/storage/paths.go, `manifestTagCurrentPathSpec`.
        """
        self.put_manifest(repository, tags[0], manifest)
        folder = self.directory / f"data/docker/registry/v2/repositories/{repository}/_manifests/tags"
        for tag in tags:
            current = folder / tag / "current"
            current.mkdir(parents=True, exist_ok=True)
            (current / "link").write_text(manifest.digest)


class Registry2(Distribution):
    name = "registry 2.8"
    program = shutil.which("docker-registry") or ""


class Registry3(Distribution):
    name = "registry v3"
    program = os.environ.get("REGISTRY_V3", "")


class Zot(Peer):
    name = "zot"
    can = frozenset({READS, PUSHES, MANIFESTS, TAGS, STARTS})
    program = os.environ.get("ZOT", "")

    def command(self, port: int) -> list[str]:
        configuration = self.directory / "config.json"
        configuration.write_text(
            json.dumps(
                {
                    "storage": {"rootDirectory": str(self.directory / "data"), "gc": False},
                    "http": {"address": "127.0.0.1", "port": str(port)},
                    "log": {"level": "error"},
                }
            )
        )
        return [self.program, "serve", str(configuration)]


class Nginx(Peer):
    """The same bytes as static files by sendfile: what no server gets far below."""

    name = "nginx"
    can = frozenset({READS})
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or ""

    def command(self, port: int) -> list[str]:
        configuration = self.directory / "nginx.conf"
        places = " ".join(
            f"{kind}_temp_path {self.directory};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration.write_text(
            f"daemon off; master_process off; pid {self.directory}/pid; error_log {self.directory}/error;\n"
            "events { worker_connections 512; }\n"
            f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; {places}\n"
            f"  default_type {MANIFEST_TYPE};\n"
            f"  server {{ listen 127.0.0.1:{port}; root {self.directory}/data; }} }}\n"
        )
        return [self.program, "-p", str(self.directory), "-c", str(configuration)]

    def put_blob(self, repository: str, payload: Payload) -> None:
        with self._file(f"{repository}/blobs/{payload.digest}").open("wb") as file:
            for offset, length in payload.pieces():
                file.write(memoryview(self.source.bytes)[offset : offset + length])
            file.write(payload.tail)

    def put_manifest(self, repository: str, tag: str, manifest: Manifest) -> None:
        for reference in (tag, manifest.digest):
            self._file(f"{repository}/manifests/{reference}").write_bytes(manifest.body)

    def _file(self, path: str) -> Path:
        file = self.directory / "data/v2" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        return file


class Ceiling(Peer):
    """`bench/ceiling.py`: the yardstick of uploads."""

    name = "ceiling"
    can = frozenset({PUSHES})
    program = sys.executable
    ready_path = "/"

    def command(self, port: int) -> list[str]:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        return [self.program, "-m", "bench.ceiling", str(port), str(data)]


class Moto(AwsPeer):
    """The AWS mock, as a server."""

    name = "moto"
    can = frozenset({AWS})
    program = os.environ.get("MOTO", "")

    def command(self, port: int) -> list[str]:
        return [self.program, "-H", "127.0.0.1", "-p", str(port)]

    def put_blob(self, repository: str, payload: Payload) -> None:
        """Layers are nothing to it."""

    def put_manifest(self, repository: str, tag: str, manifest: Manifest) -> None:
        self.client().put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest.body.decode())


PEERS: list[type[Peer]] = [Openecr, Registry2, Registry3, Zot, Nginx, Ceiling, Moto]


def available() -> list[type[Peer]]:
    """Ours, and every other that is installed or whose path was given."""
    return [peer for peer in PEERS if peer.program]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
