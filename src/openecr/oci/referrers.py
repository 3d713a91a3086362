"""Who points to a manifest: the Referrers API. Source: data-plane.md §1.6."""

from typing import Any, Final

import orjson

from openecr.oci.exchange import Exchange
from openecr.oci.text import COUNT, parse_digest
from openecr.port import Response

INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
"""The whole value of Content-Type: clients compare it and else fall back to tags."""
MAX_PAGE: Final = 50
"""The most the operation lists at once. Source: API reference, ListImageReferrers, maxResults."""
DESCRIPTOR: Final = ("mediaType", "digest", "size", "artifactType", "annotations")
"""What an entry has here; the operation's `artifactStatus` is ECR's own."""


async def list_referrers(exchange: Exchange) -> Response:
    """An index of them: empty for a subject nobody knows, filtered by any number of `?artifactType=`."""
    subject = parse_digest(exchange.reference, "imageDigest").text
    types = [kind for kind in dict.fromkeys(exchange.asked("artifactType")) if kind]
    output = await exchange.perform("ListImageReferrers", _asked(exchange, subject, types))

    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [
            {name: referrer[name] for name in DESCRIPTOR if referrer.get(name) is not None}
            for referrer in output["referrers"]
        ],
    }
    body = orjson.dumps(index)
    headers = {"Content-Type": INDEX_TYPE, "Content-Length": str(len(body))}
    if types:
        headers["OCI-Filters-Applied"] = "artifactType"
    if token := output.get("nextToken"):
        parameters = [("artifactType", kind) for kind in types]
        parameters += [("n", count) for count in exchange.asked("n")[:1]]
        parameters.append(("nextToken", token))
        headers["Link"] = exchange.next_link(exchange.location(f"referrers/{subject}"), parameters)
    return Response(200, headers, body)


def _asked(exchange: Exchange, subject: str, types: list[str]) -> dict[str, Any]:
    """What ListImageReferrers is asked. `n` is not in the specification but clients send it, so one
    that is no page size is no error."""
    counts = [int(count) for count in exchange.asked("n")[:1] if COUNT.fullmatch(count)]
    asked: dict[str, Any] = {
        "repositoryName": exchange.repository,
        "subjectId": {"imageDigest": subject},
        "maxResults": min(counts[0], MAX_PAGE) if counts and counts[0] else MAX_PAGE,
    }
    if types:
        asked["filter"] = {"artifactTypes": types}
    if tokens := exchange.asked("nextToken"):
        asked["nextToken"] = tokens[0]
    return asked
