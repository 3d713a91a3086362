"""All cases, in the order in which they are asked.

A case is named as in the official program; where that asks the same several times in one place, ours bear
a number (`blob-head 2`), so that a name says which one. A deletion and the question whether the thing is gone
at once are one leaf there and two cases here (`… atomic`), as they are two rows. Source: data-plane.md §2.3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from . import blobs, deletion, manifests, referrers, tags
from .client import Client
from .content import Blob, Content, Manifest, false_blob, random_blob
from .data_sets import DATA_SETS
from .rows import Api
from .settings import Settings

BLOB_BYTES = 512
THREE_CHUNKS_BYTES = 3 * blobs.CHUNK_BYTES - 5

Check = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Case:
    """name, check: what is asked. rows: what its result counts for; data: likewise, a data row or None.

    if_passed: rows that only success counts for. "Blob push" says whether any way of pushing works.
    """

    name: str
    rows: tuple[Api, ...]
    data: str | None
    check: Callable[[Client], None]
    if_passed: tuple[Api, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the tree of names cases stand, and which data row they count for."""

    name: str
    data: str | None = None

    def __truediv__(self, name: str) -> "Place":
        return replace(self, name=f"{self.name}/{name}" if self.name else name)

    def case(self, name: str, row: Api, check: Check, *arguments: object, also: Api | None = None) -> Case:
        rows = (row, also) if also else (row,)
        return Case((self / name).name, rows, self.data, lambda client: check(client, *arguments))

    def push(self, name: str, row: Api, check: Check, *arguments: object) -> Case:
        return replace(self.case(name, row, check, *arguments), if_passed=(Api.BLOB_PUSH,))


def plan(settings: Settings) -> list[Case]:
    """Every case these settings ask for; the names are the same whenever the settings are."""
    return list(_numbered(_all(settings)))


def data_rows(settings: Settings) -> dict[str, bool]:
    """The data rows and whether they are switched on."""
    rows = {"Blobs sha256": True, "Blobs sha512": "DATA_SHA512" in settings.on}
    rows |= {data_set.title: settings.on.issuperset(data_set.switches) for data_set in DATA_SETS}
    return rows | {"Bad Digest Image": True, "Invalid Manifest Digest": True}


def _all(settings: Settings) -> Iterator[Case]:
    repository = settings.repo1
    on = data_rows(settings)
    yield Place("").case("ping", Api.PING, _ping)
    empty = Place("empty")
    yield empty.case("tag list", Api.TAG_LISTING, tags.list_of_empty, repository)
    yield empty.case("referrers", Api.REFERRERS, referrers.list_of_unknown, repository)
    for algorithm in ("sha256", "sha512"):
        if on[f"Blobs {algorithm}"]:
            yield from _blob_cases(settings, algorithm)
    for data_set in DATA_SETS:
        if on[data_set.title]:
            yield from _content_cases(Place(data_set.name, data_set.title), repository, data_set.build())
    yield from _bad_digest_cases(Place("bad-digest-image", "Bad Digest Image"), repository)
    yield from _missing_manifest_cases(Place("missing-manifest"), repository)
    yield from _invalid_digest_cases(Place("invalid-digest-format", "Invalid Manifest Digest"), repository)


def _ping(client: Client) -> None:
    client("GET", "/v2/").has_status(200)


# Blobs by themselves


def _blob_cases(settings: Settings, algorithm: str) -> Iterator[Case]:
    place = Place(f"{algorithm} blobs", f"Blobs {algorithm}")
    here, there = settings.repo1, settings.repo2

    def blob() -> Blob:
        return random_blob(BLOB_BYTES, algorithm)

    yield place.case("get-missing", Api.BLOB_GET, blobs.get_missing, here, blob())

    # Each way to push, and that what was pushed can be read and deleted.
    for name, leaf, row, check in (
        ("post only", "blob-post-only", Api.BLOB_POST_ONLY, blobs.post_only),
        ("post+put", "blob-post-put", Api.BLOB_POST_PUT, blobs.post_put),
        ("chunked single", "blob-patch-chunked", Api.BLOB_CHUNKED, blobs.chunked),
        ("stream", "blob-patch-stream", Api.BLOB_STREAMING, blobs.stream),
    ):
        pushed = blob()
        yield (place / name).push(leaf, row, check, here, pushed)
        yield from _read_and_delete(place / name, here, pushed)

    for name, leaf, row, source in (
        ("mount", "blob-mount", Api.BLOB_MOUNT, there),
        ("mount anonymous", "blob-mount-anonymous", Api.BLOB_MOUNT_ANONYMOUS, None),
    ):
        mounted = blob()
        yield (place / name).push("blob-post-put", Api.BLOB_POST_PUT, blobs.post_put, there, mounted)
        yield (place / name).case(leaf, row, blobs.mount, here, source, mounted)
        yield from _read_and_delete(place / name, here, mounted)
        yield from _delete_blob(place / name, there, mounted)
    missing, at = blob(), place / "mount missing"
    yield at.case("blob-mount", Api.BLOB_MOUNT, blobs.mount_missing, here, there, missing)
    yield from _read_and_delete(at, here, missing)

    at = place / "post cancel"
    yield at.case("blob-post-cancel", Api.BLOB_UPLOAD_CANCEL, blobs.cancel, here, also=Api.BLOB_PUSH)
    yield from _delete_blob(at, here, blob())

    for name, check in (
        ("chunked multi", partial(blobs.chunked, chunks=3)),
        ("chunked multi and put chunk", partial(blobs.chunked, chunks=3, put_last=True)),
        ("chunked out-of-order", blobs.chunked_out_of_order),
        ("chunked out-of-order and put chunk", partial(blobs.chunked_out_of_order, put_last=True)),
    ):
        pushed = random_blob(THREE_CHUNKS_BYTES, algorithm)
        yield (place / name).push("blob-patch-chunked", Api.BLOB_CHUNKED, check, here, pushed)
        yield from _read_and_delete(place / name, here, pushed)

    ranged, at = random_blob(blobs.RANGE_BLOB_BYTES, algorithm), place / "range requests"
    yield at.push("blob-post-put", Api.BLOB_POST_PUT, blobs.post_put, here, ranged)
    for wanted in blobs.RANGES:
        yield at.case(f"range {wanted.asked}", Api.BLOB_GET_RANGE, blobs.get_range, here, ranged, wanted)
    yield from _delete_blob(at, here, ranged)

    for name, content in (("empty", b""), ("emptyJSON", b"{}")):
        if name == "empty" and "DATA_EMPTY_BLOB" not in settings.on:
            continue
        known = Blob(content, algorithm)
        yield (place / name).push("blob-post-put", Api.BLOB_POST_PUT, blobs.post_put, here, known)
        yield from _read_and_delete(place / name, here, known)

    for name, leaf, row, check in (
        ("post only", "blob-post-only", Api.BLOB_POST_ONLY, blobs.refuses_post_only),
        ("post+put", "blob-post-put", Api.BLOB_POST_PUT, blobs.refuses_post_put),
        ("chunked", "blob-patch-chunked", Api.BLOB_CHUNKED, blobs.refuses_chunked),
        (
            "chunked and put chunk",
            "blob-patch-chunked",
            Api.BLOB_CHUNKED,
            partial(blobs.refuses_chunked, put_last=True),
        ),
        ("stream", "blob-patch-stream", Api.BLOB_STREAMING, blobs.refuses_stream),
    ):
        lie = false_blob(THREE_CHUNKS_BYTES, algorithm)
        yield (place / f"bad digest {name}").push(leaf, row, check, here, lie)


def _read_and_delete(place: Place, repository: str, blob: Blob) -> Iterator[Case]:
    yield place.case("blob-head", Api.BLOB_HEAD, blobs.head, repository, blob)
    yield place.case("blob-get", Api.BLOB_GET, blobs.get, repository, blob)
    yield from _delete_blob(place, repository, blob)


# Content: manifests with their blobs and tags


def _content_cases(place: Place, repository: str, content: Content) -> Iterator[Case]:
    yield from _push_blobs(place / "push", repository, content)
    for manifest in content.manifests:
        yield _put_by_digest(place / "push", repository, content, manifest)
    if not content.tags_in_query:
        for tag, manifest in content.tags.items():
            yield (place / "push").case(
                "manifest-by-tag",
                Api.MANIFEST_PUT_BY_TAG,
                *(manifests.put, repository, tag, manifest),
                also=Api.MANIFEST_PUT_WITH_SUBJECT if manifest.subject else None,
            )
    yield place.case("tag-list", Api.TAG_LISTING, tags.lists, repository, content.tags)

    for tag, manifest in content.tags.items():
        yield (place / "head").case(
            "manifest-head-by-tag", Api.MANIFEST_HEAD_BY_TAG, manifests.head, repository, tag, manifest
        )
    for manifest in content.manifests:
        yield (place / "head").case(
            "manifest-head-by-digest",
            Api.MANIFEST_HEAD_BY_DIGEST,
            *(manifests.head, repository, manifest.digest, manifest),
        )
    for blob in content.blobs.values():
        yield (place / "head").case("blob-head", Api.BLOB_HEAD, blobs.head, repository, blob)

    for tag, manifest in content.tags.items():
        yield (place / "pull").case(
            "manifest-by-tag", Api.MANIFEST_GET_BY_TAG, manifests.get, repository, tag, manifest
        )
    for manifest in content.manifests:
        yield (place / "pull").case(
            "manifest-by-digest",
            Api.MANIFEST_GET_BY_DIGEST,
            *(manifests.get, repository, manifest.digest, manifest),
        )
    for blob in content.blobs.values():
        yield (place / "pull").case("blob-get", Api.BLOB_GET, blobs.get, repository, blob)

    if content.referrers():
        yield place.case("referrers", Api.REFERRERS, referrers.lists, repository, content.referrers())
    yield from _delete(place / "delete", repository, content)


def _put_by_digest(place: Place, repository: str, content: Content, manifest: Manifest) -> Case:
    name, row = "manifest-by-digest", Api.MANIFEST_PUT_BY_DIGEST
    if content.tags_in_query:
        given = [tag for tag, tagged in content.tags.items() if tagged is manifest]
        also = Api.MANIFEST_PUT_WITH_TAG_PARAMS
        return place.case(name, row, manifests.put_with_tags, repository, manifest, given, also=also)
    subject = Api.MANIFEST_PUT_WITH_SUBJECT if manifest.subject else None
    return place.case(name, row, manifests.put, repository, manifest.digest, manifest, also=subject)


def _bad_digest_cases(place: Place, repository: str) -> Iterator[Case]:
    content = Content()
    image = content.image()
    yield from _push_blobs(place / "push", repository, content)
    yield (place / "push").case(
        "manifest-by-digest", Api.MANIFEST_PUT_BY_DIGEST, manifests.refuses_other_digest, repository, image
    )
    yield place.case("tag-list", Api.TAG_LISTING, tags.lists, repository, ())
    for blob in content.blobs.values():
        yield (place / "head").case("blob-head", Api.BLOB_HEAD, blobs.head, repository, blob)
    for blob in content.blobs.values():
        yield (place / "pull").case("blob-get", Api.BLOB_GET, blobs.get, repository, blob)
    yield from _delete(place / "delete", repository, content)


def _missing_manifest_cases(place: Place, repository: str) -> Iterator[Case]:
    yield place.case("by-digest", Api.MANIFEST_GET_BY_DIGEST, manifests.get_missing_digest, repository)
    yield place.case("by-tag", Api.MANIFEST_GET_BY_TAG, manifests.get_missing_tag, repository)


def _invalid_digest_cases(place: Place, repository: str) -> Iterator[Case]:
    content = Content()
    image = content.image(layers=1)
    yield from _push_blobs(place, repository, content)
    malformed = manifests.MALFORMED_DIGEST
    yield place.case(
        "manifest-put", Api.MANIFEST_PUT_BY_DIGEST, manifests.refuses_put, repository, malformed, image
    )
    yield place.case("manifest-get", Api.MANIFEST_GET_BY_DIGEST, manifests.get_malformed_digest, repository)
    yield from _delete(place / "delete", repository, content)


def _push_blobs(place: Place, repository: str, content: Content) -> Iterator[Case]:
    for blob in content.blobs.values():
        yield place.push("blob-post-put", Api.BLOB_POST_PUT, blobs.post_put, repository, blob)


# Deletion: tags, then manifests from the last to the first, then blobs


def _delete(place: Place, repository: str, content: Content) -> Iterator[Case]:
    for tag in content.tags:
        deletable = deletion.of_tag(repository, tag)
        yield place.case("tag-delete", Api.TAG_DELETE, deletion.delete, deletable)
        yield place.case("tag-delete atomic", Api.TAG_DELETE_ATOMIC, deletion.is_gone, deletable)
    for manifest in reversed(content.manifests):
        deletable = deletion.of_manifest(repository, manifest)
        yield place.case("manifest-delete", Api.MANIFEST_DELETE, deletion.delete, deletable)
        yield place.case("manifest-delete atomic", Api.MANIFEST_DELETE_ATOMIC, deletion.is_gone, deletable)
    for blob in content.blobs.values():
        yield from _delete_blob(place, repository, blob)


def _delete_blob(place: Place, repository: str, blob: Blob) -> Iterator[Case]:
    deletable = deletion.of_blob(repository, blob)
    yield place.case("blob-delete", Api.BLOB_DELETE, deletion.delete, deletable)
    yield place.case("blob-delete atomic", Api.BLOB_DELETE_ATOMIC, deletion.is_gone, deletable)


def _numbered(cases: Iterator[Case]) -> Iterator[Case]:
    """The same cases, the second of a name and those after it with a number."""
    seen: dict[str, int] = {}
    for case in cases:
        seen[case.name] = seen.get(case.name, 0) + 1
        yield case if seen[case.name] == 1 else replace(case, name=f"{case.name} {seen[case.name]}")
