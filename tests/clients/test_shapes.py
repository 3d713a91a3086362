"""Images of unusual shape, pushed by skopeo and unpacked by every engine."""

import pytest

from tests.builders import an_index
from tests.clients.layouts import ARCHITECTURE, a_file_system, uncompressed
from tests.clients.transfers import PULL

ENGINES = ["podman", "docker", "ctr"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_an_engine_chooses_its_platform_from_an_index(
    request, skopeo, layout, repository, folder, form, engine
):
    images = [
        a_file_system({"etc/platform": f"{name}, {form} for {engine}".encode()}, architecture=name)
        for name in ("amd64", "arm64")
    ]
    name = f"{repository.uri}:both"
    skopeo("copy", "--all", f"--format={form}", layout.add(an_index(*images), "both"), f"docker://{name}")

    _, content = PULL[engine](request.getfixturevalue(engine), name, "etc/platform", folder)

    assert content == f"{ARCHITECTURE}, {form} for {engine}".encode()


@pytest.mark.parametrize("engine", ENGINES)
def test_thirty_layers(request, skopeo, layout, repository, folder, engine):
    image = a_file_system(*({f"file-{number}": f"{number} for {engine}".encode()} for number in range(30)))
    name = f"{repository.uri}:thirty"
    skopeo("copy", layout.add(image, "thirty"), f"docker://{name}")

    digest, content = PULL[engine](request.getfixturevalue(engine), name, "file-29", folder)

    assert digest == image.digest
    assert content == f"29 for {engine}".encode()


@pytest.mark.parametrize("engine", ["podman", "ctr"])  # Docker 20.10 knows no zstd
def test_a_zstd_layer(request, skopeo, layout, repository, folder, engine):
    image = a_file_system({"file": f"packed for {engine}".encode()}, pack=uncompressed)
    name = f"{repository.uri}:zstd"
    skopeo("copy", "--dest-compress-format=zstd", layout.add(image, "plain"), f"docker://{name}")
    assert "tar+zstd" in skopeo("inspect", "--raw", f"docker://{name}")

    _, content = PULL[engine](request.getfixturevalue(engine), name, "file", folder)

    assert content == f"packed for {engine}".encode()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_uncompressed_layer(request, skopeo, layout, repository, folder, engine):
    image = a_file_system({"file": f"plain for {engine}".encode()}, pack=uncompressed)
    name = f"{repository.uri}:plain"
    skopeo("copy", "--preserve-digests", layout.add(image, "plain"), f"docker://{name}")

    digest, content = PULL[engine](request.getfixturevalue(engine), name, "file", folder)

    assert digest == image.digest
    assert content == f"plain for {engine}".encode()
