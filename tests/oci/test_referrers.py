"""Who points to a manifest: the list of its referrers, filtered and page by page."""

import json

import pytest

from tests.builders import (
    OCI_INDEX,
    OCI_MANIFEST,
    Image,
    an_artifact,
    an_image,
    an_index,
    sha256,
    sha512,
)

SBOM, SIGNATURE = "application/vnd.example.sbom", "application/vnd.example.signature+json"
UNKNOWN = "sha256:" + "0" * 64


def entries(answer):
    assert (answer.status, answer.headers["Content-Type"]) == (200, OCI_INDEX), answer.body
    document = answer.json
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    return document["manifests"]


def digests(answer):
    return [entry["digest"] for entry in entries(answer)]


def an_entry(image, artifact_type, **more):
    return {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": len(image.content),
        "artifactType": artifact_type,
    } | more


def test_referrers_are_listed_with_what_a_client_chooses_by(registry):
    docker, repository, subject = registry.docker, registry.repository, an_image()
    artifact = an_artifact(subject=subject, artifact_type=SBOM)
    plain = an_image(subject=subject.descriptor)
    index = an_index(subject=subject.descriptor, artifactType=SIGNATURE, annotations={"a": "é"})
    bare = an_index(subject=subject.descriptor, annotations={"which": "bare"})
    for image in (subject, artifact, plain, index, bare, an_artifact(subject=plain), an_artifact()):
        assert docker.push(repository, image).status == 201
    answer = docker.referrers(repository, subject.digest)
    listed = {entry["digest"]: entry for entry in entries(answer)}
    bare_entry = an_entry(bare, None, annotations={"which": "bare"})
    del bare_entry["artifactType"]
    assert listed == {
        artifact.digest: an_entry(artifact, SBOM, annotations=json.loads(artifact.manifest)["annotations"]),
        plain.digest: an_entry(plain, json.loads(plain.manifest)["config"]["mediaType"]),
        index.digest: an_entry(index, SIGNATURE, annotations={"a": "é"}),
        bare.digest: bare_entry,
    }
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert not {"OCI-Filters-Applied", "Link"} & set(answer.headers)


def test_both_fronts_list_the_same_referrers(ecr, docker, repository):
    subject = an_image()
    docker.push(repository, subject)
    artifacts = [an_artifact(subject=subject, artifact_type=kind) for kind in (SBOM, SIGNATURE)]
    for artifact in artifacts:
        docker.push(repository, artifact)
    by_api = ecr.list_image_referrers(repositoryName=repository, subjectId={"imageDigest": subject.digest})
    assert [each["digest"] for each in by_api["referrers"]] == digests(
        docker.referrers(repository, subject.digest)
    )


def test_a_subject_nobody_knows_has_no_referrers(registry):
    """oras asks this of the digest of 64 zeros to learn whether the list exists."""
    answer = registry.docker.referrers(registry.repository, UNKNOWN)
    assert entries(answer) == []


def test_referrers_may_come_before_their_subject_and_outlive_it(docker, repository):
    subject = an_image()
    artifact = an_artifact(subject=subject)
    docker.push(repository, artifact)
    assert digests(docker.referrers(repository, subject.digest)) == [artifact.digest]
    docker.push(repository, subject)
    assert digests(docker.referrers(repository, subject.digest)) == [artifact.digest]
    docker.delete_manifest(repository, subject.digest)
    assert digests(docker.referrers(repository, subject.digest)) == [artifact.digest]
    docker.delete_manifest(repository, artifact.digest)
    assert digests(docker.referrers(repository, subject.digest)) == []


def test_referrers_are_those_of_one_repository(ecr, docker, repository):
    ecr.create_repository(repositoryName="other")
    subject = an_image()
    artifact = an_artifact(subject=subject)
    docker.push("other", artifact)
    assert digests(docker.referrers(repository, subject.digest)) == []
    assert digests(docker.referrers("other", subject.digest)) == [artifact.digest]


def test_a_subject_is_known_by_its_sha512_too(docker, repository):
    subject = an_image()
    name = sha512(subject.content)
    docker.push_layers(repository, subject)
    docker.put_manifest(repository, name, subject)
    by_one, by_other = (
        an_artifact(subject=subject),
        an_image(subject=subject.descriptor | {"digest": name}),
    )
    assert docker.push(repository, by_one).headers["OCI-Subject"] == subject.digest
    assert docker.push(repository, by_other).headers["OCI-Subject"] == name
    for digest in (subject.digest, name):
        assert set(digests(docker.referrers(repository, digest))) == {by_one.digest, by_other.digest}


def test_referrers_are_filtered_by_type(registry):
    docker, repository, subject = registry.docker, registry.repository, an_image()
    sbom, signature, other = (
        an_artifact(subject=subject, artifact_type=kind) for kind in (SBOM, SIGNATURE, "text/x")
    )
    for image in (sbom, signature, other):
        docker.push(repository, image)
    encoded = SIGNATURE.replace("/", "%2F").replace("+", "%2B")
    for query, expected in (
        (f"artifactType={SBOM}", {sbom}),
        (f"artifactType={SIGNATURE}", {signature}),
        (f"artifactType={encoded}", {signature}),
        (f"artifactType={SBOM}&artifactType={encoded}", {sbom, signature}),
        (f"artifactType={SBOM}&artifactType={SBOM}", {sbom}),
        ("artifactType=text/y", set()),
        ("artifactType=%25", set()),
        ("artifactType=%00", set()),
    ):
        answer = docker.referrers(repository, subject.digest, query)
        assert set(digests(answer)) == {image.digest for image in expected}, query
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    for query in ("", "artifactType=", "artifactType"):
        answer = docker.referrers(repository, subject.digest, query)
        assert len(entries(answer)) == 3
        assert "OCI-Filters-Applied" not in answer.headers


@pytest.mark.parametrize("digest", ["sha256:abc", "latest", "md5:" + "0" * 32, "sha256:" + "A" * 64])
def test_what_is_no_digest_is_no_subject(docker, repository, digest):
    refused = docker.referrers(repository, digest)
    assert (refused.status, refused.error) == (400, "DIGEST_INVALID")


def test_referrers_in_a_repository_that_is_not_there(registry):
    """oras-go depends on the code."""
    refused = registry.docker.referrers("no/where", UNKNOWN)
    assert (refused.status, refused.error) == (404, "NAME_UNKNOWN")


# Pages.


@pytest.fixture
def many(docker, repository):
    """A subject, and push more referrers of it: so many of each type."""
    subject, shared = an_image(), an_image()
    docker.push_layers(repository, shared)

    def push(count, artifact_type=SBOM):
        pushed = []
        for number in range(count):
            document = json.loads(shared.manifest) | {
                "subject": subject.descriptor,
                "artifactType": artifact_type,
                "annotations": {"number": str(number)},
            }
            image = Image(json.dumps(document), OCI_MANIFEST)
            assert docker.put_manifest(repository, image.digest, image).status == 201
            pushed.append(image.digest)
        return sorted(pushed)

    return subject.digest, push


def all_pages(docker, answer):
    found = [digests(answer)]
    while "Link" in answer.headers:
        answer = docker.follow(answer)
        found.append(digests(answer))
    return found


def test_a_page_has_fifty_referrers(docker, repository, many):
    subject, push = many
    pushed = push(51)
    for query in ("", "n=0", "n=51", "n=100000", "n=-1", "n=x"):
        found = all_pages(docker, docker.referrers(repository, subject, query))
        assert found == [pushed[:50], pushed[50:]], query


def test_the_pages_together_are_the_whole_list(docker, repository, many):
    subject, push = many
    wanted = push(5, SBOM)
    push(5, SIGNATURE)
    for size in (1, 2, 5, 6):
        answer = docker.referrers(repository, subject, f"n={size}&artifactType={SBOM}")
        assert all_pages(docker, answer) == [wanted[first : first + size] for first in range(0, 5, size)]
    answer = docker.follow(docker.referrers(repository, subject, f"n=2&artifactType={SBOM}"))
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"


def test_a_page_token_is_of_one_list(docker, repository, many):
    subject, push = many
    push(2)
    link = docker.referrers(repository, subject, "n=1").headers["Link"]
    token = link.partition("nextToken=")[2].partition(">")[0]
    assert len(entries(docker.referrers(repository, subject, f"nextToken={token}"))) == 1
    changed = ("A" if token[0] != "A" else "B") + token[1:]
    for digest, query in (
        (UNKNOWN, f"nextToken={token}"),
        (subject, f"artifactType={SBOM}&nextToken={token}"),
        (subject, f"nextToken={changed}"),
        (subject, "nextToken="),
        (subject, "nextToken=%00"),
    ):
        refused = docker.referrers(repository, digest, query)
        assert (refused.status, refused.error) == (405, "UNSUPPORTED"), query


def test_a_page_ends_before_it_grows_beyond_measure(docker, repository):
    """Annotations are shown, and each manifest may hold 4 MiB of them."""
    subject, shared = an_image(), an_image()
    docker.push_layers(repository, shared)
    pushed = []
    for number in range(4):
        document = json.loads(shared.manifest) | {
            "subject": subject.descriptor,
            "annotations": {"long": f"{number}" * 3_500_000},
        }
        content = json.dumps(document)
        assert (
            docker.put_manifest(repository, sha256(content.encode()), Image(content, OCI_MANIFEST)).status
            == 201
        )
        pushed.append(sha256(content.encode()))
    found = all_pages(docker, docker.referrers(repository, subject.digest))
    assert [len(page) for page in found] == [3, 1]
    assert sorted(pushed) == [digest for page in found for digest in page]
