"""Images in the archive: kept with their tags, not to be pulled, and restored."""

import pytest
import requests

from openecr.server.app import build
from openecr.settings import Settings
from tests.builders import a_layer, an_artifact, an_image, an_index
from tests.operations.refusals import invalid, refusal

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def push(docker, repository):
    def push(image, tag=None):
        assert docker.push(repository, image, tag).status == 201
        return image

    return push


@pytest.fixture
def change(ecr, repository):
    """Ask for a storage class; the status that is answered."""

    def change(image, target):
        image_id = {"imageDigest": image.digest}
        answer = ecr.update_image_storage_class(
            repositoryName=repository, imageId=image_id, targetStorageClass=target
        )
        return answer["imageStatus"]

    return change


@pytest.fixture
def detail(ecr, repository):
    def detail(image):
        [found] = ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": image.digest}])[
            "imageDetails"
        ]
        return found

    return detail


def status_of(detail, image):
    return detail(image)["imageStatus"]


def listed(ecr, repository, status=None):
    wanted = {} if status is None else {"filter": {"imageStatus": status}}
    rows = ecr.list_images(repositoryName=repository, **wanted)["imageIds"]
    assert {row["imageDigest"] for row in rows} == {
        each["imageDigest"]
        for each in ecr.describe_images(repositoryName=repository, **wanted)["imageDetails"]
    }
    return {(row["imageDigest"], row.get("imageTag")) for row in rows}


def test_an_archived_image_is_there_and_cannot_be_pulled(
    ecr, docker, repository, push, change, detail, clock
):
    image, other = push(an_image(), "1.0"), push(an_image(), "2.0")
    clock.advance(minutes=5)

    assert change(image, "ARCHIVE") == "ARCHIVED"
    assert listed(ecr, repository) == {(other.digest, "2.0")}
    assert listed(ecr, repository, "ARCHIVED") == {(image.digest, "1.0")}
    assert listed(ecr, repository, "ANY") == {(image.digest, "1.0"), (other.digest, "2.0")}
    shown = detail(image)
    assert (shown["imageStatus"], shown["imageTags"]) == ("ARCHIVED", ["1.0"])
    assert shown["lastArchivedAt"].timestamp() == pytest.approx(clock.now.timestamp(), abs=1)
    assert "lastActivatedAt" not in shown

    ids = [{"imageTag": "1.0"}, {"imageDigest": image.digest}, {"imageTag": "2.0"}]
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=ids)
    assert [each["imageId"] for each in answer["failures"]] == ids[:2]
    assert {each["failureCode"] for each in answer["failures"]} == {"ImageInaccessible"}
    assert [each["imageId"]["imageDigest"] for each in answer["images"]] == [other.digest]
    for reference in ("1.0", image.digest):
        refused = docker.get_manifest(repository, reference)
        assert (refused.status, refused.error) == (404, "MANIFEST_UNKNOWN")
        assert docker.head_manifest(repository, reference).status == 404
    assert docker.get_manifest(repository, "2.0").status == 200


def test_a_pull_that_is_remembered_is_refused_once_the_image_is_archived(docker, repository, push, change):
    image = push(an_image(), "1.0")
    for _ in range(3):
        assert docker.get_manifest(repository, "1.0").status == 200
    change(image, "ARCHIVE")
    assert docker.get_manifest(repository, "1.0").status == 404


def test_a_restored_image_is_activating_until_the_job_is_done(
    server, ecr, docker, repository, push, change, detail, clock
):
    image = push(an_image(), "1.0")
    pushed_at = detail(image)["imagePushedAt"]
    change(image, "ARCHIVE")
    clock.advance(minutes=5)

    assert change(image, "STANDARD") == "ACTIVATING"
    assert listed(ecr, repository) == set()
    assert listed(ecr, repository, "ACTIVATING") == {(image.digest, "1.0")}
    assert docker.get_manifest(repository, "1.0").status == 404
    assert change(image, "STANDARD") == "ACTIVATING"

    assert server.run_jobs() > 0
    shown = detail(image)
    assert (shown["imageStatus"], shown["imagePushedAt"]) == ("ACTIVE", pushed_at)
    assert shown["lastActivatedAt"].timestamp() == pytest.approx(clock.now.timestamp(), abs=1)
    assert (shown["lastActivatedAt"] - shown["lastArchivedAt"]).total_seconds() == 300
    assert docker.get_manifest(repository, "1.0").body == image.content


def test_what_is_archived_again_before_it_was_restored_stays_archived(server, push, change, detail):
    image = push(an_image())
    change(image, "ARCHIVE")
    change(image, "STANDARD")
    assert change(image, "ARCHIVE") == "ARCHIVED"
    server.run_jobs()
    assert status_of(detail, image) == "ARCHIVED"


def test_the_class_that_an_image_has_can_be_asked_for(push, change, detail, clock):
    image = push(an_image())
    assert change(image, "STANDARD") == "ACTIVE"
    change(image, "ARCHIVE")
    archived_at = detail(image)["lastArchivedAt"]
    clock.advance(minutes=5)
    assert change(image, "ARCHIVE") == "ARCHIVED"
    assert detail(image)["lastArchivedAt"] == archived_at


@pytest.mark.parametrize("by", ["tag", "digest", "both"])
def test_the_image_is_named_by_tag_by_digest_or_by_both(ecr, repository, push, by):
    image = push(an_image(), "1.0")
    image_id = {"imageTag": "1.0", "imageDigest": image.digest}
    if by != "both":
        del image_id["imageDigest" if by == "tag" else "imageTag"]
    answer = ecr.update_image_storage_class(
        repositoryName=repository, imageId=image_id, targetStorageClass="ARCHIVE"
    )
    del answer["ResponseMetadata"]
    assert answer == {
        "registryId": "000000000000",
        "repositoryName": repository,
        "imageId": {"imageDigest": image.digest} | ({} if by == "digest" else {"imageTag": "1.0"}),
        "imageStatus": "ARCHIVED",
    }


@pytest.mark.parametrize(
    ("image_id", "error"),
    [
        ({"imageTag": "none"}, "ImageNotFoundException"),
        ({"imageDigest": UNKNOWN}, "ImageNotFoundException"),
        ({"imageTag": "1.0", "imageDigest": UNKNOWN}, "ImageNotFoundException"),
        ({}, "InvalidParameterException"),
    ],
)
def test_an_image_that_is_not_there_is_told(ecr, repository, push, image_id, error):
    push(an_image(), "1.0")
    with pytest.raises(getattr(ecr.exceptions, error)):
        ecr.update_image_storage_class(
            repositoryName=repository, imageId=image_id, targetStorageClass="ARCHIVE"
        )


def test_an_image_that_is_not_named_is_told_by_the_member_of_this_call(ecr, repository):
    asked = {"repositoryName": repository, "imageId": {}, "targetStorageClass": "ARCHIVE"}
    assert refusal(ecr.update_image_storage_class, **asked) == invalid(
        "imageId", "both tag and digest cannot be null"
    )


def test_a_repository_and_a_class_that_are_none_are_told(ecr, repository):
    image_id = {"imageTag": "1.0"}
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.update_image_storage_class(repositoryName="none", imageId=image_id, targetStorageClass="ARCHIVE")
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.update_image_storage_class(
            repositoryName=repository, imageId=image_id, targetStorageClass="GLACIER"
        )


def test_what_an_index_lists_is_archived_after_the_index(ecr, repository, push, change, detail):
    child = an_image()
    index = push(an_index(child), "all")
    with pytest.raises(ecr.exceptions.ImageStorageClassUpdateNotSupportedException) as caught:
        change(child, "ARCHIVE")
    assert index.digest in caught.value.response["Error"]["Message"]
    assert status_of(detail, child) == "ACTIVE"

    assert change(index, "ARCHIVE") == "ARCHIVED"
    assert status_of(detail, child) == "ACTIVE"
    assert change(child, "ARCHIVE") == "ARCHIVED"


def test_a_child_is_kept_in_the_standard_class_by_an_index_on_its_way_back(ecr, push, change):
    child = an_image()
    index = push(an_index(child))
    change(index, "ARCHIVE")
    change(index, "STANDARD")
    with pytest.raises(ecr.exceptions.ImageStorageClassUpdateNotSupportedException):
        change(child, "ARCHIVE")


def test_an_index_is_restored_with_all_that_it_lists(server, docker, repository, push, change, detail):
    child, other = an_image(), an_image()
    inner = an_index(child)
    index = push(an_index(inner, other), "all")
    for image in (index, inner, child):
        change(image, "ARCHIVE")

    assert change(index, "STANDARD") == "ACTIVATING"
    assert [status_of(detail, each) for each in (inner, child, other)] == [
        "ACTIVATING",
        "ACTIVATING",
        "ACTIVE",
    ]
    server.run_jobs()
    for each in (index, inner, child, other):
        assert docker.get_manifest(repository, each.digest).status == 200
    assert "lastActivatedAt" not in detail(other)


def test_a_child_may_be_restored_alone(server, push, change, detail):
    child = an_image()
    index = push(an_index(child))
    change(index, "ARCHIVE")
    change(child, "ARCHIVE")
    change(child, "STANDARD")
    server.run_jobs()
    assert [status_of(detail, each) for each in (index, child)] == ["ARCHIVED", "ACTIVE"]


@pytest.mark.parametrize("front", ["api", "oci"])
@pytest.mark.parametrize("was", ["archived", "activating"])
def test_to_push_an_archived_image_again_restores_it_at_once(
    ecr, docker, repository, push, change, detail, clock, front, was
):
    image = push(an_image(), "1.0")
    change(image, "ARCHIVE")
    if was == "activating":
        change(image, "STANDARD")
    clock.advance(minutes=5)
    if front == "api":
        ecr.put_image(repositoryName=repository, imageManifest=image.manifest, imageTag="1.0")
    else:
        assert docker.push(repository, image, "1.0").status == 201

    assert docker.get_manifest(repository, "1.0").body == image.content
    shown = detail(image)
    assert shown["imageStatus"] == "ACTIVE"
    assert shown["lastActivatedAt"].timestamp() == pytest.approx(clock.now.timestamp(), abs=1)
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName=repository, imageManifest=image.manifest, imageTag="1.0")


def test_an_index_that_is_pushed_takes_archived_images_with_it(ecr, docker, repository, push, change, detail):
    child = push(an_image())
    change(child, "ARCHIVE")
    index = an_index(child)
    ecr.put_image(repositoryName=repository, imageManifest=index.manifest)
    assert status_of(detail, child) == "ACTIVE"

    change(index, "ARCHIVE")
    change(child, "ARCHIVE")
    ecr.put_image(repositoryName=repository, imageManifest=index.manifest)
    assert [status_of(detail, each) for each in (index, child)] == ["ACTIVE", "ACTIVE"]


def test_an_archived_image_keeps_its_repository_from_deletion_and_can_be_deleted(
    ecr, repository, push, change
):
    image = push(an_image(), "1.0")
    change(image, "ARCHIVE")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=repository)
    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "1.0"}])
    assert answer["imageIds"] == [{"imageDigest": image.digest, "imageTag": "1.0"}]
    ecr.delete_repository(repositoryName=repository)


def test_a_tag_of_an_archived_image_can_be_given_to_another(docker, repository, push, change, detail):
    image = push(an_image(), "1.0")
    change(image, "ARCHIVE")
    other = push(an_image(), "1.0")
    assert docker.get_manifest(repository, "1.0").body == other.content
    assert "imageTags" not in detail(image)


def test_archived_referrers_are_listed_where_they_are_asked_for(ecr, docker, repository, push, change):
    subject = push(an_image())
    kept, archived = push(an_artifact(subject=subject)), push(an_artifact(subject=subject))
    change(archived, "ARCHIVE")

    def referrers(**wanted):
        answer = ecr.list_image_referrers(
            repositoryName=repository, subjectId={"imageDigest": subject.digest}, **wanted
        )
        return {(each["digest"], each["artifactStatus"]) for each in answer["referrers"]}

    assert referrers() == {(kept.digest, "ACTIVE")}
    assert referrers(filter={"artifactStatus": "ARCHIVED"}) == {(archived.digest, "ARCHIVED")}
    assert referrers(filter={"artifactStatus": "ANY"}) == {
        (kept.digest, "ACTIVE"),
        (archived.digest, "ARCHIVED"),
    }
    shown = docker.referrers(repository, subject.digest).json["manifests"]
    assert [each["digest"] for each in shown] == [kept.digest]


# Layers of archived images.


def availability(ecr, repository, *layers):
    digests = [layer.digest for layer in layers]
    answer = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=digests)
    return [each["layerAvailability"] for each in answer["layers"]]


def test_layers_that_only_archived_images_use_are_archived_with_them(ecr, docker, repository, push, change):
    shared, own = a_layer(), a_layer()
    image, other = push(an_image(layers=[shared, own])), push(an_image(layers=[shared]))
    change(image, "ARCHIVE")

    assert availability(ecr, repository, shared, own) == ["AVAILABLE", "ARCHIVED"]
    with pytest.raises(ecr.exceptions.LayerInaccessibleException):
        ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=own.digest)
    refused = docker.get_blob(repository, own.digest)
    assert (refused.status, refused.error) == (404, "BLOB_UNKNOWN")
    ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=shared.digest)
    assert docker.get_blob(repository, shared.digest).body == shared.content

    change(other, "ARCHIVE")
    assert availability(ecr, repository, shared) == ["ARCHIVED"]
    assert docker.get_blob(repository, shared.digest).status == 404


def test_layers_can_be_downloaded_again_once_their_image_is_restored(
    server, ecr, docker, repository, push, change
):
    image = push(an_image())
    change(image, "ARCHIVE")
    change(image, "STANDARD")
    [layer] = image.blobs[1:]
    assert docker.get_blob(repository, layer.digest).status == 404
    server.run_jobs()
    assert docker.get_blob(repository, layer.digest).body == layer.content
    assert availability(ecr, repository, layer) == ["AVAILABLE"]


def test_a_push_finds_the_layers_of_an_archived_image_and_need_not_upload_them(
    docker, repository, push, change
):
    image = push(an_image(), "1.0")
    change(image, "ARCHIVE")
    for blob in image.blobs:
        assert docker.head_blob(repository, blob.digest).status == 200
    assert docker.put_manifest(repository, "1.0", image).status == 201
    for blob in image.blobs:
        assert docker.get_blob(repository, blob.digest).body == blob.content


def test_a_layer_is_archived_in_the_repository_whose_images_are(ecr, docker, repository, push, change):
    image = push(an_image())
    ecr.create_repository(repositoryName="team/other")
    docker.push("team/other", image)
    change(image, "ARCHIVE")
    for blob in image.blobs:
        assert docker.get_blob(repository, blob.digest).status == 404
        assert docker.get_blob("team/other", blob.digest).body == blob.content


class TestWithAnArchive:
    """With OPENECR_ARCHIVE_BLOB_URL the layers of archived images lie elsewhere."""

    @pytest.fixture
    def settings(self, settings, tmp_path):
        return settings | {"archive_blob_url": f"file://{tmp_path}/cold"}

    @pytest.fixture
    def archive(self, server, change):
        """Archive an image whose layers no push counts on any more."""

        def archive(image):
            change(image, "ARCHIVE")
            with server.parts.stores.database.transaction() as db:
                db.connection.driver.execute("UPDATE repository_blob SET lease_until = 0")
            server.run_jobs()

        return archive

    def test_layers_move_and_come_back(self, server, docker, repository, push, change, archive, tmp_path):
        image = push(an_image(), "1.0")
        archive(image)
        assert {path.read_bytes() for path in (tmp_path / "cold").glob("blobs/*/*")} == {
            blob.content for blob in image.blobs
        }
        assert docker.get_blob(repository, image.blobs[0].digest).status == 404

        change(image, "STANDARD")
        server.run_jobs()
        assert docker.get_manifest(repository, "1.0").status == 200
        for blob in image.blobs:
            assert docker.get_blob(repository, blob.digest).body == blob.content

    @pytest.mark.parametrize("front", ["api", "oci"])
    def test_what_is_pushed_again_is_served_from_there(
        self, server, ecr, docker, repository, push, archive, front
    ):
        image = push(an_image(), "1.0")
        archive(image)
        if front == "api":
            ecr.put_image(repositoryName=repository, imageManifest=image.manifest)
        else:
            assert docker.push(repository, image, "1.0").status == 201
        for worked in (False, True):
            for blob in image.blobs:
                assert docker.get_blob(repository, blob.digest).body == blob.content
                part = docker.get_blob(repository, blob.digest, Range="bytes=1-3")
                assert part.body == blob.content[1:4]
                url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=blob.digest)
                assert requests.get(url["downloadUrl"], timeout=30).content == blob.content
            if not worked:
                assert server.run_jobs() > 0

    def test_a_server_without_the_setting_says_what_is_missing(self, server, push, archive, settings, capfd):
        archive(push(an_image()))
        del settings["archive_blob_url"]
        build(Settings.read(settings, environ={}), port=1).close()
        assert "OPENECR_ARCHIVE_BLOB_URL does not say where archived layers are" in capfd.readouterr().err
