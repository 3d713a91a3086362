"""Each of the evaluator's vectors gets its answer, and a denial its reason."""

import pytest

from openecr.policy.evaluate import evaluate
from tests.policy.vectors import Vector, vectors

VECTORS = vectors()


def test_there_are_all_of_them():
    assert len(VECTORS) == len({vector.id for vector in VECTORS}) == 151


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_vector(vector: Vector):
    decision = evaluate(vector.request, vector.policies)

    assert decision.allowed is vector.wants_allow, decision.explain(vector.request)
    if not vector.wants_allow:
        assert decision.reason == vector.reason
