"""What is pushed: blobs, layers, image manifests, artifacts, indexes, collected in a Content.

All content is random, so a case that asks for something unknown cannot meet what an earlier run left behind.
Source: image-spec (manifest, index, descriptor), data-plane.md §1.5.
"""

import base64
import gzip
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
FOREIGN_LAYER_GZIP = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCTET_STREAM = "application/octet-stream"

AMD64 = {"architecture": "amd64", "os": "linux"}
ARM64 = {"architecture": "arm64", "os": "linux"}
PLATFORMS = (AMD64, ARM64)

LAYER_BLOB_BYTES = 2048

Descriptor = dict[str, Any]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


class Blob:
    """Bytes and the digest they are sent under, which may be a lie."""

    def __init__(self, content: bytes, algorithm: str = "sha256") -> None:
        self.content = content
        self.algorithm = algorithm
        self.digest = digest_of(content, algorithm)

    def grow(self, size_bytes: int) -> None:
        """Make it at least this long, and so another blob."""
        if len(self.content) < size_bytes:
            self.content += secrets.token_bytes(size_bytes - len(self.content))
            self.digest = digest_of(self.content, self.algorithm)


def random_blob(size_bytes: int, algorithm: str) -> Blob:
    return Blob(secrets.token_bytes(size_bytes), algorithm)


def false_blob(size_bytes: int, algorithm: str) -> Blob:
    """A blob whose bytes are not those of its digest."""
    blob = random_blob(size_bytes, algorithm)
    blob.content = secrets.token_bytes(size_bytes)
    return blob


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image manifest or an index, as bytes, with what a client knows about it."""

    body: bytes
    digest: str
    document: Mapping[str, Any]

    @property
    def media_type(self) -> str:
        return str(self.document["mediaType"])

    @property
    def subject(self) -> str | None:
        """The digest of the manifest this one points to."""
        return self.document["subject"]["digest"] if "subject" in self.document else None

    @property
    def artifact_type(self) -> str | None:
        """What a list of referrers calls it: its own type, else its config's; an index may have none."""
        if "artifactType" in self.document:
            return str(self.document["artifactType"])
        return str(self.document["config"]["mediaType"]) if "config" in self.document else None

    @property
    def descriptor(self) -> Descriptor:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body)}


@dataclass
class Content:
    """One set of things that belong together, in the order in which they can be pushed.

    blobs            by digest; to be uploaded before the manifests
    manifests        each after those it lists
    tags             tag → manifest
    tags_in_query    the tags are given with the manifest, as ?tag=, not in a PUT of their own
    inline           descriptors carry their content in `data`
    custom           manifests and configs have a member no specification knows
    """

    algorithm: str = "sha256"
    inline: bool = False
    custom: bool = False
    tags_in_query: bool = False
    blobs: dict[str, Blob] = field(default_factory=dict)
    manifests: list[Manifest] = field(default_factory=list)
    tags: dict[str, Manifest] = field(default_factory=dict)

    def image(
        self,
        tag: str | None = None,
        *,
        platform: Mapping[str, str] = AMD64,
        layers: int = 2,
        compressed: bool = True,
        annotations: Mapping[str, str] | None = None,
        subject: Manifest | None = None,
    ) -> Manifest:
        """An image of that many layers, each with one small file."""
        made = [self.layer(number, compressed=compressed) for number in range(layers)]
        config = self.config(platform, [diff_id for _, diff_id in made])
        return self.manifest(
            tag,
            config=config,
            layers=[layer for layer, _ in made],
            subject=subject.descriptor if subject else None,
            annotations=annotations,
        )

    def artifact(
        self,
        tag: str | None = None,
        *,
        artifact_type: str,
        layer_media_type: str,
        layer: bytes | None = None,
        subject: Descriptor | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Manifest:
        """An artifact: an image manifest with the empty config, an artifactType and one layer."""
        content = secrets.token_bytes(LAYER_BLOB_BYTES) if layer is None else layer
        return self.manifest(
            tag,
            artifactType=artifact_type,
            config=self.blob(b"{}", EMPTY),
            layers=[self.blob(content, layer_media_type)],
            subject=subject,
            annotations=annotations,
        )

    def platform_index(
        self, tag: str | None = None, platforms: Sequence[Mapping[str, str]] = PLATFORMS
    ) -> Manifest:
        """An index of one image for each platform."""
        images = [self.image(platform=platform).descriptor | {"platform": platform} for platform in platforms]
        return self.index(tag, images)

    def index(self, tag: str | None, manifests: Sequence[Descriptor], **members: Any) -> Manifest:
        return self._add(
            tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests), **members}
        )

    def manifest(self, tag: str | None = None, **members: Any) -> Manifest:
        return self._add(tag, {"schemaVersion": 2, "mediaType": IMAGE, **members})

    def layer(self, number: int, *, compressed: bool = True) -> tuple[Descriptor, str]:
        """A tar layer with one file: its descriptor, and the digest of the plain tar."""
        text = f"file {number}: {secrets.token_hex(16)}\n".encode()
        member = tarfile.TarInfo(f"./file-{number}.txt")
        member.size = len(text)
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as tar:
            tar.addfile(member, io.BytesIO(text))
        diff_id = digest_of(plain.getvalue(), self.algorithm)
        if not compressed:
            return self.blob(plain.getvalue(), LAYER), diff_id
        return self.blob(gzip.compress(plain.getvalue()), LAYER_GZIP), diff_id

    def config(self, platform: Mapping[str, str], diff_ids: Sequence[str]) -> Descriptor:
        document = {**platform, "rootfs": {"type": "layers", "diff_ids": list(diff_ids)}}
        return self.blob(self._encode(document), CONFIG)

    def blob(self, content: bytes, media_type: str) -> Descriptor:
        """Add a blob; the same bytes are there once."""
        blob = Blob(content, self.algorithm)
        self.blobs[blob.digest] = blob
        descriptor = {"mediaType": media_type, "digest": blob.digest, "size": len(content)}
        if self.inline:
            descriptor["data"] = base64.b64encode(content).decode()
        return descriptor

    def referrers(self) -> dict[str, list[Manifest]]:
        """By the subject's digest, the manifests that point to it."""
        found: dict[str, list[Manifest]] = {}
        for manifest in self.manifests:
            if manifest.subject:
                found.setdefault(manifest.subject, []).append(manifest)
        return found

    def _add(self, tag: str | None, members: Mapping[str, Any]) -> Manifest:
        document = {name: value for name, value in members.items() if value is not None}
        body = self._encode(document)
        manifest = Manifest(body, digest_of(body, self.algorithm), document)
        self.manifests.append(manifest)
        if tag:
            self.tags[tag] = manifest
        return manifest

    def _encode(self, document: Mapping[str, Any]) -> bytes:
        if self.custom:
            document = {**document, f"org.example.{secrets.token_hex(8)}": secrets.token_hex(8)}
        return json.dumps(document, separators=(",", ":")).encode()
