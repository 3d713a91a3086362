"""The engine decides as a slow evaluator does that knows nothing of it."""

import os
from collections import Counter

import pytest

from openecr.policy.evaluate import Reason, evaluate
from tests.policy.cases import Case, World
from tests.policy.slow_evaluator import decide

CASES = 3_000
NIGHTLY_CASES = int(os.environ.get("OPENECR_POLICY_CASES", "1000000"))
CASES_OF_A_WORLD = 200


def test_three_thousand_generated_cases_are_decided_alike():
    seen = compare(CASES, "fast")

    # The cases would be worth little if they all ended alike.
    assert seen["ALLOW"] > CASES // 10
    assert {reason: seen[reason] for reason in Reason if seen[reason] < CASES // 500} == {}


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_million_generated_cases_are_decided_alike():
    compare(NIGHTLY_CASES, os.environ.get("OPENECR_POLICY_SEED", "nightly"))


def compare(count: int, seed: str) -> Counter[str]:
    """How often each answer was given. What differs fails, with all it takes to see why."""
    seen: Counter[str] = Counter()
    for number in range(0, count, CASES_OF_A_WORLD):
        world = World(f"{seed}-{number}")
        for _ in range(min(CASES_OF_A_WORLD, count - number)):
            case = world.case()
            answer = compare_one(case)
            seen[answer] += 1
    return seen


def compare_one(case: Case) -> str:
    decision = evaluate(case.request, case.policies())
    answer = "ALLOW" if decision.allowed else str(decision.reason)
    assert answer == decide(case.request, case.documents), f"{case}\n{decision.explain(case.request)}"
    return answer
