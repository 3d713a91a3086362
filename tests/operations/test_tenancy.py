"""What others have is as if it were not there. Source: reliability.md J2, J4; data-plane.md §3.3, §6.1.

That the API denies every operation on another's registry: tests/every_operation.
"""

import json
import re
from dataclasses import dataclass

import pytest

from tests.api_client import ApiClient
from tests.builders import EMPTY, Blob, Image, a_layer, an_artifact, an_image, an_index, sha256, sha512
from tests.registry_client import RegistryClient
from tests.running import ROOT

REPOSITORY = "team/app"
OWNER, OTHER = "000000000000", "111122223333"
OWNERS_PATH = f"{OWNER}.dkr.ecr.us-east-1/"
NO_UPLOAD = "5e0b1f6e-1111-2222-3333-444455556666"


@dataclass
class Tenant:
    """Somebody with a repository of their own, at both fronts of a service."""

    service: str
    repository: str
    api: ApiClient
    registry: RegistryClient
    source: str  # the owner's repository, as this one would have to write it to mount from there

    def ask(self, operation, **given):
        return self.api.ask(self.service, operation, {"repositoryName": self.repository} | given)

    def put_image(self, image):
        return self.ask("PutImage", imageManifest=image.manifest, imageTag="1.0")

    def put_manifest(self, image):
        return self.registry.put_manifest(self.repository, "1.0", image)

    def close_upload_as(self, digest):
        location = self.registry.start_upload(self.repository).headers["Location"]
        return self.registry.finish_upload(location, digest, b"other bytes")

    def mount(self, digest, source=None):
        return self.registry.start_upload(
            self.repository, f"mount={digest}" + (f"&from={source}" if source else "")
        )


def tenant(server, *, service="ecr", repository=REPOSITORY, key=ROOT, region="us-east-1", source=""):
    client = server.client(service, key=key, region=region)
    uri = client.create_repository(repositoryName=repository)["repository"]["repositoryUri"]
    prefix = uri.partition("/")[2].removesuffix(repository)
    registry = server.docker(key=key, region=region, prefix=prefix)
    return Tenant(service, repository, ApiClient(server.url, key, region), registry, source)


def with_layer(digest) -> Image:
    """An image whose one layer has that digest."""
    return an_image(config=a_layer(b"{}", media_type=EMPTY), layers=[Blob(b"", "text/plain", digest)])


def with_config(digest) -> Image:
    return an_image(config=Blob(b"", "text/plain", digest), layers=[])


def with_child(digest) -> Image:
    child = {"mediaType": an_image().media_type, "digest": digest, "size": 3}
    return an_index(manifests=[child])


OVER_OCI = {
    "HEAD blob": lambda t, d: t.registry.head_blob(t.repository, d),
    "GET blob": lambda t, d: t.registry.get_blob(t.repository, d),
    "GET part of a blob": lambda t, d: t.registry.get_blob(t.repository, d, Range="bytes=0-0"),
    "DELETE blob": lambda t, d: t.registry.delete_blob(t.repository, d),
    "HEAD manifest": lambda t, d: t.registry.head_manifest(t.repository, d),
    "GET manifest": lambda t, d: t.registry.get_manifest(t.repository, d),
    "DELETE manifest": lambda t, d: t.registry.delete_manifest(t.repository, d),
    "PUT manifest with such a layer": lambda t, d: t.put_manifest(with_layer(d)),
    "PUT manifest with such a config": lambda t, d: t.put_manifest(with_config(d)),
    "PUT index with such a child": lambda t, d: t.put_manifest(with_child(d)),
    "referrers": lambda t, d: t.registry.referrers(t.repository, d),
    "close an upload": lambda t, d: t.close_upload_as(d),
}
MOUNTS = {
    "mount": lambda t, d: t.mount(d),
    "mount from there": lambda t, d: t.mount(d, t.source),
    "mount from here": lambda t, d: t.mount(d, t.repository),
}
BOTH_APIS = {
    "BatchCheckLayerAvailability": lambda t, d: t.ask("BatchCheckLayerAvailability", layerDigests=[d]),
    "BatchDeleteImage": lambda t, d: t.ask("BatchDeleteImage", imageIds=[{"imageDigest": d}]),
    "DescribeImages": lambda t, d: t.ask("DescribeImages", imageIds=[{"imageDigest": d}]),
    "PutImage with such a layer": lambda t, d: t.put_image(with_layer(d)),
    "PutImage with such a config": lambda t, d: t.put_image(with_config(d)),
    "PutImage with such a child": lambda t, d: t.put_image(with_child(d)),
}
PRIVATE_API = {
    "GetDownloadUrlForLayer": lambda t, d: t.ask("GetDownloadUrlForLayer", layerDigest=d),
    "BatchGetImage": lambda t, d: t.ask("BatchGetImage", imageIds=[{"imageDigest": d}]),
    "ListImageReferrers": lambda t, d: t.ask("ListImageReferrers", subjectId={"imageDigest": d}),
}


def told(answer, digest) -> str:
    """Status, headers and body, but for the digest, the time, and what is made up anew for each answer.

    Whether the connection stays depends on how much of a body was on its way when it was refused.
    """
    headers = {name: value for name, value in answer.headers.items() if name not in ("Date", "Connection")}
    text = json.dumps([answer.status, headers, answer.body.decode("latin-1")], indent=1)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text.replace(digest, "DIGEST"))


def assert_nothing_is_told(stranger, known, ways):
    for way, ask in ways.items():
        for kind, digest in known.items():
            digest_of = sha512 if digest.startswith("sha512") else sha256
            unknown = digest_of(b"nobody knows " + digest.encode())
            expected = told(ask(stranger, unknown), unknown)
            assert told(ask(stranger, digest), digest) == expected, (way, kind)


@pytest.fixture
def known(server):
    """Digests of all that the owner has, in team/app of us-east-1. All of it is there in the end."""
    owner = server.docker()
    server.client("ecr").create_repository(repositoryName=REPOSITORY)
    image = an_image()
    index, artifact = an_index(image), an_artifact(subject=image)
    for each in (index, artifact):
        assert owner.push(REPOSITORY, each).status == 201
    wide = sha512(b"content")
    begun = owner.start_upload(REPOSITORY).headers["Location"]
    assert owner.finish_upload(begun, wide, b"content").status == 201
    config, layer = image.blobs
    named = {"layer": layer, "config": config, "image": image, "index": index, "artifact": artifact}
    yield {kind: thing.digest for kind, thing in named.items()} | {"sha512": wide}
    for each in (image, index, artifact):
        assert owner.get_manifest(REPOSITORY, each.digest).body == each.content
        for blob in each.blobs:
            assert owner.get_blob(REPOSITORY, blob.digest).body == blob.content


def test_a_digest_known_to_another_account_is_like_one_nobody_knows(server, known):
    stranger = tenant(server, key=server.account(OTHER), source=OWNERS_PATH + REPOSITORY)
    assert_nothing_is_told(stranger, known, OVER_OCI | MOUNTS | BOTH_APIS | PRIVATE_API)


def test_a_digest_known_in_another_region_is_like_one_nobody_knows(server, known):
    abroad = tenant(server, region="eu-west-1", source=OWNERS_PATH + REPOSITORY)
    assert_nothing_is_told(abroad, known, OVER_OCI | MOUNTS | BOTH_APIS | PRIVATE_API)


def test_a_digest_known_in_another_repository_is_like_one_nobody_knows(server, known):
    """But that it can be mounted from there: who asks may read it."""
    neighbour = tenant(server, repository="other")
    assert_nothing_is_told(neighbour, known, OVER_OCI | BOTH_APIS | PRIVATE_API)


@pytest.mark.parametrize("account", [OWNER, OTHER])
def test_a_private_digest_is_in_public_like_one_nobody_knows(server, known, account):
    key = ROOT if account == OWNER else server.account(OTHER)
    public = tenant(server, service="ecr-public", key=key, source=OWNERS_PATH + REPOSITORY)
    assert_nothing_is_told(public, known, OVER_OCI | MOUNTS | BOTH_APIS)


def test_a_public_digest_of_another_account_must_be_pushed_like_any_other(server):
    owner = tenant(server, service="ecr-public")
    image = an_image()
    owner.registry.push(owner.repository, image, "1.0")
    known = {"layer": image.blobs[1].digest, "image": image.digest}
    for service in ("ecr", "ecr-public"):
        key = server.account(OTHER if service == "ecr" else "444455556666")
        source = owner.registry.prefix + owner.repository
        stranger = tenant(server, service=service, key=key, source=source)
        assert_nothing_is_told(stranger, known, OVER_OCI | MOUNTS | BOTH_APIS)


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_a_layer_others_have_is_uploaded_whole_and_answered_like_a_new_one(server, known, service):
    layer, new = a_layer(), a_layer()
    server.docker().push_blob(REPOSITORY, layer)
    stranger = tenant(server, service=service, key=server.account(OTHER))
    for blob in (layer, new):
        begun = stranger.registry.start_upload(REPOSITORY).headers["Location"]
        half = stranger.registry.finish_upload(begun, blob.digest, blob.content[:-1])
        assert (half.status, half.error) == (400, "BLOB_UPLOAD_INVALID")
        assert stranger.registry.head_blob(REPOSITORY, blob.digest).status == 404
    assert told(stranger.registry.push_blob(REPOSITORY, layer), layer.digest) == told(
        stranger.registry.push_blob(REPOSITORY, new), new.digest
    )
    assert stranger.registry.get_blob(REPOSITORY, layer.digest).body == layer.content


def test_the_same_name_means_another_image_in_every_place(server):
    other = server.account(OTHER)
    tenants = [
        tenant(server),
        tenant(server, repository="other"),
        tenant(server, region="eu-west-1"),
        tenant(server, key=other),
        tenant(server, service="ecr-public"),
        tenant(server, service="ecr-public", key=other),
    ]
    images = [an_image() for _ in tenants]
    for each, image in zip(tenants, images, strict=True):
        assert each.registry.push(each.repository, image, "1.0").status == 201
    for each, image in [*zip(tenants, images, strict=True)] * 2:  # nothing is written meanwhile
        assert each.registry.get_manifest(each.repository, "1.0").body == image.content
        if each.service == "ecr":
            (found,) = each.ask("BatchGetImage", imageIds=[{"imageTag": "1.0"}]).json["images"]
            assert (found["imageManifest"], found["repositoryName"]) == (image.manifest, each.repository)


# What may not be done to a registry of another account.


def routes(client, repository, digest, upload):
    """(what it needs, the answer) of every route about a repository."""
    path = client.path
    image = an_image()
    return [
        ("ListImages", client.tags(repository)),
        ("BatchGetImage", client.get_manifest(repository, "1.0")),
        ("BatchGetImage", client.get_manifest(repository, digest)),
        ("BatchGetImage", client.referrers(repository, digest)),
        ("GetDownloadUrlForLayer", client.get_blob(repository, digest)),
        ("InitiateLayerUpload", client.start_upload(repository)),
        ("InitiateLayerUpload", client.start_upload(repository, f"mount={digest}")),
        ("InitiateLayerUpload", client.start_upload(repository, f"digest={digest}", body=b"x")),
        ("UploadLayerPart", client.ask("GET", path(repository, f"blobs/uploads/{upload}"))),
        ("UploadLayerPart", client.patch(path(repository, f"blobs/uploads/{upload}"), b"x")),
        ("UploadLayerPart", client.patch(path(repository, f"blobs/uploads/{upload}"), iter([b"x"]))),
        (
            "CompleteLayerUpload",
            client.finish_upload(path(repository, f"blobs/uploads/{upload}"), digest, b"x"),
        ),
        ("CompleteLayerUpload", client.finish_upload(path(repository, f"blobs/uploads/{upload}"), digest)),
        ("UploadLayerPart", client.ask("DELETE", path(repository, f"blobs/uploads/{upload}"))),
        ("PutImage", client.put_manifest(repository, "2.0", image)),
        ("PutImage", client.put_manifest(repository, image.digest, image, "tag=2.0")),
        ("BatchDeleteImage", client.delete_manifest(repository, "1.0")),
        ("BatchDeleteImage", client.delete_manifest(repository, digest)),
        ("BatchDeleteImage", client.delete_blob(repository, digest)),
    ]


def test_another_account_is_denied_every_route_whether_there_is_something_or_not(server, known):
    owner = server.docker()
    begun = owner.start_upload(REPOSITORY).headers["Location"]
    owner.patch(begun, b"content")
    stranger = server.docker(key=server.account(OTHER), prefix=OWNERS_PATH)
    for repository, upload in ((REPOSITORY, begun.rpartition("/")[2]), ("nowhere", NO_UPLOAD)):
        for action, answer in routes(stranger, repository, known["image"], upload):
            assert (answer.status, answer.error, answer.message) == (
                403,
                "DENIED",
                f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: ecr:{action} on resource: "
                f"arn:aws:ecr:us-east-1:{OWNER}:repository/{repository} because no resource-based policy "
                f"allows the ecr:{action} action",
            )
        for head in (
            stranger.head_blob(repository, known["layer"]),
            stranger.head_manifest(repository, "1.0"),
        ):
            assert (head.status, head.body) == (403, b"")
    catalog = stranger.ask("GET", f"/v2/{OWNERS_PATH}_catalog")
    assert catalog.error == "DENIED"
    assert "ecr:DescribeRepositories on resource: arn:aws:ecr:us-east-1:000000000000:repository/* " in (
        catalog.message
    )
    assert owner.ask("GET", begun).headers["Range"] == "0-6"  # the upload is as it was


# Anonymous callers.


@pytest.fixture
def anonymous(server):
    """Nobody, with the token everybody gets."""
    client = RegistryClient(server.url)
    token = client.ask("GET", "/token/", query="service=public.ecr.aws&scope=aws").json["token"]
    client.http.headers["Authorization"] = f"Bearer {token}"
    return client


READING = {"ListImages", "BatchGetImage", "GetDownloadUrlForLayer"}


def test_anonymous_callers_pull_public_images_and_do_nothing_else(server, anonymous):
    owner = tenant(server, service="ecr-public")
    image = an_image()
    artifact = an_artifact(subject=image)
    for each, tag in ((image, "1.0"), (artifact, None)):
        owner.registry.push(REPOSITORY, each, tag)
    begun = owner.registry.start_upload(REPOSITORY).headers["Location"]
    anonymous.prefix = owner.registry.prefix

    for reference in ("1.0", image.digest):
        assert anonymous.get_manifest(REPOSITORY, reference).body == image.content
        assert anonymous.head_manifest(REPOSITORY, reference).status == 200
    for blob in image.blobs:
        assert anonymous.get_blob(REPOSITORY, blob.digest).body == blob.content
        assert anonymous.head_blob(REPOSITORY, blob.digest).status == 200
    assert anonymous.tags(REPOSITORY).json["tags"] == ["1.0"]
    (referrer,) = anonymous.referrers(REPOSITORY, image.digest).json["manifests"]
    assert referrer["digest"] == artifact.digest

    for repository, upload in ((REPOSITORY, begun.rpartition("/")[2]), ("nowhere", NO_UPLOAD)):
        for action, answer in routes(anonymous, repository, image.digest, upload):
            if action in READING:
                assert answer.status in (200, 404)
            else:
                assert (answer.status, answer.error) == (401, "DENIED"), action
                assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert anonymous.ask("GET", f"/v2/{anonymous.prefix}_catalog").status == 401
    assert owner.registry.ask("GET", begun).status == 204
    assert owner.registry.tags(REPOSITORY).json["tags"] == ["1.0"]


def test_anonymous_callers_learn_nothing_of_private_registries(server, anonymous, known):
    nobody = RegistryClient(server.url)
    for client in (anonymous, nobody):
        for prefix in ("", OWNERS_PATH):
            client.prefix = prefix
            there = routes(client, REPOSITORY, known["image"], NO_UPLOAD)
            nowhere = routes(client, "nowhere", known["image"], NO_UPLOAD)
            for (_, one), (_, other) in zip(there, nowhere, strict=True):
                assert one.status == 401
                assert told(one, known["image"]) == told(other, known["image"])
            assert client.ask("GET", f"/v2/{prefix}_catalog").status == 401
