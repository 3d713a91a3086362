"""What holds of all requests and all policies."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from openecr.policy import effort, explain
from openecr.policy.document import Kind, parse
from openecr.policy.effort import Effort
from openecr.policy.evaluate import evaluate
from openecr.policy.matching import Patterns, with_wildcards
from openecr.policy.text import render, with_principals
from tests.depth import examples
from tests.policy.cases import Case, World
from tests.policy.slow_evaluator import arn_glob, glob

MANY = settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


class Counted(dict[str, str | tuple[str, ...]]):
    """A context that knows how often it was asked."""

    asked = 0

    def get(self, *args):
        self.asked += 1
        return super().get(*args)


worlds = st.integers(0, 10**9).map(lambda seed: World(f"properties-{seed}", documents=3))


def decided(case: Case):
    decision = evaluate(case.request, case.policies())
    return decision.allowed, decision.reason


def all_documents(case: Case):
    """Every document of the case with the grammar it is in, each a copy's to change."""
    found = case.documents
    lists = [*found["service control"], found["identity"], found["session"] or []]
    yield from (("identity", each) for listed in lists for each in listed)
    yield from ((grammar_of(each), each) for each in found["resource"])
    yield from (
        (kind, found[name]) for name, kind in (("boundary", "identity"), ("trust", "trust")) if found[name]
    )


def grammar_of(document) -> str:
    has_resource = any(each.keys() & {"Resource", "NotResource"} for each in document["Statement"])
    return "registry" if has_resource else "repository"


def copied(case: Case) -> Case:
    return replace(case, documents=json.loads(json.dumps(case.documents)))


def with_statement(world: World, case: Case, effect: str) -> Case | None:
    """The case with one more statement of that effect in one of its policies."""
    case = copied(case)
    documents = list(all_documents(case))
    if not documents:
        return None
    kind, document = world.random.choice(documents)
    statement = world.statement(kind)
    while statement["Effect"] != effect:
        statement = world.statement(kind)
    document["Statement"].insert(world.random.randint(0, len(document["Statement"])), statement)
    return case


@MANY
@given(worlds)
def test_a_deny_never_widens(world):
    case = world.case()
    assume(not decided(case)[0])
    wider = with_statement(world, case, "Deny")
    assume(wider)

    assert not decided(wider)[0]


@MANY
@given(worlds)
def test_an_allow_never_narrows(world):
    case = next((case for case in (world.case() for _ in range(8)) if decided(case)[0]), None)
    assume(case)
    narrower = with_statement(world, case, "Allow")
    assume(narrower)

    assert decided(narrower)[0]


@MANY
@given(worlds)
def test_the_order_of_statements_and_of_policies_never_matters(world):
    case = world.case()
    turned = copied(case)
    for _, document in all_documents(turned):
        world.random.shuffle(document["Statement"])
    for name in ("identity", "session", "resource", "service control", "resource control"):
        world.random.shuffle(turned.documents[name] or [])

    assert decided(turned) == decided(case)


@MANY
@given(worlds)
def test_to_split_a_policy_into_several_never_matters(world):
    case = world.case()
    split = copied(case)
    found = split.documents
    for name in ("identity", "session", "resource"):
        found[name] = found[name] and pieces(found[name])
    found["service control"] = [pieces(level) for level in found["service control"]]
    found["resource control"] = [pieces(level) for level in found["resource control"]]

    assert decided(split) == decided(case)


def pieces(documents):
    return [{**each, "Statement": [statement]} for each in documents for statement in each["Statement"]]


@MANY
@given(worlds, st.sampled_from(["boundary", "session", "service control", "resource control"]))
def test_what_only_limits_never_widens(world, limit):
    case = world.case()
    limits = {
        "boundary": world.maybe("identity", 1),
        "session": world.some("identity", 0, 2),
        "service control": [*case.documents["service control"], world.some("identity", 0, 2)],
        "resource control": [*case.documents["resource control"], world.some("resource control", 1, 2)],
    }
    without = {"boundary": None, "session": None}
    free = replace(case, documents=case.documents | {limit: without.get(limit, case.documents[limit])})
    limited = replace(case, documents=case.documents | {limit: limits[limit]})

    assert decided(free)[0] or not decided(limited)[0]


@MANY
@given(worlds)
def test_a_decision_that_calls_itself_unconditional_is_so_in_every_context(world):
    case = world.case()
    decision = evaluate(case.request, case.policies())
    assume(not decision.keys)

    for context in ({}, world.context(), world.context()):
        assert decided(replace(case, request=replace(case.request, context=context))) == decided(case)


@MANY
@given(worlds, st.integers(0, 60))
def test_an_evaluation_that_is_cut_off_never_allows_what_else_is_denied(world, steps):
    case = world.case()
    policies = case.policies()
    whole = evaluate(case.request, case.policies())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effort, "STEPS", steps)
        cut = evaluate(case.request, policies)

    assert cut.reason == whole.reason or cut.is_cut_off
    assert whole.allowed or not cut.allowed


@MANY
@given(worlds, st.integers(0, 200), st.integers(0, 60))
def test_every_decision_is_explained_however_little_work_that_may_be(world, steps, deciding_steps):
    case = world.case()
    policies = case.policies()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effort, "STEPS", deciding_steps)
        patch.setattr(explain, "STEPS", steps)
        decision = evaluate(case.request, policies)
        context = Counted(case.request.context)
        told = decision.explain(replace(case.request, context=context)).splitlines()

    assert told[0].startswith("ALLOWED" if decision.allowed else "DENIED")
    assert decision.allowed or told[-1].startswith("  needed: ")
    assert sum(line.startswith("  close: ") for line in told) <= explain.CLOSE
    assert context.asked <= steps // 5 + explain.CLOSE


@MANY
@given(worlds)
def test_a_policy_written_anew_means_the_same(world):
    case = world.case()
    anew = copied(case)
    for _, document in all_documents(anew):
        text = render(document)
        assert json.loads(text) == document
        document["Statement"] = json.loads(with_principals(text, lambda name: name))["Statement"]

    assert decided(anew) == decided(case)


@MANY
@given(worlds, st.sampled_from([None, 1, 4]))
def test_a_statement_is_where_it_says(world, indent):
    document = world.document("identity")
    policy = parse(json.dumps(document, indent=indent), Kind.IDENTITY)

    told = [json.loads(policy.text[each.start : each.end]) for each in policy.statements]
    assert told == document["Statement"]


letters = st.text("ab:", max_size=10)
patterns = st.lists(st.sampled_from(["a", "b", "ab", ":", "*", "*", "?", "**", "*?"]), max_size=9).map(
    "".join
)


@settings(max_examples=examples(250), deadline=None)
@given(patterns, letters)
@example("*a?b*b", "aabbab")
@example("*?a*", "ba")
@example("*a?b*", "aa:b")
@example("a?", "a")
@example("", "")
@example("?", "")
@example("a*a", "a")
@example("*ab*ab*", "aab")
def test_wildcards_match_as_a_naive_reference_says(pattern, text):
    found = Patterns([with_wildcards(pattern)]).match(text, Effort())

    assert found is glob(pattern, text)


parts = st.lists(st.sampled_from(["a", "ab", "", "*", "a*", "?", "*b?"]), min_size=3, max_size=8).map(
    ":".join
)
texts = st.lists(st.sampled_from(["a", "ab", "", "abb", "ba"]), min_size=3, max_size=8).map(":".join)


@settings(max_examples=examples(250), deadline=None)
@given(st.lists(parts, min_size=1, max_size=3), texts)
def test_the_parts_of_an_arn_match_each_on_its_own(written, text):
    found = Patterns(map(with_wildcards, written), colons=5).match(text, Effort())

    naive = [[(each,) if each in "*?" else each for each in pattern] for pattern in written]
    assert found is any(arn_glob(pattern, text) for pattern in naive)
