"""buildah: images from scratch, indexes, and a registry as the cache of a build."""

import json
from pathlib import Path

from tests.builders import OCI_INDEX

DOCKERFILE = """
FROM scratch
COPY one /one
COPY two /two
"""


def test_an_image_from_scratch_runs_when_pulled_again(buildah, repository, busybox, folder):
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, busybox / "sh", "/bin/sh")
    buildah("commit", "--quiet", "--rm", container, f"{repository.uri}:built")
    buildah("push", f"--digestfile={folder}/digest", f"{repository.uri}:built")
    buildah("rmi", "--all", "--force")

    container = buildah("from", f"{repository.uri}@{(folder / 'digest').read_text()}")

    assert buildah("run", container, "--", "/bin/sh", "-c", "echo it runs") == "it runs"


def test_an_index_of_two_platforms(buildah, ecr, repository, folder):
    for architecture in ["amd64", "arm64"]:
        container = buildah("from", f"--arch={architecture}", "scratch")
        (folder / architecture).write_text(architecture)
        buildah("copy", "--quiet", container, folder / architecture, "/platform")
        buildah("commit", "--quiet", "--rm", "--manifest=both", container)

    buildah("manifest", "push", "--all", "--format=oci", "both", f"docker://{repository.uri}:both")

    (index,) = ecr.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": "both"}])["images"]
    manifests = json.loads(index["imageManifest"])["manifests"]
    assert index["imageManifestMediaType"] == OCI_INDEX
    assert [manifest["platform"]["architecture"] for manifest in manifests] == ["amd64", "arm64"]
    for manifest in manifests:
        container = buildah("from", f"{repository.uri}@{manifest['digest']}")
        files = Path(buildah("mount", container))
        assert (files / "platform").read_text() == manifest["platform"]["architecture"]


def test_a_build_takes_its_steps_from_the_cache_of_another_machine(buildah, ecr, repository, folder):
    context = folder / "context"
    context.mkdir()
    for name in ["one", "two"]:
        (context / name).write_text(name)
    (context / "Containerfile").write_text(DOCKERFILE)
    build = ("build", "--layers", f"--cache-to={repository.uri}", f"--cache-from={repository.uri}", context)

    first = buildah(*build)
    buildah("rmi", "--all", "--force")
    second = buildah(*build)

    assert "Pushing cache" in first
    assert "Cache pulled from remote" not in first
    assert second.count("Cache pulled from remote") == 2
