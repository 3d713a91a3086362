"""A decision that is remembered is the one that would be made anew."""

from dataclasses import replace

from openecr.operations.context_keys import is_lasting
from openecr.operations.grounds import Grounds
from openecr.policy.evaluate import evaluate
from tests.policy.cases import World

WORLDS = 60
REQUESTS = 40


def test_with_the_same_values_it_is_the_same_decision():
    """One principal, one resource and all policies stay; the context of the requests changes."""
    outcomes = set()
    for number in range(WORLDS):
        world = World(f"remembered-{number}")
        first = world.case()
        policies = first.policies()
        grounds = Grounds(first.request.principal, {}, {}, policies, None)
        lasting = {key: value for key, value in first.request.context.items() if is_lasting(key)}
        for _ in range(REQUESTS):
            changing = world.case().request.context
            context = {key: value for key, value in changing.items() if not is_lasting(key)} | lasting
            request = replace(first.request, context=context)
            fresh = evaluate(request, policies)
            remembered = grounds.decide(request)
            assert (remembered.allowed, remembered.reason) == (fresh.allowed, fresh.reason)
            outcomes.add((number, fresh.allowed))
    both = [number for number in range(WORLDS) if {(number, True), (number, False)} <= outcomes]
    assert both, "in no world did the context matter"
