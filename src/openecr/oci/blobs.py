"""Layers as stored: read whole or in part, deleted. Source: data-plane.md §1.3, §3.4, §6.1."""

from typing import Final

from openecr.domain.ranges import RangeNotSatisfiable, content_range
from openecr.errors import LayersNotFoundException
from openecr.oci.error_response import Refused, error
from openecr.oci.exchange import Exchange
from openecr.oci.text import parse_digest
from openecr.port import Response, file_response

BLOB_TYPE: Final = "application/octet-stream"


async def get(exchange: Exchange) -> Response:
    """The bytes, or some of them. We give out no validator that If-Range could name, so with that header
    the whole is sent. Source: RFC 9110 §13.1.5."""
    layer = await exchange.perform("GetDownloadUrlForLayer", _layer_asked(exchange))
    headers = exchange.request.headers
    asked = None if "If-Range" in headers else headers.get("Range")
    size_bytes = layer["layerSize"]
    try:
        return file_response(layer["path"], size_bytes, asked, _headers(exchange.reference))
    except RangeNotSatisfiable:
        refusal = error(416, "RANGE_INVALID", "invalid content range")
        refusal.headers["Content-Range"] = content_range(None, size_bytes)
        raise Refused(refusal) from None


async def head(exchange: Exchange) -> Response:
    """Whether it is there, and how long it is: what a push asks before each layer."""
    digest = parse_digest(exchange.reference, "layerDigest").text
    output = await exchange.perform(
        "BatchCheckLayerAvailability", {"repositoryName": exchange.repository, "layerDigests": [digest]}
    )
    layer = output["layers"][0]
    if layer["layerAvailability"] != "AVAILABLE":
        raise LayersNotFoundException(
            digest=digest, repository_name=exchange.repository, registry_id=exchange.registry.id
        )
    return Response(200, {**_headers(digest), "Content-Length": str(layer["layerSize"])})


async def delete(exchange: Exchange) -> Response:
    await exchange.perform("DeleteLayer", _layer_asked(exchange))
    return Response(202, {"Content-Length": "0"})


def _layer_asked(exchange: Exchange) -> dict[str, str]:
    digest = parse_digest(exchange.reference, "layerDigest")
    return {"repositoryName": exchange.repository, "layerDigest": digest.text}


def _headers(digest: str) -> dict[str, str]:
    return {"Content-Type": BLOB_TYPE, "Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
