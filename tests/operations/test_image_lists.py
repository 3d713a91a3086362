"""ListImages, DescribeImages, DescribeImageTags: what they tell. Source: control-plane.md §4.6, §4.7, §9.2.

How these lists are cut into pages: test_pages.py.
"""

from datetime import timedelta

import pytest

from tests.builders import (
    DOCKER_LIST,
    NOBODYS,
    OCI_CONFIG,
    a_docker_image,
    an_artifact,
    an_image,
    an_index,
    sha512,
)
from tests.operations.refusals import invalid, no_repository, refusal

REPOSITORY = "team/app"
REGISTRY = "000000000000"
UNKNOWN = "sha256:" + "0" * 64
DIGEST_PATTERN = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"


def described(api, **asked):
    return api.describe_images(repositoryName=REPOSITORY, **asked)["imageDetails"]


def detail_of(api, image):
    (detail,) = described(api, imageIds=[{"imageDigest": image.digest}])
    return detail


def ids(ecr, **asked):
    listed = ecr.list_images(repositoryName=REPOSITORY, **asked)["imageIds"]
    return [(each["imageDigest"], each.get("imageTag")) for each in listed]


def not_found(digest, tag) -> tuple[str, str]:
    return (
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
        f"repository with name '{REPOSITORY}' in the registry with id '{REGISTRY}'",
    )


@pytest.fixture
def images(registry):
    """Three images in the order of their digests: with two tags, with one, with none."""
    images = sorted((an_image() for _ in range(3)), key=lambda image: image.digest)
    for image, tags in zip(images, (["a", "b"], ["c"], [None]), strict=True):
        for tag in tags:
            assert registry.push(REPOSITORY, image, tag).status == 201
    return images


# ListImages.


@pytest.mark.parametrize("service", ["ecr"])
def test_images_are_listed_by_tag_and_without_one(api, images):
    two, one, none = (image.digest for image in images)
    tagged, untagged = [(two, "a"), (two, "b"), (one, "c")], [(none, None)]
    assert ids(api) == tagged + untagged
    for status, expected in (("TAGGED", tagged), ("UNTAGGED", untagged), ("ANY", tagged + untagged)):
        assert ids(api, filter={"tagStatus": status}) == expected
    api.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "b"}])
    assert ids(api) == [(two, "a"), (one, "c"), (none, None)]


@pytest.mark.parametrize("service", ["ecr"])
def test_images_are_active_until_there_is_an_archive(api, images):
    for status, count in (("ACTIVE", 3), ("ANY", 3), ("ARCHIVED", 0), ("ACTIVATING", 0)):
        assert len(described(api, filter={"imageStatus": status})) == count
        assert len(ids(api, filter={"imageStatus": status})) == count + bool(count)
        assert len(ids(api, filter={"imageStatus": status, "tagStatus": "UNTAGGED"})) == bool(count)
        by_id = [{"imageTag": "a"}]
        assert len(described(api, imageIds=by_id, filter={"imageStatus": status})) == bool(count)


@pytest.mark.parametrize("service", ["ecr"])
def test_a_filter_has_one_of_the_values_there_are(api, images):
    for member, listing in (("tagStatus", "TAGGED"), ("imageStatus", "ACTIVE")):
        for ask in (api.list_images, api.describe_images):
            code, message = refusal(ask, repositoryName=REPOSITORY, filter={member: "NOPE"})
            assert code == "InvalidParameterException"
            start = f"Invalid parameter at '{member}' failed to satisfy constraint: 'Member must satisfy enum"
            assert message.startswith(start)
            assert listing in message


def test_an_empty_repository_lists_nothing(ecr, ecr_public, docker, repository):
    ecr_public.create_repository(repositoryName=repository)
    assert ids(ecr) == described(ecr) == described(ecr_public) == []
    tags = ecr_public.describe_image_tags(repositoryName=repository)
    assert tags["imageTagDetails"] == []
    answer = docker.tags(repository)
    assert (answer.status, answer.json) == (200, {"name": repository, "tags": []})


def test_an_unknown_repository_is_told_by_every_list(ecr, ecr_public, docker):
    subject = {"subjectId": {"imageDigest": UNKNOWN}}
    for ask, more in (
        (ecr.list_images, {}),
        (ecr.describe_images, {}),
        (ecr.describe_images, {"imageIds": [{"imageTag": "a"}]}),
        (ecr.list_image_referrers, subject),
        (ecr_public.describe_images, {}),
        (ecr_public.describe_image_tags, {}),
    ):
        assert refusal(ask, repositoryName="nowhere", **more) == no_repository("nowhere")
    for answer in (docker.tags("nowhere"), docker.referrers("nowhere", UNKNOWN)):
        assert (answer.status, answer.error, answer.message) == (
            404,
            "NAME_UNKNOWN",
            no_repository("nowhere")[1],
        )


# DescribeImages.


def test_an_image_is_described_in_full(api, registry, service, clock):
    image = an_image()
    clock.now = clock.now.replace(microsecond=999_999)
    pushed_at = clock.now.replace(microsecond=0)
    for tag in ("b", "a"):
        registry.push(REPOSITORY, image, tag)
        clock.advance(minutes=1)
    expected = {
        "registryId": REGISTRY,
        "repositoryName": REPOSITORY,
        "imageDigest": image.digest,
        "imageTags": ["a", "b"],
        "imageSizeInBytes": sum(len(blob.content) for blob in image.blobs),
        "imagePushedAt": pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": OCI_CONFIG,
    }
    if service == "ecr":
        expected["imageStatus"] = "ACTIVE"
    assert described(api) == [expected]


def test_what_an_image_has_not_is_left_out(api, registry, service):
    image = an_image()
    index = an_index(image)
    registry.push(REPOSITORY, index)
    assert "imageTags" not in detail_of(api, image)
    detail = detail_of(api, index)
    assert detail.keys() & {"artifactMediaType", "subjectManifestDigest", "imageTags"} == set()

    artifact = an_artifact(subject=image)
    registry.push(REPOSITORY, artifact)
    assert detail_of(api, artifact).get("subjectManifestDigest") == (
        image.digest if service == "ecr" else None
    )


def test_an_artifact_is_called_by_its_own_type_or_its_config_s(api, registry):
    own, plain = an_artifact(artifact_type="application/vnd.example.sbom"), a_docker_image()
    index = an_index(plain, artifactType="application/vnd.example.bundle")
    for image in (own, index):
        registry.push(REPOSITORY, image)
    assert detail_of(api, own)["artifactMediaType"] == "application/vnd.example.sbom"
    assert detail_of(api, plain)["artifactMediaType"] == plain.blobs[0].media_type
    assert detail_of(api, index)["artifactMediaType"] == "application/vnd.example.bundle"


def test_the_size_of_an_image_is_what_its_manifest_states(api, registry):
    image = an_image(layers=[a_docker_image().blobs[1]] * 3)  # the same layer three times counts three times
    registry.push(REPOSITORY, image)
    config, *layers = image.blobs
    assert detail_of(api, image)["imageSizeInBytes"] == len(config.content) + 3 * len(layers[0].content)


def test_the_size_of_an_index_is_that_of_its_largest_image(api, registry):
    small, large = an_image(layers=[]), an_image()
    inner = an_index(small, large, media_type=DOCKER_LIST)
    outer, empty = an_index(inner, small), an_index()
    for index in (outer, empty):
        registry.push(REPOSITORY, index)
    sizes = {each["imageDigest"]: each["imageSizeInBytes"] for each in described(api)}
    assert sizes[small.digest] < sizes[large.digest]
    assert sizes[inner.digest] == sizes[outer.digest] == sizes[large.digest] == large.size_bytes
    assert sizes[empty.digest] == 0


def test_images_are_described_by_id_each_once(api, images):
    two, one, none = images
    asked = [{"imageTag": "c"}, {"imageTag": "b"}, {"imageDigest": none.digest}, {"imageTag": "a"}]
    details = described(api, imageIds=[*asked, {"imageDigest": two.digest, "imageTag": "a"}])
    assert [each["imageDigest"] for each in details] == [one.digest, two.digest, none.digest]
    assert details[1]["imageTags"] == ["a", "b"]


def test_one_image_that_is_not_there_fails_the_whole_description(api, images):
    two, one, _ = (image.digest for image in images)
    for wrong, names in (
        ({"imageTag": "zzz"}, ("null", "zzz")),
        ({"imageDigest": UNKNOWN}, (UNKNOWN, "null")),
        *(({"imageDigest": digest}, (digest, "null")) for digest in NOBODYS),
        ({"imageDigest": NOBODYS[0], "imageTag": "a"}, (NOBODYS[0], "a")),
        ({"imageDigest": one, "imageTag": "a"}, (one, "a")),
        ({"imageDigest": two, "imageTag": "zzz"}, (two, "zzz")),
        ({"imageDigest": sha512(b"")}, (sha512(b""), "null")),
    ):
        asked = [{"imageTag": "a"}, wrong, {"imageTag": "other"}]
        assert refusal(described, api, imageIds=asked) == not_found(*names)


def test_an_id_that_is_none_is_refused(api, images):
    for wrong, member, reason in (
        ({"imageDigest": ""}, "imageDigest", DIGEST_PATTERN),
        ({"imageDigest": "nonsense"}, "imageDigest", DIGEST_PATTERN),
        ({}, "imageIds", "both tag and digest cannot be null"),
        (
            {"imageTag": "no tag"},
            "imageTag",
            "must satisfy regular expression '[a-zA-Z0-9-_.]+'",
        ),
        ({"imageTag": "x" * 301}, "imageTag", "Member must have length less than or equal to 300"),
    ):
        asked = [{"imageTag": "a"}, wrong]
        assert refusal(described, api, imageIds=asked) == invalid(member, reason)


def test_up_to_a_hundred_images_are_described_by_id(api, images):
    assert len(described(api, imageIds=[{"imageTag": "a"}] * 100)) == 1
    asked = [{"imageTag": "a"}] * 101
    reason = "Member must have length less than or equal to 100"
    assert refusal(described, api, imageIds=asked) == invalid("imageIds", reason)


@pytest.mark.parametrize("service", ["ecr"])
def test_a_filter_counts_for_ids_too(api, images):
    asked = [{"imageDigest": image.digest} for image in images]
    two, one, none = (image.digest for image in images)
    for status, expected in (("TAGGED", [two, one]), ("UNTAGGED", [none]), ("ANY", [two, one, none])):
        for given in ({"imageIds": asked}, {}):
            details = described(api, filter={"tagStatus": status}, **given)
            assert [each["imageDigest"] for each in details] == expected


def test_the_lists_agree_with_one_another(docker, ecr, repository):
    """control-plane.md §12, I2 and I3."""
    child = an_image()
    for image, tag in ((an_index(child, an_image()), "x"), (child, "y"), (an_image(), "z"), (child, "w")):
        docker.push(repository, image, tag)
    details, rows = described(ecr), ids(ecr)
    assert len(details) == 4
    assert len(rows) == sum(max(1, len(each.get("imageTags", []))) for each in details)
    assert {digest for digest, _ in rows} == {each["imageDigest"] for each in details}
    assert sorted(tag for _, tag in rows if tag) == docker.tags(repository).json["tags"]


# DescribeImageTags.


@pytest.mark.parametrize("service", ["ecr-public"])
def test_a_tag_is_described_with_its_image_and_since_when_it_points_to_it(api, registry, clock):
    one, two = an_image(), an_image()
    clock.now = began = clock.now.replace(microsecond=0)
    registry.push(REPOSITORY, one, "b")
    clock.advance(minutes=1)
    registry.push(REPOSITORY, one, "a")
    registry.push(REPOSITORY, an_image())  # without a tag: in no such list

    def facts(image, pushed_at):
        return {
            "imageDigest": image.digest,
            "imageSizeInBytes": image.size_bytes,
            "imagePushedAt": pushed_at,
            "imageManifestMediaType": image.media_type,
            "artifactMediaType": OCI_CONFIG,
        }

    def told():
        tags = api.describe_image_tags(repositoryName=REPOSITORY)["imageTagDetails"]
        return [(each["imageTag"], each["createdAt"], each["imageDetail"]) for each in tags]

    minute = timedelta(minutes=1)
    a = ("a", began + minute, facts(one, began))
    assert told() == [a, ("b", began, facts(one, began))]
    clock.advance(minutes=1)
    registry.push(REPOSITORY, two, "b")
    assert told() == [a, ("b", began + 2 * minute, facts(two, began + 2 * minute))]
    clock.advance(minutes=1)
    registry.push(REPOSITORY, two, "b")  # as it is already: nothing changes
    assert told()[1][1] == began + 2 * minute
