"""skopeo, and what containers/image makes of every kind of image.

It pushes a blob with HEAD, POST, PATCH (with a length where it knows one) and PUT.
"""

import json
from pathlib import Path

import pytest

from tests.builders import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    an_artifact,
    an_index,
    sha256,
)
from tests.clients.layouts import ARCHITECTURE, a_file_system, uncompressed


def test_login_needs_the_password_of_a_token(skopeo, server, password):
    login = ("login", "--username=AWS", "--password-stdin", server.address)

    assert "invalid username/password" in skopeo.refused(*login, stdin="not-" + password)
    assert skopeo(*login, stdin=password) == "Login Succeeded!"


def test_an_image_comes_back_byte_for_byte(skopeo, repository, image, source, folder):
    skopeo("copy", source, f"docker://{repository.uri}:1.0")
    skopeo("copy", f"docker://{repository.uri}:1.0", f"dir:{folder}/pulled")

    assert (folder / "pulled" / "manifest.json").read_bytes() == image.content
    assert blobs(folder / "pulled") == {blob.digest: blob.content for blob in image.blobs}


def test_inspect_and_list_tags_tell_what_was_pushed(skopeo, repository, image, source):
    for tag in ["2.0", "1.0", "latest"]:
        skopeo("copy", source, f"docker://{repository.uri}:{tag}")

    seen = json.loads(skopeo("inspect", f"docker://{repository.uri}:1.0"))
    assert seen["Digest"] == image.digest
    assert seen["Architecture"] == ARCHITECTURE
    assert seen["RepoTags"] == ["1.0", "2.0", "latest"]
    assert json.loads(skopeo("list-tags", f"docker://{repository.uri}"))["Tags"] == ["1.0", "2.0", "latest"]


def test_a_repository_of_many_tags_is_listed_whole(skopeo, ecr, repository, image, source):
    tags = [f"tag-{number:03}" for number in range(250)]  # a page has 100
    skopeo("copy", source, f"docker://{repository.uri}:{tags[0]}")
    for tag in tags[1:]:
        ecr.put_image(repositoryName=repository.name, imageManifest=image.manifest, imageTag=tag)

    assert json.loads(skopeo("list-tags", f"docker://{repository.uri}"))["Tags"] == tags


def test_delete_takes_the_image_with_all_its_tags(skopeo, ecr, repository, source):
    for tag in ["1.0", "latest"]:
        skopeo("copy", source, f"docker://{repository.uri}:{tag}")

    skopeo("delete", f"docker://{repository.uri}:1.0")

    assert "Requested image not found" in skopeo.refused("inspect", f"docker://{repository.uri}:latest")
    assert ecr.list_images(repositoryName=repository.name)["imageIds"] == []


def test_a_copy_to_another_repository_keeps_the_digest(skopeo, create_repository, image, source):
    first, second = create_repository(), create_repository()
    skopeo("copy", source, f"docker://{first.uri}:1.0")

    skopeo("copy", f"docker://{first.uri}:1.0", f"docker://{second.uri}:1.0")

    assert skopeo("inspect", "--format={{.Digest}}", f"docker://{second.uri}:1.0") == image.digest


def test_sync_takes_a_repository_to_a_folder_and_into_another_repository(
    skopeo, create_repository, image, source, folder
):
    app, mirror = create_repository("app"), create_repository("mirror/app")
    for tag in ["1.0", "2.0"]:
        skopeo("copy", source, f"docker://{app.uri}:{tag}")

    skopeo("sync", "--src=docker", "--dest=dir", app.uri, folder / "synced")
    skopeo("sync", "--src=dir", "--dest=docker", folder / "synced", mirror.uri.removesuffix("/app"))

    assert json.loads(skopeo("list-tags", f"docker://{mirror.uri}"))["Tags"] == ["1.0", "2.0"]
    assert skopeo("inspect", "--format={{.Digest}}", f"docker://{mirror.uri}:2.0") == image.digest


def test_thirty_layers(skopeo, repository, layout, folder):
    image = a_file_system(*({f"file-{number}": bytes([number]) * 1000} for number in range(30)))

    skopeo("copy", layout.add(image, "thirty"), f"docker://{repository.uri}:thirty")
    skopeo("copy", f"docker://{repository.uri}:thirty", f"dir:{folder}/pulled")

    assert blobs(folder / "pulled") == {blob.digest: blob.content for blob in image.blobs}
    assert len(blobs(folder / "pulled")) == 30 + 1


def test_a_zstd_layer(skopeo, repository, layout, folder):
    image = a_file_system({"etc/motd": b"to be packed by skopeo"}, pack=uncompressed)

    zstd = "--dest-compress-format=zstd"
    skopeo("copy", zstd, layout.add(image, "plain"), f"docker://{repository.uri}:zstd")
    skopeo("copy", f"docker://{repository.uri}:zstd", f"dir:{folder}/pulled")

    (layer,) = json.loads((folder / "pulled" / "manifest.json").read_text())["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd"
    content = blobs(folder / "pulled")[layer["digest"]]
    assert content.startswith(b"\x28\xb5\x2f\xfd")  # RFC 8878, 3.1.1
    assert sha256(content) == layer["digest"]


def test_docker_schema_2(skopeo, ecr, repository, source):
    skopeo("copy", "--format=v2s2", source, f"docker://{repository.uri}:docker")

    (details,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    assert details["imageManifestMediaType"] == DOCKER_MANIFEST
    assert details["imageTags"] == ["docker"]
    assert details["imageDigest"] == skopeo(
        "inspect", "--format={{.Digest}}", f"docker://{repository.uri}:docker"
    )


@pytest.mark.parametrize(
    ("form", "index_type", "image_type"),
    [("oci", OCI_INDEX, OCI_MANIFEST), ("v2s2", DOCKER_LIST, DOCKER_MANIFEST)],
)
def test_an_image_for_two_platforms(skopeo, ecr, repository, layout, form, index_type, image_type):
    architectures = ["amd64", "arm64"]
    images = [a_file_system({"etc/platform": a.encode()}, architecture=a) for a in architectures]
    source = layout.add(an_index(*images), "both")

    skopeo("copy", "--all", f"--format={form}", source, f"docker://{repository.uri}:both")

    details = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    types = sorted(image["imageManifestMediaType"] for image in details)
    assert types == sorted([index_type, image_type, image_type])
    for architecture in architectures:
        config = skopeo(
            "inspect", "--config", f"--override-arch={architecture}", f"docker://{repository.uri}:both"
        )
        assert json.loads(config)["architecture"] == architecture


def test_an_artifact_is_found_by_its_subject(skopeo, ecr, repository, layout, image, source):
    artifact = an_artifact(subject=image, artifact_type="application/vnd.example.note")

    skopeo("copy", source, f"docker://{repository.uri}:1.0")
    skopeo("copy", "--preserve-digests", layout.add(artifact, "note"), f"docker://{repository.uri}:note")

    found = ecr.list_image_referrers(repositoryName=repository.name, subjectId={"imageDigest": image.digest})
    assert [r["digest"] for r in found["referrers"]] == [artifact.digest]
    assert found["referrers"][0]["artifactType"] == "application/vnd.example.note"


def test_a_repository_that_does_not_exist_is_named_in_the_refusal(skopeo, server, source):
    complaint = skopeo.refused("copy", source, f"docker://{server.address}/no/such:1.0")

    assert "repository with name 'no/such' does not exist in the registry with id '000000000000'" in complaint


def test_an_immutable_tag_does_not_move(skopeo, create_repository, layout, image, source):
    repository = create_repository(imageTagMutability="IMMUTABLE")
    skopeo("copy", source, f"docker://{repository.uri}:1.0")

    other = layout.add(a_file_system({"etc/motd": b"goodbye\n"}), "other")
    complaint = skopeo.refused("copy", other, f"docker://{repository.uri}:1.0")
    skopeo("copy", source, f"docker://{repository.uri}:1.0")  # the same again may be pushed

    assert f"The image tag '1.0' already exists in the '{repository.name}' repository" in complaint
    assert skopeo("inspect", "--format={{.Digest}}", f"docker://{repository.uri}:1.0") == image.digest


def blobs(folder: Path) -> dict[str, bytes]:
    """What skopeo's `dir:` has beside the manifest: config and layers, by digest."""
    return {f"sha256:{file.name}": file.read_bytes() for file in folder.iterdir() if len(file.name) == 64}
