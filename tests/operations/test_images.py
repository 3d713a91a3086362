"""PutImage, BatchGetImage, BatchDeleteImage: images and their tags."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.builders import (
    DOCKER_LIST,
    NOBODYS,
    a_docker_image,
    a_layer,
    an_artifact,
    an_image,
    an_index,
    sha256,
    sha512,
)

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def put(ecr, repository):
    """Put an image by the API; what it refers to must be there."""

    def put(image, tag=None, **more):
        if tag is not None:
            more["imageTag"] = tag
        return ecr.put_image(repositoryName=repository, imageManifest=image.manifest, **more)["image"]

    return put


def ids(ecr, repository, **filters):
    return [
        (each["imageDigest"], each.get("imageTag"))
        for each in ecr.list_images(repositoryName=repository, **filters)["imageIds"]
    ]


def message(caught) -> str:
    return caught.value.response["Error"]["Message"]


def test_an_image_is_echoed_as_it_was_sent(ecr, docker, repository, put):
    image = a_docker_image()
    docker.push_layers(repository, image)
    assert put(image, "1.0") == {
        "registryId": "000000000000",
        "repositoryName": repository,
        "imageId": {"imageDigest": image.digest, "imageTag": "1.0"},
        "imageManifest": image.manifest,
        "imageManifestMediaType": image.media_type,
    }


def test_the_vectors_of_the_dossier(ecr, docker, repository, put):
    """control-plane.md §4.13, step by step."""
    one, two = an_image(), an_image()
    listing = an_index(one)
    for image in (one, two):
        docker.push_layers(repository, image)
    first, second = one.digest, two.digest

    put(one, "a")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException) as caught:
        put(one, "a")
    assert message(caught) == (
        f"Image with digest '{first}' and tag 'a' already exists in the repository with name "
        f"'{repository}' in registry with id '000000000000'"
    )
    pushed_at = ecr.describe_images(repositoryName=repository)["imageDetails"][0]["imagePushedAt"]
    put(one, "b")
    detail = ecr.describe_images(repositoryName=repository)["imageDetails"][0]
    assert (detail["imageTags"], detail["imagePushedAt"]) == (["a", "b"], pushed_at)
    put(two, "a")
    assert set(ids(ecr, repository)) == {(first, "b"), (second, "a")}
    put(two, "b")
    assert ids(ecr, repository, filter={"tagStatus": "UNTAGGED"}) == [(first, None)]
    put(listing, "m")

    def delete(*image_ids):
        return ecr.batch_delete_image(repositoryName=repository, imageIds=list(image_ids))

    refused = delete({"imageDigest": first})
    assert refused["imageIds"] == []
    assert refused["failures"] == [
        {
            "imageId": {"imageDigest": first},
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": f"Requested image referenced by manifest list: [{listing.digest}]",
        }
    ]
    assert delete({"imageTag": "a"})["imageIds"] == [{"imageDigest": second, "imageTag": "a"}]
    assert delete({"imageTag": "b"})["imageIds"] == [{"imageDigest": second, "imageTag": "b"}]
    assert set(ids(ecr, repository)) == {(first, None), (listing.digest, "m")}

    with pytest.raises(ecr.exceptions.ImageNotFoundException) as caught:
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "m"}, {"imageTag": "zzz"}])
    assert message(caught) == (
        "The image with imageId {imageDigest:'null', imageTag:'zzz'} does not exist within the repository "
        f"with name '{repository}' in the registry with id '000000000000'"
    )
    got = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "m"}, {"imageTag": "zzz"}])
    assert [image["imageId"]["imageDigest"] for image in got["images"]] == [listing.digest]
    assert got["failures"] == [
        {
            "imageId": {"imageTag": "zzz"},
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
    ]
    both = delete({"imageDigest": listing.digest}, {"imageDigest": first})
    assert both["imageIds"] == [
        {"imageDigest": listing.digest, "imageTag": "m"},
        {"imageDigest": first},
    ]
    assert both["failures"] == []

    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    put(one, "a")
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException) as caught:
        put(two, "a")
    assert message(caught) == (
        f"The image tag 'a' already exists in the '{repository}' repository and cannot be overwritten "
        "because the repository is immutable."
    )
    delete({"imageTag": "a"})
    put(two, "a")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=repository)
    ecr.delete_repository(repositoryName=repository, force=True)


def test_an_identical_push_without_a_tag_changes_nothing(ecr, docker, repository, put):
    image = an_image()
    docker.push(repository, image)
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException, match="and tag 'null' already exists"):
        put(image)


def test_a_manifest_is_refused_until_its_layers_are_there(ecr, docker, repository, put):
    image = an_image(layers=[a_layer(), a_layer()])
    digests = ", ".join(blob.digest for blob in image.blobs)
    with pytest.raises(ecr.exceptions.LayersNotFoundException) as caught:
        put(image, "1.0")
    assert message(caught) == (
        f"Layers with digests '[{digests}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '000000000000' do not exist"
    )
    refused = docker.put_manifest(repository, "1.0", image)
    assert (refused.status, refused.error) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert ids(ecr, repository) == []

    docker.push_layers(repository, image)
    assert docker.put_manifest(repository, "1.0", image).status == 201
    assert ids(ecr, repository) == [(image.digest, "1.0")]


def test_an_index_is_refused_until_its_children_are_there(ecr, docker, repository, put):
    child = an_image()
    index = an_index(child, media_type=DOCKER_LIST)
    with pytest.raises(ecr.exceptions.ReferencedImagesNotFoundException) as caught:
        put(index, "1.0")
    assert message(caught) == (
        f"Images with digests '[{child.digest}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '000000000000' do not exist"
    )
    assert docker.put_manifest(repository, "1.0", index).error == "MANIFEST_BLOB_UNKNOWN"
    docker.push(repository, child)
    put(index, "1.0")


def test_an_index_may_list_layers_as_build_caches_do(ecr, docker, repository, put):
    layer = a_layer()
    docker.push_blob(repository, layer)
    manifest = an_index(manifests=[layer.descriptor]).manifest
    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag="cache")


def test_a_foreign_layer_need_not_be_there(docker, repository):
    foreign = a_layer()
    image = an_image(layers=[])
    document = json.loads(image.manifest)
    document["layers"] = [foreign.descriptor | {"urls": ["https://example.com/layer"]}]
    docker.push_layers(repository, image)
    from tests.builders import Image

    assert docker.put_manifest(repository, "1.0", Image(json.dumps(document), image.media_type)).status == 201


@pytest.mark.parametrize(
    ("manifest", "media_type"),
    [("{", None), ("{}", None), ('{"schemaVersion": 2}', None), ('{"schemaVersion": 1}', "text/plain")],
)
def test_what_is_no_manifest_has_one_answer(ecr, repository, manifest, media_type):
    more = {"imageManifestMediaType": media_type} if media_type else {}
    with pytest.raises(ecr.exceptions.InvalidParameterException) as caught:
        ecr.put_image(repositoryName=repository, imageManifest=manifest, **more)
    assert message(caught) == (
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
    )


def test_a_manifest_without_media_type_needs_one_beside_it(ecr, docker, repository):
    image = an_image()
    bare = json.dumps({key: value for key, value in json.loads(image.manifest).items() if key != "mediaType"})
    docker.push_layers(repository, image)
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid JSON syntax"):
        ecr.put_image(repositoryName=repository, imageManifest=bare)
    put = ecr.put_image(
        repositoryName=repository, imageManifest=bare, imageManifestMediaType=image.media_type
    )
    assert put["image"]["imageId"]["imageDigest"] == sha256(bare.encode())


def test_a_wrong_digest_is_refused(ecr, docker, repository, put):
    image = an_image()
    docker.push_layers(repository, image)
    for digest in (UNKNOWN, sha512(image.manifest.encode()), *NOBODYS):
        with pytest.raises(ecr.exceptions.ImageDigestDoesNotMatchException) as caught:
            put(image, imageDigest=digest)
        assert message(caught) == (
            f"The image with digest '{digest}' in repository '{repository}' and registry ID '000000000000' "
            "does not match the image digest that Amazon ECR has calculated."
        )
    put(image, imageDigest=image.digest)


@pytest.mark.parametrize("member", ["imageDigest", "imageTag"])
def test_names_that_are_none_are_refused(ecr, docker, repository, put, member):
    image = an_image()
    docker.push_layers(repository, image)
    with pytest.raises(ecr.exceptions.InvalidParameterException, match=f"at '{member}'"):
        put(image, **{member: "no such thing"})


def test_the_shell_recipe_for_another_tag_finds_the_image_again(ecr, docker, repository, put):
    """`aws … --output text` adds a newline; AWS's own sample shows the digest without it."""
    image = an_image()
    docker.push(repository, image, "a")
    again = ecr.put_image(repositoryName=repository, imageManifest=image.manifest + "\n", imageTag="b")[
        "image"
    ]
    assert again["imageId"] == {"imageDigest": image.digest, "imageTag": "b"}
    assert again["imageManifest"] == image.manifest + "\n"
    assert docker.get_manifest(repository, "b").body == image.content


def test_a_failed_push_leaves_no_trace(ecr, docker, repository, put):
    one, two = an_image(), an_image()
    docker.push(repository, one, "a")
    docker.push_layers(repository, two)
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        put(two, "a")
    assert ids(ecr, repository) == [(one.digest, "a")]
    assert docker.head_manifest(repository, two.digest).status == 404


def test_an_immutable_tag_may_be_pushed_again_as_it_is(ecr, docker, repository, put):
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    image = an_image()
    assert docker.push(repository, image, "a").status == 201
    assert docker.push(repository, image, "a").status == 201
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        put(image, "a")
    refused = docker.push(repository, an_image(), "a")
    assert (refused.status, refused.error) == (400, "TAG_INVALID")
    assert "cannot be overwritten because the repository is immutable." in refused.message


def test_excluded_tags_move(ecr, docker, repository):
    ecr.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}],
    )
    for tag, status in (("latest", 201), ("1.0", 400)):
        assert docker.push(repository, an_image(), tag).status == 201
        assert docker.push(repository, an_image(), tag).status == status


def test_batch_get_answers_each_id_in_order(ecr, docker, repository):
    image, other = an_image(), an_image()
    docker.push(repository, image, "a")
    docker.push(repository, other, "b")
    asked = [
        {"imageDigest": image.digest},
        {"imageTag": "a"},
        {"imageDigest": image.digest, "imageTag": "a"},
        {"imageTag": "a"},
        {"imageDigest": other.digest, "imageTag": "a"},
        {"imageDigest": UNKNOWN},
        *({"imageDigest": digest} for digest in NOBODYS),
        {"imageDigest": NOBODYS[0], "imageTag": "a"},
        {"imageDigest": "nonsense"},
        {"imageTag": "-"},
        {},
    ]
    got = ecr.batch_get_image(repositoryName=repository, imageIds=asked)
    assert [each["imageId"] for each in got["images"]] == [
        {"imageDigest": image.digest},
        *[{"imageDigest": image.digest, "imageTag": "a"}] * 3,
    ]
    assert {each["imageManifest"] for each in got["images"]} == {image.manifest}
    assert [(each["failureCode"], each["failureReason"]) for each in got["failures"]] == [
        ("ImageTagDoesNotMatchDigest", "Requested image tag does not match the image digest"),
        *[("ImageNotFound", "Requested image not found")] * (1 + len(NOBODYS)),
        ("ImageTagDoesNotMatchDigest", "Requested image tag does not match the image digest"),
        (
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex "
            "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        (
            "InvalidImageTag",
            "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
        ),
        ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"),
    ]
    assert [each["imageId"] for each in got["failures"]] == asked[4:]


def test_accepted_media_types_never_convert(ecr, docker, repository):
    image = an_image()
    docker.push(repository, image, "a")
    got = ecr.batch_get_image(
        repositoryName=repository,
        imageIds=[{"imageTag": "a"}],
        acceptedMediaTypes=["application/vnd.docker.distribution.manifest.v2+json"],
    )
    assert got["images"][0]["imageManifest"] == image.manifest


def test_deleting_by_digest_takes_all_tags(ecr, ecr_public, docker, repository):
    image = an_image()
    for tag in ("a", "b"):
        docker.push(repository, image, tag)
    deleted = ecr.batch_delete_image(
        repositoryName=repository, imageIds=[{"imageDigest": image.digest}, {"imageTag": "a"}]
    )
    assert deleted["imageIds"] == [
        {"imageDigest": image.digest, "imageTag": "a"},
        {"imageDigest": image.digest, "imageTag": "b"},
    ]
    assert [each["failureCode"] for each in deleted["failures"]] == ["ImageNotFound"]


def test_digests_that_nothing_here_can_have_delete_nothing(ecr, docker, repository):
    image = an_image()
    docker.push(repository, image, "a")
    asked = [{"imageDigest": digest} for digest in NOBODYS]
    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=asked)
    assert answer["imageIds"] == []
    assert answer["failures"] == [
        {"imageId": each, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
        for each in asked
    ]
    assert ids(ecr, repository) == [(image.digest, "a")]


def test_deleting_by_digest_and_tag_takes_the_tag(ecr, docker, repository):
    image = an_image()
    for tag in ("a", "b"):
        docker.push(repository, image, tag)
    pair = {"imageDigest": image.digest, "imageTag": "a"}
    assert ecr.batch_delete_image(repositoryName=repository, imageIds=[pair])["imageIds"] == [pair]
    assert ids(ecr, repository) == [(image.digest, "b")]


def test_the_last_tag_of_a_listed_image_stays(ecr, docker, repository):
    child = an_image()
    docker.push(repository, child, "child")
    docker.push(repository, an_index(child), "index")
    refused = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "child"}])
    assert [each["failureCode"] for each in refused["failures"]] == ["ImageReferencedByManifestList"]
    assert docker.get_manifest(repository, "child").status == 200
    assert docker.delete_manifest(repository, child.digest).status == 405

    assert docker.delete_manifest(repository, "child").status == 202  # the specification: the tag goes
    assert docker.get_manifest(repository, child.digest).status == 200

    docker.push(repository, child, "child")
    docker.push(repository, child, "other")
    assert (
        ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "child"}])["failures"] == []
    )


@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image"])
def test_a_batch_has_a_hundred_ids_at_most(ecr, repository, operation):
    ask = getattr(ecr, operation)
    answer = ask(repositoryName=repository, imageIds=[{"imageTag": f"t{number}"} for number in range(100)])
    assert len(answer["failures"]) == 100
    with pytest.raises(ClientError, match="less than or equal to 100"):
        ask(repositoryName=repository, imageIds=[{"imageTag": f"t{number}"} for number in range(101)])


def test_an_unknown_repository_is_told_by_every_operation_on_images(ecr, ecr_public):
    for client, operation, more in (
        (ecr, "put_image", {"imageManifest": "{}"}),
        (ecr, "batch_get_image", {"imageIds": [{"imageTag": "a"}]}),
        (ecr, "batch_delete_image", {"imageIds": [{"imageTag": "a"}]}),
        (ecr_public, "put_image", {"imageManifest": "{}"}),
        (ecr_public, "batch_delete_image", {"imageIds": [{"imageTag": "a"}]}),
    ):
        with pytest.raises(client.exceptions.RepositoryNotFoundException) as caught:
            getattr(client, operation)(repositoryName="nowhere", **more)
        assert message(caught) == (
            "The repository with name 'nowhere' does not exist in the registry with id '000000000000'"
        )


def test_an_artifact_is_an_image_too(ecr, docker, repository):
    subject = an_image()
    docker.push(repository, subject, "1.0")
    artifact = an_artifact(subject=subject)
    answer = docker.push(repository, artifact)
    assert (answer.status, answer.headers["OCI-Subject"]) == (201, subject.digest)
    detail = ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": artifact.digest}])
    assert detail["imageDetails"][0]["subjectManifestDigest"] == subject.digest
    assert detail["imageDetails"][0]["artifactMediaType"] == "application/vnd.example.sbom"
