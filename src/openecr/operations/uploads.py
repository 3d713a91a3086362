"""A layer on its way in: InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload; status, cancel.

The commit order is the product's promise (reliability.md §2): bytes are synced before the row that
speaks of them, and no transaction is open while bytes move. The OCI front tells its uploads as the
same operations; the API's rules about parts (5 MiB, none empty) are not the specification's, so
they are asked only where `via_oci` is not (data-plane.md §6.2).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EIO, EMFILE, ENFILE, ENOSPC, EROFS
from uuid import uuid4

from openecr.blobs.files import UploadLost
from openecr.domain.names import Digest, find_digest
from openecr.domain.repository import Repository
from openecr.domain.upload import CLAIM_RENEWAL, PART_SIZE_BYTES, Upload
from openecr.errors import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    LimitExceededException,
    ServiceUnavailable,
    UploadNotFoundException,
)
from openecr.failpoints import fp
from openecr.metadata.database import Transaction
from openecr.metadata.uploads import claims_of
from openecr.operations.call import Call, Intake, Output
from openecr.operations.gate import operation

STORAGE_TROUBLE = {ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE}
"""A disk that is full or failing, or too many open files: the caller may come back later."""


@operation("ecr", "ecr-public")
def initiate_layer_upload(call: Call) -> Output:
    """Begin an upload.

    Input   repositoryName, registryId
    Output  uploadId (a UUID), partSize (bytes; what parts but the last should have)
    Raises  RepositoryNotFoundException
    Source  control-plane.md §3.2
    """
    upload_id = str(uuid4())
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        db.uploads.add(repository, upload_id, at=call.now)
    fp("upload.created")
    return {"uploadId": upload_id, "partSize": PART_SIZE_BYTES}


@operation("ecr", "ecr-public", takes_bytes=True)
def upload_layer_part(call: Call) -> Intake:
    """Add the next bytes to an upload. They are safe when this returns.

    Input   repositoryName, registryId, uploadId, partFirstByte, partLastByte (inclusive), layerPartBlob.
            Over OCI the two positions may be missing, and partSize is the length announced, if any
    Output  registryId, repositoryName, uploadId, lastByteReceived (over OCI -1 before any byte)
    Raises  RepositoryNotFoundException, UploadNotFoundException, LimitExceededException,
            InvalidLayerPartException where the part does not begin after the last byte received, has
            another size than announced, or another part is being added
    Source  control-plane.md §3.3, vectors §3.5
    """
    with _claimed(call) as (repository, upload, claim):
        size = _announced_size(call, repository, upload)
        _check_limits(call, upload, size or 0)
        renewed_at = call.now
        try:
            with call.blobs.append(upload.id, upload.size_bytes) as part:
                while batch := (yield):
                    part.write(batch)
                    received = part.size_bytes - upload.size_bytes
                    _check_limits(call, upload, received)
                    now = call.stores.clock()
                    if now - renewed_at > CLAIM_RENEWAL:
                        renewed_at = now
                        with call.transaction(durable=False) as db:
                            _still_mine(call, db, upload, db.uploads.renew(upload, claim, at=now))
                received = part.size_bytes - upload.size_bytes
                if size is not None and received != size:
                    raise _invalid_part(call, upload, _size_text(call, received))
        except UploadLost:
            raise _not_found(call) from None
        total = upload.size_bytes + received
        with call.transaction() as db:
            is_mine = db.uploads.advance(upload, claim, size_bytes=total, at=call.stores.clock())
            _still_mine(call, db, upload, is_mine)
    return {
        "registryId": call.registry.id,
        "repositoryName": repository.name,
        "uploadId": upload.id,
        "lastByteReceived": total - 1,
    }


@operation("ecr", "ecr-public")
def complete_layer_upload(call: Call) -> Output:
    """Make a layer of what was uploaded.

    Input   repositoryName, registryId, uploadId, layerDigests (one of them must be the bytes')
    Output  registryId, repositoryName, uploadId, layerDigest (the one that matched)
    Raises  UploadNotFoundException, EmptyUploadException, LayerPartTooSmallException,
            InvalidLayerException, LayerAlreadyExistsException; over OCI only the first and InvalidLayer.
            ServiceUnavailable while a part is being added
    Source  control-plane.md §3.4
    """
    with _claimed(call) as (repository, upload, claim):
        if upload.size_bytes == 0 and not call.via_oci:
            raise EmptyUploadException(
                upload_id=upload.id, repository_name=repository.name, registry_id=call.registry.id
            )
        if upload.has_small_part and not call.via_oci:
            raise LayerPartTooSmallException
        try:
            digest = call.blobs.digest(upload.id, upload.size_bytes)
            given = _matching(call, upload, digest)
            if given is None:
                if call.via_oci:  # the specification: what does not match is dropped
                    _forget(call, upload)
                raise InvalidLayerException
            fp("complete.digest_checked")
            now = call.stores.clock()
            if now - call.now > CLAIM_RENEWAL:  # hashing took long
                with call.transaction(durable=False) as db:
                    _still_mine(call, db, upload, db.uploads.renew(upload, claim, at=now))
            key = call.blobs.commit(upload.id, upload.size_bytes, digest)
        except UploadLost:
            raise _not_found(call) from None

        fp("complete.before_commit")
        with call.transaction() as db:
            repository = db.repositories.get(call.registry, repository.name)
            _still_mine(call, db, upload, db.uploads.renew(upload, claim, at=call.stores.clock()))
            is_known = db.layers.find(repository, digest) is not None
            db.layers.give(
                repository,
                digest,
                upload.size_bytes,
                key,
                is_whole=lambda known, tier: call.blobs.has(known, tier, upload.size_bytes),
                at=call.now,
            )
            if given != digest:
                db.layers.add_alias(repository, given, digest)
            db.uploads.delete(upload.id)
        fp("complete.after_commit")

    if is_known and not call.via_oci:
        raise LayerAlreadyExistsException(
            digest=digest, repository_name=repository.name, registry_id=call.registry.id
        )
    fp("complete.before_answer")
    return {
        "registryId": call.registry.id,
        "repositoryName": repository.name,
        "uploadId": upload.id,
        "layerDigest": str(given),
    }


@operation("ecr", "ecr-public", action="UploadLayerPart", inline=True, unlisted=True)
def describe_layer_upload(call: Call) -> Output:
    """How far an upload is, for a client that wants to resume it.

    Input   repositoryName, uploadId
    Output  uploadId, lastByteReceived (-1 before any byte)
    Raises  RepositoryNotFoundException, UploadNotFoundException
    """
    with call.reading() as db:
        _, upload = _upload(call, db)
    return {"uploadId": upload.id, "lastByteReceived": upload.size_bytes - 1}


@operation("ecr", "ecr-public", action="UploadLayerPart", unlisted=True)
def cancel_layer_upload(call: Call) -> Output:
    """Forget an upload and its bytes.

    Input   repositoryName, uploadId
    Raises  RepositoryNotFoundException, UploadNotFoundException
    """
    with call.reading() as db:
        _, upload = _upload(call, db)
    _forget(call, upload)
    return {}


@contextmanager
def _claimed(call: Call) -> Iterator[tuple[Repository, Upload, str]]:
    """The upload, held by this call alone: (repository, upload, name of the claim).

    Raises RepositoryNotFoundException, UploadNotFoundException, and what _still_mine raises where somebody
    else is adding to it.
    """
    claim = f"{claims_of(os.getpid())}{uuid4()}"
    with call.transaction(durable=False) as db:
        repository, upload = _upload(call, db)
        _still_mine(call, db, upload, db.uploads.claim(upload, claim, at=call.now))
    try:
        yield repository, upload, claim
    except BaseException as error:
        with call.transaction(durable=False) as db:
            db.uploads.release(upload, claim)
        if isinstance(error, OSError) and error.errno in STORAGE_TROUBLE:
            raise ServiceUnavailable from error
        raise


def _upload(call: Call, db: Transaction) -> tuple[Repository, Upload]:
    repository = db.repositories.get(call.registry, call.input["repositoryName"])
    upload = db.uploads.find(repository, call.input["uploadId"])
    if upload is None:
        raise _not_found(call)
    return repository, upload


def _forget(call: Call, upload: Upload) -> None:
    """Raises UploadNotFoundException where somebody else ended it: its file may be a blob by now."""
    with call.transaction() as db:
        if not db.uploads.delete(upload.id):
            raise _not_found(call)
    call.blobs.discard(upload.id)


def _announced_size(call: Call, repository: Repository, upload: Upload) -> int | None:
    """How many bytes the part must have, checked against where it must begin; None if nobody said."""
    first, last = call.input.get("partFirstByte"), call.input.get("partLastByte")
    if first is not None and first != upload.size_bytes:
        raise _invalid_part(
            call,
            upload,
            InvalidLayerPartException.message.format(first_byte=first, expected=upload.size_bytes),
        )
    size: int | None = call.input.get("partSize")
    if not call.via_oci:
        size = len(call.input["layerPartBlob"])
    if first is None or last is None:
        return size
    if size not in (None, last - first + 1) or last < first:
        raise _invalid_part(call, upload, _size_text(call, size or 0))
    return int(last - first + 1)


def _size_text(call: Call, size: int) -> str:
    first, last = call.input.get("partFirstByte", 0), call.input.get("partLastByte", size - 1)
    return f"Layer part size '{size}' does not match the byte range '{first}-{last}'"


def _check_limits(call: Call, upload: Upload, received: int) -> None:
    """Raises LimitExceededException. Source: control-plane.md §3.3; numbers: data-plane.md §3.5."""
    quotas = call.quotas
    if upload.part_count >= quotas.layer_parts and not call.via_oci:
        raise LimitExceededException(f"A layer upload cannot have more than {quotas.layer_parts} parts.")
    if upload.size_bytes + received > quotas.layer_mebibytes << 20:
        raise LimitExceededException(f"A layer cannot be larger than {quotas.layer_mebibytes} MiB.")


def _matching(call: Call, upload: Upload, digest: Digest) -> Digest | None:
    """The first of the digests given that is the bytes', if any. A sha512 counts over OCI only, at the cost
    of reading them once more."""
    for text in call.input["layerDigests"]:
        given = find_digest(text)
        if given is None:
            continue
        if given == digest:
            return given
        if given.algorithm == "sha512" and call.via_oci and given == _sha512(call, upload):
            return given
    return None


def _sha512(call: Call, upload: Upload) -> Digest:
    return call.blobs.digest(upload.id, upload.size_bytes, "sha512")


def _still_mine(call: Call, db: Transaction, upload: Upload, is_mine: bool) -> None:
    """Raises where the upload is not held by this call (any more): RepositoryNotFoundException or
    UploadNotFoundException where it was ended meanwhile. Where somebody else is adding to it,
    InvalidLayerPartException; CompleteLayerUpload, whose model has no such error, ServiceUnavailable:
    clients come again, and by then the part is there."""
    if is_mine:
        return
    _upload(call, db)
    text = f"Another part of the layer upload '{upload.id}' is being received"
    if call.operation.takes_bytes:
        raise _invalid_part(call, upload, text)
    raise ServiceUnavailable(text)


def _invalid_part(call: Call, upload: Upload, text: str) -> InvalidLayerPartException:
    members = {
        "registryId": call.registry.id,
        "repositoryName": call.input["repositoryName"],
        "uploadId": upload.id,
        "lastValidByteReceived": upload.size_bytes - 1 if upload.size_bytes else None,
    }
    return InvalidLayerPartException(text, members=members)


def _not_found(call: Call) -> UploadNotFoundException:
    return UploadNotFoundException(
        upload_id=call.input["uploadId"],
        repository_name=call.input["repositoryName"],
        registry_id=call.registry.id,
    )
