"""Referrers: which manifests point to a subject, all of them or those of one type.

Source: data-plane.md §1.6, §2.3.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from .client import Answer, Client, NonconformingError, UnsupportedError
from .content import INDEX, Manifest, digest_of


def list_of_unknown(client: Client, repository: str) -> None:
    """A subject nobody has heard of has an empty index, not a 404."""
    _list(client, repository, digest_of(secrets.token_bytes(1024)))


def lists(client: Client, repository: str, referrers: Mapping[str, Sequence[Manifest]]) -> None:
    """Every referrer of each subject is listed; filtered by type, those of other types are not.

    referrers   by the subject's digest, all that have been pushed
    """
    unfiltered_type = None
    for subject, expected in referrers.items():
        _, listed = _list(client, repository, subject)
        _has_all(listed, expected)

        for artifact_type in sorted({manifest.artifact_type or "" for manifest in expected}):
            answer, listed = _list(client, repository, subject, artifact_type)
            applied = {name.strip() for name in answer.headers.get("OCI-Filters-Applied", "").split(",")}
            if "artifactType" not in applied:
                unfiltered_type = artifact_type
                _has_all(listed, expected)
                continue
            _has_all(listed, [manifest for manifest in expected if manifest.artifact_type == artifact_type])
            for entry in listed:
                if entry.get("artifactType") != artifact_type:
                    raise NonconformingError(f"the list filtered by {artifact_type} has {entry}")
    if unfiltered_type is not None:
        raise UnsupportedError(f"the list was not filtered by {unfiltered_type}")


def _list(
    client: Client, repository: str, subject: str, artifact_type: str | None = None
) -> tuple[Answer, list[dict[str, Any]]]:
    query = {"artifactType": artifact_type} if artifact_type else {}
    answer = client("GET", f"/v2/{repository}/referrers/{subject}", query=query).has_status(200)
    index = answer.has_header("Content-Type", INDEX).json()
    if index.get("schemaVersion") != 2 or index.get("mediaType") != INDEX:
        raise NonconformingError(f"not an image index: {index}")
    return answer, index.get("manifests") or []


def _has_all(listed: Sequence[Mapping[str, Any]], expected: Sequence[Manifest]) -> None:
    for manifest in expected:
        entry = next((entry for entry in listed if entry.get("digest") == manifest.digest), None)
        if entry is None:
            raise NonconformingError(f"{manifest.digest} is not listed")
        described = {
            "mediaType": (entry.get("mediaType"), manifest.media_type),
            "size": (entry.get("size"), len(manifest.body)),
            "artifactType": (entry.get("artifactType") or None, manifest.artifact_type),
        }
        for member, (found, wanted) in described.items():
            if found != wanted:
                raise NonconformingError(
                    f"{manifest.digest} is listed with {member} {found!r}, not {wanted!r}"
                )
        annotations = manifest.document.get("annotations", {})
        if annotations.items() - (entry.get("annotations") or {}).items():
            raise NonconformingError(f"{manifest.digest} is listed without its annotations")
