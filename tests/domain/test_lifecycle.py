"""What lifecycle policies do. Source: control-plane.md §6.5, §6.6, where the vectors L1 to L18 are."""

import fnmatch
import time
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openecr.domain.lifecycle import DAY, Candidate, Snapshot, evaluate, simulate
from openecr.domain.lifecycle_policy import parse
from tests.depth import examples
from tests.domain.policies import UNTAGGED, a_rule, a_text, keep, older_than, prefixed, tagged

NOW = 20_000 * DAY


def sha256(number):
    return number.to_bytes(32, "big")


class Fixture:
    """Images by their letters: `A=["prod-1"], 15` is one with that tag, 15 days old."""

    def __init__(self, **images):
        numbers = count(1)
        self.images = {}
        for name, (tags, age, *more) in images.items():
            number = next(numbers)
            facts = {"status": "ACTIVE"} | (more[0] if more else {})
            self.images[name] = Candidate(
                number, sha256(number), tags=tuple(tags), pushed_at=ago(age), **facts
            )
        self.parents = {}

    def listing(self, **lists):
        for name, children in lists.items():
            for child in children:
                self.parents.setdefault(self.images[child].id, []).append(self.images[name].id)
        return self

    @property
    def repository(self):
        return Snapshot(list(self.images.values()), self.parents)

    def name(self, image):
        return next(name for name, each in self.images.items() if each.id == image.id)

    def after(self, *rules, now=NOW):
        """Image → rule; what is moved to the archive is marked so."""
        verdict = evaluate(self.repository, parse(a_text(*rules)), now=now)
        return {
            self.name(each.image): f"{each.rule.priority}" + " archive" * (each.rule.action == "transition")
            for each in verdict.decisions
        }

    def failures(self, *rules):
        """Image → the indexes that keep it."""
        verdict = evaluate(self.repository, parse(a_text(*rules)), now=NOW)
        names = {each.digest: name for name, each in self.images.items()}
        return {
            self.name(each.decision.image): [names[one] for one in each.lists] for each in verdict.failures
        }

    def simulated(self, *rules, days):
        """Image → the day it goes on, and by which rule."""
        found = {}
        for each in simulate(self.repository, parse(a_text(*rules)), now=NOW, until=NOW + days * DAY):
            day = (each.at - NOW) / DAY
            found.setdefault(self.name(each.image), []).append((day, each.rule and each.rule.priority))
        return found


def ago(days):
    return NOW - round(days * DAY)


def pulled(days):
    return {"pulled_at": ago(days)}


def archived(days):
    return {"status": "ARCHIVED", "archived_at": ago(days)}


# The vectors.

BETA_PROD = {"A": (["beta-1", "prod-1"], 10), "B": (["beta-2", "prod-2"], 9), "C": (["beta-3"], 8)}
RULES = {
    "L1": (
        {"A": (["prod-1"], 15), "B": (["prod-2"], 13), "C": (["dev"], 40), "D": ([], 40)},
        [older_than(14, **tagged("prod*"))],
        {"A": "1"},
    ),
    "L2": (
        {"A": ([], 15), "B": ([], 13), "C": (["x"], 40)},
        [older_than(14, **UNTAGGED)],
        {"A": "1"},
    ),
    "L3": (
        {"A": ([], 3), "B": ([], 2), "C": ([], 1), "D": (["x"], 9)},
        [keep(1, **UNTAGGED)],
        {"A": "1", "B": "1"},
    ),
    "L4": (BETA_PROD, [keep(1, 1, **tagged("prod*")), keep(1, 2, **tagged("beta*"))], {"A": "1"}),
    "L5": (
        BETA_PROD,
        [keep(1, 1, **tagged("beta*")), keep(1, 2, **tagged("prod*"))],
        {"A": "1", "B": "1"},
    ),
    "L6": (
        {
            "A": (["alpha-1"], 12),
            "B": (["beta-1"], 11),
            "C": (["alpha-2", "beta-2"], 10),
            "D": (["alpha-3"], 4),
            "E": (["beta-3"], 3),
            "F": (["alpha-4", "beta-4"], 2),
        },
        [older_than(5, **tagged("alpha*", "beta*"))],
        {"C": "1"},
    ),
    "L7": (
        {
            "A": (["alpha-1", "beta-1", "gamma-1"], 10),
            "B": (["alpha-2", "beta-2"], 9),
            "C": (["alpha-3", "beta-3", "gamma-2"], 8),
        },
        [keep(1, **tagged("alpha*", "beta*"))],
        {"A": "1", "B": "1"},
    ),
    "L8": (
        {"A": (["alpha-1"], 4), "B": (["beta-1"], 3), "C": ([], 2), "D": (["alpha-2"], 1)},
        [keep(1)],
        {"A": "1", "B": "1", "C": "1"},
    ),
    "L9": (
        {
            "A": (["alpha-1", "beta-1"], 4),
            "B": ([], 3),
            "C": (["alpha-2"], 2),
            "D": (["0f2bd4a"], 1),
            "E": ([], 1),
        },
        [keep(1, 1, **tagged("alpha*")), older_than(1, 2, **UNTAGGED), keep(1, 3)],
        {"A": "1", "B": "2", "D": "3"},
    ),
    "L10": (
        {"A": (["prod-1"], 31), "B": (["prod-2"], 29), "C": (["dev"], 50)},
        [older_than(30, 1, "transition", **tagged("prod*"))],
        {"A": "1 archive"},
    ),
    "L11": (
        {
            "A": ([], 200, pulled(91)),
            "B": ([], 200, pulled(89)),
            "C": ([], 91),
            "D": ([], 300, pulled(250) | {"activated_at": ago(10)}),
        },
        [a_rule(1, "transition", countType="sinceImagePulled", countNumber=90)],
        {"A": "1 archive", "C": "1 archive"},
    ),
    "L12": (
        {"A": ([], 500, archived(366)), "B": ([], 500, archived(364)), "C": ([], 400)},
        [a_rule(countType="sinceImageTransitioned", countNumber=365)],
        {"A": "1"},
    ),
    "L13": (
        {
            "A": ([], 31),
            "B": ([], 500, archived(366)),
            "C": ([], 29),
            "D": ([], 500, archived(10)),
        },
        [older_than(30, 1, "transition"), a_rule(2, countType="sinceImageTransitioned", countNumber=365)],
        {"A": "1 archive", "B": "2"},
    ),
    "L14": (
        {"A": (["rel-1"], 9), "B": (["ci-1", "rel-2"], 8), "C": (["ci-2"], 7), "D": (["ci-3"], 6)},
        [keep(9999, 10, **prefixed("rel-")), keep(1, 20, **prefixed("ci-"))],
        {"C": "20"},
    ),
    "L15": (
        {"A": ([], 1), "B": ([], 1 + 1 / 86_400)},
        [older_than(1, **UNTAGGED)],
        {"B": "1"},
    ),
    "L18": (
        {"A": (["dev"], 9), "B": (["dev", "staging"], 9)},
        [older_than(5, **prefixed("dev", "staging"))],
        {"B": "1"},
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_the_vectors_of_the_dossier(name):
    images, rules, expected = RULES[name]
    assert Fixture(**images).after(*rules) == expected


def test_l16_what_an_index_lists_stays_with_it():
    found = Fixture(c1=([], 10), L=(["v1"], 10), x=([], 10)).listing(L=["c1"])
    rule = older_than(5, **UNTAGGED)
    assert found.after(rule) == {"x": "1"}
    assert found.failures(rule) == {"c1": ["L"]}


def test_l17_an_index_goes_before_what_it_lists():
    found = Fixture(c1=([], 10), L=(["v1"], 10), x=([], 10)).listing(L=["c1"])
    rules = older_than(5, 1, **UNTAGGED), older_than(5, 2)
    assert found.after(*rules) == {"L": "2", "c1": "1", "x": "1"}
    assert list(found.after(*rules)) == ["L", "c1", "x"]
    assert found.failures(*rules) == {}


def test_what_was_measured_of_a_repository_with_an_index():
    """26 images within minutes, two of them untagged children, oldest of all: of the six beyond the newest
    twenty, the two are the first rule's, which spares them. Source: control-plane.md §6.5."""
    images = {f"c{number}": ([], 0.02 - number / 10_000) for number in range(2)}
    images |= {f"i{number}": ([f"t{number}"], 0.01 - number / 10_000) for number in range(24)}
    found = Fixture(**images).listing(i0=["c0", "c1"])
    assert sorted(found.after(older_than(1, 1, **UNTAGGED), keep(20, 2))) == ["i0", "i1", "i2", "i3"]


# Storage classes and indexes.


def test_what_an_index_lists_may_be_archived_once_the_index_is():
    rule = older_than(5, 1, "transition")
    young = Fixture(c=([], 10), L=(["v1"], 1)).listing(L=["c"])
    assert young.after(rule) == {}
    assert young.failures(rule) == {"c": ["L"]}
    assert Fixture(c=([], 10), L=(["v1"], 9)).listing(L=["c"]).after(rule) == {
        "L": "1 archive",
        "c": "1 archive",
    }
    assert Fixture(c=([], 10), L=(["v1"], 10, archived(1))).listing(L=["c"]).after(rule) == {"c": "1 archive"}


def test_what_an_archived_index_lists_is_not_deleted():
    rule = older_than(5, 1)
    found = Fixture(c=([], 10), L=(["v1"], 10, archived(1))).listing(L=["c"])
    assert found.after(rule) == {}
    assert found.failures(rule) == {"c": ["L"]}


def test_an_index_that_is_kept_by_another_keeps_what_it_lists():
    found = Fixture(c=([], 10), inner=([], 9), outer=(["v1"], 8)).listing(inner=["c"], outer=["inner"])
    rule = older_than(5, **UNTAGGED)
    assert found.after(rule) == {}
    assert found.failures(rule) == {"c": ["inner"], "inner": ["outer"]}
    all_of_it = older_than(5, 2)
    assert list(found.after(rule, all_of_it)) == ["outer", "inner", "c"]


def test_a_chain_of_indexes_is_as_long_as_one_likes():
    images = {f"i{number}": ([], 10) for number in range(3000)}
    lists = {f"i{number}": [f"i{number - 1}"] for number in range(1, 3000)}
    found = Fixture(**images).listing(**lists)
    assert len(found.after(older_than(5))) == 3000
    stuck = Fixture(**images | {"i2999": (["v1"], 10)}).listing(**lists)
    assert stuck.after(older_than(5, **UNTAGGED)) == {}


def test_an_image_that_thousands_of_indexes_list_takes_no_thousands_of_times_as_long():
    lists = {f"i{number}": ["c"] for number in range(5000)}
    found = Fixture(c=([], 10), **dict.fromkeys(lists, ([], 9))).listing(**lists)
    old = ([], 900, archived(800))
    stuck = Fixture(c=([], 10), L=([], 0), **dict.fromkeys(lists, old)).listing(**lists, L=list(lists))
    archive_too = a_rule(2, countType="sinceImageTransitioned", countNumber=90)

    began = time.process_time()
    verdicts = [
        evaluate(found.repository, parse(a_text(older_than(5))), now=NOW),
        evaluate(stuck.repository, parse(a_text(older_than(5, 1, "transition"), archive_too)), now=NOW),
    ]
    assert time.process_time() - began < 3
    assert [(len(each.decisions), len(each.failures)) for each in verdicts] == [(5001, 0), (1, 5000)]


def test_what_comes_back_from_the_archive_is_left_alone():
    found = Fixture(A=([], 500, archived(400) | {"status": "ACTIVATING"}), B=([], 9), C=([], 8))
    archive_too = a_rule(2, countType="sinceImageTransitioned", countNumber=90)
    assert found.after(keep(1), archive_too) == {"B": "1"}


def test_a_restored_image_is_as_new():
    found = Fixture(A=([], 500, archived(400) | {"status": "ACTIVE", "activated_at": ago(1)}), B=([], 9))
    assert found.after(keep(1)) == {"B": "1"}
    assert found.after(older_than(5)) == {"B": "1"}


def test_a_referrer_is_not_a_rules_but_its_subjects():
    found = Fixture(A=(["v1"], 9), B=(["v2"], 8), S=([], 99, {"subject": sha256(1)}))
    assert found.after(older_than(5, 1, **UNTAGGED), keep(2, 2)) == {}
    assert found.simulated(keep(1), days=1) == {"A": [(0, 1)], "S": [(0, None)]}


ORPHAN = {"subject": sha256(999)}


def test_a_referrer_of_nothing_is_an_image_like_others_but_takes_no_ones_place():
    found = Fixture(A=(["v1"], 9), S=([], 8, ORPHAN), T=([], 3, ORPHAN), B=(["v2"], 2))
    assert found.after(older_than(5, **UNTAGGED)) == {"S": "1"}
    assert found.after(older_than(5)) == {"A": "1", "S": "1"}
    assert found.after(keep(2)) == {"S": "1"}
    assert found.after(keep(1)) == {"A": "1", "S": "1", "T": "1"}
    assert found.after(keep(1, **UNTAGGED)) == {"S": "1"}
    assert Fixture(S=([], 8, {"subject": sha256(999)}), R=([], 9, {"subject": sha256(1)})).simulated(
        older_than(5), days=1
    ) == {"S": [(0, 1)], "R": [(0, None)]}


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*", ["a", "A", "a.b", "a*"]),
        ("a", ["a"]),
        ("a*", ["a", "a.b", "a*"]),
        ("*b", ["a.b"]),
        ("a.b", ["a.b"]),
        ("a?b", []),
        ("[a]", []),
        ("", []),
    ],
)
def test_a_star_is_any_run_of_characters_and_all_else_itself(pattern, matched):
    tags = ["a", "A", "a.b", "a*"]
    found = Fixture(**{f"i{number}": ([tag], 9) for number, tag in enumerate(tags)})
    gone = found.after(older_than(5, **tagged(pattern)))
    assert sorted(gone) == sorted(f"i{tags.index(tag)}" for tag in matched)


def test_a_prefix_has_no_stars():
    found = Fixture(A=(["ab"], 9), B=(["a*b"], 9))
    assert found.after(older_than(5, **prefixed("a*"))) == {"B": "1"}


# The simulation.


def test_each_image_goes_on_the_day_it_is_too_old():
    found = Fixture(A=([], 4), B=([], 2.5), C=([], 0), D=(["v1"], 9))
    rule = older_than(3, **UNTAGGED)
    assert found.simulated(rule, days=1) == {"A": [(0, 1)], "B": [(1, 1)]}
    assert found.simulated(rule, days=3) == {"A": [(0, 1)], "B": [(1, 1)]}
    assert found.simulated(rule, days=4) == {"A": [(0, 1)], "B": [(1, 1)], "C": [(4, 1)]}
    assert found.simulated(rule, days=4000) == {"A": [(0, 1)], "B": [(1, 1)], "C": [(4, 1)]}


def test_the_last_run_is_at_the_end_asked_for():
    found = Fixture(A=([], 2.75))
    assert found.simulated(older_than(3), days=0.2) == {}
    assert found.simulated(older_than(3), days=0.5) == {"A": [(0.5, 1)]}


def test_an_archived_image_goes_by_another_rule_later():
    found = Fixture(A=([], 20), B=([], 0), C=([], 400, archived(80)))
    rules = older_than(30, 1, "transition"), a_rule(2, countType="sinceImageTransitioned", countNumber=90)
    assert found.simulated(*rules, days=100) == {"A": [(11, 1)], "B": [(31, 1)], "C": [(11, 2)]}
    assert found.simulated(*rules, days=1000) == {
        "A": [(11, 1), (102, 2)],
        "B": [(31, 1), (122, 2)],
        "C": [(11, 2)],
    }


def test_a_count_does_not_change_by_itself():
    found = Fixture(A=([], 9), B=([], 8), C=([], 7))
    assert found.simulated(keep(2), days=10_000) == {"A": [(0, 1)]}


def test_what_an_index_kept_goes_in_the_run_after_it():
    found = Fixture(c=([], 9), L=(["v1"], 0)).listing(L=["c"])
    rules = older_than(5, 1, **UNTAGGED), older_than(7, 2, **tagged("v*"))
    assert found.simulated(*rules, days=30) == {"L": [(8, 2)], "c": [(8, 1)]}


# Properties.

TAGS = ("a", "ab", "b", "prod-1", "prod-2", "dev")
AGES = (0, 0.5, 1, 1.00001, 2, 3, 89, 91, 400)
SELECTIONS = (UNTAGGED, tagged("a*"), tagged("*b", "a*"), prefixed("prod"), prefixed("a", "b"), tagged("dev"))


@st.composite
def repositories(draw):
    """Up to ten images; a tag belongs to one of them; each index lists some that were there before it."""
    size = draw(st.integers(0, 10))
    owners = draw(st.lists(st.integers(0, 12), min_size=len(TAGS), max_size=len(TAGS)))
    images, parents = [], {}
    for number in range(1, size + 1):
        pushed, *others = sorted(ago(draw(st.sampled_from(AGES))) for _ in range(3))
        status = draw(st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "ARCHIVED", "ACTIVATING"]))
        is_active_again = status == "ACTIVE" and draw(st.booleans())
        images.append(
            Candidate(
                number,
                sha256(number),
                status,
                pushed,
                tags=tuple(tag for tag, owner in zip(TAGS, owners, strict=True) if owner == number),
                pulled_at=draw(st.sampled_from([None, pushed, *others])),
                archived_at=others[0] if status != "ACTIVE" or is_active_again else None,
                activated_at=others[1] if is_active_again else None,
            )
        )
        for child in draw(st.sets(st.integers(1, max(1, number - 1)), max_size=2)):
            if child < number:
                parents.setdefault(child, []).append(number)
    return Snapshot(images, parents)


@st.composite
def rule_sets(draw):
    """The rules of a policy that is right, in any order."""
    rules = []
    for storage_class in ("standard", "archive"):
        chosen = draw(st.lists(st.sampled_from(SELECTIONS), unique_by=str, max_size=3))
        chosen += [{}] * draw(st.booleans())
        priorities = sorted(draw(st.sets(st.integers(1, 20), min_size=len(chosen), max_size=len(chosen))))
        for priority, selection in zip(priorities, chosen, strict=True):
            number = 2 * priority + (storage_class == "archive")  # the two classes have no number in common
            rules.append(draw(_rule(number, selection, storage_class)))
    return draw(st.permutations(rules)) if rules else [keep(1)]


@st.composite
def _rule(draw, priority, selection, storage_class):
    if storage_class == "archive":
        days = draw(st.sampled_from([90, 365]))
        return a_rule(priority, countType="sinceImageTransitioned", countNumber=days, **selection)
    action = draw(st.sampled_from(["expire", "transition"]))
    if action == "transition" and draw(st.booleans()):
        days = draw(st.sampled_from([1, 90]))
        return a_rule(priority, action, countType="sinceImagePulled", countNumber=days, **selection)
    if draw(st.booleans()):
        return older_than(draw(st.sampled_from([1, 2, 90])), priority, action, **selection)
    return keep(draw(st.integers(1, 4)), priority, action, **selection)


def outcome(repository, rules, now=NOW):
    verdict = evaluate(repository, parse(a_text(*rules)), now=now)
    gone = {each.image.id: each.rule.priority for each in verdict.decisions}
    failed = {each.decision.image.id: each.decision.rule.priority for each in verdict.failures}
    assert not gone.keys() & failed.keys()
    return gone, failed


def marked(repository, rules):
    """By rules alone, whatever lists what."""
    gone, failed = outcome(repository, rules)
    return gone | failed


def carried_out(repository, rules, now=NOW):
    verdict = evaluate(repository, parse(a_text(*rules)), now=now)
    images = {image.id: image for image in repository.images}
    for each in verdict.decisions:
        listing = [parent for parent in repository.parents.get(each.image.id, ()) if parent in images]
        if each.rule.action == "expire":
            assert listing == []
            del images[each.image.id]
        else:
            assert {images[parent].status for parent in listing} <= {"ARCHIVED"}
            images[each.image.id] = each.image._replace(status="ARCHIVED", archived_at=now)
    parents = {
        child: [one for one in some if one in images]
        for child, some in repository.parents.items()
        if child in images
    }
    return Snapshot(list(images.values()), parents)


def by_the_book(repository, rules):
    """The documented rules, one after the other, as slow as they are written."""
    taken, result = {}, {}
    for rule in sorted(rules, key=lambda rule: rule["rulePriority"]):
        selection = rule["selection"]
        classes = {"ACTIVE": "standard", "ARCHIVED": "archive"}
        wanted_class = selection.get("storageClass", "standard")
        identified = [
            image
            for image in repository.images
            if classes.get(image.status) == wanted_class and _is_selected(selection, image)
        ]
        number, count_type = selection["countNumber"], selection["countType"]
        if count_type == "imageCountMoreThan":
            youngest = sorted(
                identified, key=lambda image: (image.activated_at or image.pushed_at, image.id), reverse=True
            )
            chosen = youngest[number:]
        else:
            chosen = [image for image in identified if NOW - _reference(count_type, image) > number * DAY]
        for image in chosen:
            if image.id not in taken:
                result[image.id] = rule["rulePriority"]
        for image in identified:
            taken.setdefault(image.id, rule["rulePriority"])
    return result


def _is_selected(selection, image):
    if selection["tagStatus"] != "tagged":
        return selection["tagStatus"] == "any" or not image.tags
    if "tagPrefixList" in selection:
        tests = [lambda tag, entry=entry: tag.startswith(entry) for entry in selection["tagPrefixList"]]
    else:
        tests = [
            lambda tag, entry=entry: fnmatch.fnmatchcase(tag, entry) for entry in selection["tagPatternList"]
        ]
    return bool(image.tags) and all(any(test(tag) for tag in image.tags) for test in tests)


def _reference(count_type, image):
    if count_type == "sinceImageTransitioned":
        return image.archived_at
    if count_type == "sinceImagePushed":
        return image.activated_at or image.pushed_at
    if image.activated_at and (image.pulled_at is None or image.pulled_at < image.activated_at):
        return image.activated_at
    return image.pulled_at or image.pushed_at


@settings(max_examples=examples(40), deadline=None)
@given(repositories(), rule_sets())
def test_it_agrees_with_the_documentation_read_word_by_word(repository, rules):
    assert marked(repository, rules) == by_the_book(repository, rules)


@settings(max_examples=examples(40), deadline=None)
@given(repositories(), rule_sets())
def test_running_twice_does_nothing_more(repository, rules):
    once = carried_out(repository, rules)
    assert outcome(once, rules)[0] == {}


@settings(max_examples=examples(40), deadline=None)
@given(repositories(), rule_sets(), st.randoms())
def test_no_order_matters_of_rules_of_images_of_tags(repository, rules, random):
    mixed_rules, images = list(rules), list(repository.images)
    random.shuffle(mixed_rules)
    random.shuffle(images)
    images = [image._replace(tags=tuple(random.sample(image.tags, len(image.tags)))) for image in images]
    parents = {child: random.sample(some, len(some)) for child, some in repository.parents.items()}
    mixed = outcome(Snapshot(images, parents), mixed_rules)
    assert mixed == outcome(repository, rules)


@settings(max_examples=examples(40), deadline=None)
@given(repositories(), rule_sets())
def test_a_rule_of_lower_priority_changes_nothing_of_the_higher_ones(repository, rules):
    rules = sorted(rules, key=lambda rule: rule["rulePriority"])
    everything = marked(repository, rules)
    higher = marked(repository, rules[:-1]) if len(rules) > 1 else {}
    last = rules[-1]["rulePriority"]
    assert {image: rule for image, rule in everything.items() if rule != last} == higher


@settings(max_examples=examples(40), deadline=None)
@given(repositories(), rule_sets())
def test_an_image_that_a_rule_asks_for_is_taken_by_no_later_one(repository, rules):
    images = {image.id: image for image in repository.images}
    for image_id, priority in marked(repository, rules).items():
        image = images[image_id]
        wanted_class = {"ACTIVE": "standard", "ARCHIVED": "archive"}[image.status]
        asking = [
            rule["rulePriority"]
            for rule in rules
            if rule["selection"].get("storageClass", "standard") == wanted_class
            and _is_selected(rule["selection"], image)
        ]
        assert min(asking) == priority


@settings(max_examples=examples(40), deadline=None)
@given(repositories(), rule_sets())
def test_what_an_index_lists_goes_after_it_or_stays(repository, rules):
    carried_out(repository, rules)  # asserts it at every step


@settings(max_examples=examples(20), deadline=None)
@given(repositories(), rule_sets(), st.sampled_from([0, 1, 2, 95]))
def test_the_simulation_is_a_run_each_day(repository, rules, days):
    expected, left = {}, repository
    for day in range(days + 1):
        before = {image.id: image.status for image in left.images}
        left = carried_out(left, rules, NOW + day * DAY)
        after = {image.id: image.status for image in left.images}
        for image_id, status in before.items():
            if after.get(image_id) != status:
                expected.setdefault(image_id, []).append(day)
    found = {}
    until = NOW + days * DAY
    for each in simulate(repository, parse(a_text(*rules)), now=NOW, until=until):
        found.setdefault(each.image.id, []).append((each.at - NOW) // DAY)
    assert found == expected
