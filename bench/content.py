"""What is pushed and pulled: bodies of any size with known digests, and manifests.

A body is one file of random bytes, repeated, with 32 bytes of its own at the end. So a client needs no
memory for it (`os.sendfile` from the page cache), every body is new to every server, and its digest costs one
copy of a running hash.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

SOURCE_BYTES = 16 * MIB
TAIL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Payload:
    """A body of `size_bytes`, its last bytes in memory, all others in the source file."""

    size_bytes: int
    digest: str
    tail: bytes

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Offset and length of what to send from the source file, in order; the tail comes after."""
        left = self.size_bytes - TAIL_BYTES
        while left:
            piece = min(left, SOURCE_BYTES)
            yield 0, piece
            left -= piece


@dataclass(frozen=True, slots=True)
class Manifest:
    body: bytes
    digest: str


class Source:
    """The file of random bytes behind all payloads."""

    def __init__(self, directory: Path) -> None:
        self.bytes = os.urandom(SOURCE_BYTES)
        self.path = directory / "source"
        self.path.write_bytes(self.bytes)
        self._prefix_hash = cache(self._hash_prefix)

    def payload(self, size_bytes: int, tail: bytes | None = None) -> Payload:
        """A body of this size, at least 32 bytes: with the tail given, or one that was never used."""
        tail = tail or os.urandom(TAIL_BYTES)
        assert len(tail) == TAIL_BYTES
        running = self._prefix_hash(size_bytes).copy()
        running.update(tail)
        return Payload(size_bytes, "sha256:" + running.hexdigest(), tail)

    def _hash_prefix(self, size_bytes: int) -> "hashlib._Hash":
        running = hashlib.sha256()
        left = size_bytes - TAIL_BYTES
        while left:
            piece = min(left, SOURCE_BYTES)
            running.update(memoryview(self.bytes)[:piece])
            left -= piece
        return running


def a_manifest(config: Payload, layers: list[Payload], *, name: str, size_bytes: int = 2 * KIB) -> Manifest:
    """An OCI image manifest of exactly this size; another name gives another digest."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer) for layer in layers],
        "annotations": {"org.opencontainers.image.title": name, "bench.padding": ""},
    }
    missing = size_bytes - len(json.dumps(document))
    document["annotations"] = {"org.opencontainers.image.title": name, "bench.padding": "." * missing}
    body = json.dumps(document).encode()
    assert len(body) == size_bytes
    return Manifest(body, "sha256:" + hashlib.sha256(body).hexdigest())


def _descriptor(media_type: str, payload: Payload) -> dict[str, str | int]:
    return {"mediaType": media_type, "size": payload.size_bytes, "digest": payload.digest}
