"""PutImage, BatchGetImage, BatchDeleteImage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from openecr.domain import manifest as manifests
from openecr.domain.image import ACTIVE, Image, Layer
from openecr.domain.manifest import Descriptor, Manifest
from openecr.domain.names import DIGEST_PATTERN, TAG, TAG_PATTERN, Digest, find_digest, is_like_digest
from openecr.domain.registry import Kind
from openecr.domain.repository import Repository
from openecr.domain.tier import STANDARD
from openecr.errors import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    LayersNotFoundException,
    LimitExceededException,
    ReferencedImagesNotFoundException,
)
from openecr.failpoints import fp
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation

LAYERS_MISSING = (
    "Layers with digests '[{digests}]' required for pushing image into repository with name "
    "'{repository_name}' in the registry with id '{registry_id}' do not exist"
)
ImageId = Mapping[str, Any]

MANIFESTS_BYTES = 16 << 20
"""What the manifests of one BatchGetImage may have together, or a hundred of the largest would hold up
everybody for seconds and take more than a gigabyte [measured]. A bound of ours."""


@operation("ecr", "ecr-public")
def put_image(call: Call) -> Output:
    """Put a manifest into a repository, with a tag or without. One that is archived is restored at once.

    Input   repositoryName, registryId, imageManifest, imageManifestMediaType, imageTag, imageDigest.
            Over OCI also imageTags (several at once: all or none), and imageDigest may be a sha512
    Output  image {registryId, repositoryName, imageId, imageManifest, imageManifestMediaType}; over OCI
            subjectDigest, where the manifest has a subject
    Raises  RepositoryNotFoundException, InvalidParameterException, ImageDigestDoesNotMatchException,
            LayersNotFoundException, ReferencedImagesNotFoundException, ImageTagAlreadyExistsException,
            ImageAlreadyExistsException (not over OCI, where pushing an image again changes nothing),
            LimitExceededException
    Source  control-plane.md §4.2: the order of checks, the existence matrix
    """
    name = call.input["repositoryName"]
    with call.reading() as db:
        db.repositories.get(call.registry, name)
    tags = _tags(call)
    text = call.input["imageManifest"]
    parsed = manifests.parse(text, call.input.get("imageManifestMediaType"))
    digest = manifests.sha256(text)
    asked = _asked_digest(call, text, digest)
    alias = asked if asked != digest else None

    with call.transaction() as db:
        repository = db.repositories.get(call.registry, name)
        layers: list[tuple[Layer, str]] = []
        children: list[Image] = []
        image = db.images.find_by_digest(repository, digest)
        if image is None and asked is None and not call.via_oci:
            image = _without_final_newline(db, repository, text)
        is_new = image is None
        if image is None:
            layers, children = _references(call, db, repository, parsed)
            new = _new_image(call, parsed, digest, text, children)
        changed = _tags_to_change(call, db, repository, image, tags, alias)
        if image is None:
            _check_count(call, db, repository)
            image = db.images.add(
                repository, new, text, layers=layers, children=children, is_tagged=bool(changed)
            )
        elif image.status == ACTIVE and not changed and not call.via_oci:
            raise ImageAlreadyExistsException(
                digest=image.digest,
                tag=tags[0] if tags else "null",
                repository_name=name,
                registry_id=call.registry.id,
            )
        for tag in changed:
            db.tags.put(repository, tag, image, pushed_as=alias, at=call.now)
        if changed and not (is_new and len(changed) <= call.quotas.tags_per_image):
            _check_tags(call, db, repository, image)
        if alias is not None:
            db.layers.add_alias(repository, alias, digest)
        restored: list[Image] = []
        if image.status != ACTIVE or children:  # or an index that is active would list an image that is not
            restored = db.images.activate(repository, image, at=call.now)
        for each in restored:
            db.images.want(repository, each)
        if any(layer.tier != STANDARD for layer, _ in layers):
            db.images.want(repository, image)
        if is_new or restored or changed:
            fp("image.before_commit")
    fp("image.after_commit")

    output: Output = {"image": _image(call, image, tags[0] if tags else None, text, asked)}
    if call.via_oci and parsed.subject is not None:
        output["subjectDigest"] = str(parsed.subject)
    fp("image.before_answer")
    return output


@operation("ecr", "ecr-public", inline=True, unlisted=["ecr-public"])
def batch_get_image(call: Call) -> Output:
    """Manifests, by tag or digest: the pull. It is noted, for `lastRecordedPullTime` (§4.8).

    Input   repositoryName, registryId, imageIds (1 to 100), acceptedMediaTypes (never converts: the
            stored manifest is returned whatever it says; control-plane.md Appendix C, U14). Over OCI also
            isHead: it is asked about, not pulled
    Output  images, failures, in the order asked; an image's imageId has the tag only if it was asked by it;
            one that is archived is a failure (ImageInaccessible; §4.9)
    Raises  RepositoryNotFoundException; LimitExceededException where that would be too much to send
    Source  control-plane.md §4.3
    """
    image_ids = call.input["imageIds"]
    if len(image_ids) > 1:
        with call.reading() as db:
            found = _get_images(call, db)
    else:
        only = image_ids[0]
        place = call.registry, call.input["repositoryName"]
        key = (*place, only.get("imageDigest"), only.get("imageTag"), call.via_oci)
        found = call.stores.database.recall(key, partial(_get_images, call), size_of=_size_of_images)
    if "isHead" not in call.input:
        for image_id in found.ids:
            call.stores.pulls.note(image_id, call.caller, call.now)
    return found.output


@operation("ecr", "ecr-public")
def batch_delete_image(call: Call) -> Output:
    """Delete tags (the last one takes its image with it), or images by digest with all their tags.

    Input   repositoryName, registryId, imageIds (1 to 100), handled in order
    Output  imageIds (a row per tag that went, or per untagged image), failures
    Raises  RepositoryNotFoundException
    Source  control-plane.md §4.4, §4.5
    """
    deleted: list[Output] = []
    failures: list[Output] = []
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        for image_id in call.input["imageIds"]:
            image = _find(db, repository, image_id, failures)
            if image is None:
                continue
            tag, tags = image_id.get("imageTag"), db.tags.of_image(image)
            parents = db.images.parents(image)
            # The last tag takes the image with it. Where an index lists the image, ECR leaves both as
            # they are; the specification wants the tag to go (data-plane.md §6.2, 5).
            if tag is not None and (tags != [tag] or (parents and call.via_oci)):
                db.tags.remove(repository, tag)
                deleted.append({"imageDigest": str(image.digest), "imageTag": tag})
                continue
            if parents:
                listed = ", ".join(map(str, parents))
                reason = f"Requested image referenced by manifest list: [{listed}]"
                failures.append(_failure(image_id, "ImageReferencedByManifestList", reason))
                continue
            db.images.delete(repository, image, at=call.now)
            rows = [{"imageTag": each} for each in tags] or [{}]
            deleted += ({"imageDigest": str(image.digest)} | row for row in rows)
    return {"imageIds": deleted, "failures": failures}


# PutImage, in the order of its steps.


def _tags(call: Call) -> list[str]:
    """The tags to give. Docker's grammar is the one that clients can pull by (control-plane.md §1.7)."""
    tag = call.input.get("imageTag")
    tags: list[str] = call.input.get("imageTags") or ([tag] if tag is not None else [])
    for each in tags:
        if not TAG.fullmatch(each):
            raise InvalidParameterException(
                member="imageTag", reason=f"must satisfy regular expression '{TAG_PATTERN}'"
            )
    return list(dict.fromkeys(tags))


def _asked_digest(call: Call, text: str, digest: Digest) -> Digest | None:
    """The digest the caller says the manifest has, if it does. Raises where it has another."""
    given = call.input.get("imageDigest")
    if given is None:
        return None
    actual = manifests.sha512(text) if given.startswith("sha512:") and call.via_oci else digest
    if given != str(actual):
        raise ImageDigestDoesNotMatchException(
            digest=given, repository_name=call.input["repositoryName"], registry_id=call.registry.id
        )
    return actual


def _without_final_newline(db: Transaction, repository: Repository, text: str) -> Image | None:
    """The image whose manifest this is but for newlines at the end: the shell recipe for a new tag
    adds one, and AWS's own sample shows the digest without it. Source: control-plane.md §4.2."""
    trimmed = text.rstrip("\n")
    if trimmed == text:
        return None
    return db.images.find_by_digest(repository, manifests.sha256(trimmed))


def _references(
    call: Call, db: Transaction, repository: Repository, manifest: Manifest
) -> tuple[list[tuple[Layer, str]], list[Image]]:
    """What the manifest refers to, all of it in this repository: (layers with media types, images).

    An index may also list layers (BuildKit's caches do; data-plane.md §4.6). A foreign layer need not
    be here, but the config must: it is fetched (control-plane.md §4.2).
    Raises LayersNotFoundException, ReferencedImagesNotFoundException.
    """
    layers: list[tuple[Layer, str]] = []
    children: list[Image] = []
    missing: list[Descriptor] = []
    blobs = manifest.layers if manifest.config is None else (manifest.config, *manifest.layers)
    for each in manifest.children:
        resolved = db.layers.resolve(repository, each.digest)
        child = db.images.find_by_digest(repository, resolved) if resolved else None
        layer = db.layers.find(repository, each.digest) if child is None else None
        if child is not None:
            children.append(child)
        elif layer is not None:
            layers.append((layer, each.media_type))
        else:
            missing.append(each)
    for each in blobs:
        layer = db.layers.find(repository, each.digest)
        if layer is not None:
            layers.append((layer, each.media_type))
        elif each is manifest.config or not each.is_foreign:
            missing.append(each)
    if missing:
        facts: dict[str, Any] = {
            "digests": ", ".join(dict.fromkeys(str(each.digest) for each in missing)),
            "repository_name": repository.name,
            "registry_id": call.registry.id,
        }
        if manifest.is_index:
            raise ReferencedImagesNotFoundException(**facts)
        raise LayersNotFoundException(LAYERS_MISSING, **facts)
    return layers, children


def _new_image(call: Call, manifest: Manifest, digest: Digest, text: str, children: Sequence[Image]) -> Image:
    size_bytes = manifest.layers_size_bytes
    if manifest.is_index:
        size_bytes = max((child.size_bytes for child in children), default=0)
    return Image(
        id=0,
        digest=digest,
        media_type=manifest.media_type,
        artifact_media_type=manifest.artifact_media_type,
        size_bytes=size_bytes,
        manifest_size_bytes=len(text.encode()),
        subject=manifest.subject,
        annotations=manifest.annotations if manifest.subject else {},
        pushed_at=call.now.replace(microsecond=0),
    )


def _check_count(call: Call, db: Transaction, repository: Repository) -> None:
    """Raises LimitExceededException where the repository has as many images as it may have."""
    most = call.quotas.images_per_repository
    if db.images.count(repository) >= most:
        raise LimitExceededException(
            f"The repository with name '{repository.name}' in the registry with id '{call.registry.id}' "
            f"cannot have more than {most} images."
        )


def _check_tags(call: Call, db: Transaction, repository: Repository, image: Image) -> None:
    """Raises LimitExceededException where the image has too many tags by now."""
    most = call.quotas.tags_per_image
    if db.tags.has_more_than(image, most):
        raise LimitExceededException(
            f"The image with digest '{image.digest}' in the repository with name '{repository.name}' in the "
            f"registry with id '{call.registry.id}' cannot have more than {most} tags."
        )


def _tags_to_change(
    call: Call,
    db: Transaction,
    repository: Repository,
    image: Image | None,
    tags: Sequence[str],
    alias: Digest | None,
) -> list[str]:
    """The tags that do not point to the image yet or, over OCI, not under that digest.

    Raises ImageTagAlreadyExistsException where one of them may not move.
    """
    changed = []
    for tag in tags:
        current = db.images.find_by_tag(repository, tag)
        if current is not None and image is not None and current.id == image.id:
            if call.via_oci and db.tags.pushed_as(repository, tag) != alias:
                changed.append(tag)
            continue
        if current is not None and repository.mutability.is_immutable(tag):
            raise ImageTagAlreadyExistsException(tag=tag, repository_name=repository.name)
        changed.append(tag)
    return changed


# BatchGetImage.


@dataclass(frozen=True, slots=True)
class _Found:
    output: Output
    ids: Sequence[int]  # of the images whose pulls are recorded: the public API shows no time


def _get_images(call: Call, db: Transaction) -> _Found:
    ids: list[int] = []
    images: list[Output] = []
    failures: list[Output] = []
    size_bytes = 0
    repository = db.repositories.get(call.registry, call.input["repositoryName"])
    for image_id in call.input["imageIds"]:
        image = _find(db, repository, image_id, failures)
        if image is None:
            continue
        if image.status != ACTIVE:
            reason = f"Requested image cannot be pulled: its status is {image.status}"
            failures.append(_failure(image_id, "ImageInaccessible", reason))
            continue
        size_bytes += image.manifest_size_bytes
        if size_bytes > MANIFESTS_BYTES:
            raise LimitExceededException(
                f"The manifests of one call cannot be larger than {MANIFESTS_BYTES >> 20} MiB together."
            )
        asked = _asked_as(call, db, repository, image_id)
        images.append(_image(call, image, image_id.get("imageTag"), db.images.manifest(image), asked))
        ids.append(image.id)
    is_recorded = call.registry.kind is Kind.PRIVATE
    return _Found({"images": images, "failures": failures}, ids if is_recorded else ())


def _size_of_images(found: _Found) -> int:
    """How much there is to remember. What is no image id may be as long as a body."""
    output = found.output
    manifests_size = sum(len(image["imageManifest"]) for image in output["images"])
    return manifests_size + sum(len(text) for each in output["failures"] for text in each["imageId"].values())


# What operations about images share.


def resolve(db: Transaction, repository: Repository, text: str | None) -> Digest | None:
    """The sha256 we keep an image by, for any digest that was asked for; None for one nothing here has."""
    digest = None if text is None else find_digest(text)
    return None if digest is None else db.layers.resolve(repository, digest)


def _find(db: Transaction, repository: Repository, image_id: ImageId, failures: list[Output]) -> Image | None:
    """The image with that id, or None and one more failure."""
    digest_text, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest_text is None and tag is None:
        reason = "Invalid request parameters: both tag and digest cannot be null"
        failures.append(_failure(image_id, "MissingDigestAndTag", reason))
        return None
    if digest_text is not None and not is_like_digest(digest_text):
        reason = f"Invalid request parameters: image digest should satisfy the regex '{DIGEST_PATTERN}'"
        failures.append(_failure(image_id, "InvalidImageDigest", reason))
        return None
    if tag is not None and not TAG.fullmatch(tag):
        reason = f"Invalid request parameters: image tag should satisfy the regex '{TAG_PATTERN}'"
        failures.append(_failure(image_id, "InvalidImageTag", reason))
        return None
    digest = resolve(db, repository, digest_text)
    if tag is not None:
        image = db.images.find_by_tag(repository, tag)
    else:
        image = db.images.find_by_digest(repository, digest) if digest else None
    if image is None:
        failures.append(_failure(image_id, "ImageNotFound", "Requested image not found"))
    elif digest_text is not None and image.digest != digest:
        reason = "Requested image tag does not match the image digest"
        failures.append(_failure(image_id, "ImageTagDoesNotMatchDigest", reason))
        return None
    return image


def _asked_as(call: Call, db: Transaction, repository: Repository, image_id: ImageId) -> Digest | None:
    """Over OCI an image goes by the digest it was asked by, or that its tag was pushed under; the API
    knows it by its sha256 only. Source: data-plane.md §6.2, 2."""
    if not call.via_oci:
        return None
    if "imageDigest" in image_id:
        return Digest(image_id["imageDigest"])
    return db.tags.pushed_as(repository, image_id["imageTag"])


def _image(call: Call, image: Image, tag: str | None, text: str, asked: Digest | None) -> Output:
    """An Image as the API shows it, under the digest it was asked by (over OCI that may be a sha512)."""
    image_id = {"imageDigest": str(asked or image.digest)}
    if tag is not None:
        image_id["imageTag"] = tag
    return {
        "registryId": call.registry.id,
        "repositoryName": call.input["repositoryName"],
        "imageId": image_id,
        "imageManifest": text,
        "imageManifestMediaType": image.media_type,
    }


def _failure(image_id: ImageId, code: str, reason: str) -> Output:
    return {"imageId": dict(image_id), "failureCode": code, "failureReason": reason}
