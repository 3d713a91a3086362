"""The journal client: pushes images over plain HTTP and writes down what was acknowledged.

Everything it pushes follows from its seed and the number of the push, so that a push can be repeated
exactly after the server died in the middle of it. A line is written, and synced, after the answer came
and before anything else is asked; that an image is about to be put under a tag, before it is asked.
The lines are what `openecr fsck --journal` reads (openecr/jobs/fsck.py).
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import requests

from tests.builders import OCI_CONFIG, Blob, Image, a_layer, an_image

TIMEOUT_SECONDS = 60
UNANSWERED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
"""What a client sees of a server that died."""


@dataclass(frozen=True)
class Fact:
    op: str  # layer, image, try
    repository: str  # its ARN
    digest: str
    tag: str | None = None

    @property
    def name(self) -> str:
        """The repository's."""
        return self.repository.partition(":repository/")[2]


class Journal:
    """A file of facts. Safe as soon as `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)

    def write(self, fact: Fact) -> None:
        self._file.write(json.dumps(fact.__dict__).encode() + b"\n")
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def read(journal: Path) -> list[Fact]:
    return [
        Fact(**json.loads(line)) for line in journal.read_text().splitlines(keepends=True) if line[-1] == "\n"
    ]


class Client:
    """Pushes and pulls.

    url         where the server is now; to be changed when it is started again
    repository  the ARN of a repository that is there
    """

    def __init__(self, url: str, repository: str, journal: Journal, seed: int) -> None:
        self.url = url
        self._repository = repository
        self._name = repository.partition(":repository/")[2]
        self._journal = journal
        self._seed = seed
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.auth = ("AWS", "anything")

    def push(self, number: int) -> None:
        """Push the image of that number, under a tag of its own and under one that moves; pull it again.

        Raises one of UNANSWERED where the server dies, AssertionError where it answers wrongly.
        """
        random = Random(f"{self._seed}/{number}")
        image = self._image(random)
        for blob in image.blobs:
            self._push_blob(blob, random)
            self._journal.write(Fact("layer", self._repository, blob.digest))
        for tag in (f"client-{self._seed}-{number}", f"client-{self._seed}"):
            self._journal.write(Fact("try", self._repository, image.digest, tag))
            self._ask(
                "PUT", f"manifests/{tag}", 201, data=image.content, headers={"Content-Type": image.media_type}
            )
            self._journal.write(Fact("image", self._repository, image.digest, tag))
        self._pull(f"client-{self._seed}", image)

    def close(self) -> None:
        self._http.close()

    def _pull(self, tag: str, image: Image) -> None:
        assert self._ask("GET", f"manifests/{tag}", 200).content == image.content
        for blob in image.blobs:
            assert self._ask("GET", f"blobs/{blob.digest}", 200).content == blob.content

    @staticmethod
    def _image(random: Random) -> Image:
        """Two layers, a small one and one of up to 300 KB; none like any other."""
        layers = [a_layer(random.randbytes(random.randrange(1, size))) for size in (2_000, 300_000)]
        return an_image(layers=layers, config=a_layer(random.randbytes(100), media_type=OCI_CONFIG))

    def _push_blob(self, blob: Blob, random: Random) -> None:
        """In one piece or in several, as chance will have it."""
        started = self._ask("POST", "blobs/uploads/", 202)
        location = started.headers["Location"]
        content, offset = blob.content, 0
        for size in self._cuts(random, len(content)):
            part = content[offset : offset + size]
            offset += size
            headers = {
                "Content-Range": f"{offset - size}-{offset - 1}",
                "Content-Type": "application/octet-stream",
            }
            location = self._ask("PATCH", location, 202, data=part, headers=headers).headers["Location"]
        separator = "&" if "?" in location else "?"
        self._ask("PUT", f"{location}{separator}digest={blob.digest}", 201, data=content[offset:])

    @staticmethod
    def _cuts(random: Random, size: int) -> Iterator[int]:
        """The sizes of the parts that come before the last one."""
        for _ in range(random.choice([0, 0, 1, 2])):
            part = random.randint(1, max(1, size // 3))
            if part < size:
                yield part

    def _ask(self, method: str, target: str, status: int, **given: object) -> requests.Response:
        url = f"{self.url}{target}" if target.startswith("/") else f"{self.url}/v2/{self._name}/{target}"
        answer = self._http.request(method, url, timeout=TIMEOUT_SECONDS, **given)  # type: ignore[arg-type]
        assert answer.status_code == status, (method, url, answer.status_code, answer.text)
        return answer


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
