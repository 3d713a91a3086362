"""podman, the engine without a daemon. Pushes compress as they go: PATCH in chunked encoding.

`podman run` is not tested: it starts no container where both versions of cgroups are mounted.
"""

import json
from pathlib import Path

import pytest

from tests.builders import DOCKER_MANIFEST, OCI_MANIFEST


@pytest.fixture
def loaded(podman, skopeo, source, folder) -> str:
    """The name of a small image in podman's own store."""
    skopeo("copy", source, f"oci-archive:{folder}/small.tar:localhost/small:1.0")
    podman("load", f"--input={folder}/small.tar")
    return "localhost/small:1.0"


def test_login_needs_the_password_of_a_token(podman, server, password):
    login = ("login", "--username=AWS", "--password-stdin", server.address)

    assert "invalid username/password" in podman.refused(*login, stdin="not-" + password)
    assert podman(*login, stdin=password) == "Login Succeeded!"


def test_nothing_is_pushed_after_logout(podman, server, repository, loaded):
    podman("logout", server.address)

    assert "unauthorized: authentication required" in podman.refused("push", loaded, f"{repository.uri}:1.0")


def test_push_and_pull_by_tag_and_by_digest(request, podman, repository, loaded, folder):
    podman("push", f"--digestfile={folder}/digest", loaded, f"{repository.uri}:1.0")
    digest = (folder / "digest").read_text()
    podman("rmi", "--all", "--force")

    for name in [f"{repository.uri}:1.0", f"{repository.uri}@{digest}"]:
        podman("pull", name)
        files = Path(podman("image", "mount", name))
        assert (files / "etc" / "motd").read_text() == request.node.name
        assert podman("image", "inspect", "--format={{.Digest}}", name) == digest
        podman("rmi", "--all", "--force")


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("oci", OCI_MANIFEST), ("v2s2", DOCKER_MANIFEST)],
)
def test_both_forms_of_manifest(podman, ecr, repository, loaded, form, media_type):
    podman("push", f"--format={form}", loaded, f"{repository.uri}:{form}")

    (details,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    assert details["imageManifestMediaType"] == media_type


def test_a_zstd_layer_is_unpacked_again(request, podman, ecr, repository, loaded):
    podman("push", "--compression-format=zstd", loaded, f"{repository.uri}:zstd")
    podman("rmi", "--all", "--force")

    podman("pull", f"{repository.uri}:zstd")

    found = ecr.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": "zstd"}])
    (layer,) = json.loads(found["images"][0]["imageManifest"])["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd"
    files = Path(podman("image", "mount", f"{repository.uri}:zstd"))
    assert (files / "etc" / "motd").read_text() == request.node.name


def test_search_finds_repositories_and_tags(podman, server, repository, loaded):
    for tag in ["1.0", "2.0"]:
        podman("push", loaded, f"{repository.uri}:{tag}")

    found = podman("search", "--limit=100", "--format={{.Name}}", f"{server.address}/{repository.name}")
    assert repository.uri in found.split()
    _, *tags = podman("search", "--list-tags", repository.uri).splitlines()
    assert [line.split()[-1] for line in tags] == ["1.0", "2.0"]


def test_a_repository_that_does_not_exist_is_named_in_the_refusal(podman, server, loaded):
    complaint = podman.refused("push", loaded, f"{server.address}/no/such:1.0")

    assert "repository with name 'no/such' does not exist in the registry with id '000000000000'" in complaint
