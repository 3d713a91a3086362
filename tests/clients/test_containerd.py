"""containerd and its `ctr`, which is what a kubelet does. Pushes a blob with one PUT, asks HEAD first."""

import pytest

from tests.builders import OCI_INDEX, an_index
from tests.clients.layouts import a_file_system, archive_of
from tests.clients.transfers import digest_in_containerd


@pytest.fixture
def load(ctr, layout, folder):
    """Puts an image into containerd's own store: `load(image, name)`."""

    def load(image, name):
        layout.add(image, name.rpartition(":")[2])
        ctr("images", "import", f"--base-name={name.rpartition(':')[0]}", archive_of(layout.folder, folder))

    return load


def test_push_and_pull_by_tag_and_by_digest(request, ctr, repository, image, load, folder):
    load(image, f"{repository.uri}:1.0")
    ctr("images", "push", f"{repository.uri}:1.0")
    ctr("images", "rm", "--sync", f"{repository.uri}:1.0")
    assert ctr("content", "ls", "--quiet") == ""

    for name in [f"{repository.uri}:1.0", f"{repository.uri}@{image.digest}"]:
        ctr("images", "pull", name)
        assert digest_in_containerd(ctr, name) == image.digest
    assert ctr("content", "get", image.digest) == image.manifest
    assert set(ctr("content", "ls", "--quiet").split()) == {image.digest, *(b.digest for b in image.blobs)}


def test_an_index_of_two_platforms(ctr, ecr, repository, load):
    images = [a_file_system({"etc/platform": a.encode()}, architecture=a) for a in ("amd64", "arm64")]
    index = an_index(*images)
    load(index, f"{repository.uri}:both")

    ctr("images", "push", f"{repository.uri}:both")
    ctr("images", "rm", "--sync", f"{repository.uri}:both")
    ctr("images", "pull", "--all-platforms", f"{repository.uri}:both")

    assert digest_in_containerd(ctr, f"{repository.uri}:both") == index.digest
    for image in images:
        assert ctr("content", "get", image.digest) == image.manifest
    details = ecr.describe_images(repositoryName=repository.name, imageIds=[{"imageTag": "both"}])[
        "imageDetails"
    ]
    assert [image["imageManifestMediaType"] for image in details] == [OCI_INDEX]


def test_a_container_runs_from_what_was_pulled(ctr, repository, busybox, load):
    name = f"{repository.uri}:1.0"
    load(a_file_system({"bin/sh": (busybox / "sh").read_bytes()}), name)
    ctr("images", "push", name)
    ctr("images", "rm", "--sync", name)
    ctr("images", "pull", name)

    run = ("run", "--rm", "--snapshotter=native", name, "a-container", "/bin/sh", "-c", "echo it runs")
    assert ctr(*run) == "it runs"


def test_a_pulled_image_is_pushed_to_another_repository(ctr, create_repository, image, load):
    """By mounting its layers: containerd remembers where it has them from."""
    first, second = create_repository(), create_repository()
    load(image, f"{first.uri}:1.0")
    ctr("images", "push", f"{first.uri}:1.0")
    ctr("images", "rm", "--sync", f"{first.uri}:1.0")
    ctr("images", "pull", f"{first.uri}:1.0")
    ctr("images", "tag", f"{first.uri}:1.0", f"{second.uri}:1.0")

    ctr("images", "push", f"{second.uri}:1.0")

    ctr("images", "rm", "--sync", f"{first.uri}:1.0", f"{second.uri}:1.0")
    ctr("images", "pull", f"{second.uri}:1.0")
    assert digest_in_containerd(ctr, f"{second.uri}:1.0") == image.digest


def test_pushing_again_what_is_there_already(ctr, repository, image, load):
    load(image, f"{repository.uri}:1.0")

    ctr("images", "push", f"{repository.uri}:1.0")
    ctr("images", "push", f"{repository.uri}:1.0")


def test_a_wrong_password_gets_nothing(ctr, repository, image, load):
    load(image, f"{repository.uri}:1.0")

    complaint = ctr.refused("images", "push", "--plain-http", "--user=AWS:wrong", f"{repository.uri}:1.0")

    assert "401 Unauthorized" in complaint
