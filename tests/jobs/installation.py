"""An installation without its server: stores and the gate, asked as the root of an account."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openecr.blobs.files import FileBlobs
from openecr.domain.addresses import Addresses
from openecr.domain.job import Job
from openecr.domain.registry import private_registry
from openecr.identity.caller import root_caller
from openecr.identity.sealed import Sealer
from openecr.identity.tokens import Tokens, make_token_key
from openecr.integrations.oidc_keys import KeySets
from openecr.integrations.outbound import Outbound
from openecr.jobs.fsck import Journal, fsck
from openecr.jobs.kinds import KINDS
from openecr.jobs.work import Bounds, Tools, Work
from openecr.jobs.worker import Worker
from openecr.metadata.database import Database
from openecr.operations.all import OPERATIONS
from openecr.operations.call import Stores
from openecr.operations.gate import Gate
from openecr.settings import DATABASE_FILE
from tests.builders import Blob, Image

ACCOUNT = "123456789012"
REGISTRY = private_registry(ACCOUNT, "eu-central-1")


class Installation:
    def __init__(self, root: Path, *, archive: Path | None = None) -> None:
        assert OPERATIONS
        root.mkdir(exist_ok=True)
        self.file = root / DATABASE_FILE
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
        self.database = Database(self.file)
        self.blobs = FileBlobs(root, archive_root=archive)
        addresses = Addresses("http://localhost", "http://localhost/public.ecr.aws")
        tokens = Tokens([make_token_key()])
        sealer = Sealer(bytes(32))
        key_sets = KeySets(Outbound(), {}, lambda: self.now)
        stores = Stores(
            self.database, self.blobs, addresses, tokens, sealer, key_sets, clock=lambda: self.now
        )
        self.audit: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        self._gate = Gate(stores, self.audit.append)
        self.seconds = 0.0  # that jobs have waited
        self.tools = Tools(
            self.database,
            self.blobs,
            lambda: self.now,
            self.audit.append,
            self._tell,
            Bounds(),
            wait=self._wait,
            stopwatch=lambda: self.seconds,
        )

    def _tell(self, level: str, event: str, **facts: Any) -> None:
        self.log.append({"level": level, "event": event} | facts)

    def _wait(self, seconds: float) -> None:
        self.seconds += seconds

    def ask(self, operation: str, **given: Any) -> dict[str, Any]:
        call = self._gate.call(
            "ecr", operation, caller=root_caller(ACCOUNT), registry=REGISTRY, input=given, via_oci=True
        )
        return self._gate.perform(call)

    def create(self, repository: str) -> str:
        """Returns its ARN."""
        self.ask("CreateRepository", repositoryName=repository)
        return REGISTRY.repository_arn(repository)

    def push(self, repository: str, image: Image, tag: str | None = None) -> None:
        for child in image.children:
            self.push(repository, child)
        for blob in image.blobs:
            self.push_layer(repository, blob)
        self.push_manifest(repository, image, tag)

    def push_manifest(self, repository: str, image: Image, tag: str | None = None) -> None:
        self.ask(
            "PutImage",
            repositoryName=repository,
            imageManifest=image.manifest,
            imageTags=[tag] if tag else [],
        )

    def push_layer(self, repository: str, blob: Blob) -> None:
        upload = self.upload(repository, blob.content)
        self.ask(
            "CompleteLayerUpload", repositoryName=repository, uploadId=upload, layerDigests=[blob.digest]
        )

    def upload(self, repository: str, content: bytes) -> str:
        """An upload of one part that nobody completes yet; returns its id."""
        upload: str = self.ask("InitiateLayerUpload", repositoryName=repository)["uploadId"]
        self.ask("UploadLayerPart", repositoryName=repository, uploadId=upload, layerPartBlob=content)
        return upload

    def path(self, blob: Blob) -> Path:
        """The file that has the blob's bytes."""
        key, tier = self._place(blob)
        return Path(self.blobs.at(tier).path(key))

    def tier(self, blob: Blob) -> str:
        return self._place(blob)[1]

    def _place(self, blob: Blob) -> tuple[str, str]:
        statement = "SELECT key, tier FROM blob WHERE hex(digest) = ?"
        key, tier = self.ask_database(statement, blob.digest[7:].upper())
        return str(key), str(tier)

    def ask_database(self, statement: str, *values: object) -> Any:
        """Behind everyone's back, foreign keys or not: the first row, if there is one."""
        driver = sqlite3.connect(self.file, isolation_level=None)
        row = driver.execute(statement, values).fetchone()
        driver.close()
        return row

    def run(self, kind: str, **payload: Any) -> int:
        """Do a job of that kind; how many things it says that it did."""
        work = Work(self.tools, payload, self.now)
        rest = KINDS[kind].run(work)
        while rest is not None:
            work = Work(self.tools, rest.payload, self.now, counts=work.counts)
            rest = KINDS[kind].run(work)
        return sum(work.counts.values())

    def work(self) -> int:
        """Do all jobs that are due, and what follows from them; how many."""
        return Worker(self.tools).run_due()

    def jobs_named(self, kind: str) -> list[Job]:
        with self.database.reading() as db:
            return [job for job in db.jobs.page(after=0, limit=1000) if job.kind == kind]

    def fsck(self, *, deep: bool = False, journal: Journal | None = None) -> list[str]:
        return [str(breach) for breach in fsck(self.database, self.blobs, deep=deep, journal=journal)]
