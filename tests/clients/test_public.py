"""The public registry at `/v2/public.ecr.aws/ALIAS/…`: anyone pulls, nobody but the owner pushes."""

import json
from dataclasses import replace

import pytest

from tests.clients.conftest import Repository

DENIED = "denied: Not Authorized"


@pytest.fixture
def gallery(ecr_public, request) -> Repository:
    """An empty public repository, named after the test."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    answer = ecr_public.create_repository(repositoryName=name)
    return Repository(name, answer["repository"]["repositoryUri"])


@pytest.fixture
def published(gallery, skopeo, server, source) -> str:
    """The name of a public image."""
    login = ("login", "--username=AWS", "--password-stdin", server.address)
    skopeo(*login, stdin=server.public_password())
    skopeo("copy", source, f"docker://{gallery.uri}:1.0")
    return f"{gallery.uri}:1.0"


def test_anyone_pulls_with_skopeo(skopeo, anonymous, published, image, folder):
    nobody = anonymous(skopeo)

    nobody("copy", f"docker://{published}", f"dir:{folder}/pulled")

    assert (folder / "pulled" / "manifest.json").read_bytes() == image.content
    assert json.loads(nobody("list-tags", f"docker://{published.removesuffix(':1.0')}"))["Tags"] == ["1.0"]


def test_anyone_pulls_with_podman(podman, anonymous, published, image):
    nobody = anonymous(podman)

    nobody("pull", published)

    assert nobody("image", "inspect", "--format={{.Digest}}", published) == image.digest


def test_anyone_pulls_with_docker(docker, anonymous, published, image):
    assert f"Digest: {image.digest}" in anonymous(docker)("pull", published)


def test_anyone_pulls_with_containerd(ctr, published, image):
    nobody = replace(ctr, flags={})

    nobody("images", "pull", "--plain-http", "--snapshotter=native", published)

    assert nobody("content", "get", image.digest) == image.manifest


def test_nobody_pushes_unless_logged_in(skopeo, anonymous, gallery, source):
    assert DENIED in anonymous(skopeo).refused("copy", source, f"docker://{gallery.uri}:1.0")


def test_what_is_private_stays_private(skopeo, podman, anonymous, repository, source):
    skopeo("copy", source, f"docker://{repository.uri}:1.0")

    assert DENIED in anonymous(skopeo).refused("inspect", f"docker://{repository.uri}:1.0")
    assert DENIED in anonymous(podman).refused("pull", f"{repository.uri}:1.0")


def test_one_login_to_the_host_pushes_to_both(docker, skopeo, gallery, repository, source, folder):
    """docker keeps one login for each host; its `docker login` was with the private password."""
    skopeo("copy", source, f"docker-archive:{folder}/small.tar:small:1.0")
    docker("load", f"--input={folder}/small.tar")

    for uri in [gallery.uri, repository.uri]:
        docker("tag", "small:1.0", f"{uri}:1.0")
        docker("push", f"{uri}:1.0")


def test_the_public_password_opens_nothing_private(skopeo, published, repository, source):
    """It is the one that skopeo was logged in with last, to publish."""
    skopeo("inspect", f"docker://{published}")

    assert "403 (Forbidden)" in skopeo.refused("copy", source, f"docker://{repository.uri}:1.0")
