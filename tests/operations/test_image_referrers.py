"""ListImageReferrers and the Referrers API. Source: control-plane.md §4.10; data-plane.md §1.6."""

import json

import pytest

from tests.builders import NOBODYS, OCI_INDEX, a_layer, an_artifact, an_image, an_index, sha512
from tests.operations.refusals import invalid, refusal

REPOSITORY = "team/app"
UNKNOWN = "sha256:" + "0" * 64
SBOM, SIGNATURE = "application/vnd.example.sbom", "application/vnd.example.signature"


def listed(ecr, digest, **asked):
    subject = {"imageDigest": digest}
    answer = ecr.list_image_referrers(repositoryName=REPOSITORY, subjectId=subject, **asked)
    assert "nextToken" not in answer
    return answer["referrers"]


def told(registry, digest, query=""):
    """The entries of the index that stands for the list."""
    answer = registry.referrers(REPOSITORY, digest, query)
    assert (answer.status, answer.headers["Content-Type"]) == (200, OCI_INDEX)
    assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, OCI_INDEX)
    return answer.json["manifests"]


def entry(image, artifact_type, **more):
    return image.descriptor | {"artifactType": artifact_type} | more


@pytest.fixture
def subject(registry):
    image = an_image()
    assert registry.push(REPOSITORY, image, "1.0").status == 201
    return image


def test_a_referrer_is_listed_with_all_that_is_known_of_it(registry, api, service, subject):
    artifact = an_artifact(subject=subject)
    pushed = registry.push(REPOSITORY, artifact)
    assert pushed.headers["OCI-Subject"] == subject.digest
    annotations = json.loads(artifact.manifest)["annotations"]
    assert told(registry, subject.digest) == [entry(artifact, SBOM, annotations=annotations)]
    if service == "ecr":
        assert listed(api, subject.digest) == [
            {
                "digest": artifact.digest,
                "mediaType": artifact.media_type,
                "size": len(artifact.content),
                "artifactType": SBOM,
                "annotations": annotations,
                "artifactStatus": "ACTIVE",
            }
        ]


def test_images_and_indexes_refer_too(registry, subject):
    plain = an_image(subject=subject.descriptor)
    config_type = plain.blobs[0].media_type
    index = an_index(subject, subject=subject.descriptor)
    typed = an_index(subject, subject=subject.descriptor, artifactType=SBOM)
    for image in (plain, index, typed):
        assert registry.push(REPOSITORY, image).headers["OCI-Subject"] == subject.digest
    expected = [entry(plain, config_type), index.descriptor, entry(typed, SBOM)]
    assert told(registry, subject.digest) == sorted(expected, key=lambda each: each["digest"])


@pytest.mark.parametrize("service", ["ecr"])
def test_referrers_are_filtered_by_their_type(registry, api, subject):
    sbom, signature = (an_artifact(subject=subject, artifact_type=kind) for kind in (SBOM, SIGNATURE))
    for artifact in (sbom, signature):
        registry.push(REPOSITORY, artifact)
    both = {sbom.digest, signature.digest}
    for types, expected in (
        ([SBOM], {sbom.digest}),
        ([SBOM, SIGNATURE], both),
        (["text/plain"], set()),
        ([], both),
    ):
        query = "&".join(f"artifactType={kind}" for kind in types)
        answer = registry.referrers(REPOSITORY, subject.digest, query)
        assert {each["digest"] for each in answer.json["manifests"]} == expected
        assert answer.headers.get("OCI-Filters-Applied") == ("artifactType" if types else None)
        found = listed(api, subject.digest, filter={"artifactTypes": types})
        assert {each["digest"] for each in found} == expected


@pytest.mark.parametrize("service", ["ecr"])
def test_referrers_are_filtered_by_their_status(registry, api, subject):
    registry.push(REPOSITORY, an_artifact(subject=subject))
    for status, count in (("ACTIVE", 1), ("ANY", 1), ("ARCHIVED", 0), ("ACTIVATING", 0)):
        assert len(listed(api, subject.digest, filter={"artifactStatus": status})) == count


@pytest.mark.parametrize("service", ["ecr"])
def test_a_filter_of_referrers_has_its_limits(api):
    for filter_, member, reason in (
        ({"artifactTypes": [SBOM] * 6}, "artifactTypes", "Member must have length less than or equal to 5"),
        (
            {"artifactTypes": ["x" * 256]},
            "artifactTypes",
            "Member must have length less than or equal to 255",
        ),
    ):
        assert refusal(listed, api, UNKNOWN, filter=filter_) == invalid(member, reason)
    assert listed(api, UNKNOWN, filter={"artifactTypes": ["x" * 255] * 5}) == []


def test_nobody_refers_to_what_is_not_there(registry, api, service):
    assert told(registry, UNKNOWN) == []
    malformed = registry.referrers(REPOSITORY, "nonsense")
    assert (malformed.status, malformed.error) == (400, "DIGEST_INVALID")
    if service == "ecr":
        for digest in (UNKNOWN, *NOBODYS):
            assert listed(api, digest) == []
        reason = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        assert refusal(listed, api, "nonsense") == invalid("imageDigest", reason)


def test_a_referrer_may_come_before_its_subject(registry):
    subject = an_image()
    artifact = an_artifact(subject=subject)
    assert registry.push(REPOSITORY, artifact).status == 201
    assert [each["digest"] for each in told(registry, subject.digest)] == [artifact.digest]
    registry.push(REPOSITORY, subject, "1.0")
    assert [each["digest"] for each in told(registry, subject.digest)] == [artifact.digest]


def test_a_referrer_that_is_deleted_refers_no_more(registry, subject):
    artifact = an_artifact(subject=subject)
    registry.push(REPOSITORY, artifact)
    assert registry.delete_manifest(REPOSITORY, artifact.digest).status == 202
    assert told(registry, subject.digest) == []


def test_referrers_are_of_one_repository(registry, api, subject):
    api.create_repository(repositoryName="other")
    registry.push("other", an_artifact(subject=subject))
    assert told(registry, subject.digest) == []


def test_a_subject_pushed_as_sha512_has_referrers_under_both_digests(registry):
    subject = an_image()
    wide = sha512(subject.content)
    registry.push_layers(REPOSITORY, subject)
    assert registry.put_manifest(REPOSITORY, wide, subject).status == 201
    by_wide = an_image(layers=[a_layer()], subject=subject.descriptor | {"digest": wide})
    by_narrow = an_image(layers=[a_layer()], subject=subject.descriptor)
    for referrer, digest in ((by_wide, wide), (by_narrow, subject.digest)):
        assert registry.push(REPOSITORY, referrer).headers["OCI-Subject"] == digest
    expected = sorted([by_wide.digest, by_narrow.digest])
    for digest in (wide, subject.digest):
        assert [each["digest"] for each in told(registry, digest)] == expected
