"""Images on disk, as the OCI image layout has them: how skopeo, podman, buildah and ctr are given one.

The images are those of tests/builders.py. Their layers are any bytes; `a_file_system` makes one that
engines can unpack as well. Source: image-spec, image-layout.md and config.md.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.builders import OCI_CONFIG, OCI_INDEX, OCI_LAYER, Blob, Image, a_layer, an_image, sha256

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
TAR = "application/vnd.oci.image.layer.v1.tar"


class Layout:
    """A layout in a folder, to which images are added."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)
        self._named: list[dict[str, Any]] = []
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def add(self, image: Image, tag: str) -> str:
        """Put an image here, with all it refers to. returns how programs are told of it: `oci:FOLDER:TAG`"""
        self._write(image)
        self._named.append(image.descriptor | {"annotations": {"org.opencontainers.image.ref.name": tag}})
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": self._named}
        (self.folder / "index.json").write_text(json.dumps(index))
        return f"oci:{self.folder}:{tag}"

    def _write(self, image: Image) -> None:
        for blob in image.blobs:
            self._file(blob.digest).write_bytes(blob.content)
        for child in image.children:
            self._write(child)
        self._file(image.digest).write_bytes(image.content)

    def take(self, file: Path, media_type: str) -> dict[str, Any]:
        """Move a layer here that is too big to hold. returns its descriptor"""
        with file.open("rb") as opened:
            digest = "sha256:" + hashlib.file_digest(opened, "sha256").hexdigest()
        size_bytes = file.stat().st_size
        file.rename(self._file(digest))
        return {"mediaType": media_type, "digest": digest, "size": size_bytes}

    def _file(self, digest: str) -> Path:
        return self._blobs / digest.removeprefix("sha256:")


def a_file_system(
    *layers: Mapping[str, bytes],
    architecture: str = ARCHITECTURE,
    pack: Callable[[bytes], Blob] | None = None,
) -> Image:
    """An image that engines can unpack.

    layers   for each, its files by path
    pack     makes a layer of a tar file; compressed by gzip, unless told otherwise
    """
    archives = [a_tar(files) for files in layers]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [sha256(archive) for archive in archives]},
    }
    return an_image(
        config=a_layer(json.dumps(config).encode(), media_type=OCI_CONFIG),
        layers=[(pack or gzipped)(archive) for archive in archives],
    )


def gzipped(archive: bytes) -> Blob:
    return a_layer(gzip.compress(archive, mtime=0), media_type=OCI_LAYER)


def uncompressed(archive: bytes) -> Blob:
    return a_layer(archive, media_type=TAR)


def a_tar(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o755
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def archive_of(layout: Path, folder: Path) -> Path:
    """A layout as one tar file in that folder, as `ctr images import` takes it."""
    written = folder / "layout.tar"
    with tarfile.open(written, "w") as archive:
        archive.add(layout, arcname=".")
    return written
