"""Manifests: put by digest, by tag and with tag parameters; get and head; what must be refused.

They are sent with chunked transfer encoding and no length, as the official program does.
Source: data-plane.md §1.5, §2.3.
"""

import secrets
from collections.abc import Mapping, Sequence

from .client import Answer, Client, UnsupportedError
from .content import IMAGE, INDEX, Manifest, digest_of

ACCEPT = {"Accept": f"{INDEX}, {IMAGE}"}
MALFORMED_DIGEST = "sha256:baddigeststring"


def put(client: Client, repository: str, reference: str, manifest: Manifest) -> None:
    """By tag or by digest: 201, the subject named, and the very same bytes at Location."""
    _is_stored(client, _put(client, repository, reference, manifest), manifest)


def put_with_tags(client: Client, repository: str, manifest: Manifest, tags: Sequence[str]) -> None:
    """By digest with `?tag=`: each accepted tag is in OCI-Tag, in one header or several.

    Where it is not, the tag is put by itself, for the cases that follow.
    """
    answer = _put(client, repository, manifest.digest, manifest, {"tag": list(tags)})
    _is_stored(client, answer, manifest)
    accepted = {tag.strip() for tag in answer.headers.get("OCI-Tag", "").split(",")}
    if missing := sorted(set(tags) - accepted):
        for tag in missing:
            put(client, repository, tag, manifest)
        raise UnsupportedError(f"OCI-Tag does not name {', '.join(missing)}")


def refuses_put(client: Client, repository: str, reference: str, manifest: Manifest) -> None:
    _put(client, repository, reference, manifest).has_status(400)


def refuses_other_digest(client: Client, repository: str, manifest: Manifest) -> None:
    """The body is not that of the digest in the path: a blank is enough."""
    altered = Manifest(manifest.body + b"  ", manifest.digest, manifest.document)
    refuses_put(client, repository, manifest.digest, altered)


def get(client: Client, repository: str, reference: str, manifest: Manifest) -> None:
    answer = (
        client("GET", path(repository, reference), headers=ACCEPT).has_status(200).has_body(manifest.body)
    )
    _describes(client, answer, manifest)


def head(client: Client, repository: str, reference: str, manifest: Manifest) -> None:
    answer = client("HEAD", path(repository, reference), headers=ACCEPT).has_status(200).has_body(b"")
    _describes(client, answer, manifest)


def get_missing_digest(client: Client, repository: str) -> None:
    unknown = digest_of(secrets.token_bytes(1024))
    client("GET", path(repository, unknown), headers=ACCEPT).has_status(404)


def get_missing_tag(client: Client, repository: str) -> None:
    client("GET", path(repository, f"missing-{secrets.token_hex(10)}"), headers=ACCEPT).has_status(404)


def get_malformed_digest(client: Client, repository: str) -> None:
    client("GET", path(repository, MALFORMED_DIGEST), headers=ACCEPT).has_status(404, 400)


def path(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"


def _put(
    client: Client,
    repository: str,
    reference: str,
    manifest: Manifest,
    query: Mapping[str, list[str]] | None = None,
) -> Answer:
    return client(
        "PUT",
        path(repository, reference),
        query=query,
        headers={"Content-Type": manifest.media_type},
        body=manifest.body,
        streamed=True,
    )


def _is_stored(client: Client, answer: Answer, manifest: Manifest) -> None:
    answer.has_status(201).has_digest(manifest.digest, required=False)
    if manifest.subject and "API_REFERRER" in client.settings.on:
        answer.has_header("OCI-Subject", manifest.subject)
    stored = client("GET", answer.location, headers=ACCEPT).has_status(200).has_body(manifest.body)
    stored.has_header("Content-Type", manifest.media_type)
    stored.has_header("Content-Length", str(len(manifest.body)))


def _describes(client: Client, answer: Answer, manifest: Manifest) -> None:
    """Type and length exactly; a parameter behind the media type makes clients stumble."""
    answer.has_header("Content-Type", manifest.media_type)
    answer.has_header("Content-Length", str(len(manifest.body)))
    answer.has_digest(manifest.digest, required="API_MANIFESTS_DIGEST_HEADER" in client.settings.on)
