"""A blob store in a folder of its own, and faults for it.

`blobs` is the store under test; `restarted()` is the same folder as another process finds it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openecr import failpoints
from openecr.blobs.files import FileBlobs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def blobs(root: Path) -> FileBlobs:
    return FileBlobs(root)


@pytest.fixture
def restarted(root: Path) -> Callable[[], FileBlobs]:
    return lambda: FileBlobs(root)


@pytest.fixture
def faults() -> Iterator[Callable[[str], None]]:
    """Sets failpoints from here on, until it is called again or the test is over."""
    yield failpoints.arm
    failpoints.arm("")
