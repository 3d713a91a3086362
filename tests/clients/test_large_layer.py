"""A layer of 1 GiB, in and out: the bytes are right, and the server never holds more than a few of them.

Memory is what the kernel says of the server's process: the most it held while the client was at work
(VmHWM) less what it held before (VmRSS), which was after a small image had gone the same way.
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.builders import OCI_MANIFEST, Image, a_config
from tests.clients.layouts import TAR, Layout, archive_of

MIB = 1 << 20
LAYER_MIB = 1024
GROWTH_LIMIT_MIB = 16

Flat = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def repository(own_server) -> str:
    """How images are named in a server that serves nobody else."""
    answer = own_server.client("ecr").create_repository(repositoryName="large")
    return answer["repository"]["repositoryUri"]


@pytest.fixture
def flat(own_server, capsys) -> Flat:
    """Says what the server's memory did in a block, and fails if it was too much."""

    @contextmanager
    def flat(what: str) -> Iterator[None]:
        before = own_server.resident_mib("VmRSS")
        own_server.forget_peak()
        yield
        growth = own_server.resident_mib("VmHWM") - before
        with capsys.disabled():
            print(f"\n{what} {LAYER_MIB} MiB: {growth:+.1f} MiB of server memory, on {before:.0f}", end=" ")
        assert growth <= GROWTH_LIMIT_MIB

    return flat


def test_a_gibibyte_by_skopeo(skopeo, own_server, repository, layout, folder, flat):
    """In by PATCH with a length."""
    own_server.log_in(skopeo)
    small, large = an_image(layout, folder, 1), an_image(layout, folder, LAYER_MIB)
    copy = ("copy", "--preserve-digests")
    skopeo(*copy, layout.add(small, "small"), f"docker://{repository}:small")
    skopeo(*copy, f"docker://{repository}:small", f"dir:{folder}/small")
    source = layout.add(large, "large")

    with flat("skopeo copy to the server,"):
        skopeo(*copy, source, f"docker://{repository}:large")
    with flat("skopeo copy from the server,"):
        skopeo(*copy, f"docker://{repository}:large", f"dir:{folder}/large")

    digest = json.loads(large.manifest)["layers"][0]["digest"]
    with (folder / "large" / digest.removeprefix("sha256:")).open("rb") as pulled:
        assert "sha256:" + hashlib.file_digest(pulled, "sha256").hexdigest() == digest


def test_a_gibibyte_by_containerd(ctr, own_server, repository, layout, folder, flat):
    """In by one PUT."""
    large = an_image(layout, folder, LAYER_MIB)
    layout.add(an_image(layout, folder, 1), "small")
    layout.add(large, "large")
    ctr("images", "import", f"--base-name={repository}", archive_of(layout.folder, folder))
    login = f"--user=AWS:{own_server.password()}"
    ctr("images", "push", login, f"{repository}:small")

    with flat("ctr images push,"):
        ctr("images", "push", login, f"{repository}:large")
    ctr("images", "rm", "--sync", f"{repository}:large", f"{repository}:small")
    with flat("ctr content fetch,"):
        ctr("content", "fetch", login, f"{repository}:large")  # which checks the digest and unpacks nothing

    digest = json.loads(large.manifest)["layers"][0]["digest"]
    assert digest in ctr("content", "ls", "--quiet").split()


def an_image(layout: Layout, folder: Path, size_mib: int) -> Image:
    """An image whose one layer cannot be compressed, which is already in the layout."""
    layer = folder / "layer"
    noise = random.Random(size_mib).randbytes(MIB)
    with layer.open("wb") as file:
        for number in range(size_mib):
            file.write(number.to_bytes(8) + noise[8:])
    config = a_config()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor,
        "layers": [layout.take(layer, TAR)],
    }
    return Image(json.dumps(document), OCI_MANIFEST, (config,))
