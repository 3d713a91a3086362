"""CreateRepository, DescribeRepositories, DeleteRepository, PutImageTagMutability, over both APIs."""

import re
from datetime import UTC

import pytest
from botocore.exceptions import ClientError

from openecr.metadata.image_lists import ImageLists
from openecr.metadata.images import Images
from openecr.operations import repositories
from tests.builders import an_image, an_index


def fault(caught) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_new_repository_is_described_in_full(ecr, clock, server):
    created = ecr.create_repository(repositoryName="team/app")["repository"]

    assert created == {
        "repositoryArn": "arn:aws:ecr:us-east-1:000000000000:repository/team/app",
        "registryId": "000000000000",
        "repositoryName": "team/app",
        "repositoryUri": f"localhost:{server.port}/team/app",
        "createdAt": clock.now.replace(microsecond=0).astimezone(created["createdAt"].tzinfo),
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert created["createdAt"].astimezone(UTC).microsecond == 0
    assert ecr.describe_repositories(repositoryNames=["team/app"])["repositories"] == [created]


def test_every_setting_of_a_new_repository_is_kept(ecr):
    filters = [{"filterType": "WILDCARD", "filter": "latest*"}, {"filterType": "WILDCARD", "filter": "dev"}]
    key = "arn:aws:kms:us-east-1:000000000000:key/1234"
    created = ecr.create_repository(
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key},
        tags=[{"Key": "env", "Value": "dev"}],
    )["repository"]

    assert created["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert created["imageTagMutabilityExclusionFilters"] == filters
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    assert created["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}
    assert ecr.describe_repositories()["repositories"] == [created]
    tags = ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"]
    assert tags == [{"Key": "env", "Value": "dev"}]


@pytest.mark.parametrize("kind", ["KMS", "KMS_DSSE"])
@pytest.mark.parametrize("key", [None, "alias/mine", "arn:aws:kms:us-east-1:000000000000:alias/mine", "1234"])
def test_a_kms_key_is_shown_by_its_arn(ecr, kind, key):
    configuration = {"encryptionType": kind} | ({"kmsKey": key} if key else {})
    created = ecr.create_repository(repositoryName="app", encryptionConfiguration=configuration)["repository"]
    shown = created["encryptionConfiguration"]["kmsKey"]
    assert re.fullmatch(r"arn:aws:kms:us-east-1:000000000000:key/[0-9a-f-]+", shown)
    assert created["encryptionConfiguration"]["encryptionType"] == kind
    assert ecr.describe_repositories()["repositories"] == [created]


@pytest.mark.parametrize(
    "key",
    ["arn:aws:kms:eu-west-1:000000000000:key/1234", "arn:aws:s3:::bucket", "alias/", "key/one two", "{}"],
)
def test_what_can_be_no_key_of_the_region_is_refused(ecr, key):
    with pytest.raises(ecr.exceptions.KmsException) as caught:
        ecr.create_repository(
            repositoryName="app", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}
        )
    assert caught.value.response["kmsError"] == "NotFoundException"
    assert ecr.describe_repositories()["repositories"] == []


def test_a_key_s_arn_is_shown_as_it_was_given(ecr):
    """Of another account too; terraform compares the two."""
    key = "arn:aws-cn:kms:us-east-1:111122223333:key/mrk-0123"
    created = ecr.create_repository(
        repositoryName="app", encryptionConfiguration={"encryptionType": "KMS_DSSE", "kmsKey": key}
    )["repository"]
    assert created["encryptionConfiguration"] == {"encryptionType": "KMS_DSSE", "kmsKey": key}


def test_a_key_with_aes256_is_refused(ecr):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="encryptionConfiguration"):
        ecr.create_repository(
            repositoryName="app", encryptionConfiguration={"encryptionType": "AES256", "kmsKey": "1234"}
        )


def test_a_name_is_taken_once(ecr, ecr_public):
    for client in (ecr, ecr_public):
        client.create_repository(repositoryName="team/app")
        with pytest.raises(client.exceptions.RepositoryAlreadyExistsException) as caught:
            client.create_repository(repositoryName="team/app")
        assert fault(caught)[1] == (
            "The repository with name 'team/app' already exists in the registry with id '000000000000'"
        )


@pytest.mark.parametrize("name", ["UPPER", "a//b", "a" * 257, "-a", "a___b"])
def test_a_bad_name_is_refused_with_the_constraint_it_breaks(ecr, name):
    with pytest.raises(ecr.exceptions.InvalidParameterException) as caught:
        ecr.create_repository(repositoryName=name)
    assert fault(caught)[1].startswith(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: '"
        + ("Member must have length" if len(name) > 256 else "must satisfy regular expression '")
    )


@pytest.mark.parametrize("name", ["123456789012.dkr.ecr.eu-west-1/app", "public.ecr.aws/app"])
def test_nobody_may_have_a_name_that_addresses_a_registry(ecr, name):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="name of a registry"):
        ecr.create_repository(repositoryName=name)


def test_a_repository_that_could_not_be_tagged_is_not_made(ecr, ecr_public):
    tags = [{"Key": f"key-{number}", "Value": "v"} for number in range(51)]
    for client in (ecr, ecr_public):
        with pytest.raises(client.exceptions.TooManyTagsException):
            client.create_repository(repositoryName="app", tags=tags)
        assert client.describe_repositories()["repositories"] == []
        client.create_repository(repositoryName="app", tags=tags[:50])


def test_one_unknown_name_fails_the_whole_description(ecr, ecr_public):
    for client in (ecr, ecr_public):
        client.create_repository(repositoryName="known")
        with pytest.raises(client.exceptions.RepositoryNotFoundException) as caught:
            client.describe_repositories(repositoryNames=["known", "unknown", "other"])
        assert fault(caught)[1] == (
            "The repository with name 'unknown' does not exist in the registry with id '000000000000'"
        )


def test_a_name_asked_for_twice_is_described_once(ecr):
    ecr.create_repository(repositoryName="app")
    described = ecr.describe_repositories(repositoryNames=["app", "app"])["repositories"]
    assert [each["repositoryName"] for each in described] == ["app"]


def test_names_that_are_none_are_refused_in_a_description(ecr):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="at 'repositoryNames'"):
        ecr.describe_repositories(repositoryNames=["ab", "NO"])


@pytest.mark.parametrize("paging", [{"maxResults": 5}, {"nextToken": "x"}])
def test_names_and_pages_do_not_go_together(ecr, paging):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="together with repositoryNames"):
        ecr.describe_repositories(repositoryNames=["app"], **paging)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_the_pages_together_are_the_whole_list(ecr, ecr_public, size):
    names = sorted(["a0", "a.b", "a-b", "a/b", "a_b", "ab", "ba"])
    for client in (ecr, ecr_public):
        for name in names:
            client.create_repository(repositoryName=name)
        pages = list(
            client.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": size})
        )
        assert [each["repositoryName"] for page in pages for each in page["repositories"]] == names
        assert len(pages) == -(-len(names) // size)
        assert all(len(page["repositories"]) <= size for page in pages)


def test_a_page_token_is_good_for_its_own_list_only(ecr, ecr_public):
    for client in (ecr, ecr_public):
        for name in ("a0", "a1", "a2"):
            client.create_repository(repositoryName=name)
    token = ecr.describe_repositories(maxResults=1)["nextToken"]
    for ask in (
        lambda: ecr.describe_repositories(nextToken=token[:-2]),
        lambda: ecr.list_images(repositoryName="a0", nextToken=token),
        lambda: ecr_public.describe_repositories(nextToken=token),
    ):
        with pytest.raises(ClientError) as caught:
            ask()
        assert fault(caught)[0] == "InvalidParameterException"
        assert "at 'nextToken'" in fault(caught)[1]


def test_a_repository_with_images_is_deleted_only_by_force(ecr, docker):
    ecr.create_repository(repositoryName="app")
    docker.push("app", an_image(), "1.0")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException) as caught:
        ecr.delete_repository(repositoryName="app")
    assert fault(caught)[1] == (
        "The repository with name 'app' in registry with id '000000000000' cannot be deleted because it "
        "still contains images"
    )
    assert ecr.delete_repository(repositoryName="app", force=True)["repository"]["repositoryName"] == "app"
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=["app"])


def test_layers_without_an_image_are_no_content(ecr, docker):
    ecr.create_repository(repositoryName="app")
    docker.push_layers("app", an_image())
    ecr.delete_repository(repositoryName="app")


def test_a_new_repository_of_an_old_name_has_nothing_of_the_old_one(ecr, docker):
    created = ecr.create_repository(repositoryName="app", tags=[{"Key": "k", "Value": "v"}])["repository"]
    image = an_image()
    docker.push("app", image, "1.0")
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    ecr.delete_repository(repositoryName="app", force=True)
    ecr.create_repository(repositoryName="app")

    assert ecr.list_images(repositoryName="app")["imageIds"] == []
    assert ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"] == []
    assert docker.get_manifest("app", image.digest).status == 404
    assert docker.head_blob("app", image.blobs[0].digest).status == 404
    with pytest.raises(ecr.exceptions.UploadNotFoundException):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=["sha256:" + "0" * 64])


def test_an_index_and_its_children_go_with_their_repository(ecr, docker):
    ecr.create_repository(repositoryName="app")
    assert docker.push("app", an_index(an_index(an_image()), an_image()), "1.0").status == 201
    ecr.delete_repository(repositoryName="app", force=True)
    assert ecr.describe_repositories()["repositories"] == []


@pytest.fixture
def sizes(monkeypatch):
    """How many images each transaction of a deletion takes, two at the most, before the last."""
    sizes = []
    delete_many = Images.delete_many

    def counted(images, repository, ids, *, at):
        sizes.append(len(ids))
        delete_many(images, repository, ids, at=at)

    monkeypatch.setattr(Images, "delete_many", counted)
    monkeypatch.setattr(repositories, "IMAGES_AT_ONCE", 2)
    return sizes


def test_very_many_images_go_some_at_a_time(ecr, docker, sizes):
    for name in ("app", "other"):
        ecr.create_repository(repositoryName=name)
    child = an_image()
    for number, image in enumerate([child, an_image(), an_image(), an_image(), an_index(child)]):
        docker.push("app", image, f"v{number}")
    docker.push("other", child, "1.0")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName="app")
    assert len(ecr.list_images(repositoryName="app")["imageIds"]) == 5
    ecr.delete_repository(repositoryName="app", force=True)
    assert sizes == [2, 2]
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == ["other"]
    assert docker.get_manifest("other", "1.0").status == 200


def test_a_repository_made_anew_while_its_namesake_is_deleted_stays(ecr, docker, monkeypatch):
    ecr.create_repository(repositoryName="app")
    docker.push("app", an_image())
    delete_most_images = repositories._delete_most_images

    def interrupted(call, repository):
        """A client that waits no longer asks again, and goes on, before the first call is at its end."""
        monkeypatch.setattr(repositories, "_delete_most_images", delete_most_images)
        delete_most_images(call, repository)
        ecr.delete_repository(repositoryName="app", force=True)
        ecr.create_repository(repositoryName="app")
        assert docker.push("app", an_image(), "precious").status == 201

    monkeypatch.setattr(repositories, "_delete_most_images", interrupted)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.delete_repository(repositoryName="app", force=True)
    assert docker.get_manifest("app", "precious").status == 200


def test_a_repository_is_described_as_it_was_when_it_went(ecr, monkeypatch):
    ecr.create_repository(repositoryName="app")

    def interrupted(call, repository):
        ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")

    monkeypatch.setattr(repositories, "_delete_most_images", interrupted)
    deleted = ecr.delete_repository(repositoryName="app", force=True)["repository"]
    assert deleted["imageTagMutability"] == "IMMUTABLE"


def test_an_index_pushed_while_its_repository_is_deleted_goes_with_it(ecr, docker, sizes, monkeypatch):
    ecr.create_repository(repositoryName="app")
    images = [an_image() for _ in range(6)]
    for image in images:
        docker.push("app", image)
    from_new_to_old = ImageLists.from_new_to_old

    def interrupted(lists, repository):
        found = from_new_to_old(lists, repository)
        assert docker.push("app", an_index(images[3])).status == 201
        return found

    monkeypatch.setattr(ImageLists, "from_new_to_old", interrupted)
    ecr.delete_repository(repositoryName="app", force=True)
    assert sizes == [2]
    assert ecr.describe_repositories()["repositories"] == []


def test_tag_mutability_is_replaced_with_its_filters(ecr):
    ecr.create_repository(repositoryName="app")
    filters = [{"filterType": "WILDCARD", "filter": "v*"}]
    answer = ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    del answer["ResponseMetadata"]
    assert answer == {
        "registryId": "000000000000",
        "repositoryName": "app",
        "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": filters,
    }
    answer = ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    assert "imageTagMutabilityExclusionFilters" not in answer
    described = ecr.describe_repositories()["repositories"][0]
    assert described["imageTagMutability"] == "IMMUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in described


def test_a_public_repository_has_an_alias_in_its_uri_and_no_region_in_its_arn(ecr_public, server):
    created = ecr_public.create_repository(
        repositoryName="tools", catalogData={"description": "Tools", "architectures": ["x86-64"]}
    )
    repository = created["repository"]
    alias = ecr_public.describe_registries()["registries"][0]["aliases"][0]["name"]
    assert re.fullmatch("[a-z][a-z0-9]{7}", alias)
    assert repository["repositoryArn"] == "arn:aws:ecr-public::000000000000:repository/tools"
    assert repository["repositoryUri"] == f"localhost:{server.port}/public.ecr.aws/{alias}/tools"
    assert created["catalogData"] == {"description": "Tools", "architectures": ["x86-64"]}
    assert "imageTagMutability" not in repository


def test_the_alias_is_given_once(ecr_public):
    uris = [
        ecr_public.create_repository(repositoryName=name)["repository"]["repositoryUri"]
        for name in ("a0", "a1")
    ]
    assert uris[0].removesuffix("a0") == uris[1].removesuffix("a1")


def test_regions_are_registries_of_their_own_but_the_public_one_is_one(server):
    for region in ("us-east-1", "eu-west-1"):
        server.client("ecr", region=region).create_repository(repositoryName=f"in-{region}")
    names = [
        each["repositoryName"]
        for each in server.client("ecr", region="eu-west-1").describe_repositories()["repositories"]
    ]
    assert names == ["in-eu-west-1"]

    server.client("ecr-public", region="us-east-1").create_repository(repositoryName="tools")
    found = server.client("ecr-public", region="eu-west-1").describe_repositories()["repositories"]
    assert [each["repositoryName"] for each in found] == ["tools"]
