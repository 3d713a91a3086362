"""A manifest: which kind it is and what it refers to, read from its exact text.

The text is kept byte for byte elsewhere; nothing here writes one. Everything ECR cannot accept is
answered with one sentence, `'Invalid JSON syntax'` (control-plane.md §4.2); clients look for it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from openecr.domain.names import Digest, InvalidName
from openecr.errors import InvalidParameterException

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})

MANIFEST_BYTES = 4_194_304
"""ECR's quota, and what clients expect at least. Source: data-plane.md §1.5, §3.5."""
DESCRIPTORS = 4_096
"""The most descriptors one manifest may hold: a bound of ours, far above any real image."""
MOST_BYTES = (1 << 63) - 1
"""The largest size, and the largest sum of sizes: they are longs on the wire and where they are stored."""
VALUES = 200_000
"""The most values one manifest may hold, fifty for each descriptor, or 4 MiB of `{},` would take half a
second and 100 MB to read [measured]. They are told by the signs that begin or part them, which count
within strings too. Source: reliability.md F1."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    media_type: str
    digest: Digest
    size_bytes: int
    is_foreign: bool  # names where else the content is (`urls`): it need not be here


@dataclass(frozen=True, slots=True)
class Manifest:
    media_type: str
    config: Descriptor | None  # None in an index
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]  # the entries of an index
    subject: Digest | None
    artifact_type: str | None  # `artifactType` as given
    annotations: Mapping[str, str]

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_TYPES

    @property
    def layers_size_bytes(self) -> int:
        """Layers and config as the manifest states them. Source: control-plane.md §4.7."""
        own = self.config.size_bytes if self.config else 0
        return own + sum(layer.size_bytes for layer in self.layers)

    @property
    def artifact_media_type(self) -> str | None:
        """What DescribeImages and a referrers list call it: `artifactType`, else the config's type."""
        return self.artifact_type or (self.config.media_type if self.config else None)


def sha256(text: str) -> Digest:
    return Digest("sha256:" + hashlib.sha256(text.encode()).hexdigest())


def sha512(text: str) -> Digest:
    return Digest("sha512:" + hashlib.sha512(text.encode()).hexdigest())


def parse(text: str, media_type: str | None = None) -> Manifest:
    """Read a manifest.

    media_type  what the sender says it is; needed where the text does not say, refused where it
                says something else (control-plane.md Appendix C, U13)
    Raises InvalidParameterException.
    """
    document = _json_object(text)
    stated = document.get("mediaType")
    kind = media_type if stated is None else stated
    if not isinstance(kind, str) or kind not in MANIFEST_TYPES | INDEX_TYPES:
        _refuse()
    if media_type is not None and media_type != kind:
        _refuse()
    if document.get("schemaVersion") != 2 or isinstance(document.get("schemaVersion"), bool):
        _refuse()
    annotations = document.get("annotations")
    artifact_type = document.get("artifactType")
    if not isinstance(artifact_type, str | None):
        _refuse()
    subject = document.get("subject")
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    if kind in INDEX_TYPES:
        children = _descriptors(document.get("manifests"))
    else:
        config = _descriptor(document.get("config"))
        layers = _descriptors(document.get("layers"))
    manifest = Manifest(
        media_type=kind,
        config=config,
        layers=layers,
        children=children,
        subject=None if subject is None else _descriptor(subject).digest,
        artifact_type=artifact_type or None,
        annotations=_annotations(annotations),
    )
    if manifest.layers_size_bytes > MOST_BYTES:
        _refuse()
    return manifest


def _json_object(text: str) -> dict[str, Any]:
    """Raises unless the text is one JSON object with no key twice, no NaN, no bottomless nesting, and
    no half of a surrogate pair, which is no text that could be stored or sent."""
    if sum(text.count(sign) for sign in "{[,") > VALUES:
        _refuse()
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _refuse()
    if not isinstance(document, dict):
        _refuse()
    return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _descriptors(value: object) -> tuple[Descriptor, ...]:
    if not isinstance(value, list) or len(value) > DESCRIPTORS:
        _refuse()
    return tuple(_descriptor(each) for each in value)


def _descriptor(value: object) -> Descriptor:
    if not isinstance(value, dict):
        _refuse()
    media_type, digest, size_bytes = value.get("mediaType"), value.get("digest"), value.get("size")
    if not isinstance(media_type, str) or not isinstance(digest, str):
        _refuse()
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or not 0 <= size_bytes <= MOST_BYTES:
        _refuse()
    try:
        parsed = Digest.parse(digest)
    except InvalidName:
        _refuse()
    return Descriptor(media_type, parsed, size_bytes, is_foreign=bool(value.get("urls")))


def _annotations(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        _refuse()
    return value


def _refuse() -> NoReturn:
    raise InvalidParameterException(member="ImageManifest", reason="Invalid JSON syntax")
