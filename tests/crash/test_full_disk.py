"""A full disk: uploads are refused clearly, pulls go on, and so does everything once there is room.

Source: reliability.md B1.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.builders import Image, a_layer, an_image
from tests.crash.journal import Client, Journal
from tests.crash.judge import judge
from tests.crash.server import Server
from tests.registry_client import RegistryClient

DISK_BYTES = 64 << 20
pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", where], check=True, timeout=30
    )
    yield where
    subprocess.run(["umount", where], check=True, timeout=30)


def test_a_full_disk_refuses_uploads_and_nothing_else(disk: Path, tmp_path: Path, journal: Journal) -> None:
    data, random = disk / "data", Random(0)
    kept = an_image(layers=[a_layer(random.randbytes(4 << 20))])
    large = a_layer(random.randbytes(16 << 20))
    with Server(data) as server:
        client = Client(server.url, server.create_repository("full/app"), journal, seed=0)
        client.push(0)
        registry = RegistryClient(server.url, "anything")
        assert registry.push("full/app", kept, "kept").status == 201

        fill(disk, leave_bytes=8 << 20)
        refused = registry.push_blob("full/app", large)
        assert refused.status in (503, 507), refused.body
        assert refused.json["errors"]
        assert staged_bytes(data) == 0
        assert_all_there(registry, kept)

        fill(disk, leave_bytes=0)  # not even a row can be written now
        refused = registry.start_upload("full/app")
        assert refused.status in (503, 507), refused.body
        assert refused.json["errors"]
        assert_all_there(registry, kept)

        (disk / "filler").unlink()
        assert registry.push_blob("full/app", large).status == 201
        client.push(1)
        assert judge(server, data, journal.path) == []
        server.stop()
    client.close()
    registry.http.close()


def fill(disk: Path, *, leave_bytes: int) -> None:
    """Let so much room be left."""
    filler, free = disk / "filler", os.statvfs(disk)
    size = filler.stat().st_size if filler.exists() else 0
    with filler.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, size + free.f_bavail * free.f_bsize - leave_bytes)


def staged_bytes(data: Path) -> int:
    return sum(path.stat().st_size for path in (data / "staging").iterdir())


def assert_all_there(registry: RegistryClient, image: Image) -> None:
    assert registry.get_manifest("full/app", "kept").body == image.content
    for blob in image.blobs:
        assert registry.get_blob("full/app", blob.digest).body == blob.content
