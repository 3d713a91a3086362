"""The result rows and how a row gets its status.

Source: data-plane.md §2.2 (switches), §2.4 (rows).
"""

from enum import IntEnum, StrEnum


class Status(IntEnum):
    """What became of a case or of a row. The higher value wins where several cases share a row."""

    UNKNOWN = 0  # nothing was asked
    DISABLED = 1  # switched off
    SKIP = 2  # the registry answered as one without this feature may
    PASS = 3
    FAIL = 4

    def __str__(self) -> str:
        return "FAIL" if self is Status.FAIL else self.name.capitalize()


class Api(StrEnum):
    """The API rows."""

    BLOB_MOUNT_ANONYMOUS = "Blob anonymous mount"
    BLOB_CHUNKED = "Blob chunked"
    BLOB_DELETE = "Blob delete"
    BLOB_DELETE_ATOMIC = "Blob delete atomic"
    BLOB_GET = "Blob get"
    BLOB_GET_RANGE = "Blob get range"
    BLOB_HEAD = "Blob head"
    BLOB_MOUNT = "Blob mount"
    BLOB_POST_ONLY = "Blob post only"
    BLOB_POST_PUT = "Blob post put"
    BLOB_PUSH = "Blob push"
    BLOB_STREAMING = "Blob streaming"
    BLOB_UPLOAD_CANCEL = "Blob upload cancel"
    MANIFEST_DELETE = "Manifest delete"
    MANIFEST_DELETE_ATOMIC = "Manifest delete atomic"
    MANIFEST_GET_BY_DIGEST = "Manifest get by digest"
    MANIFEST_GET_BY_TAG = "Manifest get by tag"
    MANIFEST_HEAD_BY_DIGEST = "Manifest head by digest"
    MANIFEST_HEAD_BY_TAG = "Manifest head by tag"
    MANIFEST_PUT_BY_DIGEST = "Manifest put by digest"
    MANIFEST_PUT_BY_TAG = "Manifest put by tag"
    MANIFEST_PUT_WITH_SUBJECT = "Manifest put with subject"
    MANIFEST_PUT_WITH_TAG_PARAMS = "Manifest put with tag params"
    PING = "Ping"
    REFERRERS = "Referrers"
    TAG_DELETE = "Tag delete"
    TAG_DELETE_ATOMIC = "Tag delete atomic"
    TAG_LISTING = "Tag listing"


# The OCI_API_… switches that must all be on for a row to be asked; a row not named here needs API_PUSH.
SWITCHES: dict[Api, tuple[str, ...]] = {
    Api.BLOB_MOUNT_ANONYMOUS: ("API_PUSH", "API_BLOBS_MOUNT_ANONYMOUS"),
    Api.BLOB_DELETE: ("API_BLOBS_DELETE",),
    Api.BLOB_DELETE_ATOMIC: ("API_BLOBS_DELETE", "API_BLOBS_ATOMIC"),
    Api.BLOB_GET: ("API_PULL",),
    Api.BLOB_GET_RANGE: ("API_PULL",),
    Api.BLOB_HEAD: ("API_PULL",),
    Api.BLOB_UPLOAD_CANCEL: ("API_PUSH", "API_BLOBS_UPLOAD_CANCEL"),
    Api.MANIFEST_DELETE: ("API_MANIFESTS_DELETE",),
    Api.MANIFEST_DELETE_ATOMIC: ("API_MANIFESTS_DELETE", "API_MANIFESTS_ATOMIC"),
    Api.MANIFEST_GET_BY_DIGEST: ("API_PULL",),
    Api.MANIFEST_GET_BY_TAG: ("API_PULL",),
    Api.MANIFEST_HEAD_BY_DIGEST: ("API_PULL",),
    Api.MANIFEST_HEAD_BY_TAG: ("API_PULL",),
    Api.MANIFEST_PUT_WITH_TAG_PARAMS: ("API_PUSH", "API_MANIFESTS_TAG_PARAM"),
    Api.PING: ("API_PING",),
    Api.REFERRERS: ("API_REFERRER",),
    Api.TAG_DELETE: ("API_TAGS_DELETE",),
    Api.TAG_DELETE_ATOMIC: ("API_TAGS_DELETE", "API_TAGS_ATOMIC"),
    Api.TAG_LISTING: ("API_TAGS_LIST",),
}


def switches_of(row: Api) -> tuple[str, ...]:
    """The switches a row needs, without the prefix OCI_."""
    return SWITCHES.get(row, ("API_PUSH",))
