"""Lifecycle policies are followed: what goes, when, and who is told."""

import itertools
from dataclasses import replace
from datetime import timedelta

from openecr.domain import collecting
from openecr.jobs import expire_images, lifecycle_events, preview_lifecycle
from openecr.jobs.expire_images import DELAY, EVERY
from openecr.jobs.work import Rest, Work
from tests.builders import a_layer, an_artifact, an_image, an_index, sha512
from tests.domain.policies import UNTAGGED, a_rule, a_text, keep, older_than, prefixed
from tests.jobs.installation import REGISTRY
from tests.jobs.lifecycle import REPOSITORY, digests, gone


def test_what_the_preview_has_told_goes_and_all_else_stays(installation, place):
    first, second, third = place.push("1"), place.push(), place.push("3", "latest")
    place.put(keep(1))
    told = place.previewed()
    assert told == digests(first, second)
    assert place.evaluated_at().timestamp() == 0
    assert place.left() == digests(first, second, third)

    assert place.run() == 2
    assert place.left() == digests(third)
    assert place.evaluated_at() == installation.now
    assert place.previewed() == set()
    assert place.run() == 0
    assert installation.fsck(deep=True) == []


def test_a_policy_is_followed_some_minutes_after_it_was_put_and_then_every_few_hours(installation, place):
    place.push(), place.push()
    place.put(keep(1))
    installation.work()
    installation.now += DELAY - timedelta(seconds=1)
    installation.work()
    assert len(place.left()) == 2
    installation.now += timedelta(seconds=1)
    installation.work()
    assert len(place.left()) == 1

    place.push()
    for waited, left in ((EVERY - timedelta(hours=2), 2), (timedelta(hours=2), 1)):
        _let_pass(installation, waited)
        installation.work()
        assert len(place.left()) == left


def _let_pass(installation, duration):
    """In steps that the collector of garbage takes for a clock that goes steadily."""
    until = installation.now + duration
    while installation.now < until:
        installation.now += timedelta(minutes=9)
        installation.work()


def test_a_policy_that_takes_the_place_of_another_has_its_time_too(installation, place):
    """To put a better one, although the job of the first is due already."""
    place.push(), place.push()
    place.put(keep(9))
    installation.work()
    installation.now += DELAY - timedelta(seconds=1)
    place.put(keep(1))
    for left, passed in (
        (2, timedelta(seconds=1)),
        (2, DELAY - timedelta(seconds=2)),
        (1, timedelta(seconds=1)),
    ):
        installation.now += passed
        installation.work()
        assert len(place.left()) == left


def test_every_policy_is_found_however_many_there_are(installation, place, monkeypatch):
    monkeypatch.setattr(expire_images, "PAGE", 2)
    place.put(keep(1))
    for number in range(4):
        installation.create(f"team/{number}")
        installation.ask(
            "PutLifecyclePolicy", repositoryName=f"team/{number}", lifecyclePolicyText=a_text(keep(1))
        )
    installation.create("team/without")
    installation.now += DELAY
    installation.run("sweep_lifecycle")
    installation.run("sweep_lifecycle")
    waiting = [job.payload["repository_id"] for job in installation.jobs_named("evaluate_lifecycle")]
    assert waiting == sorted(set(waiting))
    assert len(waiting) == 5


def test_while_the_clock_is_not_to_be_trusted_nothing_is_too_old(installation, place):
    place.push(), place.push()
    place.put(keep(1))
    with installation.database.transaction() as db:
        now, brakes = installation.now, installation.tools.bounds.gc_brakes
        db.collecting.remember(lambda memory: collecting.look_at_clock(memory, now, brakes))
    installation.now += timedelta(days=400)
    installation.work()
    assert len(place.left()) == 2
    (waiting,) = installation.jobs_named("evaluate_lifecycle")
    assert waiting.run_at > installation.now

    installation.run("evaluate_lifecycle", repository_id=place.id, asked=True)
    assert len(place.left()) == 1


def test_what_an_index_lists_goes_with_it_and_not_before(installation, place):
    child = an_image(layers=[place.layer])
    index = place.push("v1", image=an_index(child))
    alone = place.push()
    installation.now += timedelta(days=10)
    place.put(older_than(5, **UNTAGGED))
    assert place.previewed() == digests(alone)
    assert place.run() == 1
    assert place.left() == digests(child, index)
    ran = place.events()
    assert gone(ran) == [alone.digest]
    (failure,) = (each for event in ran for each in event["lifecycleEventFailureDetails"])
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert failure["failureReason"] == f"Requested image referenced by manifest list: [{index.digest}]"
    assert failure["lifecycleEventImage"]["digest"] == child.digest

    place.put(older_than(5, 1, **UNTAGGED), older_than(5, 2))
    assert place.run() == 2
    assert place.left() == set()
    assert gone(place.events())[1:] == [index.digest, child.digest]
    assert installation.fsck(deep=True) == []


def test_images_go_into_the_archive_and_from_there(installation, place):
    image = place.push("1")
    signature = place.push(image=an_artifact(subject=image))
    young = place.push("2")
    installation.now += timedelta(days=30)
    place.put(
        older_than(30, 1, "transition", **prefixed("1")),
        a_rule(2, countType="sinceImageTransitioned", countNumber=90),
    )
    assert place.previewed() == digests(image)
    assert place.run() == 1
    assert place.left("ARCHIVED") == digests(image)
    installation.work()
    assert place.left("ARCHIVED") == digests(image, signature)
    assert place.left("ACTIVE") == digests(young)
    installation.now += timedelta(days=90)
    assert place.run() == 0
    installation.now += timedelta(seconds=1)
    assert place.run() == 1
    installation.work()
    installation.now += timedelta(hours=1)
    installation.work()
    assert place.left() == digests(young)


def test_layers_that_nothing_uses_any_more_are_looked_at_and_referrers_go(installation, place):
    own = a_layer()
    image = place.push("1", image=an_image(layers=[own]))
    signature = place.push(image=an_artifact(subject=image))
    place.push("2")
    place.put(keep(1))
    assert place.run() == 1
    with installation.database.reading() as db:
        assert db.images.count(db.repositories.get(REGISTRY, REPOSITORY)) == 2
        assert db.garbage.waiting()[0] >= 2
    assert image.digest not in place.left()
    assert signature.digest in place.left()
    installation.work()
    _let_pass(installation, timedelta(hours=2))
    assert signature.digest not in place.left()


def test_a_referrer_whose_subject_never_came_goes_by_the_rules(installation, place):
    orphans = [place.push(image=an_artifact(subject=an_image())) for _ in range(2)]
    image = place.push("1")
    place.push(image=an_artifact(subject=image))
    left = place.left() - digests(*orphans)
    installation.now += timedelta(days=6)
    place.put(older_than(5, **UNTAGGED))
    assert place.previewed() == digests(*orphans)
    assert place.run() == 2
    assert place.left() == left


def test_a_referrer_that_names_its_subject_by_another_digest_has_one(installation, place):
    subject = place.push("1")
    installation.ask(
        "PutImage",
        repositoryName=REPOSITORY,
        imageManifest=subject.manifest,
        imageDigest=sha512(subject.content),
        imageTag="2",
    )
    descriptor = subject.descriptor | {"digest": sha512(subject.content)}
    signature = place.push(image=an_image(layers=[place.layer], subject=descriptor))
    installation.now += timedelta(days=6)
    place.put(older_than(5, **UNTAGGED))
    assert place.run() == 0
    assert place.left() == digests(subject, signature)


def test_the_audit_has_an_entry_for_each_image(installation, place):
    images = [place.push(*(f"{number}-{each}" for each in range(number % 3))) for number in range(23)]
    place.put(keep(2, 5) | {"description": "keep two"})
    assert place.run() == 21
    events = place.events()
    assert [len(each["lifecycleEventImageActions"]) for each in events] == [9, 9, 3]
    assert gone(events) == [image.digest for image in images[:21]]
    first = events[0]
    assert first["repositoryName"] == REPOSITORY
    policy = first["lifecycleEventPolicy"]
    assert policy["lifecycleEventRules"] == [
        {
            "rulePriority": 5,
            "description": "keep two",
            "lifecycleEventSelection": {
                "tagStatus": "Any",
                "countType": "Image count more than",
                "countNumber": 2,
            },
            "action": "expire",
        }
    ]
    assert (policy["lastEvaluatedAt"], policy["policyVersion"], len(policy["policyId"])) == (0, "1", 36)
    told = [each["lifecycleEventImage"] for each in first["lifecycleEventImageActions"]]
    assert [(each["tagStatus"], each["tagList"]) for each in told[:3]] == [
        ("Untagged", []),
        ("Tagged", ["1-0"]),
        ("Tagged", ["2-0", "2-1"]),
    ]
    assert all(isinstance(each["pushedAt"], int) for each in told)
    record = next(each for each in installation.audit if each["eventName"] == "PolicyExecutionEvent")
    assert (record["eventType"], record["recipientAccountId"], record["awsRegion"]) == (
        "AwsServiceEvent",
        "123456789012",
        "eu-central-1",
    )


def test_of_the_indexes_that_keep_an_image_not_all_are_told(installation, place, monkeypatch):
    monkeypatch.setattr(lifecycle_events, "LISTS_PER_FAILURE", 2)
    child = an_image(layers=[place.layer])
    indexes = [
        place.push(f"v{number}", image=an_index(child, annotations={"number": str(number)}))
        for number in range(3)
    ]
    installation.now += timedelta(days=10)
    place.put(older_than(5, **UNTAGGED))
    place.run()
    (failure,) = (each for event in place.events() for each in event["lifecycleEventFailureDetails"])
    told = failure["failureReason"].partition("[")[2].rstrip("]").split(", ")
    assert told == sorted(index.digest for index in indexes)[:2]


def test_a_preview_is_told_to_the_audit_too(place):
    old, _ = place.push("a"), place.push("b")
    place.put(keep(1))
    place.previewed()
    assert gone(place.events("DryRunEvent")) == [old.digest]
    assert place.events() == []


def test_a_batch_is_as_small_as_it_says(installation, place, monkeypatch):
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 3)
    images = [place.push() for _ in range(8)]
    sizes = []
    delete_many = expire_images._carry_out

    def counting(db, repository, decisions, work):
        sizes.append(len(decisions))
        delete_many(db, repository, decisions, work)

    monkeypatch.setattr(expire_images, "_carry_out", counting)
    place.put(keep(1))
    place.run()
    assert sizes == [3, 3, 1]
    assert place.left() == digests(images[-1])


def test_a_batch_ends_with_the_image_whose_tags_are_too_many(installation, place, monkeypatch):
    monkeypatch.setattr(expire_images, "TAGS", 4)
    for tags in (["a", "b"], ["c", "d"], ["e", "f", "g"], ["h"], ["i"], []):
        place.push(*tags)
    place.push("last")
    place.put(keep(1))
    sizes = []
    carry_out = expire_images._carry_out

    def counting(db, repository, decisions, work):
        sizes.append(len(decisions))
        carry_out(db, repository, decisions, work)

    monkeypatch.setattr(expire_images, "_carry_out", counting)
    assert place.run() == 6
    assert sizes == [2, 2, 2]


def test_a_policy_that_was_followed_in_what_is_the_future_now_is_due(installation, place):
    place.push(), place.push()
    installation.now += timedelta(days=400)
    place.put(keep(2))
    place.run()
    installation.now -= timedelta(days=399)
    installation.run("sweep_lifecycle")
    (found,) = installation.jobs_named("evaluate_lifecycle")
    assert found.payload == {"repository_id": place.id}


def test_the_audit_is_told_before_a_run_rests(installation, place, many):
    place.put(keep(1))
    told, told_before_rests = [], []
    installation.tools = replace(
        installation.tools,
        write_audit=told.append,
        wait=lambda seconds: told_before_rests.append(len(told)),
    )
    assert place.run() == 9
    assert told_before_rests == [1, 2, 3, 4, 5]


def test_a_run_that_takes_long_goes_on_as_another_part(installation, place, many, monkeypatch):
    place.put(keep(1))
    step = expire_images.Work.step

    def slow(work):
        step(work)
        installation.seconds += 0.4 * expire_images.PART_SECONDS

    monkeypatch.setattr(expire_images.Work, "step", slow)
    work = Work(installation.tools, {"repository_id": place.id, "asked": True}, installation.now)
    assert expire_images.evaluate_lifecycle(work) == Rest(installation.now, work.payload)
    assert place.left() == digests(*many[3 * 2 :])
    assert place.evaluated_at().timestamp() == 0
    assert expire_images.evaluate_lifecycle(work) is None
    assert place.left() == digests(many[-1])


def test_images_of_a_preview_started_while_old_ones_are_forgotten_are_kept(installation, place, monkeypatch):
    monkeypatch.setattr(preview_lifecycle, "BATCH", 2)
    images = [place.push() for _ in range(6)]
    place.put(keep(1))
    place.previewed()
    installation.now += preview_lifecycle.KEPT
    steps = itertools.count(1)
    step = expire_images.Work.step

    def interrupted(work):
        step(work)
        if next(steps) == 2:
            monkeypatch.setattr(expire_images.Work, "step", step)
            assert place.previewed() == digests(*images[:-1])

    monkeypatch.setattr(expire_images.Work, "step", interrupted)
    installation.run("forget_old_previews")
    answer = installation.ask("GetLifecyclePolicyPreview", repositoryName=REPOSITORY)
    assert {each["imageDigest"] for each in answer["previewResults"]} == digests(*images[:-1])
