"""Signatures, SBOMs and other referrers go where their subject goes."""

import json

import pytest

from openecr.operations import repositories
from tests.builders import EMPTY, a_config, a_layer, an_artifact, an_image, an_index, sha512


def a_cosign_signature(subject, **members):
    """As cosign pushes it where the registry knows referrers: a Sigstore bundle, about an image."""
    return an_image(
        config=a_layer(b"{}", media_type=EMPTY),
        layers=[a_layer(media_type="application/vnd.dev.sigstore.bundle.v0.3+json")],
        artifactType="application/vnd.dev.sigstore.bundle.v0.3+json",
        subject=subject.descriptor,
        annotations={"dev.sigstore.bundle.content": "dsse-envelope"},
        **members,
    )


def an_oras_attachment(subject):
    """As `oras attach` pushes it."""
    return an_artifact(subject=subject, artifact_type="application/vnd.example.sbom")


def an_older_attachment(subject):
    """Of the time before artifactType: its type is its config's."""
    return an_image(config=a_config(media_type="application/vnd.example.config"), subject=subject.descriptor)


@pytest.fixture
def push(docker, repository):
    def push(image, reference=None):
        assert docker.push(repository, image, reference).status == 201
        return image

    return push


@pytest.fixture
def change(ecr, repository):
    def change(image, target):
        image_id = {"imageDigest": image.digest}
        ecr.update_image_storage_class(repositoryName=repository, imageId=image_id, targetStorageClass=target)

    return change


@pytest.fixture
def delete(server, ecr, repository):
    """Delete an image. What follows is found at once; it is done when its time has come."""

    def delete(**image_id):
        assert ecr.batch_delete_image(repositoryName=repository, imageIds=[image_id])["failures"] == []
        server.run_jobs()

    return delete


@pytest.fixture
def statuses(ecr, repository):
    """Digest → status of all images."""

    def statuses():
        found = ecr.describe_images(
            repositoryName=repository, filter={"imageStatus": "ANY"}, maxResults=1000
        )["imageDetails"]
        return {each["imageDigest"]: each["imageStatus"] for each in found}

    return statuses


@pytest.fixture
def events(server):
    """The records of what the service did by itself."""

    def events(name):
        lines = (server.parts.settings.data_dir / "audit.jsonl").read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["eventName"] == name]

    return events


def are_there(docker, repository, *images):
    return [docker.get_manifest(repository, image.digest).status == 200 for image in images]


@pytest.mark.parametrize("make", [a_cosign_signature, an_oras_attachment, an_older_attachment])
def test_referrers_are_deleted_an_hour_after_their_subject(
    server, delete, docker, repository, push, clock, make, events
):
    subject, other = push(an_image(), "1.0"), push(an_image(), "2.0")
    mine, others = push(make(subject)), push(make(other))
    delete(imageTag="1.0")

    clock.advance(minutes=59)
    server.run_jobs()
    assert are_there(docker, repository, mine, others) == [True, True]
    clock.advance(minutes=1)
    server.run_jobs()
    assert are_there(docker, repository, mine, others) == [False, True]
    [event] = events("ReferrerLifecycleEvent")
    assert (event["recipientAccountId"], event["eventType"]) == ("000000000000", "AwsServiceEvent")
    assert event["serviceEventDetails"] == {
        "repositoryName": repository,
        "imageDigest": mine.digest,
        "subjectManifestDigest": subject.digest,
        "action": "EXPIRE",
    }


def test_referrers_of_referrers_are_deleted_in_turn(server, delete, docker, repository, push, clock):
    subject = push(an_image(), "1.0")
    sbom = push(an_oras_attachment(subject))
    signature = push(a_cosign_signature(sbom))
    delete(imageTag="1.0")
    clock.advance(hours=1)
    server.run_jobs()
    assert are_there(docker, repository, sbom, signature) == [False, True]
    clock.advance(hours=1)
    server.run_jobs()
    assert are_there(docker, repository, signature) == [False]


def test_nothing_follows_where_subjects_and_referrers_go_with_their_repository(
    server, ecr, repository, push, monkeypatch
):
    monkeypatch.setattr(repositories, "IMAGES_AT_ONCE", 2)
    for number in range(4):
        push(a_cosign_signature(push(an_image(), f"v{number}")))
    ecr.delete_repository(repositoryName=repository, force=True)
    server.run_jobs()
    with server.parts.stores.database.reading() as db:
        assert [job for job in db.jobs.page(after=0, limit=100) if job.kind == "expire_referrers"] == []


def test_referrers_stay_where_their_subject_is_pushed_again(server, delete, docker, repository, push, clock):
    subject = push(an_image(), "1.0")
    signature = push(a_cosign_signature(subject))
    delete(imageTag="1.0")
    push(subject, "1.0")
    clock.advance(hours=1)
    server.run_jobs()
    assert are_there(docker, repository, signature) == [True]


def a_signature_by_sha512(subject):
    descriptor = subject.descriptor | {"digest": sha512(subject.content)}
    return an_image(config=a_layer(b"{}", media_type=EMPTY), subject=descriptor)


def test_referrers_by_another_digest_of_the_subject_follow_too(
    server, delete, docker, repository, push, clock
):
    subject = an_image()
    push(subject, sha512(subject.content))
    signature = push(a_signature_by_sha512(subject))
    delete(imageDigest=subject.digest)
    clock.advance(hours=1)
    server.run_jobs()
    assert are_there(docker, repository, signature) == [False]


def test_a_subject_that_is_pushed_again_by_its_other_digest_keeps_its_referrers(
    server, delete, docker, repository, push, clock
):
    subject = an_image()
    push(subject, sha512(subject.content))
    signature = push(a_signature_by_sha512(subject))
    delete(imageDigest=subject.digest)
    push(subject, "1.0")
    clock.advance(hours=1)
    server.run_jobs()
    assert are_there(docker, repository, signature) == [True]
    shown = docker.referrers(repository, subject.digest).json["manifests"]
    assert [each["digest"] for each in shown] == [signature.digest]


def test_a_referrer_that_an_index_lists_is_deleted_after_the_index(
    server, delete, docker, repository, push, clock
):
    subject = push(an_image(), "1.0")
    signature = push(a_cosign_signature(subject))
    index = push(an_index(signature), "all")
    delete(imageTag="1.0")
    clock.advance(hours=1)
    server.run_jobs()
    assert are_there(docker, repository, signature) == [True]
    docker.delete_manifest(repository, index.digest)
    clock.advance(hours=12)
    server.run_jobs()
    with server.parts.stores.database.reading() as db:
        assert db.connection.driver.execute("SELECT count(*) FROM image").fetchone() == (0,)


@pytest.mark.parametrize("make", [a_cosign_signature, an_oras_attachment, an_older_attachment])
def test_referrers_are_archived_and_restored_with_their_subject(
    server, docker, repository, push, change, statuses, events, make
):
    subject, other = push(an_image()), push(an_image())
    mine, others = push(make(subject)), push(make(other))
    change(subject, "ARCHIVE")
    server.run_jobs()
    assert statuses() == {
        subject.digest: "ARCHIVED",
        mine.digest: "ARCHIVED",
        other.digest: "ACTIVE",
        others.digest: "ACTIVE",
    }
    assert docker.referrers(repository, subject.digest).json["manifests"] == []

    change(subject, "STANDARD")
    server.run_jobs()
    assert set(statuses().values()) == {"ACTIVE"}
    assert [each["serviceEventDetails"] for each in events("ReferrerLifecycleEvent")] == [
        {
            "repositoryName": repository,
            "imageDigest": mine.digest,
            "subjectManifestDigest": subject.digest,
            "action": "TRANSITION",
            "targetStorageClass": target,
        }
        for target in ("ARCHIVE", "STANDARD")
    ]


def test_a_restored_image_is_told_of_as_aws_tells(server, push, change, events, repository):
    image = push(an_image())
    change(image, "ARCHIVE")
    change(image, "STANDARD")
    server.run_jobs()
    [event] = events("ImageActivationEvent")
    assert (event["eventType"], event["awsRegion"]) == ("AwsServiceEvent", "us-east-1")
    assert event["serviceEventDetails"] == {
        "repositoryName": repository,
        "imageDigest": image.digest,
        "targetStorageClass": "STANDARD",
        "result": "SUCCESS",
        "imageStatus": "ACTIVE",
    }
    told = [each["responseElements"]["image"]["imageStatus"] for each in events("UpdateImageStorageClass")]
    assert told == ["ARCHIVED", "ACTIVATING"]


def test_a_referrer_that_was_archived_by_itself_stays_archived(server, push, change, statuses):
    subject = push(an_image())
    alone, together = push(an_oras_attachment(subject)), push(a_cosign_signature(subject))
    change(alone, "ARCHIVE")
    change(subject, "ARCHIVE")
    server.run_jobs()
    change(subject, "STANDARD")
    server.run_jobs()
    assert statuses() == {subject.digest: "ACTIVE", together.digest: "ACTIVE", alone.digest: "ARCHIVED"}


def test_referrers_of_referrers_are_archived_and_restored_in_turn(server, push, change, statuses):
    subject = push(an_image())
    sbom = push(an_oras_attachment(subject))
    push(a_cosign_signature(sbom))
    change(subject, "ARCHIVE")
    server.run_jobs()
    assert set(statuses().values()) == {"ARCHIVED"}
    change(subject, "STANDARD")
    server.run_jobs()
    assert set(statuses().values()) == {"ACTIVE"}


@pytest.mark.parametrize("known_by", ["sha256", "sha512"])
def test_a_subject_that_is_pushed_again_takes_its_referrers_with_it(server, push, change, statuses, known_by):
    subject = an_image()
    push(subject, sha512(subject.content))
    push(a_cosign_signature(subject) if known_by == "sha256" else a_signature_by_sha512(subject))
    change(subject, "ARCHIVE")
    server.run_jobs()
    assert set(statuses().values()) == {"ARCHIVED"}
    push(subject, "1.0")
    server.run_jobs()
    assert set(statuses().values()) == {"ACTIVE"}


def test_a_referrer_that_an_index_lists_is_archived_after_the_index(
    server, docker, repository, push, change, statuses, clock
):
    subject = push(an_image())
    signature = push(a_cosign_signature(subject))
    index = push(an_index(signature))
    change(subject, "ARCHIVE")
    server.run_jobs()
    assert statuses()[signature.digest] == "ACTIVE"
    change(index, "ARCHIVE")
    clock.advance(hours=12)
    server.run_jobs()
    assert are_there(docker, repository, signature) == [False]


def test_more_referrers_than_one_transaction_changes_follow(
    server, docker, repository, push, change, statuses
):
    subject = push(an_image())
    config = a_layer(b"{}", media_type=EMPTY)
    layer = a_layer()
    push(an_image(config=config, layers=[layer]))
    for number in range(101):
        referrer = an_image(
            config=config, layers=[layer], subject=subject.descriptor, annotations={"number": str(number)}
        )
        assert docker.put_manifest(repository, referrer.digest, referrer).status == 201
    change(subject, "ARCHIVE")
    server.run_jobs()
    assert sorted(statuses().values()) == ["ACTIVE"] + ["ARCHIVED"] * 102
    answer = docker.referrers(repository, subject.digest)
    assert answer.json["manifests"] == []


def test_a_referrer_that_is_pushed_after_its_subject_went_stays(push, delete, statuses, server, clock):
    """It was accepted without a subject: what goes is what was there with it."""
    subject = push(an_image(), "1.0")
    before = push(a_cosign_signature(subject))
    delete(imageDigest=subject.digest)
    later = push(a_cosign_signature(subject))

    clock.advance(hours=2)
    server.run_jobs()
    clock.advance(hours=-2)

    assert before.digest not in statuses()
    assert later.digest in statuses()
