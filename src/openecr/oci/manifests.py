"""Manifests, by tag and by digest. Source: data-plane.md §1.5, §3.4, §3.5."""

from typing import Any, Final

from openecr.domain.manifest import MANIFEST_BYTES
from openecr.errors import InvalidParameterException
from openecr.oci.error_response import Refused, error, failed_image
from openecr.oci.exchange import Exchange
from openecr.oci.text import parse_digest, parse_tag
from openecr.port import Response

MAX_TAGS: Final = 100
"""Of one push; the specification asks for ten at least."""


async def get(exchange: Exchange) -> Response:
    image = await _find(exchange)
    manifest = image["imageManifest"].encode()
    return Response(200, _headers(image, len(manifest)), manifest)


async def head(exchange: Exchange) -> Response:
    """The same without the manifest. It counts as no pull."""
    image = await _find(exchange, isHead=True)
    return Response(200, _headers(image, len(image["imageManifest"].encode())))


async def put(exchange: Exchange) -> Response:
    """Push an image: by tag, or by digest with any number of `?tag=`.

    The document is read only once the caller is known to be allowed to push; whether they still are is
    judged when it is there. Of the media type
    whatever follows a semicolon is left out. A tag in the path leaves `?tag=` without meaning.
    """
    asked, tags = _push_of(exchange)
    await exchange.gate.admit(exchange.call("PutImage", asked))

    document = await exchange.request.body.read(MANIFEST_BYTES)
    exchange = exchange.with_caller_anew()
    output = await exchange.perform("PutImage", {**asked, "imageManifest": _text(document)})

    digest = asked.get("imageDigest", output["image"]["imageId"]["imageDigest"])
    headers = {
        "Location": exchange.location(f"manifests/{digest}"),
        "Docker-Content-Digest": digest,
        "Content-Length": "0",
    }
    if subject := output.get("subjectDigest"):
        headers["OCI-Subject"] = subject
    if tags:
        headers["OCI-Tag"] = ", ".join(tags)
    return Response(201, headers)


async def delete(exchange: Exchange) -> Response:
    """A tag alone by tag, the image with all its tags by digest."""
    image_id = _image_id(exchange.reference)
    output = await exchange.perform(
        "BatchDeleteImage", {"repositoryName": exchange.repository, "imageIds": [image_id]}
    )
    if output["failures"]:
        raise failed_image(output["failures"][0])
    return Response(202, {"Content-Length": "0"})


async def _find(exchange: Exchange, **more: Any) -> dict[str, Any]:
    """The image the path refers to, or the refusal that stands for its failure."""
    output = await exchange.perform(
        "BatchGetImage",
        {"repositoryName": exchange.repository, "imageIds": [_image_id(exchange.reference)], **more},
    )
    if output["failures"]:
        raise failed_image(output["failures"][0])
    image: dict[str, Any] = output["images"][0]
    return image


def _headers(image: dict[str, Any], length: int) -> dict[str, str]:
    return {
        "Content-Type": image["imageManifestMediaType"],
        "Content-Length": str(length),
        "Docker-Content-Digest": image["imageId"]["imageDigest"],
    }


def _image_id(reference: str) -> dict[str, str]:
    """A colon can never be in a tag, so whatever has one is a digest. Source: data-plane.md §1.1."""
    if ":" in reference:
        return {"imageDigest": parse_digest(reference, "imageDigest").text}
    return {"imageTag": parse_tag(reference)}


def _push_of(exchange: Exchange) -> tuple[dict[str, Any], list[str]]:
    """What PutImage is asked, but for the document; and the tags of `?tag=`, each once."""
    asked: dict[str, Any] = {"repositoryName": exchange.repository, **_image_id(exchange.reference)}
    if media_type := exchange.request.headers.get("Content-Type", "").partition(";")[0].strip():
        asked["imageManifestMediaType"] = media_type
    if "imageTag" in asked:
        return asked, []

    tags = list(dict.fromkeys(exchange.asked("tag")))
    if len(tags) > MAX_TAGS:
        raise Refused(error(414, "TAG_INVALID", f"At most {MAX_TAGS} tags can be pushed at once."))
    if tags:
        asked["imageTags"] = [parse_tag(tag) for tag in tags]
    return asked, tags


def _text(document: bytes) -> str:
    """What is no UTF-8 is no JSON. Source of the text: data-plane.md §3.4, PUT manifest."""
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidParameterException(member="ImageManifest", reason="Invalid JSON syntax") from None
