"""Tags given together with a push, tags that may not move, subjects; and what a deletion takes along."""

import pytest

from tests.builders import a_docker_image, an_artifact, an_image, an_index, sha512

UNKNOWN = "sha256:" + "0" * 64


def tags(docker, repository):
    return docker.tags(repository).json["tags"]


# Several tags at once.


def test_a_push_by_digest_may_bring_tags(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    docker.push_layers(repository, image)
    names = [f"t{number:02}" for number in range(12)]
    query = "&".join(f"tag={name}" for name in names)
    done = docker.put_manifest(repository, image.digest, image, query)
    assert (done.status, done.headers["OCI-Tag"]) == (201, ", ".join(names))
    assert done.headers["Location"] == docker.path(repository, f"manifests/{image.digest}")
    assert tags(docker, repository) == names
    assert {docker.get_manifest(repository, name).body for name in names} == {image.content}


def test_a_push_by_sha512_may_bring_tags_that_go_by_it(ecr, docker, repository):
    image = an_image()
    name = sha512(image.content)
    docker.push_layers(repository, image)
    done = docker.put_manifest(repository, name, image, "tag=a&tag=b")
    assert (done.status, done.headers["OCI-Tag"]) == (201, "a, b")
    assert docker.get_manifest(repository, "a").headers["Docker-Content-Digest"] == name
    got = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "a"}])
    assert got["images"][0]["imageId"]["imageDigest"] == image.digest
    docker.put_manifest(repository, "b", image)
    assert docker.get_manifest(repository, "a").headers["Docker-Content-Digest"] == name


def test_a_tag_asked_for_twice_is_given_once(docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    done = docker.put_manifest(repository, image.digest, image, "tag=a&tag=b&tag=%61")
    assert (done.status, done.headers["OCI-Tag"]) == (201, "a, b")
    assert tags(docker, repository) == ["a", "b"]


def test_a_tag_in_the_path_leaves_the_others_without_meaning(docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    done = docker.put_manifest(repository, "a", image, "tag=b")
    assert (done.status, "OCI-Tag" in done.headers) == (201, False)
    assert tags(docker, repository) == ["a"]


@pytest.mark.parametrize("bad", ["-no", "a%2Fb", "a+b", "", "x" * 129, "%00"])
def test_one_tag_that_is_none_fails_the_whole_push(docker, repository, bad):
    image = an_image()
    docker.push_layers(repository, image)
    refused = docker.put_manifest(repository, image.digest, image, f"tag=good&tag={bad}")
    assert (refused.status, refused.error) == (400, "TAG_INVALID")
    assert tags(docker, repository) == []
    assert docker.get_manifest(repository, image.digest).status == 404
    assert docker.put_manifest(repository, image.digest, image, "tag=good").status == 201


def test_a_hundred_tags_can_be_pushed_at_once(docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    names = [f"t{number:03}" for number in range(101)]
    refused = docker.put_manifest(repository, image.digest, image, "&".join(f"tag={name}" for name in names))
    assert (refused.status, refused.error) == (414, "TAG_INVALID")
    assert docker.get_manifest(repository, image.digest).status == 404
    query = "&".join(f"tag={name}" for name in names[:100])
    assert docker.put_manifest(repository, image.digest, image, query).status == 201
    assert tags(docker, repository) == names[:100]


# Tags that may not move.


def test_one_tag_that_may_not_move_fails_the_whole_push(ecr, docker, repository):
    old, new = an_image(), an_image()
    docker.push(repository, old, "fixed")
    docker.push_layers(repository, new)
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    refused = docker.put_manifest(repository, new.digest, new, "tag=before&tag=fixed&tag=zafter")
    assert (refused.status, refused.error) == (400, "TAG_INVALID")
    assert refused.message == (
        f"The image tag 'fixed' already exists in the '{repository}' repository and cannot be overwritten "
        "because the repository is immutable."
    )
    assert tags(docker, repository) == ["fixed"]
    assert docker.get_manifest(repository, new.digest).status == 404
    assert docker.get_manifest(repository, "fixed").body == old.content

    assert docker.put_manifest(repository, new.digest, new, "tag=before&tag=zafter").status == 201
    assert tags(docker, repository) == ["before", "fixed", "zafter"]


def test_an_immutable_tag_may_be_given_again_to_its_own_image(ecr, docker, repository):
    image = an_image()
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    docker.push(repository, image, "fixed")
    done = docker.put_manifest(repository, image.digest, image, "tag=fixed&tag=new")
    assert (done.status, done.headers["OCI-Tag"]) == (201, "fixed, new")
    assert docker.put_manifest(repository, "fixed", image).status == 201


def test_an_immutable_tag_can_be_deleted_and_given_anew(ecr, docker, repository):
    old, new = an_image(), an_image()
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    docker.push(repository, old, "fixed")
    assert docker.push(repository, new, "fixed").status == 400
    assert docker.delete_manifest(repository, "fixed").status == 202
    assert docker.push(repository, new, "fixed").status == 201


# Subjects.


def test_a_push_tells_that_its_subject_was_understood(registry):
    docker, repository, subject = registry.docker, registry.repository, an_image()
    artifact = an_artifact(subject=subject)
    done = docker.push(repository, artifact)
    assert (done.status, done.headers["OCI-Subject"]) == (201, subject.digest)
    again = docker.put_manifest(repository, "sbom", artifact)
    assert (again.status, again.headers["OCI-Subject"]) == (201, subject.digest)
    assert "OCI-Subject" not in docker.push(repository, subject).headers
    index = an_index(subject=subject.descriptor)
    assert docker.push(repository, index).headers["OCI-Subject"] == subject.digest


# What is missing.


def test_what_a_manifest_names_must_be_in_its_repository(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    registry.api.create_repository(repositoryName="other")
    docker.push("other", image, "1.0")
    config, layer = image.blobs
    refused = docker.put_manifest(repository, "1.0", image)
    assert (refused.status, refused.error) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert f"'[{config.digest}, {layer.digest}]' required" in refused.message
    docker.push_blob(repository, config)
    refused = docker.put_manifest(repository, "1.0", image)
    assert f"'[{layer.digest}]' required" in refused.message
    index = an_index(image)
    refused = docker.put_manifest(repository, "1.0", index)
    assert (refused.status, refused.error) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert f"Images with digests '[{image.digest}]' required" in refused.message

    assert docker.push(repository, index, "1.0").status == 201


# Deletion.


def test_deleting_a_tag_leaves_the_others(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    for tag in ("a", "b"):
        docker.push(repository, image, tag)
    deleted = docker.delete_manifest(repository, "a")
    assert (deleted.status, deleted.headers["Content-Length"], deleted.body) == (202, "0", b"")
    assert docker.get_manifest(repository, "a").status == 404
    assert docker.get_manifest(repository, "b").body == image.content
    assert docker.get_manifest(repository, image.digest).body == image.content


def test_the_last_tag_takes_its_image_along(registry):
    docker, repository, image = registry.docker, registry.repository, an_image()
    docker.push(repository, image, "a")
    assert docker.delete_manifest(repository, "a").status == 202
    assert docker.get_manifest(repository, image.digest).status == 404
    assert docker.head_blob(repository, image.blobs[0].digest).status == 200


def test_deleting_a_digest_takes_its_tags_along(registry):
    docker, repository, image = registry.docker, registry.repository, a_docker_image()
    for tag in ("a", "b"):
        docker.push(repository, image, tag)
    assert docker.delete_manifest(repository, image.digest).status == 202
    for reference in ("a", "b", image.digest):
        answer = docker.get_manifest(repository, reference)
        assert (answer.status, answer.error) == (404, "MANIFEST_UNKNOWN")
        assert answer.message == "Requested image not found"
    assert tags(docker, repository) == []


def test_what_an_index_lists_cannot_be_deleted_before_it(registry):
    docker, repository, child = registry.docker, registry.repository, an_image()
    index = an_index(child)
    docker.push(repository, index, "index")
    refused = docker.delete_manifest(repository, child.digest)
    assert (refused.status, refused.error) == (405, "UNSUPPORTED")
    assert refused.message == f"Requested image referenced by manifest list: [{index.digest}]"
    assert docker.get_manifest(repository, child.digest).body == child.content
    for digest in (index.digest, child.digest):
        assert docker.delete_manifest(repository, digest).status == 202


def test_a_subject_can_be_deleted_before_what_is_about_it(docker, repository):
    subject = an_image()
    artifact = an_artifact(subject=subject)
    for image in (subject, artifact):
        docker.push(repository, image)
    assert docker.delete_manifest(repository, subject.digest).status == 202
    assert docker.get_manifest(repository, artifact.digest).body == artifact.content


@pytest.mark.parametrize("reference", ["nothing", UNKNOWN, "sha512:" + "0" * 128])
def test_what_is_not_there_is_not_deleted(registry, reference):
    docker, repository = registry.docker, registry.repository
    for answer in (
        docker.delete_manifest(repository, reference),
        docker.get_manifest(repository, reference),
    ):
        assert (answer.status, answer.error) == (404, "MANIFEST_UNKNOWN")
        assert answer.message == "Requested image not found"
    head = docker.head_manifest(repository, reference)
    assert (head.status, head.body) == (404, b"")
