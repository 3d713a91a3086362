"""Lifecycle policies of repositories, put, shown and taken away. What they may say: tests/domain."""

import json
from datetime import UTC, datetime

import pytest

from tests.api_client import ApiClient
from tests.domain.policies import UNTAGGED, a_text, keep, older_than, tagged
from tests.operations.refusals import invalid, no_repository, refusal

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NO_POLICY = (
    "LifecyclePolicyNotFoundException",
    "Lifecycle policy does not exist for the repository with name 'team/app' "
    "in the registry with id '000000000000'",
)


def told(answer):
    del answer["ResponseMetadata"]
    return answer


def test_a_policy_is_shown_without_its_blanks_and_was_never_followed(ecr, repository):
    text = a_text(older_than(14, 7, **tagged("prod*")), keep(3, 20), indent=2) + "\n"
    short = json.dumps(json.loads(text), separators=(",", ":"))
    common = {
        "registryId": "000000000000",
        "repositoryName": repository,
        "lifecyclePolicyText": short,
    }
    assert told(ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)) == common
    shown = common | {"lastEvaluatedAt": NEVER}
    assert told(ecr.get_lifecycle_policy(repositoryName=repository)) == shown
    assert told(ecr.get_lifecycle_policy(repositoryName=repository, registryId="000000000000")) == shown

    assert told(ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=short)) == common
    assert told(ecr.delete_lifecycle_policy(repositoryName=repository)) == shown
    assert refusal(ecr.get_lifecycle_policy, repositoryName=repository) == NO_POLICY


def test_where_there_is_no_policy_there_is_none_to_show_or_delete(ecr, repository):
    for ask in (ecr.get_lifecycle_policy, ecr.delete_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        assert refusal(ask, repositoryName=repository) == NO_POLICY
        assert refusal(ask, repositoryName="team/none") == no_repository("team/none")
    text = a_text(keep(1))
    for ask in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        found = refusal(ask, repositoryName="team/none", lifecyclePolicyText=text)
        assert found == no_repository("team/none")


def test_a_text_that_is_no_policy_changes_nothing(ecr, repository):
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=a_text(keep(1)))
    before = ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
    wrong = a_text(keep(1, 1, **UNTAGGED), older_than(1, 2, **UNTAGGED))
    reason = "Lifecycle policy validation failure: Only one rule can select Untagged images per storage class"
    for ask in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        found = refusal(ask, repositoryName=repository, lifecyclePolicyText=wrong)
        assert found == invalid("LifecyclePolicyText", reason)
    assert ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"] == before


@pytest.mark.parametrize("length", [99, 100, 30_720, 30_721])
def test_a_text_has_100_to_30720_characters(server, ecr, repository, length):
    text = a_text(keep(1)).ljust(length) if length > 200 else " " * length
    given = {"repositoryName": repository, "lifecyclePolicyText": text}
    answer = ApiClient(server.url).ask("ecr", "PutLifecyclePolicy", given)
    if length == 30_720:
        assert answer.status == 200
        return
    bound = {99: "greater than or equal to 100", 30_721: "less than or equal to 30720"}.get(length)
    reason = f"Member must have length {bound}" if bound else "Could not map policyString"
    assert (answer.status, answer.json["__type"]) == (400, "InvalidParameterException")
    assert reason in answer.json["message"]


def test_a_repository_takes_its_policy_along(ecr, repository):
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=a_text(keep(1)))
    ecr.delete_repository(repositoryName=repository)
    ecr.create_repository(repositoryName=repository)
    assert refusal(ecr.get_lifecycle_policy, repositoryName=repository) == NO_POLICY
