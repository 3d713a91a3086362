"""The whole key space of a data directory's bytes.

    staging/5d7c2a34-….-…          the bytes of an upload, named by its id, as far as they have come
    blobs/5d/5d7c2a34-….-…         a finished blob; its key is the id of the upload that brought it

Ids are UUIDs in their canonical form, random, so the first two digits spread blobs over 256 folders.
No path is made from anything else: whatever a client may send, nothing outside can be named.

The archive, where there is one, is another directory that looks the same; a blob that moves there, or back,
gets a new key.
"""

import re
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class InvalidKey(ValueError):
    """A text that is no id of an upload or blob."""


class Paths:
    """Where things lie below `root`. Every function raises InvalidKey for what is no UUID."""

    def __init__(self, root: Path) -> None:
        self.root = str(root.absolute())
        self.staging = f"{self.root}/staging"
        self.blobs = f"{self.root}/blobs"

    def staged(self, upload_id: str) -> str:
        return f"{self.staging}/{_checked(upload_id)}"

    def blob(self, key: str) -> str:
        return f"{self.folder_of(key)}/{key}"

    def folder_of(self, key: str) -> str:
        return f"{self.blobs}/{_checked(key)[:2]}"


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _checked(text: str) -> str:
    if not is_id(text):
        raise InvalidKey(text)
    return text
