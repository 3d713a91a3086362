"""A public registry: its aliases, and its objects by the API. Source: control-plane.md §9.1–§9.3."""

from datetime import timedelta

import pytest

from tests.builders import OCI_CONFIG, an_image
from tests.operations.refusals import refusal
from tests.registry_client import RegistryClient

ACCOUNT = "000000000000"
OTHER = "111122223333"
NO_LAYER = "sha256:" + "0" * 64


@pytest.fixture
def tools(ecr_public):
    """The name of a public repository, in a registry with the aliases `acme` and a default one."""
    ecr_public.create_repository(repositoryName="tools")
    return "tools"


@pytest.fixture
def default(ecr_public, tools):
    """The default alias."""
    (registry,) = ecr_public.describe_registries()["registries"]
    return registry["aliases"][0]["name"]


@pytest.fixture
def acme(server, clock, default):
    """A custom alias."""
    add_alias(server, clock, "acme")
    return "acme"


def add_alias(server, clock, name, account=ACCOUNT):
    with server.parts.stores.database.transaction() as db:
        db.aliases.add(account, name, at=clock())


def set_primary(server, name):
    with server.parts.stores.database.transaction() as db:
        db.aliases.set_primary(ACCOUNT, name)


def by(server, alias, password=None):
    """A client that knows the registry by that alias."""
    return RegistryClient(server.url, password, prefix=f"public.ecr.aws/{alias}/")


def anonymous(client):
    """The same client, with the bearer token that anybody is given."""
    token = client.ask("GET", "/token/").json["token"]
    return lambda method, path: client.ask(method, path, Authorization=f"Bearer {token}")


# Aliases.


def test_an_image_is_pushed_by_one_alias_and_pulled_by_any(server, tools, default, acme):
    image = an_image()
    password = server.public_password()
    assert by(server, acme, password).push(tools, image, "1.0").status == 201

    for alias in (default, acme):
        client = by(server, alias)
        pulled = anonymous(client)("GET", client.path(tools, "manifests/1.0"))
        assert (pulled.status, pulled.body) == (200, image.content)
        assert anonymous(client)("GET", client.path(tools, f"blobs/{image.blobs[0].digest}")).status == 200
        tags = anonymous(client)("GET", client.path(tools, "tags/list")).json
        assert tags == {"name": f"public.ecr.aws/{alias}/{tools}", "tags": ["1.0"]}


def test_a_repository_that_is_not_there_is_told_by_the_alias_that_was_used(server, acme, default):
    for alias in (default, acme, "nobodys"):
        client = by(server, alias)
        missing = anonymous(client)("GET", client.path("nowhere", "manifests/1.0"))
        assert (missing.status, missing.error, missing.message) == (
            404,
            "NAME_UNKNOWN",
            f"The repository with name 'nowhere' does not exist in the registry with id '{alias}'",
        )


def test_the_operations_of_a_push_take_any_alias_for_the_registry(ecr_public, tools, default, acme):
    for name in (default, acme, ACCOUNT):
        upload = ecr_public.initiate_layer_upload(registryId=name, repositoryName=tools)["uploadId"]
        asked = {"registryId": name, "repositoryName": tools, "uploadId": upload}
        sent = ecr_public.upload_layer_part(**asked, partFirstByte=0, partLastByte=0, layerPartBlob=b"x")
        assert (sent["registryId"], sent["lastByteReceived"]) == (ACCOUNT, 0)
        layers = ecr_public.batch_check_layer_availability(
            registryId=name, repositoryName=tools, layerDigests=[NO_LAYER]
        )["layers"]
        assert layers == [{"layerDigest": NO_LAYER, "layerAvailability": "UNAVAILABLE"}]
        deleted = ecr_public.batch_delete_image(
            registryId=name, repositoryName=tools, imageIds=[{"imageTag": "1.0"}]
        )
        assert [each["failureCode"] for each in deleted["failures"]] == ["ImageNotFound"]
        missing = refusal(ecr_public.initiate_layer_upload, registryId=name, repositoryName="nowhere")
        assert missing == (
            "RepositoryNotFoundException",
            f"The repository with name 'nowhere' does not exist in the registry with id '{ACCOUNT}'",
        )


def test_an_alias_that_nobody_has_is_told_as_it_was_given(ecr_public, tools):
    asked = {"registryId": "nobodys", "repositoryName": tools}
    assert refusal(ecr_public.initiate_layer_upload, **asked) == (
        "RegistryNotFoundException",
        "The registry with id 'nobodys' does not exist",
    )
    assert refusal(ecr_public.batch_delete_image, **asked, imageIds=[{"imageTag": "1.0"}]) == (
        "RepositoryNotFoundException",
        f"The repository with name '{tools}' does not exist in the registry with id 'nobodys'",
    )


def test_only_the_operations_of_a_push_take_an_alias(ecr_public, tools, acme):
    refused = refusal(ecr_public.describe_repositories, registryId=acme)
    assert refused[0] == "InvalidParameterException"


def test_the_alias_of_another_account_opens_nothing(server, clock, ecr_public, tools):
    server.account(OTHER)
    add_alias(server, clock, "others", OTHER)
    asked = {"registryId": "others", "repositoryName": tools}
    assert refusal(ecr_public.initiate_layer_upload, **asked)[0] == "AccessDeniedException"
    pushed = by(server, "others", server.public_password()).start_upload(tools)
    assert (pushed.status, pushed.error) == (403, "DENIED")


def test_the_primary_alias_is_shown_and_the_list_tells_which_it_is(server, ecr_public, tools, default, acme):
    for primary, other in ((default, acme), (acme, default)):
        set_primary(server, primary)
        (registry,) = ecr_public.describe_registries()["registries"]
        assert registry["aliases"] == [
            {
                "name": name,
                "status": "ACTIVE",
                "primaryRegistryAlias": name == primary,
                "defaultRegistryAlias": name == default,
            }
            for name in (primary, other)
        ]
        assert registry["registryUri"].endswith(f"/public.ecr.aws/{primary}")
        created = ecr_public.create_repository(repositoryName=f"by-{primary}")["repository"]
        assert created["repositoryUri"] == f"{registry['registryUri']}/by-{primary}"


def test_the_first_repository_brings_a_default_alias_beside_a_custom_one(server, clock, ecr_public):
    add_alias(server, clock, "acme")
    created = ecr_public.create_repository(repositoryName="tools")["repository"]
    assert created["repositoryUri"].endswith("/public.ecr.aws/acme/tools")
    (registry,) = ecr_public.describe_registries()["registries"]
    assert [each["defaultRegistryAlias"] for each in registry["aliases"]] == [False, True]
    ecr_public.create_repository(repositoryName="more")
    assert ecr_public.describe_registries()["registries"] == [registry]


# Objects.


def test_a_public_repository_has_five_members(ecr_public, server, clock):
    clock.now = clock.now.replace(microsecond=123_456)
    created = ecr_public.create_repository(repositoryName="team/tools")["repository"]
    uri = ecr_public.describe_registries()["registries"][0]["registryUri"]
    assert created == {
        "repositoryArn": f"arn:aws:ecr-public::{ACCOUNT}:repository/team/tools",
        "registryId": ACCOUNT,
        "repositoryName": "team/tools",
        "repositoryUri": f"{uri}/team/tools",
        "createdAt": clock.now.replace(microsecond=123_000),
    }
    assert ecr_public.describe_repositories()["repositories"] == [created]
    assert ecr_public.delete_repository(repositoryName="team/tools")["repository"] == created


def test_a_public_image_is_told_without_status_scans_and_pulls(ecr_public, server, tools, default, clock):
    clock.now = clock.now.replace(microsecond=0)
    image, artifact = an_image(), an_image(artifactType="application/vnd.example")
    client = by(server, default, server.public_password())
    client.push(tools, image, "1.0")
    client.put_manifest(tools, "2.0", image)
    client.push(tools, artifact)
    assert anonymous(client)("GET", client.path(tools, "manifests/1.0")).status == 200
    clock.advance(minutes=1)

    details = {
        each["imageDigest"]: each for each in ecr_public.describe_images(repositoryName=tools)["imageDetails"]
    }

    common = {
        "registryId": ACCOUNT,
        "repositoryName": tools,
        "imageManifestMediaType": image.media_type,
        "imagePushedAt": clock.now - timedelta(minutes=1),
    }
    assert details == {
        image.digest: common
        | {
            "imageDigest": image.digest,
            "imageTags": ["1.0", "2.0"],
            "imageSizeInBytes": image.size_bytes,
            "artifactMediaType": OCI_CONFIG,
        },
        artifact.digest: common
        | {
            "imageDigest": artifact.digest,
            "imageSizeInBytes": artifact.size_bytes,
            "artifactMediaType": "application/vnd.example",
        },
    }


def test_a_public_tag_moves_whatever_is_asked(server, tools, default):
    client = by(server, default, server.public_password())
    for image in (an_image(), an_image()):
        assert client.push(tools, image, "1.0").status == 201
        assert client.get_manifest(tools, "1.0").body == image.content
