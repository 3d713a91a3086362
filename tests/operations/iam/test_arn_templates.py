"""The forms of resources that simulations tell, held against what the gate asks of and against the model."""

import pytest

from openecr.aws.model import services
from openecr.operations.all import OPERATIONS
from openecr.operations.iam.arn_templates import ACTIONS, arn_template

NOUNS = {
    "repository_arn": "repository",
    "named_repositories": "repository",
    "arn_in_input": "repository",
    "registry_arn": "registry",
    "new_policy": "policy",
    "new_provider": "oidc-provider",
    "user_or_all": "user",
}
"""What an operation is about, by the name of the function that tells it, where that is no noun."""
NO_OPERATIONS = {"PassRole", "SetSourceIdentity"}
"""Permissions of which there is no operation."""


def test_an_action_has_the_form_of_what_the_gate_asks_of():
    for (service, name), operation in OPERATIONS.items():
        if service in operation.unlisted or service == "sts":
            continue
        told = operation.resources.__name__.removeprefix("new ").removesuffix(", old and new")
        noun = NOUNS.get(told, told)
        template = arn_template(f"{service}:{operation.action}")
        assert f":{noun}/" in template if noun in template else template == "*", name
        is_about_one_type = noun not in ("everything", "policy_source") and not noun.startswith("any ")
        assert (template != "*") is is_about_one_type, name


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_every_action_is_an_operation_and_has_one_form(service):
    names = [name for by_service in ACTIONS.values() for name in by_service.get(service, "").split()]
    assert len(names) == len(set(names))
    assert set(names) - services()[service].operations.keys() <= NO_OPERATIONS
