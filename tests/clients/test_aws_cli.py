"""AWS's own command line, version 1, sent here by AWS_ENDPOINT_URL_…: the walk-through of the README."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.programs import Program
from tests.clients.server import ACCOUNT, REGION, SECRET_ACCESS_KEY


@pytest.fixture
def aws(environment, server) -> Program:
    """In a shell where somebody has pasted what the server printed."""
    aws = Path(sys.executable).with_name("aws")
    return Program(
        ("sh", "-c", f'{server.exports}exec "$0" --output=json "$@"', aws),
        {**environment, "OPENECR_ROOT_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY},
    )


def test_create_log_in_push_describe_delete(aws, skopeo, server, image, source):
    created = json.loads(aws("ecr", "create-repository", "--repository-name=walk/through"))["repository"]
    assert created["repositoryUri"] == f"{server.address}/walk/through"
    assert created["repositoryArn"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/walk/through"

    password = aws("ecr", "get-login-password")
    skopeo("login", "--username=AWS", "--password-stdin", server.address, stdin=password)
    skopeo("copy", source, f"docker://{created['repositoryUri']}:1.0")

    (details,) = json.loads(aws("ecr", "describe-images", "--repository-name=walk/through"))["imageDetails"]
    assert (details["imageDigest"], details["imageTags"]) == (image.digest, ["1.0"])
    identifier = {"imageDigest": image.digest, "imageTag": "1.0"}
    assert json.loads(aws("ecr", "list-images", "--repository-name=walk/through"))["imageIds"] == [identifier]

    deleted = aws("ecr", "batch-delete-image", "--repository-name=walk/through", "--image-ids=imageTag=1.0")
    assert json.loads(deleted) == {"imageIds": [identifier], "failures": []}
    aws("ecr", "delete-repository", "--repository-name=walk/through")


def test_a_refusal_is_printed_as_the_service_words_it(aws):
    assert aws.refused("ecr", "describe-images", "--repository-name=no/such") == (
        "An error occurred (RepositoryNotFoundException) when calling the DescribeImages operation: "
        f"The repository with name 'no/such' does not exist in the registry with id '{ACCOUNT}'"
    )


def test_a_wrong_secret_is_refused(aws):
    stranger = replace(
        aws, environment={**aws.environment, "OPENECR_ROOT_SECRET_ACCESS_KEY": "not-the-secret"}
    )

    assert "(InvalidSignatureException)" in stranger.refused("ecr", "describe-repositories")


def test_all_pages_of_a_list_are_fetched(aws, ecr, skopeo, repository, image, source):
    skopeo("copy", source, f"docker://{repository.uri}:0")
    for number in range(1, 25):
        ecr.put_image(repositoryName=repository.name, imageManifest=image.manifest, imageTag=str(number))

    listed = aws("ecr", "list-images", f"--repository-name={repository.name}", "--page-size=10")

    tags = {image["imageTag"] for image in json.loads(listed)["imageIds"]}
    assert tags == {str(number) for number in range(25)}


def test_the_public_registry(aws, skopeo, server, image, source):
    created = json.loads(aws("ecr-public", "create-repository", "--repository-name=walk/gallery"))[
        "repository"
    ]
    password = aws("ecr-public", "get-login-password")
    skopeo("login", "--username=AWS", "--password-stdin", server.address, stdin=password)
    skopeo("copy", source, f"docker://{created['repositoryUri']}:1.0")

    shown = aws("ecr-public", "describe-image-tags", "--repository-name=walk/gallery")
    (tag,) = json.loads(shown)["imageTagDetails"]
    assert (tag["imageTag"], tag["imageDetail"]["imageDigest"]) == ("1.0", image.digest)
    (registry,) = json.loads(aws("ecr-public", "describe-registries"))["registries"]
    assert created["repositoryUri"] == f"{registry['registryUri']}/walk/gallery"
