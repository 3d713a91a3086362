"""Requests at random, made from the table of routes: right ones and such as no client sends.

Whatever is asked, the answer is one of the protocol: never a 500, and an error has a status and a code of
`oci/error_response.py`. Source: reliability.md F8; data-plane.md §1.8.
"""

import os
import re
from collections import Counter
from random import Random

import pytest

from openecr.oci.error_response import BLOB_ERRORS, IMAGE_FAILURES, OCI_ERRORS
from openecr.oci.routes import ROUTES
from tests.builders import an_artifact, an_image, an_index, sha512

REQUESTS = int(os.environ.get("OPENECR_GENERATED_REQUESTS", "20000"))
SEED = int(os.environ.get("OPENECR_GENERATED_SEED", "1"))
FEW_REQUESTS = 600

CODES = {
    *OCI_ERRORS.values(),
    *IMAGE_FAILURES.values(),
    *((status, code) for status, code, _ in BLOB_ERRORS.values()),
    # What the front itself finds wrong.
    (400, "DIGEST_INVALID"),
    (400, "MANIFEST_INVALID"),
    (400, "NAME_INVALID"),
    (400, "PAGINATION_NUMBER_INVALID"),
    (400, "TAG_INVALID"),
    (401, "UNAUTHORIZED"),
    (404, "BLOB_UPLOAD_UNKNOWN"),
    (416, "BLOB_UPLOAD_INVALID"),
}
ODD = (
    "",
    ".",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%F0%9F%90%B3",
    "%",
    "a" * 300,
    "A",
    "-",
    "sha256:",
    "sha256:" + "g" * 64,
    "sha512:" + "0" * 64,
    "@",
    "a%2Fb",
    "uploads",
)
NUMBERS = ("", "0", "1", "2", "1000", "1001", "-1", "x", "%31", str(2**63), str(2**64))
METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")


class Requests:
    """What is asked of a repository `team/app` and of others that are not there."""

    def __init__(self, docker, seed: int) -> None:
        self._docker = docker
        self._random = Random(seed)
        image = an_image()
        self._images = (image, an_artifact(subject=image), an_index(image), an_image(layers=[]))
        blobs = [blob for each in self._images for blob in each.blobs]
        digests = [each.digest for each in (*self._images, *blobs)]
        self._references = (*digests, sha512(image.content), "latest", "1.0", "sha256:" + "0" * 64)
        self._uploads = ["00000000-0000-4000-8000-000000000000"]
        self._bodies = (b"", b"{}", b"\0", b"[" * 5_000, *(each.content for each in self._images))
        self._bodies += tuple(blob.content for blob in blobs)
        self.outcomes: Counter[tuple[str, str, int]] = Counter()

    def settle(self) -> None:
        """What was deleted is there again."""
        for image in self._images[:2]:
            self._docker.push("team/app", image, "latest")

    def one(self) -> None:
        random = self._random
        method, pattern, _ = random.choice(ROUTES)
        path = re.sub(r"\{([a-z]+)\}", lambda part: self._part(part[1]), pattern)
        if random.random() < 0.05:
            method = random.choice(METHODS)
        headers = {"Content_Type": random.choice((*(each.media_type for each in self._images), "", "x/y"))}
        if random.random() < 0.3:
            headers |= {"Content_Range": random.choice(("0-1", "5-9", "0-", "bytes 0-1/2", "x"))}
        if random.random() < 0.3:
            headers |= {"Range": random.choice(("bytes=0-1", "bytes=-1", "bytes=9999-", "bytes=1-0", "x"))}
        answer = self._docker.ask(
            method, f"/v2/{path}", query=self._query(), body=random.choice(self._bodies), **headers
        )
        self.outcomes[method, pattern, answer.status] += 1
        self._judge(answer, f"{method} /v2/{path} {headers}")
        if upload := answer.headers.get("Docker-Upload-UUID"):
            self._uploads.append(upload)

    def _part(self, kind: str) -> str:
        random = self._random
        if random.random() < 0.1:
            return random.choice(ODD)
        if kind == "name":
            return random.choice(("team/app", "team/app", "team/app", "no/where"))
        return random.choice(self._uploads[-3:] if kind == "id" else self._references)

    def _query(self) -> str:
        random = self._random
        values = {
            "n": NUMBERS,
            "last": (*ODD, "1.0", "team/app"),
            "digest": (*ODD, *self._references, *self._references),
            "mount": self._references,
            "from": ("team/app", "no/where", *ODD),
            "artifactType": ("application/vnd.example.sbom", *ODD),
            "nextToken": ODD,
            "tag": ("latest", "1.0", *ODD),
            "digest-algorithm": ("sha256", "sha512", "md5"),
        }
        names = random.sample(sorted(values), random.choice((0, 0, 1, 1, 2)))
        return "&".join(f"{name}={random.choice(values[name])}" for name in names)

    def _judge(self, answer, asked: str) -> None:
        told = (asked, answer.status, answer.body[:300])
        assert answer.status < 500, told
        if answer.status < 400 or not answer.body:
            return
        if answer.headers["Content-Type"].startswith("text/plain"):
            assert answer.status == 404, told
            return
        assert (answer.status, answer.error) in CODES, told


def asked(docker, count: int) -> Requests:
    requests = Requests(docker, SEED)
    for number in range(count):
        if number % 100 == 0:
            requests.settle()
        requests.one()
    return requests


def test_a_few_requests_have_answers_of_the_protocol(docker, repository):
    statuses = Counter()
    for (_, _, status), count in asked(docker, FEW_REQUESTS).outcomes.items():
        statuses[status // 100] += count
    assert statuses[2] > FEW_REQUESTS / 6


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_number_of_requests_have_answers_of_the_protocol(docker, repository):
    outcomes = asked(docker, REQUESTS).outcomes
    for (method, pattern, status), count in sorted(outcomes.items()):
        print(f"{method} /v2/{pattern}: {status} x{count}")
    for method, pattern, _ in ROUTES:
        assert any(key[:2] == (method, pattern) and key[2] < 300 for key in outcomes), (method, pattern)
