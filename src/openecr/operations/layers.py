"""Layers that are there: availability, download, mounting, deletion.

A digest counts in a repository only if that repository was given its bytes. One that another
account or repository knows is answered exactly as one that does not exist (reliability.md J2).
"""

from functools import partial

from openecr.domain.account_settings import BLOB_MOUNTING
from openecr.domain.garbage import DOWNLOAD_LIFE
from openecr.domain.image import ACTIVE, ARCHIVED, Layer
from openecr.domain.names import DIGEST_PATTERN, Digest, find_digest, is_like_digest
from openecr.domain.registry import Kind
from openecr.domain.repository import Repository
from openecr.errors import (
    InvalidParameterException,
    LayerInaccessibleException,
    LayersNotFoundException,
)
from openecr.metadata.database import Transaction
from openecr.operations.authorize import may
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation

DEFAULT_MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
"""Of a layer that no image names yet: as in the API reference's sample (control-plane.md §3.6)."""
SOURCES = 100
"""In how many repositories a layer is looked for when a mount names none."""


@operation("ecr", "ecr-public", inline=True)
def batch_check_layer_availability(call: Call) -> Output:
    """Which of these layers the repository has.

    Input   repositoryName, registryId, layerDigests (1 to 100)
    Output  layers [{layerDigest, layerAvailability, layerSize, mediaType}], an unknown one as
            UNAVAILABLE, one that only archived images use as ARCHIVED; failures [{layerDigest,
            failureCode, failureReason}] for what is no digest at all. containerd takes any failure as fatal
    Raises  RepositoryNotFoundException
    Source  control-plane.md §3.6; that AVAILABLE is a promise: reliability.md §3, rule 2
    """
    with call.reading() as db:
        output, short = _availability(call, db)
    if short:
        with call.transaction() as db:
            output, short = _availability(call, db)
            for repository, layer in short:
                db.layers.promise(repository, layer, at=call.now)
    return output


@operation("ecr", "ecr-public", inline=True, unlisted=["ecr-public"])
def get_download_url_for_layer(call: Call) -> Output:
    """Where to get a layer's bytes. Over OCI the bytes themselves, whether an image names them or not; but
    not those that only archived images of the repository name.

    Input   repositoryName, registryId, layerDigest
    Output  downloadUrl (signed, good for an hour, needs no header), layerDigest; over OCI layerSize
            and path (the file to send) in place of the URL
    Raises  RepositoryNotFoundException, LayersNotFoundException, LayerInaccessibleException
    Source  control-plane.md §3.1, §3.7
    """
    name, digest = call.input["repositoryName"], call.input["layerDigest"]
    if call.via_oci:
        return call.stores.database.recall((call.registry, name, digest), partial(_file, call), size_of=len)
    with call.reading() as db:
        repository = db.repositories.get(call.registry, name)
        layer = _get(call, db, repository)
        if db.layers.status(repository, layer) != ACTIVE:
            raise _inaccessible(call, digest)
    signed = call.stores.tokens.sign_download(repository.id, str(layer.digest), call.now + DOWNLOAD_LIFE)
    return {"downloadUrl": f"{call.origin}/-/layers/{signed}", "layerDigest": digest}


@operation("ecr", "ecr-public", action="InitiateLayerUpload", unlisted=True)
def mount_layer(call: Call) -> Output:
    """Let a repository use a layer that another one of the registry has, if the caller may read it there.

    Input   repositoryName, layerDigest, sourceRepositoryName (any repository, where it is missing)
    Output  mounted: false where there is no such layer, or none the caller may read, or the account's
            setting BLOB_MOUNTING, which is about private registries, forbids it
    Raises  RepositoryNotFoundException for the target alone
    Source  data-plane.md §1.4 "Mount", §3.5; advanced-features.md §1.2; reliability.md J4
    """
    digest = Digest.parse(call.input["layerDigest"])
    wanted = call.input.get("sourceRepositoryName")
    with call.reading() as db:
        target = db.repositories.get(call.registry, call.input["repositoryName"])
        if target.registry.kind is Kind.PRIVATE and (
            db.account_settings.find(call.registry, BLOB_MOUNTING) == "DISABLED"
        ):
            return {"mounted": False}
        names = [wanted] if wanted else db.layers.holders(call.registry, digest, limit=SOURCES)
    readable = [
        name for name in names if may(call, "GetDownloadUrlForLayer", call.registry.repository_arn(name))
    ]
    with call.transaction() as db:
        target = db.repositories.get(call.registry, target.name)
        for name in readable:
            source = db.repositories.find(call.registry, name)
            layer = db.layers.find(source, digest) if source else None
            if source and layer and source.encryption == target.encryption:
                db.layers.promise(target, layer, at=call.now)
                if layer.digest != digest:
                    db.layers.add_alias(target, digest, layer.digest)
                return {"mounted": True}
    return {"mounted": False}


@operation("ecr", "ecr-public", action="BatchDeleteImage", unlisted=True)
def delete_layer(call: Call) -> Output:
    """Take a layer away from a repository in which no image uses it.

    Input   repositoryName, layerDigest
    Raises  RepositoryNotFoundException, LayersNotFoundException, InvalidParameterException while it is used
    Source  data-plane.md §6.2, 4
    """
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        layer = _get(call, db, repository)
        if db.layers.is_used(repository, layer):
            raise InvalidParameterException(member="layerDigest", reason="The layer is used by an image")
        db.layers.take_away(repository, layer, at=call.now)
    return {}


def _availability(call: Call, db: Transaction) -> tuple[Output, list[tuple[Repository, Layer]]]:
    """The answer, and the layers in it that are to be kept for longer than they would be: whoever is told
    that a layer is there will not upload it."""
    layers: list[Output] = []
    failures: list[Output] = []
    short: list[tuple[Repository, Layer]] = []
    repository = db.repositories.get(call.registry, call.input["repositoryName"])
    for text in dict.fromkeys(call.input["layerDigests"]):
        if not text:
            failures.append(_failure(text, "MissingLayerDigest", "layer digest cannot be null or empty"))
            continue
        if not is_like_digest(text):
            reason = f"layer digest should satisfy the regex '{DIGEST_PATTERN}'"
            failures.append(_failure(text, "InvalidLayerDigest", reason))
            continue
        layer = _find(db, repository, text)
        if layer is None:
            layers.append({"layerDigest": text, "layerAvailability": "UNAVAILABLE"})
            continue
        if layer.needs_renewal(call.now):
            short.append((repository, layer))
        layers.append(
            {
                "layerDigest": text,
                "layerAvailability": _available(call, db, repository, layer),
                "layerSize": layer.size_bytes,
                "mediaType": db.layers.find_media_type(repository, layer) or DEFAULT_MEDIA_TYPE,
            }
        )
    return {"layers": layers, "failures": failures}, short


def _available(call: Call, db: Transaction, repository: Repository, layer: Layer) -> str:
    """Over OCI what only archived images use is there too: clients ask before they push, and after they
    have uploaded, and the push restores the image. The public API knows no ARCHIVED."""
    if call.via_oci or call.registry.kind is Kind.PUBLIC:
        return "AVAILABLE"
    return "ARCHIVED" if db.layers.status(repository, layer) == ARCHIVED else "AVAILABLE"


def _file(call: Call, db: Transaction) -> Output:
    repository = db.repositories.get(call.registry, call.input["repositoryName"])
    layer = _get(call, db, repository)
    if db.layers.status(repository, layer) == ARCHIVED:
        raise _inaccessible(call, call.input["layerDigest"])
    return {
        "layerDigest": call.input["layerDigest"],
        "layerSize": layer.size_bytes,
        "path": call.blobs.at(layer.tier).path(layer.key),
    }


def _get(call: Call, db: Transaction, repository: Repository) -> Layer:
    """The layer that `layerDigest` names. Raises LayersNotFoundException."""
    text = call.input["layerDigest"]
    layer = _find(db, repository, text)
    if layer is None:
        raise LayersNotFoundException(
            digest=text, repository_name=repository.name, registry_id=call.registry.id
        )
    return layer


def _find(db: Transaction, repository: Repository, text: str) -> Layer | None:
    digest = find_digest(text)
    return None if digest is None else db.layers.find(repository, digest)


def _inaccessible(call: Call, digest: str) -> LayerInaccessibleException:
    return LayerInaccessibleException(
        digest=digest, repository_name=call.input["repositoryName"], registry_id=call.registry.id
    )


def _failure(digest: str, code: str, reason: str) -> Output:
    return {
        "layerDigest": digest,
        "failureCode": code,
        "failureReason": f"Invalid request parameters: {reason}",
    }
