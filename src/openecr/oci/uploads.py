"""Layers on their way: monolithic, in chunks, streamed; status, cancel, close, mount.

A push is told as InitiateLayerUpload, UploadLayerPart and CompleteLayerUpload, as ECR's own proxy
tells it; what may follow what, those operations decide. Source: data-plane.md §1.4, §6.1, §6.2.
"""

import re
from contextlib import suppress
from typing import Any, Final

from openecr.errors import ServiceError
from openecr.oci.error_response import Refused, error
from openecr.oci.exchange import Exchange
from openecr.oci.text import parse_digest
from openecr.port import Response

DIGEST_ALGORITHMS: Final = ("sha256", "sha512")
CONTENT_RANGE = re.compile(r"(?:bytes[ =]?)?[ ]*([0-9]{1,19})-([0-9]{1,19})(?:/(?:[0-9]{1,19}|\*))?")
"""`0-1023` in the specification; `bytes 0-1023/4096`, as HTTP has it, from lenience. The number of
digits is that of the largest 64-bit number."""


async def start(exchange: Exchange) -> Response:
    """Begin an upload, or spare it: by `?mount=`, or with the whole layer in the body for `?digest=`.

    A mount that cannot be done, for whatever reason, begins an upload instead.
    """
    if mount := exchange.asked("mount"):
        digest = parse_digest(mount[0], "layerDigest").text
        if await _mounted(exchange, digest):
            return _created(exchange, digest)
    elif whole := exchange.asked("digest"):
        return await _upload_whole(exchange, parse_digest(whole[0], "layerDigest").text)

    for algorithm in exchange.asked("digest-algorithm"):
        if algorithm not in DIGEST_ALGORITHMS:
            message = f"The digest algorithm is not one of {', '.join(DIGEST_ALGORITHMS)}."
            raise Refused(error(400, "DIGEST_INVALID", message))
    upload = await exchange.perform("InitiateLayerUpload", {"repositoryName": exchange.repository})
    return Response(202, {**_progress(exchange, upload["uploadId"], -1), "Content-Length": "0"})


async def append(exchange: Exchange) -> Response:
    """A chunk with its Content-Range, or whatever comes without one."""
    part = await exchange.perform("UploadLayerPart", _part(exchange), exchange.batches())
    headers = _progress(exchange, exchange.reference, part["lastByteReceived"])
    return Response(202, {**headers, "Content-Length": "0"})


async def status(exchange: Exchange) -> Response:
    upload = await exchange.perform("DescribeLayerUpload", _upload(exchange))
    return Response(204, _progress(exchange, exchange.reference, upload["lastByteReceived"]))


async def cancel(exchange: Exchange) -> Response:
    await exchange.perform("CancelLayerUpload", _upload(exchange))
    return Response(204)


async def complete(exchange: Exchange) -> Response:
    """Close the upload under its digest; the body, if there is one, is the last chunk."""
    digest = parse_digest(next(iter(exchange.asked("digest")), ""), "layerDigest").text
    if exchange.request.body.length != 0:
        await exchange.admit("CompleteLayerUpload")
        await exchange.perform("UploadLayerPart", _part(exchange), exchange.request.body.batches())
        exchange = exchange.with_caller_anew()
    await exchange.perform("CompleteLayerUpload", {**_upload(exchange), "layerDigests": [digest]})
    return _created(exchange, digest)


async def _upload_whole(exchange: Exchange, digest: str) -> Response:
    """One POST with everything. Nobody was told the id of this upload, so whatever ends it, even a client
    that leaves, none is left behind."""
    await exchange.admit("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload")
    begun = await exchange.perform("InitiateLayerUpload", {"repositoryName": exchange.repository})
    upload = {"repositoryName": exchange.repository, "uploadId": begun["uploadId"]}
    body = exchange.request.body
    try:
        await exchange.perform("UploadLayerPart", {**upload, **_size(exchange)}, body.batches())
        completing = exchange.with_caller_anew()
        await completing.perform("CompleteLayerUpload", {**upload, "layerDigests": [digest]})
    except BaseException:
        with suppress(ServiceError):
            await exchange.perform("CancelLayerUpload", upload)
        raise
    return _created(exchange, digest)


async def _mounted(exchange: Exchange, digest: str) -> bool:
    asked = {"repositoryName": exchange.repository, "layerDigest": digest}
    if sources := exchange.asked("from"):
        source = exchange.sibling(sources[0])
        if source is None:
            return False
        asked["sourceRepositoryName"] = source
    output = await exchange.perform("MountLayer", asked)
    return bool(output["mounted"])


def _created(exchange: Exchange, digest: str) -> Response:
    headers = {
        "Location": exchange.location(f"blobs/{digest}"),
        "Docker-Content-Digest": digest,
        "Content-Length": "0",
    }
    return Response(201, headers)


def _progress(exchange: Exchange, upload_id: str, last_byte: int) -> dict[str, str]:
    """Where to go on and what has arrived; nothing yet reads `0-0`, as from every registry."""
    return {
        "Location": exchange.location(f"blobs/uploads/{upload_id}"),
        "Range": f"0-{max(last_byte, 0)}",
        "Docker-Upload-UUID": upload_id,
    }


def _upload(exchange: Exchange) -> dict[str, Any]:
    return {"repositoryName": exchange.repository, "uploadId": exchange.reference}


def _part(exchange: Exchange) -> dict[str, Any]:
    """What UploadLayerPart is asked for the body at hand."""
    asked = {**_upload(exchange), **_size(exchange)}
    header = exchange.request.headers.get("Content-Range")
    if header is None:
        return asked
    first, last = parse_content_range(header)
    if asked.get("partSize", last - first + 1) != last - first + 1:
        raise Refused(error(400, "SIZE_INVALID", "provided length did not match content length"))
    return {**asked, "partFirstByte": first, "partLastByte": last}


def _size(exchange: Exchange) -> dict[str, int]:
    length = exchange.request.body.length
    return {} if length is None else {"partSize": length}


def parse_content_range(header: str) -> tuple[int, int]:
    """The first and the last byte of a chunk; 416 RANGE_INVALID where there are none such."""
    matched = CONTENT_RANGE.fullmatch(header.strip())
    if matched is None or int(matched[1]) > int(matched[2]):
        raise Refused(error(416, "RANGE_INVALID", "invalid content range"))
    return int(matched[1]), int(matched[2])
