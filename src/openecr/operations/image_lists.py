"""What is in a repository: ListImages, DescribeImages, DescribeImageTags, ListImageReferrers; tags."""

from collections.abc import Mapping
from typing import Any

from openecr.domain.image import ACTIVE, Image
from openecr.domain.names import find_digest
from openecr.domain.repository import Repository
from openecr.errors import ImageNotFoundException, InvalidParameterException
from openecr.metadata.database import Transaction
from openecr.metadata.image_lists import ANY
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation
from openecr.operations.images import resolve
from openecr.operations.paging import last_name, next_token, page, refuse_with

REFERRERS = 20
"""How many referrers a page has by default (control-plane.md §1.8)."""
TAGS_OF_A_PAGE = 5_000
"""A page of DescribeImages ends once its images have so many tags: an image may have 1,000. Ours."""


@operation("ecr")
def list_images(call: Call) -> Output:
    """Image ids: a row per digest and tag, one without tag for an untagged image.

    Input   repositoryName, registryId, filter {tagStatus, imageStatus (ACTIVE by default)},
            maxResults (rows; default 100), nextToken
    Output  imageIds [{imageDigest, imageTag}], nextToken
    Raises  InvalidParameterException, RepositoryNotFoundException
    Source  control-plane.md §4.6
    """
    asked = page(call)
    after = (bytes.fromhex(asked.after[0]), asked.after[1]) if asked.after else (b"", "")
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        rows = db.image_lists.ids(repository, **_filter(call), after=after, limit=asked.limit + 1)
    shown = rows[: asked.limit]
    output: Output = {
        "imageIds": [
            {"imageDigest": str(digest)} | ({} if tag is None else {"imageTag": tag}) for digest, tag in shown
        ]
    }
    if len(rows) > asked.limit:
        digest, tag = shown[-1]
        output["nextToken"] = next_token(call, [digest.raw.hex(), tag or ""])
    return output


@operation("ecr", "ecr-public")
def describe_images(call: Call) -> Output:
    """Images and all that is known of them: a row per digest.

    Input   repositoryName, registryId; either imageIds (1 to 100), or maxResults (default 100) and
            nextToken; ecr: filter {tagStatus, imageStatus}
    Output  imageDetails, nextToken; of images with thousands of tags, fewer than maxResults
    Raises  InvalidParameterException, RepositoryNotFoundException; ImageNotFoundException for the first
            id that is unknown
    Source  control-plane.md §4.6, §4.7
    """
    image_ids = call.input.get("imageIds")
    if image_ids is not None:
        refuse_with(call, "imageIds")
        with call.reading() as db:
            repository = db.repositories.get(call.registry, call.input["repositoryName"])
            named = {
                image.id: image
                for image in (get_image(call, db, repository, "imageIds", each) for each in image_ids)
            }
            details = [_detail(call, db, repository, image) for image in named.values()]
        return {"imageDetails": [each for each in details if _passes(call, each)]}

    asked = page(call)
    after = bytes.fromhex(asked.after[0]) if asked.after else b""
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        images = db.image_lists.page(repository, **_filter(call), after=after, limit=asked.limit + 1)
        details = []
        tags_left = TAGS_OF_A_PAGE
        for image in images[: asked.limit]:
            if tags_left <= 0:
                break
            details.append(_detail(call, db, repository, image))
            tags_left -= len(details[-1].get("imageTags", ()))
    output: Output = {"imageDetails": details}
    if len(images) > len(details):
        output["nextToken"] = next_token(call, [images[len(details) - 1].digest.raw.hex()])
    return output


@operation("ecr-public")
def describe_image_tags(call: Call) -> Output:
    """Tags and their images, by tag.

    Input   repositoryName, registryId, maxResults (default 100), nextToken
    Output  imageTagDetails [{imageTag, createdAt, imageDetail}], nextToken
    Raises  InvalidParameterException, RepositoryNotFoundException
    Source  control-plane.md §9.3
    """
    asked = page(call)
    after = asked.after[0] if asked.after else ""
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        found = db.tags.details(repository, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    output: Output = {
        "imageTagDetails": [
            {"imageTag": tag.name, "createdAt": tag.created_at, "imageDetail": _facts(tag.image)}
            for tag in shown
        ]
    }
    if len(found) > asked.limit:
        output["nextToken"] = next_token(call, [shown[-1].name])
    return output


@operation("ecr", "ecr-public", action="ListImages", unlisted=True)
def list_tags(call: Call) -> Output:
    """The tags of a repository, as the OCI front lists them.

    Input   repositoryName, maxResults (default 100, at most 1000), last (a tag; the list goes on after it)
    Output  tags, more (whether there are more)
    Raises  InvalidParameterException, RepositoryNotFoundException
    """
    last, limit = last_name(call)
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        tags = db.tags.names(repository, after=last, limit=limit + 1)
    return {"tags": tags[:limit], "more": 0 < limit < len(tags)}


@operation("ecr", "ecr-public", action="BatchGetImage", unlisted=["ecr-public"])
def list_image_referrers(call: Call) -> Output:
    """The images that name another as their subject; none for a digest nobody knows.

    Input   repositoryName, registryId, subjectId {imageDigest}, filter {artifactTypes, artifactStatus
            (ACTIVE by default)}, maxResults (default 20), nextToken
    Output  referrers [{digest, mediaType, size (of the manifest), artifactType, annotations,
            artifactStatus}], nextToken
    Raises  InvalidParameterException, RepositoryNotFoundException
    Source  control-plane.md §4.10
    """
    subject = find_digest(call.input["subjectId"]["imageDigest"])
    asked = page(call, default=REFERRERS)
    wanted = call.input.get("filter", {})
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        shown, more = db.referrers.page(
            repository,
            [] if subject is None else db.layers.names_of(repository, subject),
            artifact_types=wanted.get("artifactTypes") or (),
            status=wanted.get("artifactStatus", ACTIVE),
            after=bytes.fromhex(asked.after[0]) if asked.after else b"",
            limit=asked.limit,
        )
    output: Output = {"referrers": [_referrer(image) for image in shown]}
    if more:
        output["nextToken"] = next_token(call, [shown[-1].digest.raw.hex()])
    return output


def _filter(call: Call) -> dict[str, str]:
    """The filter of a list. The public API has none: its images are all active."""
    wanted = call.input.get("filter", {})
    return {"tagged": wanted.get("tagStatus", ANY), "status": wanted.get("imageStatus", ACTIVE)}


def _passes(call: Call, detail: Output) -> bool:
    """Whether an image that was asked for by id passes the filter; any status does unless one is named."""
    wanted = call.input.get("filter", {})
    is_tagged = {"TAGGED": True, "UNTAGGED": False}.get(wanted.get("tagStatus", ANY))
    status = wanted.get("imageStatus", ANY)
    return is_tagged in (None, "imageTags" in detail) and status in (ANY, detail["imageStatus"])


def get_image(
    call: Call, db: Transaction, repository: Repository, member: str, image_id: Mapping[str, Any]
) -> Image:
    """By tag, by digest, or by both where they agree.

    member  of the input, in which the id is
    Raises ImageNotFoundException, and InvalidParameterException where there is neither
    """
    digest_text, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest_text is None and tag is None:
        raise InvalidParameterException(member=member, reason="both tag and digest cannot be null")
    digest = resolve(db, repository, digest_text)
    if tag is not None:
        image = db.images.find_by_tag(repository, tag)
    else:
        image = db.images.find_by_digest(repository, digest) if digest else None
    if image is None or (digest_text is not None and image.digest != digest):
        raise ImageNotFoundException(
            digest=digest_text or "null",
            tag=tag or "null",
            repository_name=repository.name,
            registry_id=call.registry.id,
        )
    return image


def _detail(call: Call, db: Transaction, repository: Repository, image: Image) -> Output:
    """An ImageDetail as both APIs show it; each picks its members. Source: control-plane.md §4.7."""
    detail: Output = {
        "registryId": call.registry.id,
        "repositoryName": repository.name,
        "imageStatus": image.status,
    } | _facts(image)
    tags = db.tags.of_image(image)
    if tags:
        detail["imageTags"] = tags
    if image.subject is not None:
        detail["subjectManifestDigest"] = str(image.subject)
    return detail


def _facts(image: Image) -> Output:
    return {
        "imageDigest": str(image.digest),
        "imageSizeInBytes": image.size_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_media_type,
        "lastRecordedPullTime": image.pulled_at,
        "lastArchivedAt": image.archived_at,
        "lastActivatedAt": image.activated_at,
    }


def _referrer(image: Image) -> Output:
    return {
        "digest": str(image.digest),
        "mediaType": image.media_type,
        "size": image.manifest_size_bytes,
        "artifactType": image.artifact_media_type,
        "annotations": dict(image.annotations) or None,
        "artifactStatus": image.status,
    }
