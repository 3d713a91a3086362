"""Manifests by tag and by digest: pushed, pulled byte for byte, deleted."""

import json

import pytest

from tests.builders import (
    DOCKER_LIST,
    OCI_MANIFEST,
    Image,
    a_docker_image,
    a_layer,
    an_artifact,
    an_image,
    an_index,
    sha256,
    sha512,
)
from tests.oci.wire import Connection, credentials, send

MOST_BYTES = 4_194_304
UNKNOWN = "sha256:" + "0" * 64


def put(docker, repository, reference, content, media_type=OCI_MANIFEST, query=""):
    path = docker.path(repository, f"manifests/{reference}")
    return docker.ask("PUT", path, query=query, body=content, Content_Type=media_type)


def said(answer):
    return {name: each for name, each in answer.headers.items() if name not in ("Date", "Connection")}


def created(docker, repository, digest):
    return {
        "Location": docker.path(repository, f"manifests/{digest}"),
        "Docker-Content-Digest": digest,
        "Content-Length": "0",
        "Docker-Distribution-Api-Version": "registry/2.0",
    }


def tags(docker, repository):
    return docker.tags(repository).json["tags"]


def sized(image, size):
    """The same image with a manifest of that many bytes."""
    document = json.loads(image.manifest) | {"annotations": {"filler": ""}}
    document["annotations"]["filler"] = "x" * (size - len(json.dumps(document)))
    text = json.dumps(document)
    assert len(text) == size
    return Image(text, image.media_type, image.blobs)


# Push.


def test_a_manifest_is_pushed_by_tag(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    docker.push_layers(repository, image)
    done = docker.put_manifest(repository, "1.0", image)
    assert (done.status, done.body) == (201, b"")
    assert said(done) == created(docker, repository, image.digest)
    assert docker.ask("GET", done.headers["Location"]).body == image.content
    assert tags(docker, repository) == ["1.0"]


def test_a_manifest_is_pushed_by_digest(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    docker.push_layers(repository, image)
    done = docker.put_manifest(repository, image.digest, image)
    assert (done.status, said(done)) == (201, created(docker, repository, image.digest))
    assert docker.get_manifest(repository, image.digest).body == image.content
    assert tags(docker, repository) == []


def test_a_manifest_is_pushed_by_sha512_and_is_known_by_both(ecr, docker, repository):
    image = an_image()
    name = sha512(image.content)
    docker.push_layers(repository, image)
    assert docker.get_manifest(repository, name).status == 404
    done = docker.put_manifest(repository, name, image)
    assert (done.status, said(done)) == (201, created(docker, repository, name))
    for digest in (name, image.digest):
        for answer in (docker.get_manifest(repository, digest), docker.head_manifest(repository, digest)):
            assert (answer.status, answer.headers["Docker-Content-Digest"]) == (200, digest)
    known = ecr.list_images(repositoryName=repository)["imageIds"]
    assert known == [{"imageDigest": image.digest}]
    assert docker.delete_manifest(repository, name).status == 202
    assert docker.get_manifest(repository, image.digest).status == 404


@pytest.mark.parametrize("digest", [UNKNOWN, "sha512:" + "0" * 128])
def test_a_manifest_is_refused_under_another_digest(docker, repository, digest):
    image = an_image()
    docker.push_layers(repository, image)
    refused = docker.put_manifest(repository, digest, image)
    assert (refused.status, refused.error) == (400, "DIGEST_INVALID")
    assert docker.get_manifest(repository, image.digest).status == 404
    assert docker.put_manifest(repository, image.digest, image).status == 201


@pytest.mark.parametrize("reference", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "A" * 64, ":", "a:b"])
def test_a_reference_with_a_colon_is_a_digest_or_nothing(docker, repository, reference):
    image = an_image()
    docker.push_layers(repository, image)
    refused = docker.put_manifest(repository, reference, image)
    assert (refused.status, refused.error) == (400, "DIGEST_INVALID")
    assert docker.get_manifest(repository, reference).status == 400
    assert docker.delete_manifest(repository, reference).status == 400


@pytest.mark.parametrize(
    ("tag", "status"),
    [("a", 201), ("_", 201), ("A.b-c_9", 201), ("x" * 128, 201), ("x" * 129, 400), ("-a", 400), ("a+b", 400)],
)
def test_a_tag_has_the_specification_s_grammar(docker, repository, tag, status):
    image = an_image()
    docker.push_layers(repository, image)
    answer = docker.put_manifest(repository, tag, image)
    assert answer.status == status
    assert status == 201 or answer.error == "TAG_INVALID"
    assert docker.get_manifest(repository, tag).status == (200 if status == 201 else 400)
    head = docker.head_manifest(repository, tag)
    assert (head.status == 400, head.body) == (status == 400, b"")


def test_a_tag_moves_and_the_image_stays(registry):
    docker, repository, one, two = registry.docker, registry.repository, an_image(), an_image()
    for image in (one, two):
        assert docker.push(repository, image, "1.0").status == 201
        assert docker.get_manifest(repository, "1.0").body == image.content
    assert docker.get_manifest(repository, one.digest).body == one.content


def test_the_same_image_may_be_pushed_again(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    for reference in ("1.0", "1.0", "2.0", image.digest, image.digest):
        done = docker.push(repository, image, reference)
        assert (done.status, said(done)) == (201, created(docker, repository, image.digest))
    assert tags(docker, repository) == ["1.0", "2.0"]


# The bytes, and what they are said to be.


def odd_texts():
    """Manifests that another hand wrote: the same document, other bytes."""
    image = an_image()
    document = json.loads(image.manifest)
    turned = dict(reversed(document.items()))
    return image, [
        json.dumps(document, indent=7).encode(),
        json.dumps(turned).encode(),
        b" \r\n\t" + image.content + b"\n\n \t",
        image.content.replace(b",", b" ,\r\n").replace(b":", b" :\t", 3),
        image.content.replace(b'"layers"', b'"la\\u0079ers"'),
        json.dumps(document | {"extra": [1e5, -0.0, 10**30, None, "é\u2028☃😀"]}).encode(),
        json.dumps(document | {"extra": "é\u2028☃😀"}, ensure_ascii=False).encode(),
        json.dumps(document | {"annotations": {"\x00": "\x7f\\/"}}).encode(),
    ]


def test_a_manifest_comes_back_byte_for_byte(registry):
    docker, repository = registry.docker, registry.repository
    image, texts = odd_texts()
    docker.push_layers(repository, image)
    for content in texts:
        assert put(docker, repository, "odd", content).headers["Docker-Content-Digest"] == sha256(content)
        for reference in ("odd", sha256(content)):
            got, head = (
                docker.get_manifest(repository, reference),
                docker.head_manifest(repository, reference),
            )
            assert got.body == content
            assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(content))


def test_both_fronts_see_one_manifest(ecr, docker, repository):
    image, texts = odd_texts()
    docker.push_layers(repository, image)
    for content in texts:
        put(docker, repository, sha256(content), content)
        got = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": sha256(content)}])
        assert got["images"][0]["imageManifest"].encode() == content
        ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": sha256(content)}])
        ecr.put_image(repositoryName=repository, imageManifest=content.decode(), imageTag="by-api")
        assert docker.get_manifest(repository, "by-api").body == content


KINDS = {
    "OCI image": an_image,
    "Docker image": a_docker_image,
    "OCI index": lambda: an_index(an_image(), an_image()),
    "Docker list": lambda: an_index(a_docker_image(), media_type=DOCKER_LIST),
    "artifact": an_artifact,
    "nested index": lambda: an_index(an_index(an_image()), an_image()),
    "empty index": an_index,
    "image without layers": lambda: an_image(layers=[]),
    "image of unheard-of layers": lambda: an_image(layers=[a_layer(media_type="application/x-new;v=2")]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_manifest_has_its_type_and_nothing_else(registry, kind):
    """Clients compare the whole value."""
    docker, repository, image = registry.docker, registry.repository, KINDS[kind]()
    assert docker.push(repository, image, "1.0").status == 201
    for reference in ("1.0", image.digest):
        got, head = docker.get_manifest(repository, reference), docker.head_manifest(repository, reference)
        assert (got.status, got.body, head.status, head.body) == (200, image.content, 200, b"")
        for answer in (got, head):
            assert said(answer) == {
                "Content-Type": image.media_type,
                "Content-Length": str(len(image.content)),
                "Docker-Content-Digest": image.digest,
                "Docker-Distribution-Api-Version": "registry/2.0",
            }


def test_accept_never_changes_the_answer(docker, repository):
    image = an_image()
    docker.push(repository, image, "1.0")
    for accepted in (DOCKER_LIST, "text/html", "*/*", "", "application/json;q=0"):
        for reference in ("1.0", image.digest):
            answer = docker.get_manifest(repository, reference, Accept=accepted)
            assert (answer.headers["Content-Type"], answer.body) == (OCI_MANIFEST, image.content)


def test_the_media_type_may_have_parameters_which_do_not_count(docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    assert put(docker, repository, "1.0", image.content, f"{OCI_MANIFEST} ; charset=utf-8").status == 201
    assert docker.get_manifest(repository, "1.0").headers["Content-Type"] == OCI_MANIFEST


def test_a_media_type_must_be_the_manifest_s_own(docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    for media_type in (DOCKER_LIST, "application/json", "text/plain", OCI_MANIFEST + "x"):
        refused = put(docker, repository, "1.0", image.content, media_type)
        assert (refused.status, refused.error) == (405, "UNSUPPORTED")
        assert refused.message == (
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        )
    assert docker.get_manifest(repository, "1.0").status == 404
    assert put(docker, repository, "1.0", image.content).status == 201


def test_a_manifest_or_its_content_type_says_what_it_is(server, docker, repository):
    image = an_image()
    bare = json.dumps(
        {name: each for name, each in json.loads(image.manifest).items() if name != "mediaType"}
    )
    docker.push_layers(repository, image)
    path, headers = docker.path(repository, "manifests/1.0"), credentials(docker)
    assert send(server, "PUT", path, headers, bare.encode()).status == 405
    assert send(server, "PUT", path, headers, image.content).status == 201
    assert put(docker, repository, "bare", bare.encode()).status == 201
    assert docker.get_manifest(repository, "bare").headers["Content-Type"] == OCI_MANIFEST


def test_a_manifest_may_come_in_chunks_without_a_length(docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    assert put(docker, repository, "1.0", iter([image.content[:9], image.content[9:]])).status == 201
    assert docker.get_manifest(repository, "1.0").body == image.content


def test_a_manifest_has_4_mib_at_most(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    docker.push_layers(repository, image)
    most, more = sized(image, MOST_BYTES), sized(image, MOST_BYTES + 1)
    for body in (more.content, iter([more.content[:MOST_BYTES], more.content[MOST_BYTES:]])):
        refused = put(docker, repository, "large", body)
        assert (refused.status, refused.error) == (413, "SIZE_INVALID")
    assert docker.get_manifest(repository, "large").status == 404
    assert put(docker, repository, "large", most.content).status == 201
    assert docker.get_manifest(repository, "large").body == most.content


def test_a_manifest_that_is_too_large_is_not_asked_for(server, docker, repository):
    path = docker.path(repository, "manifests/1.0")
    headers = credentials(docker) | {"Expect": "100-continue"}
    assert send(server, "PUT", path, headers | {"Content-Length": str(MOST_BYTES + 1)}).status == 413
    with Connection(server, "PUT", path, headers | {"Content-Length": str(MOST_BYTES)}) as connection:
        connection.wait_for_continue()


def test_nothing_is_pushed_to_a_repository_that_is_not_there(registry):
    docker, image = registry.docker, an_image()
    for reference in ("1.0", image.digest):
        for answer in (
            docker.put_manifest("no/where", reference, image),
            docker.get_manifest("no/where", reference),
            docker.delete_manifest("no/where", reference),
        ):
            assert (answer.status, answer.error) == (404, "NAME_UNKNOWN")
        assert docker.head_manifest("no/where", reference).status == 404
