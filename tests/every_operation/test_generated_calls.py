"""Every operation, called with input made from the model, right and wrong, about things that are there.

Whatever is asked, the answer is of the model: an output as its shape says, as botocore reads it, or an error
that the operation declares or that any call may get; never a 500, and never late. By night, 100,000 calls:

    OPENECR_GENERATED_CALLS=100000 pytest -m slow -rP tests/every_operation/test_generated_calls.py

which prints how often each operation gave which answer. OPENECR_GENERATED_SEED makes another run of it.
Source: reliability.md F8; control-plane.md §1.6.
"""

import json
import os
import time
from collections import Counter
from contextlib import closing, suppress
from http.client import HTTPConnection
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from openecr.aws.model import SERVICES
from openecr.operations.all import OPERATIONS as IMPLEMENTED
from openecr.server.app import utc_now
from tests.api_client import ApiClient
from tests.aws.shapes import OPERATIONS
from tests.every_operation.answers import check
from tests.every_operation.generated import Inputs
from tests.every_operation.known import BLOBS, SETTLED
from tests.every_operation.principals import OTHER
from tests.operations.nodes import a_node
from tests.registry_client import Answer
from tests.running import ROOT

CALLS = int(os.environ.get("OPENECR_GENERATED_CALLS", "100000"))
SEED = int(os.environ.get("OPENECR_GENERATED_SEED", "1"))
FEW_CALLS = 1_000
SECONDS = 10
"""How long an answer may take, on whatever machine the tests run."""
SETTLED_EVERY = 1_000
STRANGER_SHARE = 0.05
TOLD = 20

CALLED = [each for each in OPERATIONS if (each.service, each.name) in IMPLEMENTED]


@pytest.fixture
def server(loop, tmp_path):
    settings = {
        "data_dir": tmp_path,
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }
    with a_node(loop, settings, utc_now) as server:
        yield server


class Run:
    """Calls of one server, and what came of them."""

    def __init__(self, server, seed: int) -> None:
        self._server = server
        self._random = Random(seed)
        self._inputs = Inputs(self._random)
        self._owner = ApiClient(server.url)
        self._stranger = ApiClient(server.url, server.account(OTHER))
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.failures: list[str] = []
        self.slowest_seconds = 0.0

    def call(self, count: int) -> None:
        with closing(HTTPConnection("localhost", self._server.port, timeout=6 * SECONDS)) as connection:
            for number in range(count):
                if number % SETTLED_EVERY == 0:
                    self._settle()
                self._call(connection, number, CALLED[number % len(CALLED)])

    def _call(self, connection: HTTPConnection, number: int, operation) -> None:
        document = self._inputs.make(operation)
        who = self._stranger if self._random.random() < STRANGER_SHARE else self._owner
        body = json.dumps(document).encode()
        began = time.monotonic()
        answer = _send(connection, body, who.signed_headers(operation.service, operation.name, body))
        seconds = time.monotonic() - began
        try:
            outcome = check(answer, operation)
            assert seconds < SECONDS, f"took {seconds:.1f} s"
        except (AssertionError, ValueError, KeyError) as error:
            outcome = "FAILED"
            asked = f"{operation.service}.{operation.name} {body[:2000].decode()}"
            self.failures.append(
                f"call {number}: {asked}\n→ {answer.status} {answer.body[:500]!r}\n{error!r:.1000}"
            )
        self.outcomes[f"{operation.service}.{operation.name}", outcome] += 1
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        if outcome == "ok":
            self._inputs.known[operation.service].learn(answer.json, document.get("repositoryName", ""))

    def _settle(self) -> None:
        """Repositories, with the layers that manifests need; and what follows from all calls so far."""
        self._server.run_jobs()
        for service in SERVICES:
            client = self._server.client(service)
            for name in SETTLED:
                with suppress(client.exceptions.RepositoryAlreadyExistsException):
                    client.create_repository(repositoryName=name)
                for blob in BLOBS:
                    _push(client, name, blob)

    @property
    def table(self) -> str:
        """How often each operation gave which answer."""
        rows = []
        for name in sorted({name for name, _ in self.outcomes}):
            own = {outcome: count for (each, outcome), count in self.outcomes.items() if each == name}
            told = ", ".join(
                f"{outcome} {own[outcome]}" for outcome in sorted(own, key=own.get, reverse=True)
            )
            rows.append(f"{name}: {told}")
        return "\n".join(rows)


def _send(connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> Answer:
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read())


def _push(client: Any, name: str, blob: Any) -> None:
    asked = {"repositoryName": name}
    digests = [blob.digest]
    there = client.batch_check_layer_availability(**asked, layerDigests=digests)["layers"]
    if there and there[0]["layerAvailability"] == "AVAILABLE":
        return
    upload = asked | {"uploadId": client.initiate_layer_upload(**asked)["uploadId"]}
    last = len(blob.content) - 1
    client.upload_layer_part(**upload, partFirstByte=0, partLastByte=last, layerPartBlob=blob.content)
    with suppress(ClientError):
        client.complete_layer_upload(**upload, layerDigests=digests)


def told(failures: list[str]) -> str:
    return "\n\n".join([f"{len(failures)} answers are not of the model:", *failures[:TOLD]])


def test_a_thousand_calls_have_answers_of_the_model(server):
    run = Run(server, SEED)
    run.call(FEW_CALLS)
    assert not run.failures, told(run.failures)
    oks = sum(count for (_, outcome), count in run.outcomes.items() if outcome == "ok")
    assert oks > FEW_CALLS / 4, "what is generated is refused too often to find anything"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_any_number_of_calls_have_answers_of_the_model(server):
    run = Run(server, SEED)
    run.call(CALLS)
    print(run.table)
    print(f"The slowest answer took {run.slowest_seconds:.2f} s.")
    assert not run.failures, told(run.failures)
    never = [each.name for each in CALLED if not run.outcomes[f"{each.service}.{each.name}", "ok"]]
    assert never == [] or 500 * len(CALLED) > CALLS, "what is generated is always refused"
