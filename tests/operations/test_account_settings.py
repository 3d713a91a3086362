"""GetAccountSetting, PutAccountSetting, and what the settings do. Source: advanced-features.md §1.2.

What REGISTRY_POLICY_SCOPE does: test_registry_policies.py.
"""

import pytest

from tests.api_client import ApiClient
from tests.builders import a_layer
from tests.every_operation.principals import a_user, allow
from tests.operations.refusals import refusal

OTHER = "111122223333"
DEFAULTS = {
    "BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE",
    "BLOB_MOUNTING": "ENABLED",
    "REGISTRY_POLICY_SCOPE": "V2",
    "OPENECR_EXPLAIN_DENIALS": "DISABLED",
}


def setting(client, name):
    answer = client.get_account_setting(name=name)
    assert answer["name"] == name
    return answer["value"]


def no_such(member, *values):
    return (
        "ValidationException",
        f"Invalid parameter at '{member}' failed to satisfy constraint: "
        f"'Member must satisfy enum value set: [{', '.join(values)}]'",
    )


def test_what_was_never_set_has_its_default(ecr):
    assert {name: setting(ecr, name) for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("BASIC_SCAN_TYPE_VERSION", ["AWS_NATIVE"]),
        ("BLOB_MOUNTING", ["DISABLED", "ENABLED", "DISABLED"]),
        ("REGISTRY_POLICY_SCOPE", ["V1", "V2", "V1"]),
        ("OPENECR_EXPLAIN_DENIALS", ["ENABLED", "DISABLED"]),
    ],
)
def test_a_setting_is_what_it_was_put_to(server, ecr, name, values):
    for value in values:
        answer = ecr.put_account_setting(name=name, value=value)
        assert (answer["name"], answer["value"]) == (name, value)
        assert setting(ecr, name) == value
        others = [each for each in DEFAULTS if each != name]
        assert {each: setting(ecr, each) for each in others} == {each: DEFAULTS[each] for each in others}
        assert setting(server.client("ecr", region="eu-west-1"), name) == DEFAULTS[name]


def test_every_account_has_its_own(server, ecr):
    other = server.client("ecr", key=server.account(OTHER))
    other.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert (setting(ecr, "BLOB_MOUNTING"), setting(other, "BLOB_MOUNTING")) == ("ENABLED", "DISABLED")


def test_what_is_no_setting_and_no_value_is_refused(ecr):
    for name in ("NOTHING", "blob_mounting", " "):
        for ask, given in ((ecr.get_account_setting, {}), (ecr.put_account_setting, {"value": "ENABLED"})):
            assert refusal(ask, name=name, **given) == no_such("name", *sorted(DEFAULTS))
    for name, value, values in (
        ("BASIC_SCAN_TYPE_VERSION", "CLAIR", ["AWS_NATIVE"]),
        ("BLOB_MOUNTING", "enabled", ["DISABLED", "ENABLED"]),
        ("BLOB_MOUNTING", "", ["DISABLED", "ENABLED"]),
        ("REGISTRY_POLICY_SCOPE", "V3", ["V1", "V2"]),
        ("OPENECR_EXPLAIN_DENIALS", "V2", ["DISABLED", "ENABLED"]),
    ):
        assert refusal(ecr.put_account_setting, name=name, value=value) == no_such("value", *values)
    assert {name: setting(ecr, name) for name in DEFAULTS} == DEFAULTS


def test_a_policy_may_allow_some_settings_and_not_others(server):
    """By the condition key ecr:AccountSetting. Source: auth-iam.md §5.1."""
    user = a_user(server.client("iam"), "alice")
    condition = {"StringEquals": {"ecr:AccountSetting": "BLOB_MOUNTING"}}
    user.may(allow("ecr:*AccountSetting", "*") | {"Condition": condition})
    client = server.client("ecr", key=user.key)
    client.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert setting(client, "BLOB_MOUNTING") == "DISABLED"
    for ask, given in ((client.get_account_setting, {}), (client.put_account_setting, {"value": "V1"})):
        assert refusal(ask, name="REGISTRY_POLICY_SCOPE", **given)[0] == "AccessDeniedException"


# BLOB_MOUNTING.


def mounts(docker, target, layer, source=None) -> bool:
    """Whether a layer was taken over; else an upload began, by which it comes as well."""
    answer = docker.start_upload(target, f"mount={layer.digest}" + (f"&from={source}" if source else ""))
    if answer.status == 201:
        return True
    assert answer.status == 202
    assert docker.head_blob(target, layer.digest).status == 404
    pushed = docker.finish_upload(answer.headers["Location"], layer.digest, layer.content)
    assert pushed.status == 201
    return False


def test_where_mounting_is_disabled_layers_are_pushed_again(ecr, docker, repository):
    ecr.create_repository(repositoryName="source")
    for value, mounted in (("DISABLED", False), ("ENABLED", True)):
        ecr.put_account_setting(name="BLOB_MOUNTING", value=value)
        for source in ("source", None):
            layer = a_layer()
            docker.push_blob("source", layer)
            assert mounts(docker, repository, layer, source) == mounted, (value, source)
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert docker.get_blob(repository, layer.digest).body == layer.content  # what was mounted stays


def test_mounting_is_disabled_in_one_registry_only(server, ecr):
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    for place in ({"region": "eu-west-1"}, {"key": server.account(OTHER)}):
        client, docker, layer = server.client("ecr", **place), server.docker(**place), a_layer()
        for name in ("source", "target"):
            client.create_repository(repositoryName=name)
        docker.push_blob("source", layer)
        assert mounts(docker, "target", layer, "source")


def test_the_setting_is_about_private_registries(server, ecr, ecr_public):
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    for name in ("source", "target"):
        uri = ecr_public.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    docker = server.docker(prefix=uri.partition("/")[2].removesuffix("target"))
    layer = a_layer()
    docker.push_blob("source", layer)
    assert mounts(docker, "target", layer, docker.prefix + "source")


# OPENECR_EXPLAIN_DENIALS.


def test_a_denial_is_explained_where_the_owner_wants_it(server, ecr, repository):
    """To callers of the owner's account: what is told of is its policies."""
    alice = a_user(server.client("iam"), "alice")
    asked = {"registryId": "000000000000", "repositoryName": repository}

    def denied(user):
        answer = ApiClient(server.url, user.key).ask("ecr", "DescribeImages", asked)
        assert answer.json["__type"] == "AccessDeniedException"
        return answer.json

    plain = denied(alice)
    assert plain.keys() == {"__type", "message"}
    ecr.put_account_setting(name="OPENECR_EXPLAIN_DENIALS", value="ENABLED")
    explained = denied(alice)
    assert explained.items() > plain.items()
    assert "needed: an identity-based policy" in explained["explanation"]
    alice.may(allow("ecr:GetAuthorizationToken", "*"))
    (error,) = server.docker(key=alice.key).tags(repository).json["errors"]
    assert "needed: an identity-based policy" in error["detail"]

    other = server.account(OTHER)
    bob = a_user(server.client("iam", key=other), "bob")
    theirs = server.client("ecr", key=other)
    theirs.put_account_setting(name="OPENECR_EXPLAIN_DENIALS", value="ENABLED")
    assert "explanation" not in denied(bob)
    ecr.put_account_setting(name="OPENECR_EXPLAIN_DENIALS", value="DISABLED")
    assert denied(alice) == plain
