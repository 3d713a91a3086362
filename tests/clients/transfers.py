"""Pushing a Debian, and pulling any image, alike for every client that has a store.

A push returns the digest of the manifest as its client tells it. A pull returns that too, and one file out
of what the client unpacked: what a user gets in the end.
"""

import json
import tarfile
from pathlib import Path

from tests.builders import sha256
from tests.clients.conftest import Debian
from tests.clients.layouts import archive_of
from tests.clients.programs import Program


def push_with_skopeo(skopeo: Program, debian: Debian, name: str, folder: Path) -> str:
    skopeo("copy", f"--digestfile={folder}/digest", debian.source, f"docker://{name}")
    return (folder / "digest").read_text()


def push_with_podman(podman: Program, debian: Debian, name: str, folder: Path) -> str:
    podman("import", debian.files, name)
    podman("push", f"--digestfile={folder}/digest", name)
    return (folder / "digest").read_text()


def push_with_ctr(ctr: Program, debian: Debian, name: str, folder: Path) -> str:
    ctr("images", "import", f"--base-name={name.rpartition(':')[0]}", archive_of(debian.layout, folder))
    ctr("images", "push", name)
    return digest_in_containerd(ctr, name)


def push_with_docker(docker: Program, debian: Debian, name: str, folder: Path) -> str:
    docker("import", debian.files, name)
    docker("push", name)
    return digest_in_docker(docker, name)


def pull_with_skopeo(skopeo: Program, name: str, path: str, folder: Path) -> tuple[str, bytes]:
    """For an image of one layer."""
    skopeo("copy", f"docker://{name}", f"dir:{folder}/pulled")
    manifest = (folder / "pulled" / "manifest.json").read_bytes()
    (layer,) = json.loads(manifest)["layers"]
    with tarfile.open(folder / "pulled" / layer["digest"].removeprefix("sha256:")) as files:
        member = next(member for member in files if member.name.removeprefix("./") == path)
        content = files.extractfile(member)
        assert content is not None
        return sha256(manifest), content.read()


def pull_with_podman(podman: Program, name: str, path: str, folder: Path) -> tuple[str, bytes]:
    podman("pull", name)
    files = Path(podman("image", "mount", name))
    return podman("image", "inspect", "--format={{.Digest}}", name), (files / path).read_bytes()


def pull_with_ctr(ctr: Program, name: str, path: str, folder: Path) -> tuple[str, bytes]:
    ctr("images", "pull", name)
    files = folder / "mounted"
    files.mkdir()
    ctr("images", "mount", "--snapshotter=native", name, files)
    content = (files / path).read_bytes()
    ctr("images", "unmount", files)
    return digest_in_containerd(ctr, name), content


def pull_with_docker(docker: Program, name: str, path: str, folder: Path) -> tuple[str, bytes]:
    docker("pull", name)
    container = docker("create", "--network=none", name, "/any/command")
    docker("cp", f"{container}:/{path}", folder / "copied")
    return digest_in_docker(docker, name), (folder / "copied").read_bytes()


PUSH = {
    "skopeo": push_with_skopeo,
    "podman": push_with_podman,
    "ctr": push_with_ctr,
    "docker": push_with_docker,
}
PULL = {
    "skopeo": pull_with_skopeo,
    "podman": pull_with_podman,
    "ctr": pull_with_ctr,
    "docker": pull_with_docker,
}


def digest_in_containerd(ctr: Program, name: str) -> str:
    _, image = ctr("images", "list", f"name=={name}").splitlines()
    return image.split()[2]


def digest_in_docker(docker: Program, name: str) -> str:
    (digest,) = json.loads(docker("image", "inspect", "--format={{json .RepoDigests}}", name))
    return digest.rpartition("@")[2]
