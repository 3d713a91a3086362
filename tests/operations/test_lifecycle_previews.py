"""Previews of lifecycle policies. Source: control-plane.md §6.7."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.builders import an_image, an_index
from tests.domain.policies import UNTAGGED, a_rule, a_text, keep, older_than, tagged
from tests.operations.ageing import make_older
from tests.operations.refusals import invalid, refusal

NO_PREVIEW = (
    "LifecyclePolicyPreviewNotFoundException",
    "Lifecycle policy preview does not exist for the repository with name 'team/app' "
    "in the registry with id '000000000000'",
)
IN_PROGRESS = (
    "LifecyclePolicyPreviewInProgressException",
    "The previous lifecycle policy preview request for the repository with name 'team/app' in the registry "
    "with id '000000000000' has not completed. Wait and try again.",
)


@pytest.fixture
def push(docker, repository, clock):
    def push(*tags, image=None):
        """An image, a minute younger than the one before."""
        clock.advance(minutes=1)
        image = image or an_image()
        for tag in tags or (None,):
            assert docker.push(repository, image, tag).status == 201
        return image

    return push


@pytest.fixture
def preview(server, ecr, repository):
    """Have a preview made of these rules; what is answered to the question for it."""

    def preview(*rules, **asked):
        ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=a_text(*rules))
        server.run_jobs()
        return get(**asked)

    def get(**asked):
        answer = ecr.get_lifecycle_policy_preview(repositoryName=repository, **asked)
        del answer["ResponseMetadata"]
        return answer

    preview.get = get
    return preview


def digests(answer):
    return [each["imageDigest"] for each in answer["previewResults"]]


def test_a_preview_tells_what_a_policy_would_do_and_changes_nothing(server, ecr, repository, push, preview):
    old, other = push("1.0", "latest"), push("2.0")
    push("3.0")
    text = a_text(keep(1), indent=4) + "\n"
    assert refusal(ecr.get_lifecycle_policy_preview, repositoryName=repository) == NO_PREVIEW

    started = ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=text)
    del started["ResponseMetadata"]
    common = {
        "registryId": "000000000000",
        "repositoryName": repository,
        "lifecyclePolicyText": text,
    }
    assert started == common | {"status": "IN_PROGRESS"}
    assert preview.get() == common | {"status": "IN_PROGRESS", "previewResults": []}
    assert refusal(
        ecr.start_lifecycle_policy_preview, repositoryName=repository, lifecyclePolicyText=text
    ) == (IN_PROGRESS)

    server.run_jobs()
    answer = preview.get()
    described = {
        each["imageDigest"]: each for each in ecr.describe_images(repositoryName=repository)["imageDetails"]
    }
    results = answer.pop("previewResults")
    assert answer == common | {"status": "COMPLETE", "summary": {"expiringImageTotalCount": 2}}
    assert sorted(results, key=lambda each: each["imageDigest"]) == sorted(
        (
            {
                "imageTags": tags,
                "imageDigest": image.digest,
                "imagePushedAt": described[image.digest]["imagePushedAt"],
                "action": {"type": "EXPIRE"},
                "appliedRulePriority": 1,
                "storageClass": "STANDARD",
            }
            for image, tags in ((old, ["1.0", "latest"]), (other, ["2.0"]))
        ),
        key=lambda each: each["imageDigest"],
    )
    assert len(described) == 3


def test_a_preview_of_the_repositorys_own_policy(server, ecr, repository, push, preview):
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=a_text(keep(1), indent=1))
    before = ecr.get_lifecycle_policy(repositoryName=repository)
    old, _ = push("1"), push("2")
    started = ecr.start_lifecycle_policy_preview(repositoryName=repository)
    assert started["lifecyclePolicyText"] == before["lifecyclePolicyText"]
    server.run_jobs()
    assert digests(preview.get()) == [old.digest]
    assert ecr.get_lifecycle_policy(repositoryName=repository)["lastEvaluatedAt"] == before["lastEvaluatedAt"]
    ecr.delete_lifecycle_policy(repositoryName=repository)
    assert preview.get()["status"] == "COMPLETE"
    ecr.delete_repository(repositoryName=repository, force=True)
    ecr.create_repository(repositoryName=repository)
    assert refusal(ecr.get_lifecycle_policy_preview, repositoryName=repository) == NO_PREVIEW


def test_what_is_moved_to_the_archive_and_what_is_in_it(server, ecr, repository, push, preview):
    archived, active = push("old"), push()
    ecr.update_image_storage_class(
        repositoryName=repository, imageId={"imageTag": "old"}, targetStorageClass="ARCHIVE"
    )
    make_older(server, days=91)
    answer = preview(
        older_than(1, 1, "transition"), a_rule(2, countType="sinceImageTransitioned", countNumber=90)
    )
    assert answer["summary"] == {
        "expiringImageTotalCount": 1,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 1}],
    }
    found = {
        each["imageDigest"]: (
            each["action"],
            each["appliedRulePriority"],
            each["storageClass"],
            each.get("imageTags"),
        )
        for each in answer["previewResults"]
    }
    assert found == {
        archived.digest: ({"type": "EXPIRE"}, 2, "ARCHIVE", ["old"]),
        active.digest: ({"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}, 1, "STANDARD", None),
    }


def test_what_a_list_keeps_is_not_among_the_results(server, push, preview):
    child = an_image()
    push("v1", image=an_index(child))
    alone = push()
    make_older(server, days=6)
    answer = preview(older_than(5, **UNTAGGED))
    assert digests(answer) == [alone.digest]
    assert answer["summary"] == {"expiringImageTotalCount": 1}


def test_pages_are_the_whole_whatever_their_size(push, preview):
    pushed = [push(*([f"t{number}"] if number % 2 else [])) for number in range(8)]
    answer = preview(keep(1))
    everything = sorted(image.digest for image in pushed[:-1])
    assert digests(answer) == everything
    assert "nextToken" not in answer
    untagged = sorted(image.digest for image in pushed[:-1:2])
    for size in (1, 2, 3, 7, 100):
        for tag_status, expected in (("ANY", everything), ("UNTAGGED", untagged)):
            found, token = [], {}
            while True:
                page = preview.get(maxResults=size, filter={"tagStatus": tag_status}, **token)
                assert page["summary"] == {"expiringImageTotalCount": 7}
                assert len(page["previewResults"]) <= size
                found += digests(page)
                if "nextToken" not in page:
                    break
                token = {"nextToken": page["nextToken"]}
            assert found == expected
    tagged_only = preview.get(filter={"tagStatus": "TAGGED"})
    assert digests(tagged_only) == sorted(image.digest for image in pushed[1:-1:2])


def test_a_token_is_of_its_preview_and_its_question_alone(ecr, repository, push, preview):
    for _ in range(4):
        push()
    wrong = invalid("nextToken", "The token is not valid for this request")
    token = preview(keep(1), maxResults=1)["nextToken"]
    asked = {"repositoryName": repository, "nextToken": token}
    assert refusal(ecr.get_lifecycle_policy_preview, **asked, filter={"tagStatus": "TAGGED"}) == wrong
    assert refusal(ecr.list_images, **asked) == wrong
    assert ecr.get_lifecycle_policy_preview(**asked)["status"] == "COMPLETE"
    preview(keep(1))
    assert refusal(ecr.get_lifecycle_policy_preview, **asked) == wrong


def test_the_results_for_some_images(ecr, repository, push, preview):
    first, second, third = push("1"), push("2", "two"), push("3")
    preview(keep(1))

    def ask(*image_ids, **more):
        return digests(preview.get(imageIds=list(image_ids), **more))

    assert ask({"imageTag": "2"}, {"imageTag": "two"}, {"imageDigest": second.digest}) == [second.digest]
    assert ask({"imageTag": "1"}, {"imageTag": "2"}) == [first.digest, second.digest]
    assert ask({"imageTag": "3"}, {"imageDigest": third.digest}) == []
    assert ask({"imageTag": "none"}, {"imageDigest": "sha256:" + "0" * 64}) == []
    assert ask({"imageTag": "1", "imageDigest": first.digest}) == [first.digest]
    assert ask({"imageTag": "1", "imageDigest": second.digest}) == []
    assert ask({"imageTag": "1"}, filter={"tagStatus": "UNTAGGED"}) == []
    ids = {"repositoryName": repository, "imageIds": [{"imageTag": "1"}]}
    for paging in ({"maxResults": 5}, {"nextToken": "x"}):
        code, _ = refusal(ecr.get_lifecycle_policy_preview, **ids, **paging)
        assert code == "InvalidParameterException"
    assert refusal(ecr.get_lifecycle_policy_preview, repositoryName=repository, imageIds=[{}]) == invalid(
        "imageIds", "both tag and digest cannot be null"
    )


def test_a_preview_takes_the_place_of_the_one_before(push, preview):
    first, second, _ = push("a"), push("b"), push("c")
    assert sorted(digests(preview(keep(1)))) == sorted([first.digest, second.digest])
    assert digests(preview(keep(2))) == [first.digest]
    assert digests(preview(keep(1, **tagged("none*")))) == []
    assert preview.get()["summary"] == {"expiringImageTotalCount": 0}


def test_a_preview_is_shown_for_a_day(server, push, preview):
    push()
    push()
    preview(keep(1))
    make_older(server, hours=24, seconds=-1)
    assert len(preview.get()["previewResults"]) == 1
    make_older(server, seconds=2)
    answer = preview.get()
    assert (answer["status"], answer["previewResults"]) == ("EXPIRED", [])
    assert "summary" not in answer
    make_older(server, hours=2)
    server.run_jobs("forget_old_previews")
    assert preview.get()["status"] == "EXPIRED"
    assert images_kept(server) == 0
    assert len(preview(keep(1))["previewResults"]) == 1


def images_kept(server):
    with server.parts.stores.database.reading() as db:
        rows = db.connection.driver.execute("SELECT count(*) FROM lifecycle_preview_image").fetchone()
    return rows[0]


def test_a_preview_that_does_not_come_has_failed_and_another_may_be_started(
    server, ecr, repository, push, preview
):
    push()
    text = a_text(keep(1))
    asked = {"repositoryName": repository, "lifecyclePolicyText": text}
    ecr.start_lifecycle_policy_preview(**asked)
    make_older(server, minutes=15, seconds=-1)
    assert preview.get()["status"] == "IN_PROGRESS"
    assert refusal(ecr.start_lifecycle_policy_preview, **asked) == IN_PROGRESS
    make_older(server, seconds=2)
    answer = preview.get()
    assert (answer["status"], answer["previewResults"]) == ("FAILED", [])
    ecr.start_lifecycle_policy_preview(**asked)
    assert preview.get()["status"] == "IN_PROGRESS"


def test_a_preview_that_was_started_in_what_is_the_future_now_keeps_nobody_from_another(
    server, ecr, repository, push, preview
):
    push()
    asked = {"repositoryName": repository, "lifecyclePolicyText": a_text(keep(1))}
    ecr.start_lifecycle_policy_preview(**asked)
    make_older(server, days=-400)
    assert preview.get()["status"] == "FAILED"
    ecr.start_lifecycle_policy_preview(**asked)


def test_of_two_that_start_a_preview_at_once_one_is_told_to_wait(server, repository):
    def start(client):
        try:
            client.start_lifecycle_policy_preview(
                repositoryName=repository, lifecyclePolicyText=a_text(keep(1))
            )
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    clients = [server.client("ecr") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(start, clients), key=str)
    assert outcomes == ["LifecyclePolicyPreviewInProgressException"] * 3 + [None]


def test_the_waiter_of_the_sdk_finds_it_complete(server, ecr, repository, push):
    push()
    ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=a_text(keep(1)))
    server.run_jobs()
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=repository)
