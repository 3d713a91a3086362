"""While a lifecycle policy is followed other things happen, and nothing goes wrong (reliability.md, D8)."""

import itertools
from datetime import timedelta

import pytest

from openecr.jobs import expire_images
from openecr.jobs.work import Interrupted
from tests.builders import an_artifact, an_image, an_index
from tests.domain.policies import UNTAGGED, a_rule, keep, older_than, tagged
from tests.jobs.installation import REGISTRY
from tests.jobs.lifecycle import REPOSITORY, digests, gone


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
