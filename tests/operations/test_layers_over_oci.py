"""Mounting a layer from another repository, and deleting one. Source: data-plane.md §1.4, §3.5, §6.2."""

import json

import pytest

from tests.builders import a_layer, an_image, sha512

REPOSITORY = "team/app"
SOURCE = "team/base"
UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def layer(api, registry):
    """A layer in the repository team/base."""
    api.create_repository(repositoryName=SOURCE)
    layer = a_layer()
    assert registry.push_blob(SOURCE, layer).status == 201
    return layer


def mount(registry, digest, source=None, repository=REPOSITORY):
    return registry.start_upload(repository, f"mount={digest}" + (f"&from={source}" if source else ""))


def written(registry, repository) -> str:
    """A repository's name as this client has to write it in `from=`."""
    return f"{registry.prefix}{repository}"


def is_an_upload(registry, answer) -> bool:
    """Whether the mount was not done, and an upload begun in its place."""
    upload = answer.headers.get("Docker-Upload-UUID")
    return (
        answer.status == 202
        and registry.ask("GET", answer.headers["Location"]).status == 204
        and bool(upload)
    )


@pytest.mark.parametrize("spelled", [str, lambda name: name.replace("/", "%2F"), None])
def test_a_layer_is_mounted_from_another_repository(registry, api, layer, spelled):
    source = spelled and spelled(written(registry, SOURCE))
    answer = mount(registry, layer.digest, source)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, layer.digest)
    assert answer.headers["Location"] == registry.path(REPOSITORY, f"blobs/{layer.digest}")
    assert registry.get_blob(REPOSITORY, layer.digest).body == layer.content

    image = an_image(layers=[layer])
    registry.push_blob(REPOSITORY, image.blobs[0])
    assert registry.put_manifest(REPOSITORY, "1.0", image).status == 201
    api.delete_repository(repositoryName=SOURCE, force=True)
    assert registry.get_blob(REPOSITORY, layer.digest).body == layer.content


def test_a_mount_that_cannot_be_done_begins_an_upload(registry, layer):
    for digest, source in (
        (UNKNOWN, written(registry, SOURCE)),
        (UNKNOWN, None),
        (layer.digest, written(registry, "no/such/repository")),
        (layer.digest, written(registry, REPOSITORY)),
        (layer.digest, written(registry, "UPPER")),
        (layer.digest, written(registry, "a" * 300)),
        (layer.digest, "111122223333.dkr.ecr.us-east-1/team/base"),
        (layer.digest, "%ff%00"),
    ):
        assert is_an_upload(registry, mount(registry, digest, source)), source
    assert registry.head_blob(REPOSITORY, layer.digest).status == 404


def test_a_mount_of_no_digest_or_into_no_repository_is_refused(registry, layer):
    nonsense = mount(registry, "nonsense", written(registry, SOURCE))
    assert (nonsense.status, nonsense.error) == (400, "DIGEST_INVALID")
    nowhere = mount(registry, layer.digest, written(registry, SOURCE), repository="nowhere")
    assert (nowhere.status, nowhere.error) == (404, "NAME_UNKNOWN")


def test_a_layer_is_not_mounted_into_other_encryption(ecr, docker, repository):
    key = "arn:aws:kms:us-east-1:000000000000:key/1234"
    for name, configuration in (
        ("plain", {"encryptionType": "AES256"}),
        ("sealed", {"encryptionType": "KMS", "kmsKey": key}),
        ("sealed-too", {"encryptionType": "KMS", "kmsKey": key}),
        ("sealed-otherwise", {"encryptionType": "KMS", "kmsKey": key.replace("1234", "5678")}),
    ):
        ecr.create_repository(repositoryName=name, encryptionConfiguration=configuration)
    layer = a_layer()
    docker.push_blob("sealed", layer)
    for target, status in (("plain", 202), ("sealed-otherwise", 202), ("sealed-too", 201)):
        assert mount(docker, layer.digest, "sealed", repository=target).status == status
    assert mount(docker, layer.digest, repository="plain").status == 202


def test_a_layer_pushed_as_sha512_is_mounted_as_such(registry, layer):
    other = a_layer()
    wide = sha512(other.content)
    begun = registry.start_upload(SOURCE).headers["Location"]
    assert registry.finish_upload(begun, wide, other.content).status == 201
    for source in (written(registry, SOURCE), None):
        answer = mount(registry, wide, source)
        assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, wide)
    for digest in (wide, other.digest):
        assert registry.get_blob(REPOSITORY, digest).body == other.content
    assert is_an_upload(registry, mount(registry, sha512(layer.content), written(registry, SOURCE)))


def test_a_private_layer_is_not_mounted_into_a_public_repository(ecr, ecr_public, server, docker, repository):
    created = ecr_public.create_repository(repositoryName="tools")["repository"]
    path = created["repositoryUri"].partition("/")[2]
    public = server.docker(prefix=path.removesuffix("tools"))
    layer = a_layer()
    docker.push_blob(repository, layer)
    for source in (repository, written(public, repository), None):
        assert is_an_upload(public, mount(public, layer.digest, source, repository="tools"))
    assert public.push_blob("tools", layer).status == 201
    ecr.create_repository(repositoryName="empty")
    assert docker.delete_blob(repository, layer.digest).status == 202
    assert is_an_upload(docker, mount(docker, layer.digest, path, repository="empty"))
    assert is_an_upload(docker, mount(docker, layer.digest, repository="empty"))


# Deletion.


def test_a_layer_that_no_image_uses_can_be_deleted(registry, api, layer):
    mount(registry, layer.digest, written(registry, SOURCE))
    deleted = registry.delete_blob(REPOSITORY, layer.digest)
    assert (deleted.status, deleted.body) == (202, b"")
    for answer in (
        registry.delete_blob(REPOSITORY, layer.digest),
        registry.get_blob(REPOSITORY, layer.digest),
    ):
        assert (answer.status, answer.error) == (404, "BLOB_UNKNOWN")
    asked = {"repositoryName": REPOSITORY, "layerDigests": [layer.digest]}
    checked = api.batch_check_layer_availability(**asked)["layers"]
    assert checked == [{"layerDigest": layer.digest, "layerAvailability": "UNAVAILABLE"}]
    assert registry.get_blob(SOURCE, layer.digest).body == layer.content  # another's is not touched
    assert registry.push_blob(REPOSITORY, layer).status == 201


def test_a_layer_that_an_image_uses_is_not_deleted(registry):
    image = an_image()
    registry.push(REPOSITORY, image, "1.0")
    for blob in image.blobs:
        refused = registry.delete_blob(REPOSITORY, blob.digest)
        assert (refused.status, refused.error) == (405, "UNSUPPORTED")
        assert registry.get_blob(REPOSITORY, blob.digest).body == blob.content
    registry.delete_manifest(REPOSITORY, image.digest)
    for blob in image.blobs:
        assert registry.delete_blob(REPOSITORY, blob.digest).status == 202


def test_a_layer_listed_by_an_index_is_used(registry):
    layer = a_layer()
    registry.push_blob(REPOSITORY, layer)
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [layer.descriptor],
    }
    path = registry.path(REPOSITORY, "manifests/cache")
    pushed = registry.ask("PUT", path, body=json.dumps(document), Content_Type=document["mediaType"])
    assert pushed.status == 201
    assert registry.delete_blob(REPOSITORY, layer.digest).status == 405


def test_what_is_not_there_cannot_be_deleted(registry):
    for digest in (UNKNOWN, sha512(b"nothing")):
        answer = registry.delete_blob(REPOSITORY, digest)
        assert (answer.status, answer.error) == (404, "BLOB_UNKNOWN")
    nowhere = registry.delete_blob("nowhere", UNKNOWN)
    assert (nowhere.status, nowhere.error) == (404, "NAME_UNKNOWN")
    assert registry.delete_blob(REPOSITORY, "nonsense").status == 400


def test_a_layer_pushed_as_sha512_is_deleted_under_both_digests(registry):
    layer = a_layer()
    wide = sha512(layer.content)
    begun = registry.start_upload(REPOSITORY).headers["Location"]
    registry.finish_upload(begun, wide, layer.content)
    assert registry.delete_blob(REPOSITORY, wide).status == 202
    for digest in (wide, layer.digest):
        assert registry.head_blob(REPOSITORY, digest).status == 404
