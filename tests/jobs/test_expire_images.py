"""Lifecycle policies are followed, and by what happens meanwhile nothing goes wrong (reliability.md, D8)."""

import itertools
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from openecr.domain import collecting, lifecycle
from openecr.jobs import expire_images, lifecycle_events, preview_lifecycle
from openecr.jobs.expire_images import DELAY, EVERY
from openecr.jobs.turns import QUIET_SECONDS
from openecr.jobs.work import Interrupted, Rest, Work
from openecr.metadata import schema
from openecr.metadata.database import Database
from tests.builders import a_layer, an_artifact, an_image, an_index, sha512
from tests.domain.policies import UNTAGGED, a_rule, a_text, keep, older_than, prefixed, tagged
from tests.jobs.installation import REGISTRY

REPOSITORY = "team/app"


@pytest.fixture
def place(installation):
    installation.create(REPOSITORY)
    return Place(installation)


class Place:
    """A repository and its policy."""

    def __init__(self, installation):
        self.installation = installation
        self.layer = a_layer()

    @property
    def id(self):
        with self.installation.database.reading() as db:
            return db.repositories.get(REGISTRY, REPOSITORY).id

    def push(self, *tags, image=None):
        """An image, an hour younger than the one before."""
        self.installation.now += timedelta(hours=1)
        image = image or an_image(layers=[self.layer])
        for tag in tags or (None,):
            self.installation.push(REPOSITORY, image, tag)
        return image

    def delete(self, **image_id):
        self.installation.ask("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[image_id])

    def archive(self, image, storage_class="ARCHIVE"):
        self.installation.ask(
            "UpdateImageStorageClass",
            repositoryName=REPOSITORY,
            imageId={"imageDigest": image.digest},
            targetStorageClass=storage_class,
        )

    def put(self, *rules):
        self.installation.ask(
            "PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=a_text(*rules)
        )

    def run(self):
        """How many images went or were archived."""
        return self.installation.run("evaluate_lifecycle", repository_id=self.id, asked=True)

    def previewed(self):
        self.installation.ask("StartLifecyclePolicyPreview", repositoryName=REPOSITORY)
        self.installation.run("preview_lifecycle", repository_id=self.id)
        answer = self.installation.ask("GetLifecyclePolicyPreview", repositoryName=REPOSITORY, maxResults=100)
        return {each["imageDigest"] for each in answer["previewResults"]}

    def left(self, status="ANY"):
        answer = self.installation.ask(
            "DescribeImages", repositoryName=REPOSITORY, filter={"imageStatus": status}, maxResults=1000
        )
        return {each["imageDigest"] for each in answer["imageDetails"]}

    def evaluated_at(self):
        answer = self.installation.ask("GetLifecyclePolicy", repositoryName=REPOSITORY)
        return answer["lastEvaluatedAt"]

    def events(self, name="PolicyExecutionEvent"):
        found = [each for each in self.installation.audit if each["eventName"] == name]
        return [each["serviceEventDetails"] for each in found]


def digests(*images):
    return {image.digest for image in images}


def gone(events):
    """The images of which it is told that they went."""
    return [
        each["lifecycleEventImage"]["digest"]
        for event in events
        for each in event["lifecycleEventImageActions"]
    ]


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


# What happens meanwhile.


@pytest.fixture
def many(place, monkeypatch):
    """Ten images, and a run that takes two at a time."""
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 2)
    return [place.push(f"t{number}") for number in range(10)]


@pytest.fixture
def apart(installation):
    """Have jobs done as in a process that does nothing else, with its own connection to the database."""
    opened = []

    def apart():
        opened.append(Database(installation.file))
        installation.tools = replace(installation.tools, database=opened[0], is_apart=True)

    yield apart
    for each in opened:
        each.close()


@pytest.fixture(params=["beside", "apart"])
def meanwhile(request, installation, place, apart, monkeypatch):
    """Have something done before the second batch of a run: by the process of the run, or another."""
    if request.param == "apart":
        apart()

    def meanwhile(do):
        steps = itertools.count(1)
        step = expire_images.Work.step

        def interrupted(work):
            step(work)
            if next(steps) == 2:
                do()

        monkeypatch.setattr(expire_images.Work, "step", interrupted)
        try:
            place.run()
        finally:
            monkeypatch.setattr(expire_images.Work, "step", step)

    return meanwhile


def test_a_run_that_is_cut_short_anywhere_is_finished_by_the_next(installation, place, many, monkeypatch):
    place.put(keep(1))
    step = expire_images.Work.step
    for at in range(1, 5):
        steps = itertools.count(1)

        def cut_short(work, steps=steps, at=at):
            step(work)
            if next(steps) == at:
                raise Interrupted

        monkeypatch.setattr(expire_images.Work, "step", cut_short)
        try:
            place.run()
        except Interrupted:
            assert place.evaluated_at().timestamp() == 0
        assert installation.fsck() == []
    monkeypatch.setattr(expire_images.Work, "step", step)
    place.run()
    assert place.left() == digests(many[-1])
    assert sorted(gone(place.events())) == sorted(image.digest for image in many[:-1])


def test_a_policy_that_is_put_or_deleted_meanwhile_stops_the_run(installation, place, many, meanwhile):
    place.put(keep(1))
    meanwhile(lambda: place.put(keep(7)))
    assert place.left() == digests(*many[2:])
    assert place.evaluated_at().timestamp() == 0
    place.run()
    assert place.left() == digests(*many[3:])

    place.put(keep(1))
    meanwhile(lambda: installation.ask("DeleteLifecyclePolicy", repositoryName=REPOSITORY))
    assert place.left() == digests(*many[5:])
    assert place.run() == 0


def test_a_repository_that_is_deleted_meanwhile_stops_the_run(installation, place, many, meanwhile):
    place.put(keep(1))
    meanwhile(lambda: installation.ask("DeleteRepository", repositoryName=REPOSITORY, force=True))
    assert installation.fsck() == []


def test_what_is_pushed_meanwhile_stays_and_the_next_run_is_as_a_fresh_one(place, many, meanwhile):
    place.put(keep(3))
    pushed = []
    meanwhile(lambda: pushed.extend(place.push() for _ in range(2)))
    assert place.left() == digests(*many[7:], *pushed)
    place.run()
    assert place.left() == digests(many[9], *pushed)


def test_an_image_that_has_another_tag_meanwhile_is_judged_anew(place, many, meanwhile):
    place.put(keep(9999, 1, **tagged("keep*")), keep(1, 2))
    meanwhile(lambda: place.push("keep-this", image=many[3]))
    assert place.left() == digests(many[3], many[9])
    place.run()
    assert place.left() == digests(many[3], many[9])


def test_a_tag_that_moves_to_another_image_meanwhile(place, many, meanwhile):
    place.put(keep(1, **tagged("t*")))
    meanwhile(lambda: place.push("t5"))
    assert many[5].digest in place.left()


def test_what_an_index_lists_since_the_run_began_stays(installation, place, many, meanwhile):
    place.put(keep(1))
    index = []

    def put():
        index.append(an_index(many[4], many[6]))
        place.push("v1", image=index[0])

    meanwhile(put)
    assert place.left() == digests(many[4], many[6], many[9], index[0])
    failed = [each for event in place.events() for each in event["lifecycleEventFailureDetails"]]
    assert [each["lifecycleEventImage"]["digest"] for each in failed] == [many[4].digest, many[6].digest]
    assert installation.fsck(deep=True) == []


def test_an_image_that_is_archived_meanwhile_is_judged_anew(place, many, meanwhile):
    place.put(keep(1))
    meanwhile(lambda: [place.archive(many[number]) for number in (5, 6)])
    assert place.left("ARCHIVED") == digests(many[5], many[6])
    place.run()
    assert place.left() == digests(many[5], many[6], many[9])


LOSSES = {
    "deleted": lambda place, image: place.delete(imageDigest=image.digest),
    "archived": lambda place, image: place.archive(image),
    "without that tag": lambda place, image: (place.push("other", image=image), place.delete(imageTag="t9")),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_count_that_is_reached_meanwhile_takes_no_more_images(place, many, meanwhile, loss):
    place.put(keep(7, **tagged("t*")))
    meanwhile(lambda: LOSSES[loss](place, many[9]))
    assert place.left() >= digests(*many[2:9])
    assert not place.left() & digests(*many[:2])
    assert place.run() == 0


def test_an_image_that_gets_a_tag_meanwhile_is_not_one_of_the_untagged(place, meanwhile, monkeypatch):
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 2)
    images = [place.push() for _ in range(6)]
    place.put(keep(3, **UNTAGGED))
    meanwhile(lambda: place.push("v1", image=images[5]))
    assert place.left() == digests(*images[2:])
    assert place.run() == 0


def test_what_is_lost_meanwhile_spares_no_more_images_than_that(place, many, meanwhile):
    place.put(keep(3))

    def lose():
        for number in (8, 9):
            place.delete(imageDigest=many[number].digest)
        place.push("new")  # and no loss at all

    meanwhile(lose)
    assert place.left() >= digests(*many[5:8])
    assert not place.left() & digests(*many[:5])


def test_a_subject_that_comes_meanwhile_has_its_referrer_again(installation, place, meanwhile, monkeypatch):
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 1)
    subject = an_image()
    place.push(), place.push()
    signature = place.push(image=an_artifact(subject=subject))
    installation.now += timedelta(days=6)
    place.put(older_than(5, **UNTAGGED))
    meanwhile(lambda: place.push("1", image=subject))
    assert place.left() == digests(subject, signature)


def test_an_image_that_is_archived_anew_meanwhile_has_its_days_before_it(
    installation, place, many, meanwhile
):
    for image in many:
        place.archive(image)
    installation.now += timedelta(days=91)
    place.put(a_rule(countType="sinceImageTransitioned", countNumber=90))
    meanwhile(lambda: (place.archive(many[7], "STANDARD"), place.archive(many[7])))
    assert place.left() == digests(many[7])


def test_an_image_that_is_pulled_meanwhile_stays_out_of_the_archive(installation, place, many, meanwhile):
    installation.now += timedelta(days=100)
    place.put(a_rule(1, "transition", countType="sinceImagePulled", countNumber=90))

    def pull():
        with installation.database.transaction() as db:
            image = db.images.find_by_tag(db.repositories.get(REGISTRY, REPOSITORY), "t7")
            db.pull_times.record([(image.id, installation.now)], resolution=timedelta(hours=1))

    meanwhile(pull)
    assert place.left("ACTIVE") == digests(many[7])


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


def test_a_run_over_many_images_has_a_process_of_its_own(installation, place, monkeypatch):
    from openecr.jobs.kinds import KINDS

    for tags in ([], ["1"], ["2"]):
        place.push(*tags)
    work = Work(installation.tools, {"repository_id": place.id}, installation.now)
    for kind in ("evaluate_lifecycle", "preview_lifecycle"):
        monkeypatch.setattr(expire_images, "MANY", 3)
        assert not KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MANY", 2)
        assert KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MANY", 3)
        place.put(keep(1))
        letters = 3 * len(a_text(keep(1), separators=(",", ":")))
        monkeypatch.setattr(expire_images, "MUCH", letters)
        assert not KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MUCH", letters - 1)
        assert KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MUCH", letters)
        monkeypatch.setattr(expire_images, "MANY_TAGS", 2)
        assert not KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MANY_TAGS", 1)
        assert KINDS[kind].is_heavy(work)
        monkeypatch.undo()


def test_a_process_of_its_own_takes_much_at_a_time_while_nobody_else_writes(
    installation, place, apart, monkeypatch
):
    apart()
    installation.tools = replace(installation.tools, wait=lambda seconds: None)
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 2)
    monkeypatch.setattr(expire_images, "BATCH", 3)
    images = [place.push() for _ in range(13)]
    place.put(keep(1))
    sizes = []
    carry_out = expire_images._carry_out

    def counting(db, repository, decisions, work):
        sizes.append(len(decisions))
        carry_out(db, repository, decisions, work)
        [is_looking_itself] = db.connection.driver.execute("PRAGMA foreign_keys").fetchone()
        assert not is_looking_itself

    def served(work):
        installation.seconds += 0.6 * QUIET_SECONDS
        if len(sizes) == 2:
            installation.create("team/b")

    monkeypatch.setattr(expire_images, "_carry_out", counting)
    monkeypatch.setattr(expire_images.Work, "step", served)
    assert place.run() == 12
    # Little, until it has been quiet for long enough; but before the third somebody writes.
    assert sizes == [2, 3, 2, 2, 3]
    assert place.left() == digests(images[-1])
    assert installation.fsck() == []


def test_what_changes_while_the_policy_is_asked_is_seen(installation, place, apart, monkeypatch):
    apart()
    old, _ = place.push("old"), place.push("new")
    place.put(keep(1))
    evaluate = expire_images.evaluate

    def interrupted(*arguments, **options):
        verdict = evaluate(*arguments, **options)
        place.push("precious", image=old)
        return verdict

    monkeypatch.setattr(expire_images, "evaluate", interrupted)
    place.run()
    assert old.digest in place.left()


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


def test_nothing_refers_to_what_a_process_of_its_own_has_deleted(installation, place, apart):
    apart()
    child = an_image(layers=[place.layer])
    place.push("list", image=an_index(child))
    place.push("1", "2")
    place.push("last")
    place.put(keep(1))
    assert place.run() == 3
    assert installation.ask_database("PRAGMA foreign_key_check") is None
    # A table that refers to images too is one that Images.delete_many must know.
    keys = {table.name: table.foreign_keys for table in schema.metadata.sorted_tables}
    assert {name for name in keys if any(key.references(schema.image) for key in keys[name])} == {
        *("manifest", "tag", "image_blob", "image_child")
    }


def test_an_index_that_nobody_looked_for_keeps_what_it_lists(installation, place, apart, monkeypatch):
    apart()
    child = an_image()
    place.push("list", image=an_index(child))
    place.put(older_than(1, **UNTAGGED))
    installation.now += timedelta(days=2)
    monkeypatch.setattr(lifecycle, "_listed", lambda snapshot, decisions: [])
    with pytest.raises(sqlite3.IntegrityError):
        place.run()
    assert child.digest in place.left()
    assert installation.fsck() == []


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
