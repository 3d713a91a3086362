"""A Docker engine with its classic store. Pushes a blob with PATCH in chunked encoding and no length."""

import json
from pathlib import Path

import pytest

from tests.builders import DOCKER_LIST, DOCKER_MANIFEST
from tests.clients.programs import Program


@pytest.fixture
def loaded(docker, skopeo, source, folder) -> str:
    """The name of a small image in the engine's own store."""
    skopeo("copy", source, f"docker-archive:{folder}/small.tar:small:1.0")
    docker("load", f"--input={folder}/small.tar")
    return "small:1.0"


def test_login_needs_the_password_of_a_token(docker, server, password):
    login = ("login", "--username=AWS", "--password-stdin", server.address)

    assert "Not Authorized" in docker.refused(*login, stdin="not-" + password)
    assert "Login Succeeded" in docker(*login, stdin=password)


def test_push_and_pull_by_tag_and_by_digest(docker, ecr, repository, loaded):
    docker("tag", loaded, f"{repository.uri}:1.0")
    docker("push", f"{repository.uri}:1.0")
    (details,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    digest = details["imageDigest"]
    pushed = docker("image", "inspect", "--format={{.Id}}", loaded)

    assert details["imageManifestMediaType"] == DOCKER_MANIFEST
    for name in [f"{repository.uri}:1.0", f"{repository.uri}@{digest}"]:
        docker("image", "prune", "--all", "--force")
        assert f"Digest: {digest}" in docker("pull", name)
        assert docker("image", "inspect", "--format={{.Id}}", name) == pushed


def test_push_of_all_tags(docker, ecr, repository, loaded):
    for tag in ["1.0", "1.1", "latest"]:
        docker("tag", loaded, f"{repository.uri}:{tag}")

    docker("push", "--all-tags", repository.uri)

    (details,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    assert sorted(details["imageTags"]) == ["1.0", "1.1", "latest"]


def test_a_layer_is_mounted_from_another_repository(docker, create_repository, loaded):
    first, second = create_repository(), create_repository()
    for repository in (first, second):
        docker("tag", loaded, f"{repository.uri}:1.0")

    assert "Pushed" in docker("push", f"{first.uri}:1.0")
    assert f"Mounted from {first.name}" in docker("push", f"{second.uri}:1.0")


def test_a_build_from_a_pulled_image_is_pushed_and_run(docker, repository, busybox):
    base, built = f"{repository.uri}:base", f"{repository.uri}:built"

    build(docker, busybox, base, "FROM scratch", "COPY sh /bin/sh")
    docker("push", base)
    docker("image", "prune", "--all", "--force")
    build(docker, busybox, built, f"FROM {base}", "RUN echo built > /note")
    docker("push", built)
    docker("image", "prune", "--all", "--force")

    assert docker("run", "--rm", "--network=none", built, "sh", "-c", "read x < /note; echo $x") == "built"


def build(docker: Program, context: Path, name: str, *lines: str) -> None:
    (context / "Dockerfile").write_text("\n".join(lines))
    docker("build", "--network=none", f"--tag={name}", context)


def test_manifest_create_and_push_make_a_list(docker, ecr, repository, loaded):
    for architecture in ["amd64", "arm64"]:
        docker("tag", loaded, f"{repository.uri}:{architecture}")
        docker("push", f"{repository.uri}:{architecture}")
    parts = [f"{repository.uri}:{architecture}" for architecture in ["amd64", "arm64"]]

    docker("manifest", "create", "--insecure", f"{repository.uri}:both", *parts)
    docker("manifest", "annotate", "--arch=arm64", f"{repository.uri}:both", parts[1])
    docker("manifest", "push", "--insecure", f"{repository.uri}:both")

    found = ecr.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": "both"}])
    assert [image["imageManifestMediaType"] for image in found["images"]] == [DOCKER_LIST]
    seen = json.loads(docker("manifest", "inspect", "--insecure", f"{repository.uri}:both"))
    assert [m["platform"]["architecture"] for m in seen["manifests"]] == ["amd64", "arm64"]


def test_a_repository_that_does_not_exist_is_named_in_the_refusal(docker, server, loaded):
    docker("tag", loaded, f"{server.address}/no/such:1.0")

    complaint = docker.refused("push", f"{server.address}/no/such:1.0")

    assert complaint == (
        "name unknown: The repository with name 'no/such' does not exist "
        "in the registry with id '000000000000'"
    )


def test_an_immutable_tag_does_not_move(docker, create_repository, loaded, busybox):
    repository = create_repository(imageTagMutability="IMMUTABLE")
    name = f"{repository.uri}:1.0"
    docker("tag", loaded, name)
    docker("push", name)
    docker("push", name)  # the same again may be pushed

    build(docker, busybox, name, "FROM scratch", "COPY sh /other")

    assert docker.refused("push", name) == (
        f"tag invalid: The image tag '1.0' already exists in the '{repository.name}' repository "
        "and cannot be overwritten because the repository is immutable."
    )
