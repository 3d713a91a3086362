"""Images as a client makes them: layers, manifests, indexes, artifacts, with their exact bytes."""

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

NOBODYS = ("sha256:abc", "sha256:" + "0" * 63, "sha256:" + "A" * 64, "md5:" + "0" * 32, "a-9_+.Z:0")
"""Digests that fit ECR's pattern `[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+` and can be nothing's here."""

_numbers = itertools.count()


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def sha512(content: bytes) -> str:
    return "sha512:" + hashlib.sha512(content).hexdigest()


@dataclass(frozen=True)
class Blob:
    content: bytes
    media_type: str
    digest: str

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True)
class Image:
    """A manifest and the blobs it needs; of an index, the images."""

    manifest: str
    media_type: str
    blobs: tuple[Blob, ...] = ()
    children: tuple["Image", ...] = field(default=())

    @property
    def content(self) -> bytes:
        return self.manifest.encode()

    @property
    def digest(self) -> str:
        return sha256(self.content)

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}

    @property
    def size_bytes(self) -> int:
        """What DescribeImages says."""
        if self.children:
            return max(child.size_bytes for child in self.children)
        return sum(len(blob.content) for blob in self.blobs)


def a_layer(content: bytes | None = None, *, media_type: str = OCI_LAYER, digest: str | None = None) -> Blob:
    """A layer nobody has pushed before, unless its content is given."""
    content = f"layer {next(_numbers)}".encode() if content is None else content
    return Blob(content, media_type, digest or sha256(content))


def a_config(*, media_type: str = OCI_CONFIG) -> Blob:
    return a_layer(json.dumps({"number": next(_numbers)}).encode(), media_type=media_type)


def an_image(*, layers: list[Blob] | None = None, config: Blob | None = None, **members: Any) -> Image:
    """An OCI image; `members` are put into its manifest (`subject`, `artifactType`, `annotations`, …)."""
    layers = [a_layer()] if layers is None else layers
    config = config or a_config()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor for layer in layers],
    } | members
    return Image(_text(document), OCI_MANIFEST, (config, *layers))


def a_docker_image() -> Image:
    config, layer = a_config(media_type=DOCKER_CONFIG), a_layer(media_type=DOCKER_LAYER)
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor],
    }
    return Image(json.dumps(document, indent=3), DOCKER_MANIFEST, (config, layer))


def an_artifact(
    *, subject: Image | None = None, artifact_type: str = "application/vnd.example.sbom"
) -> Image:
    """An artifact without a config of its own, perhaps about another image."""
    empty = a_layer(b"{}", media_type=EMPTY)
    members: dict[str, Any] = {"artifactType": artifact_type, "annotations": {"number": str(next(_numbers))}}
    if subject is not None:
        members["subject"] = subject.descriptor
    return an_image(config=empty, layers=[a_layer()], **members)


def an_index(*children: Image, media_type: str = OCI_INDEX, **members: Any) -> Image:
    platforms = [{"architecture": name, "os": "linux"} for name in ("amd64", "arm64", "riscv64", "s390x")]
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            child.descriptor | {"platform": platform}
            for child, platform in zip(children, itertools.cycle(platforms), strict=False)
        ],
    } | members
    return Image(_text(document), media_type, children=children)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
