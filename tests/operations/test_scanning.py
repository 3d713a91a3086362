"""What registries and repositories say of scanning. Source: advanced-features.md §1.3."""

import pytest

from tests.operations.refusals import invalid, no_repository, refusal

OTHER = "111122223333"
DEFAULT = {"scanType": "BASIC", "rules": []}


def rule(frequency, *filters):
    return {
        "scanFrequency": frequency,
        "repositoryFilters": [{"filter": each, "filterType": "WILDCARD"} for each in filters],
    }


def put(client, scan_type, *rules):
    answer = client.put_registry_scanning_configuration(scanType=scan_type, rules=list(rules))
    return answer["registryScanningConfiguration"]


def kept(client):
    answer = client.get_registry_scanning_configuration()
    return answer["registryId"], answer["scanningConfiguration"]


def in_force(client, name):
    """On push, frequency, the filters that match."""
    answer = client.batch_get_repository_scanning_configuration(repositoryNames=[name])
    (found,), failures = answer["scanningConfigurations"], answer["failures"]
    assert failures == []
    assert (found["repositoryName"], found["repositoryArn"]) == (
        name,
        f"arn:aws:ecr:us-east-1:000000000000:repository/{name}",
    )
    assert {each["filterType"] for each in found["appliedScanFilters"]} <= {"WILDCARD"}
    filters = [each["filter"] for each in found["appliedScanFilters"]]
    return found["scanOnPush"], found["scanFrequency"], filters


# A repository's own setting.


def test_scan_on_push_is_what_it_was_put_to(ecr, repository):
    for configuration in ({"scanOnPush": True}, {"scanOnPush": False}, {"scanOnPush": True}, {}):
        expected = {"scanOnPush": False} | configuration
        answer = ecr.put_image_scanning_configuration(
            repositoryName=repository, imageScanningConfiguration=configuration
        )
        del answer["ResponseMetadata"]
        assert answer == {
            "registryId": "000000000000",
            "repositoryName": repository,
            "imageScanningConfiguration": expected,
        }
        (described,) = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
        assert described["imageScanningConfiguration"] == expected


def test_a_repository_that_is_not_there_has_no_setting(ecr):
    asked = {"repositoryName": "nowhere", "imageScanningConfiguration": {"scanOnPush": True}}
    assert refusal(ecr.put_image_scanning_configuration, **asked) == no_repository("nowhere")


# The registry's.


def test_a_registry_that_said_nothing_scans_by_hand(ecr, repository):
    assert kept(ecr) == ("000000000000", DEFAULT)
    assert in_force(ecr, repository) == (False, "MANUAL", [])


def test_a_registry_s_rules_are_those_put_last(server, ecr):
    basic = [rule("SCAN_ON_PUSH", "prod", "*-release", "a*b*c")]
    enhanced = [rule("SCAN_ON_PUSH"), rule("CONTINUOUS_SCAN", "*")]
    for scan_type, rules in (("BASIC", basic), ("ENHANCED", enhanced), ("BASIC", [])):
        assert put(ecr, scan_type, *rules) == {"scanType": scan_type, "rules": rules}
        assert kept(ecr) == ("000000000000", {"scanType": scan_type, "rules": rules})
    put(ecr, "ENHANCED", *enhanced)
    ecr.put_registry_scanning_configuration()
    assert kept(ecr) == ("000000000000", DEFAULT)

    put(ecr, "ENHANCED", *enhanced)
    assert kept(server.client("ecr", region="eu-west-1")) == ("000000000000", DEFAULT)
    assert kept(server.client("ecr", key=server.account(OTHER))) == (OTHER, DEFAULT)


def test_a_rule_has_a_frequency_of_its_type_and_each_once(ecr):
    for scan_type, rules, refused in (
        (
            "BASIC",
            [rule("CONTINUOUS_SCAN", "*")],
            invalid("scanFrequency", "Member must be one of [SCAN_ON_PUSH] when scanType is set as BASIC"),
        ),
        (
            "ENHANCED",
            [rule("MANUAL", "*")],
            invalid(
                "scanFrequency",
                "Member must be one of [CONTINUOUS_SCAN, SCAN_ON_PUSH] when scanType is set as ENHANCED",
            ),
        ),
        (
            "ENHANCED",
            [rule("SCAN_ON_PUSH", "a"), rule("SCAN_ON_PUSH", "b")],
            invalid("rules", "Member must not have more than one rule for a scanFrequency"),
        ),
    ):
        asked = {"scanType": scan_type, "rules": rules}
        assert refusal(ecr.put_registry_scanning_configuration, **asked) == refused
    assert kept(ecr) == ("000000000000", DEFAULT)


@pytest.mark.parametrize(
    ("rules", "member"),
    [
        ([rule("SCAN_ON_PUSH", *["a"] * 101)], "repositoryFilters"),
        ([rule("SCAN_ON_PUSH", "a" * 256)], "filter"),
        ([rule("SCAN_ON_PUSH", "Prod")], "filter"),
        ([rule("SCAN_ON_PUSH", "-prod")], "filter"),
        ([rule("SCAN_ON_PUSH"), rule("CONTINUOUS_SCAN"), rule("MANUAL")], "rules"),
    ],
)
def test_rules_are_bounded_as_the_model_says(ecr, rules, member):
    code, text = refusal(ecr.put_registry_scanning_configuration, scanType="ENHANCED", rules=rules)
    assert code == "InvalidParameterException"
    assert text.startswith(f"Invalid parameter at '{member}' failed to satisfy constraint: ")


def test_rules_may_be_as_large_as_the_model_lets_them(ecr):
    longest = "a" * 255
    rules = [rule("SCAN_ON_PUSH", *[longest] * 100), rule("CONTINUOUS_SCAN", *[longest] * 100)]
    assert put(ecr, "ENHANCED", *rules)["rules"] == rules


# Both together.


def test_what_is_in_force_follows_from_filters_and_the_repository_s_own_setting(ecr):
    for name in ("prod-web", "dev"):
        ecr.create_repository(repositoryName=name)
    put(ecr, "BASIC", rule("SCAN_ON_PUSH", "prod", "*web", "web*"))
    assert in_force(ecr, "prod-web") == (True, "SCAN_ON_PUSH", ["prod", "*web"])
    assert in_force(ecr, "dev") == (False, "MANUAL", [])

    ecr.put_image_scanning_configuration(
        repositoryName="dev", imageScanningConfiguration={"scanOnPush": True}
    )
    assert in_force(ecr, "dev") == (True, "SCAN_ON_PUSH", [])

    put(ecr, "ENHANCED", rule("SCAN_ON_PUSH", "*"), rule("CONTINUOUS_SCAN", "prod"))
    assert in_force(ecr, "prod-web") == (False, "CONTINUOUS_SCAN", ["prod"])
    assert in_force(ecr, "dev") == (True, "SCAN_ON_PUSH", ["*"])
    put(ecr, "ENHANCED", rule("CONTINUOUS_SCAN", "prod"))
    assert in_force(ecr, "dev") == (False, "MANUAL", [])


def test_repositories_that_are_not_there_are_failures_and_each_is_told_of_once(ecr, repository):
    answer = ecr.batch_get_repository_scanning_configuration(
        repositoryNames=["nowhere", repository, "nowhere", repository]
    )
    assert [each["repositoryName"] for each in answer["scanningConfigurations"]] == [repository]
    assert answer["failures"] == [
        {
            "repositoryName": "nowhere",
            "failureCode": "REPOSITORY_NOT_FOUND",
            "failureReason": "REPOSITORY_NOT_FOUND",
        }
    ]


def test_twenty_five_repositories_may_be_asked_about_at_once(ecr):
    names = [f"r{number}" for number in range(26)]
    asked = ecr.batch_get_repository_scanning_configuration
    assert len(asked(repositoryNames=names[:25])["failures"]) == 25
    assert refusal(asked, repositoryNames=names) == invalid(
        "repositoryNames", "Member must have length less than or equal to 25"
    )
