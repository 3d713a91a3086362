"""The main job: a real Debian goes in by one client and comes out by another, the same to the last byte.

Every client checks the digest of all it fetches. What is compared besides: the digest of the manifest as
each client names it, and the database of packages in the file system that each unpacked.
"""

import json

import pytest
import requests

from tests.builders import sha256
from tests.clients.transfers import PULL, PUSH, pull_with_skopeo, push_with_podman, push_with_skopeo

PACKAGES = "var/lib/dpkg/status"


@pytest.mark.parametrize(
    ("pusher", "puller"),
    [
        ("podman", "skopeo"),
        ("skopeo", "podman"),
        ("docker", "ctr"),
        ("ctr", "docker"),
        ("podman", "ctr"),
        ("skopeo", "docker"),
        ("docker", "podman"),
        ("ctr", "skopeo"),
    ],
)
def test_debian_comes_out_by_another_client_as_it_went_in(
    request, ecr, debian, repository, folder, pusher, puller
):
    name = f"{repository.uri}:bookworm"

    pushed = PUSH[pusher](request.getfixturevalue(pusher), debian, name, folder)
    (described,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    pulled, packages = PULL[puller](request.getfixturevalue(puller), name, PACKAGES, folder)

    assert pushed == pulled == described["imageDigest"]
    assert described["imageTags"] == ["bookworm"]
    assert packages == debian.read(PACKAGES)


def test_boto3_describes_and_fetches_what_podman_pushed(podman, ecr, debian, repository, folder):
    pushed = push_with_podman(podman, debian, f"{repository.uri}:bookworm", folder)

    (details,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    (image,) = ecr.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": "bookworm"}])[
        "images"
    ]
    assert details["imageDigest"] == image["imageId"]["imageDigest"] == pushed
    assert sha256(image["imageManifest"].encode()) == pushed

    manifest = json.loads(image["imageManifest"])
    contents = [manifest["config"], *manifest["layers"]]
    assert details["imageSizeInBytes"] == sum(descriptor["size"] for descriptor in contents)
    for descriptor in contents:
        answer = ecr.get_download_url_for_layer(
            repositoryName=repository.name, layerDigest=descriptor["digest"]
        )
        assert sha256(requests.get(answer["downloadUrl"], timeout=60).content) == descriptor["digest"]


def test_what_was_acknowledged_survives_kill_9(skopeo, own_server, debian, folder):
    own_server.client("ecr").create_repository(repositoryName="app")
    own_server.log_in(skopeo)
    pushed = push_with_skopeo(skopeo, debian, f"{own_server.address}/app:bookworm", folder)

    own_server.kill()
    own_server.start()

    own_server.log_in(skopeo)
    pulled, packages = pull_with_skopeo(skopeo, f"{own_server.address}/app:bookworm", PACKAGES, folder)
    assert pulled == pushed
    assert packages == debian.read(PACKAGES)
