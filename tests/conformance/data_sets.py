"""The sets of content that are pushed, listed, pulled and deleted, one line each.

Source: data-plane.md §2.3 ("image, image-uncompressed, …") and what it says trips implementations.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .content import (
    AMD64,
    ARM64,
    EMPTY,
    FOREIGN_LAYER,
    FOREIGN_LAYER_GZIP,
    IMAGE,
    OCTET_STREAM,
    PLATFORMS,
    Content,
    Descriptor,
    digest_of,
)

EXAMPLE_TYPE = "application/vnd.example.openecr.first.v1"
OTHER_EXAMPLE_TYPE = "application/vnd.example.openecr.second.v1"

# 390 annotations of 10 000 characters: a manifest of 3.9 MB, just under the 4 MiB that clients count on.
LARGE_ANNOTATIONS = 390
LARGE_ANNOTATION_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class DataSet:
    """name: in case names. title: of the result row. switches: OCI_DATA_… and OCI_API_… it needs."""

    name: str
    title: str
    switches: tuple[str, ...]
    build: Callable[[], Content]


def image() -> Content:
    content = Content()
    content.image("image")
    return content


def image_uncompressed() -> Content:
    content = Content()
    content.image("image-uncompressed", compressed=False)
    return content


def large_manifest() -> Content:
    content = Content()
    text = "x" * LARGE_ANNOTATION_BYTES
    content.image("large-manifest", annotations={f"large-{n}": text for n in range(LARGE_ANNOTATIONS)})
    return content


def index() -> Content:
    content = Content()
    content.platform_index("index")
    return content


def nested_index() -> Content:
    content = Content()
    inner = [content.platform_index().descriptor, content.platform_index().descriptor]
    content.index("index-of-index", inner)
    return content


def empty_index() -> Content:
    content = Content()
    content.index("index", [])
    return content


def artifact() -> Content:
    content = Content()
    content.artifact("artifact", artifact_type=EXAMPLE_TYPE, layer_media_type=EXAMPLE_TYPE)
    return content


def artifact_index() -> Content:
    content = Content()
    _index_of_artifacts(content, "artifact-index")
    return content


def artifact_without_layers() -> Content:
    """What the image specification advises where annotations are all there is: the empty blob twice."""
    content = Content()
    tag = "artifact-without-layers"
    content.artifact(tag, artifact_type=EXAMPLE_TYPE, layer_media_type=EMPTY, layer=b"{}")
    return content


def artifacts_with_subject() -> Content:
    """An image, pointed to by another image and by two artifacts of different types."""
    content = Content()
    subject = content.image("image")
    content.image(subject=subject)
    for tag, artifact_type, layer_media_type in (
        ("tagged-artifact1", EXAMPLE_TYPE, EXAMPLE_TYPE),
        ("tagged-artifact2", OTHER_EXAMPLE_TYPE, OCTET_STREAM),
    ):
        content.artifact(
            tag,
            artifact_type=artifact_type,
            layer_media_type=layer_media_type,
            subject=subject.descriptor,
            annotations=_annotations(),
        )
    return content


def index_with_subject() -> Content:
    """An index, pointed to by another index and by the artifacts that one lists."""
    content = Content()
    subject = content.platform_index("index")
    _index_of_artifacts(content, "tagged-artifact", subject=subject.descriptor)
    return content


def missing_subject() -> Content:
    content = Content()
    content.artifact(
        "tagged-artifact",
        artifact_type=EXAMPLE_TYPE,
        layer_media_type=EXAMPLE_TYPE,
        subject=_unknown(IMAGE),
        annotations=_annotations(),
    )
    return content


def data_field() -> Content:
    content = Content(inline=True)
    content.image("data-field")
    return content


def non_distributable_layers() -> Content:
    """Two layers that are fetched elsewhere and never pushed, and one of the usual kind."""
    content = Content()
    foreign = [_unknown(media_type) for media_type in (FOREIGN_LAYER_GZIP, FOREIGN_LAYER)]
    for layer in foreign:
        layer["urls"] = [f"https://store.example.com/{layer['digest']}"]
    usual, diff_id = content.layer(0)
    config = content.config(AMD64, [*(layer["digest"] for layer in foreign), diff_id])
    content.manifest("non-distributable-image", config=config, layers=[*foreign, usual])
    return content


def custom_fields() -> Content:
    content = Content(custom=True)
    content.platform_index("custom-fields")
    return content


def no_layers() -> Content:
    content = Content()
    content.image("no-layers", layers=0)
    return content


def sparse() -> Content:
    """An image one of whose layers is never pushed, and an index one of whose images is not."""
    content = Content()
    image = content.image("sparse-image")
    del content.blobs[image.document["layers"][0]["digest"]]
    present = content.image()
    content.index(
        "sparse-index",
        [present.descriptor | {"platform": AMD64}, _unknown(IMAGE) | {"platform": ARM64}],
    )
    return content


def sha512() -> Content:
    """By digest alone: only a tag parameter could give a manifest of another algorithm a tag."""
    content = Content(algorithm="sha512")
    content.platform_index()
    return content


def tag_param(algorithm: str) -> Content:
    """Each manifest is pushed with a tag in the query, the index with two."""
    content = Content(algorithm=algorithm, tags_in_query=True)
    content.platform_index(f"tag-param-{algorithm}")
    for number, manifest in enumerate(content.manifests):
        content.tags[f"tag-param-{algorithm}-{number}"] = manifest
    return content


DATA_SETS = (
    DataSet("image", "Image", (), image),
    DataSet("image-uncompressed", "Image Uncompressed", (), image_uncompressed),
    DataSet("large-manifest", "Image with Large Manifest", (), large_manifest),
    DataSet("index", "Index", ("DATA_INDEX",), index),
    DataSet("nested-index", "Nested Index", ("DATA_INDEX", "DATA_INDEX_LIST"), nested_index),
    DataSet("empty-index", "Empty Index", ("DATA_INDEX",), empty_index),
    DataSet("artifact", "Artifact", ("DATA_ARTIFACT",), artifact),
    DataSet("artifact-index", "Artifact Index", ("DATA_ARTIFACT_LIST",), artifact_index),
    DataSet(
        "artifact-without-layers", "Artifact without Layers", ("DATA_ARTIFACT",), artifact_without_layers
    ),
    DataSet("artifacts-with-subject", "Artifacts with Subject", ("DATA_SUBJECT",), artifacts_with_subject),
    DataSet("index-with-subject", "Index with Subject", ("DATA_SUBJECT_LIST",), index_with_subject),
    DataSet("missing-subject", "Missing Subject", ("DATA_SUBJECT_MISSING",), missing_subject),
    DataSet("data-field", "Data Field", ("DATA_DATA_FIELD",), data_field),
    DataSet(
        "non-distributable-layers",
        "Non-distributable Layers",
        ("DATA_NONDISTRIBUTABLE",),
        non_distributable_layers,
    ),
    DataSet("custom-fields", "Custom Fields", ("DATA_CUSTOM_FIELDS",), custom_fields),
    DataSet("no-layers", "No Layers", ("DATA_NO_LAYERS",), no_layers),
    DataSet("sparse", "Sparse Manifests", ("DATA_SPARSE",), sparse),
    DataSet("sha512", "Digest Algorithm sha512", ("DATA_SHA512",), sha512),
    DataSet("tag-param-sha256", "Tag Param", ("API_MANIFESTS_TAG_PARAM",), partial(tag_param, "sha256")),
    DataSet(
        "tag-param-sha512",
        "Tag Param sha512",
        ("API_MANIFESTS_TAG_PARAM", "DATA_SHA512"),
        partial(tag_param, "sha512"),
    ),
)


def _index_of_artifacts(content: Content, tag: str, subject: Descriptor | None = None) -> None:
    artifacts = [
        content.artifact(
            artifact_type=EXAMPLE_TYPE,
            layer_media_type=EXAMPLE_TYPE,
            subject=subject,
            annotations=_annotations(),
        ).descriptor
        | {"platform": platform}
        for platform in PLATFORMS
    ]
    content.index(tag, artifacts, artifactType=EXAMPLE_TYPE, subject=subject, annotations=_annotations())


def _annotations() -> dict[str, str]:
    return {"org.example.kind": "conformance", f"org.example.{secrets.token_hex(8)}": secrets.token_hex(8)}


def _unknown(media_type: str) -> Descriptor:
    """A descriptor of something no registry has."""
    content = secrets.token_bytes(1024)
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
