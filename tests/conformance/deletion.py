"""Deletion of tags, manifests and blobs; and whether what was deleted is gone at once.

Source: data-plane.md §2.3: a registry may refuse to delete, but may not say yes and go on serving.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import blobs, manifests
from .client import Client, UnsupportedError
from .content import Blob, Manifest

# A tag that took its manifest with it, as ECR's last one does, leaves a 404 for the manifest's own DELETE.
DONE = (202, 404)


@dataclass
class Deletion:
    """One thing to delete: its path, and the statuses by which a registry says that it does not do that.

    path   asked for when it is needed: a blob may have grown on its way, and so got another digest
    """

    path: Callable[[], str]
    refusals: tuple[int, ...]
    done: bool = False


def delete(client: Client, deletion: Deletion) -> None:
    answer = client("DELETE", deletion.path()).has_status(*DONE, *deletion.refusals)
    if answer.status in deletion.refusals:
        raise UnsupportedError(f"DELETE is answered {answer.status}")
    deletion.done = True


def is_gone(client: Client, deletion: Deletion) -> None:
    if not deletion.done:
        raise UnsupportedError("it was not deleted")
    client("HEAD", deletion.path(), headers=manifests.ACCEPT).has_status(404)


def of_blob(repository: str, blob: Blob) -> Deletion:
    return Deletion(partial(blobs.path, repository, blob), refusals=(405,))


def of_manifest(repository: str, manifest: Manifest) -> Deletion:
    return Deletion(partial(manifests.path, repository, manifest.digest), refusals=(400, 405))


def of_tag(repository: str, tag: str) -> Deletion:
    return Deletion(partial(manifests.path, repository, tag), refusals=(400, 405))
