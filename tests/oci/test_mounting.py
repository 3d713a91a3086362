"""A layer that another repository has is mounted, if the caller may read it there; else it is uploaded."""

import pytest

from tests.builders import a_layer, an_image, sha512
from tests.registry_client import RegistryClient

STRANGER = "111122223333"


@pytest.fixture
def source(registry):
    """Another repository of the registry, with one layer: (repository, layer)."""
    layer = a_layer()
    registry.api.create_repository(repositoryName="team/source")
    assert registry.docker.push_blob("team/source", layer).status == 201
    return "team/source", layer


def is_an_upload(docker, answer, repository, layer) -> bool:
    """Whether the answer begins an upload like any other, and the layer was not to be had before it."""
    location = answer.headers["Location"]
    return (
        (answer.status, answer.headers["Range"]) == (202, "0-0")
        and answer.headers["Docker-Upload-UUID"] == location.rpartition("/")[2]
        and docker.head_blob(repository, layer.digest).status == 404
        and docker.finish_upload(location, layer.digest, layer.content).status == 201
    )


def test_a_layer_is_mounted_from_the_repository_named(registry, source):
    docker, repository = registry.docker, registry.repository
    name, layer = source
    assert docker.head_blob(repository, layer.digest).status == 404
    written = (docker.prefix + name).replace("/", "%2F")
    mounted = docker.start_upload(repository, f"mount={layer.digest.replace(':', '%3A')}&from={written}")
    assert (mounted.status, mounted.body) == (201, b"")
    assert mounted.headers["Location"] == docker.path(repository, f"blobs/{layer.digest}")
    assert mounted.headers["Docker-Content-Digest"] == layer.digest
    assert "Docker-Upload-UUID" not in mounted.headers
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_a_layer_is_found_where_no_repository_is_named(registry, source):
    docker, repository = registry.docker, registry.repository
    _, layer = source
    assert docker.start_upload(repository, f"mount={layer.digest}").status == 201
    assert docker.get_blob(repository, layer.digest).body == layer.content


def test_a_layer_is_mounted_onto_itself(docker, repository):
    layer = a_layer()
    docker.push_blob(repository, layer)
    assert docker.start_upload(repository, f"mount={layer.digest}&from={repository}").status == 201


def test_a_mounted_layer_is_the_repository_s_own(ecr, docker, repository):
    """It outlives its source, and an image may be made of it."""
    image = an_image()
    ecr.create_repository(repositoryName="source")
    docker.push_layers("source", image)
    assert docker.put_manifest(repository, "1.0", image).error == "MANIFEST_BLOB_UNKNOWN"
    for blob in image.blobs:
        assert docker.start_upload(repository, f"mount={blob.digest}&from=source").status == 201
    ecr.delete_repository(repositoryName="source")
    assert docker.put_manifest(repository, "1.0", image).status == 201
    assert docker.get_blob(repository, image.blobs[1].digest).body == image.blobs[1].content


def test_a_layer_is_mounted_by_its_sha512(ecr, docker, repository):
    layer = a_layer()
    name = sha512(layer.content)
    ecr.create_repository(repositoryName="source")
    docker.start_upload("source", f"digest={name}", body=layer.content)
    for query in (f"mount={name}&from=source", f"mount={name}"):
        mounted = docker.start_upload(repository, query)
        assert (mounted.status, mounted.headers["Docker-Content-Digest"]) == (201, name)
    for digest in (name, layer.digest):
        assert docker.get_blob(repository, digest).body == layer.content


def test_without_the_layer_an_upload_begins(registry, source):
    docker, repository = registry.docker, registry.repository
    for place in (f"&from={docker.prefix}{source[0]}", f"&from={docker.prefix}no/where", ""):
        unknown = a_layer()
        answer = docker.start_upload(repository, f"mount={unknown.digest}{place}")
        assert is_an_upload(docker, answer, repository, unknown), place


@pytest.mark.parametrize("written", ["", "..", "UPPER", "a//b", "%00", "%2e%2e%2fsource", "x" * 300, "*"])
def test_a_source_that_is_no_name_has_nothing(ecr, docker, repository, written):
    layer = a_layer()
    ecr.create_repository(repositoryName="source")
    docker.push_blob("source", layer)
    answer = docker.start_upload(repository, f"mount={layer.digest}&from={written}")
    assert is_an_upload(docker, answer, repository, layer)


@pytest.mark.parametrize("digest", ["", "sha256:abc", "latest", "sha256:" + "A" * 64])
def test_what_is_no_digest_cannot_be_mounted(docker, repository, digest):
    refused = docker.start_upload(repository, f"mount={digest}&from={repository}")
    assert (refused.status, refused.error) == (400, "DIGEST_INVALID")


# Whose layers.


@pytest.fixture
def stranger(server):
    """The owner of another account, whose repository `theirs` has a layer: (client, layer)."""
    key = server.account(STRANGER)
    server.client("ecr", key=key).create_repository(repositoryName="theirs")
    client, layer = server.docker(key=key), a_layer()
    assert client.push_blob("theirs", layer).status == 201
    return client, layer


def test_a_layer_of_another_account_is_none(docker, repository, stranger):
    _, layer = stranger
    for place in ("", "&from=theirs", f"&from={STRANGER}.dkr.ecr.us-east-1/theirs"):
        answer = docker.start_upload(repository, f"mount={layer.digest}{place}")
        assert (answer.status, docker.head_blob(repository, layer.digest).status) == (202, 404), place


def test_a_source_of_another_account_is_not_ours_of_the_same_name(ecr, docker, repository, stranger):
    _, layer = stranger
    ecr.create_repository(repositoryName="theirs")
    docker.push_blob("theirs", layer)
    for place, status in ((f"{STRANGER}.dkr.ecr.us-east-1/theirs", 202), ("theirs", 201)):
        answer = docker.start_upload(repository, f"mount={layer.digest}&from={place}")
        assert answer.status == status, place


def test_the_target_is_pushed_to_only_by_its_owner(docker, repository, stranger):
    client, layer = stranger
    ours = RegistryClient(client.url, client.http.auth[1], prefix="000000000000.dkr.ecr.us-east-1/")
    refused = ours.start_upload(repository, f"mount={layer.digest}&from={STRANGER}.dkr.ecr.us-east-1/theirs")
    assert (refused.status, refused.error) == (403, "DENIED")
    assert docker.head_blob(repository, layer.digest).status == 404


def test_a_layer_of_another_region_is_none(server, docker, repository):
    layer = a_layer()
    server.client("ecr", region="eu-west-1").create_repository(repositoryName=repository)
    assert server.docker(region="eu-west-1").push_blob(repository, layer).status == 201
    for place in ("", "&from=000000000000.dkr.ecr.eu-west-1/" + repository):
        answer = docker.start_upload(repository, f"mount={layer.digest}{place}")
        assert (answer.status, docker.head_blob(repository, layer.digest).status) == (202, 404)


def test_private_and_public_registries_share_nothing(private, public):
    for ours, others in ((private, public), (public, private)):
        layer = a_layer()
        assert others.docker.push_blob(others.repository, layer).status == 201
        for place in ("", f"&from={others.docker.prefix}{others.repository}"):
            answer = ours.docker.start_upload(ours.repository, f"mount={layer.digest}{place}")
            assert answer.status == 202
            assert ours.docker.head_blob(ours.repository, layer.digest).status == 404


def test_the_public_registry_of_another_account_gives_no_layers(server, public):
    """Although anybody may read there."""
    key = server.account(STRANGER)
    made = server.client("ecr-public", key=key).create_repository(repositoryName="theirs")["repository"]
    theirs = made["repositoryUri"].partition("/")[2]
    layer = a_layer()
    owner = RegistryClient(server.url, server.public_password(key=key), prefix=theirs.removesuffix("theirs"))
    assert owner.push_blob("theirs", layer).status == 201
    assert public.docker.ask("GET", f"/v2/{theirs}/blobs/{layer.digest}").body == layer.content
    for place in ("", f"&from={theirs}"):
        answer = public.docker.start_upload(public.repository, f"mount={layer.digest}{place}")
        assert answer.status == 202
        assert public.docker.head_blob(public.repository, layer.digest).status == 404
