"""PutRegistryPolicy, GetRegistryPolicy, DeleteRegistryPolicy: the text, its scope, and what it does.

The vectors W26–W32 are those of auth-iam.md §6.4. Source: control-plane.md §5.5; auth-iam.md §6.3.
"""

import json

import pytest

from tests.builders import an_image
from tests.every_operation.principals import policy
from tests.operations.refusals import invalid, refusal
from tests.operations.resource_policies import NOBODY, OTHER, OWNER, OWNERS_PATH, PULL, a_stranger

EVERY_REPOSITORY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/*"

MALFORMED = invalid("PolicyText", "Invalid registry policy provided")
NO_POLICY = (
    "RegistryPolicyNotFoundException",
    f"Registry policy does not exist in the registry with id '{OWNER}'",
)


def grant(actions, *, to=OTHER, on=EVERY_REPOSITORY, **members):
    return {"Effect": "Allow", "Principal": {"AWS": to}, "Action": actions, "Resource": on} | members


def without(statement, *names):
    return {name: value for name, value in statement.items() if name not in names}


def put(client, *statements):
    return client.put_registry_policy(policyText=policy(*statements))


def set_scope(client, value):
    client.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=value)


# The text.

REPLICATION = grant(["ecr:ReplicateImage", "ecr:CreateRepository"])
ACCEPTED = {
    "W28 replication": REPLICATION,
    "W29 pulling": grant(PULL),
    "W30 another account's repositories": grant(PULL, on=f"arn:aws:ecr:us-east-1:{OTHER}:repository/*"),
    "W30 another region's": grant(PULL, on=f"arn:aws:ecr:eu-west-1:{OWNER}:repository/*"),
    "W30 half an ARN": grant(PULL, on=f"arn:aws:us-east-1:{OWNER}:repository/*"),
    "several resources": grant(PULL, on=[EVERY_REPOSITORY, "*"]),
    "every action": grant("ecr:*"),
    "an unknown account": grant(PULL, to=NOBODY),
}
REFUSED = {
    "W26 no Resource": policy(without(REPLICATION, "Resource")),
    "no Principal": policy(without(REPLICATION, "Principal")),
    "no Action": policy(without(REPLICATION, "Action")),
    "an action of another service": policy(grant("s3:GetObject")),
    "a pattern of a principal": policy(grant(PULL, to=f"arn:aws:iam::{OTHER}:user/*")),
    "an unknown member": policy(REPLICATION | {"Foo": 1}),
    "an effect in lower case": policy(REPLICATION | {"Effect": "deny"}),
    "no statement": policy(),
    "nothing": "",
    "no JSON": "{",
    "W32 a character that may not be": policy(REPLICATION | {"Sid": "€"}).replace("\\u20ac", "€"),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_a_policy_is_shown_as_it_was_meant(ecr, what):
    answer = put(ecr, ACCEPTED[what])
    assert answer["registryId"] == OWNER
    principal = {"AWS": f"arn:aws:iam::{ACCEPTED[what]['Principal']['AWS']}:root"}
    assert json.loads(answer["policyText"])["Statement"] == [ACCEPTED[what] | {"Principal": principal}]
    assert ecr.get_registry_policy()["policyText"] == answer["policyText"]
    assert ecr.put_registry_policy(policyText=answer["policyText"])["policyText"] == answer["policyText"]


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_policy_is_refused_and_the_old_one_stays(ecr, what):
    before = put(ecr, REPLICATION)["policyText"]
    assert refusal(ecr.put_registry_policy, policyText=REFUSED[what]) == MALFORMED
    assert ecr.get_registry_policy()["policyText"] == before


def test_the_text_is_printed_as_ecr_prints_it(ecr):
    text = put(ecr, grant(PULL[:2], on=EVERY_REPOSITORY, Sid="a"))["policyText"]
    assert text == (
        """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "a",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : [ "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage" ],
    "Resource" : "arn:aws:ecr:us-east-1:000000000000:repository/*"
  } ]
}"""
    )


def test_the_length_of_a_text_is_limited(ecr):
    """W31."""
    short = len(policy(grant(PULL, Sid="")))
    put(ecr, grant(PULL, Sid="x" * (10_240 - short)))
    text = policy(grant(PULL, Sid="x" * (10_241 - short)))
    too_long = invalid("policyText", "Member must have length less than or equal to 10240")
    assert refusal(ecr.put_registry_policy, policyText=text) == too_long


def test_a_principal_that_is_not_there_is_refused(ecr):
    text = policy(grant(PULL, to=f"arn:aws:iam::{OWNER}:role/none"))
    assert refusal(ecr.put_registry_policy, policyText=text) == invalid("PolicyText", "Principal not found")
    assert refusal(ecr.get_registry_policy) == NO_POLICY


def test_a_principal_that_is_gone_is_shown_by_its_id(server, ecr):
    role = server.client("iam").create_role(
        RoleName="ci",
        AssumeRolePolicyDocument=policy(without(grant("sts:AssumeRole", to=OWNER), "Resource")),
    )["Role"]
    put(ecr, grant(PULL, to=role["Arn"]))
    for name in (role["Arn"], role["RoleId"]):
        statement = json.loads(ecr.get_registry_policy()["policyText"])["Statement"][0]
        assert statement["Principal"] == {"AWS": name}
        if name == role["Arn"]:
            server.client("iam").delete_role(RoleName="ci")


def test_a_policy_is_replaced_and_deleted(ecr):
    for ask in (ecr.get_registry_policy, ecr.delete_registry_policy):
        assert refusal(ask) == NO_POLICY
    put(ecr, REPLICATION)
    last = put(ecr, grant(PULL))
    deleted = ecr.delete_registry_policy()
    assert (deleted["registryId"], deleted["policyText"]) == (OWNER, last["policyText"])
    for ask in (ecr.get_registry_policy, ecr.delete_registry_policy):
        assert refusal(ask) == NO_POLICY


def test_each_registry_of_each_account_has_its_own(server, ecr):
    put(ecr, REPLICATION)
    abroad, other = server.client("ecr", region="eu-west-1"), server.client("ecr", key=server.account(OTHER))
    assert refusal(abroad.get_registry_policy) == NO_POLICY
    code, message = refusal(other.get_registry_policy)
    assert (code, message) == (NO_POLICY[0], NO_POLICY[1].replace(OWNER, OTHER))
    put(abroad, grant(PULL))
    ecr.delete_registry_policy()
    assert json.loads(abroad.get_registry_policy()["policyText"])["Statement"][0]["Action"] == PULL


# Its scope.


def test_in_the_old_scope_a_policy_speaks_of_three_actions(ecr):
    """W27, W28; and `ecr:*`, which there means those three."""
    set_scope(ecr, "V1")
    three = ["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    for actions in (three, three[0], "ecr:replicateimage", "ecr:*"):
        assert put(ecr, grant(actions))["registryId"] == OWNER
    for statement in (
        grant("ecr:BatchGetImage"),
        grant([*three, "ecr:BatchGetImage"]),
        grant("ecr:Replicate*"),
        without(grant("", NotAction="ecr:BatchGetImage"), "Action"),
    ):
        text = policy(REPLICATION, statement)
        assert refusal(ecr.put_registry_policy, policyText=text) == MALFORMED
        put(ecr, REPLICATION)
    set_scope(ecr, "V2")
    assert put(ecr, grant("ecr:BatchGetImage"))["registryId"] == OWNER


@pytest.fixture
def image(docker, repository):
    image = an_image()
    assert docker.push(repository, image, "1.0").status == 201
    return image


@pytest.fixture
def stranger(server):
    return a_stranger(server)


def pulls(server, key) -> bool:
    """Whether the owner of the key gets team/app:1.0, at both fronts."""
    oci = server.docker(key=key, prefix=OWNERS_PATH)
    manifest = oci.get_manifest("team/app", "1.0")
    api = server.client("ecr", key=key)
    asked = {"registryId": OWNER, "repositoryName": "team/app", "imageIds": [{"imageTag": "1.0"}]}
    if manifest.status == 200:
        digests = [layer["digest"] for layer in manifest.json["layers"]]
        assert {oci.get_blob("team/app", digest).status for digest in digests} == {200}
        assert api.batch_get_image(**asked)["images"][0]["imageManifest"] == manifest.body.decode()
        return True
    assert (manifest.status, manifest.error) == (403, "DENIED")
    assert refusal(api.batch_get_image, **asked)[0] == "AccessDeniedException"
    return False


def test_a_registry_policy_stands_in_for_a_repository_s(server, ecr, image, stranger):
    """G01, G02."""
    assert not pulls(server, stranger.key)
    put(ecr, grant(PULL))
    assert pulls(server, stranger.key)
    put(ecr, grant(PULL, on=EVERY_REPOSITORY.replace("*", "prod/*")))
    assert not pulls(server, stranger.key)
    put(ecr, grant(PULL, on=EVERY_REPOSITORY.replace("*", "team/*")))
    assert pulls(server, stranger.key)
    ecr.delete_registry_policy()
    assert not pulls(server, stranger.key)


def test_of_both_policies_either_may_allow_and_each_may_deny(server, ecr, image, stranger):
    """G09."""
    allowing = without(grant(PULL), "Resource")
    denying = allowing | {"Effect": "Deny"}
    ecr.set_repository_policy(repositoryName="team/app", policyText=policy(allowing))
    assert pulls(server, stranger.key)
    put(ecr, grant(PULL, Effect="Deny"))
    assert not pulls(server, stranger.key)
    ecr.set_repository_policy(repositoryName="team/app", policyText=policy(denying))
    put(ecr, grant(PULL))
    assert not pulls(server, stranger.key)


def test_a_repository_may_be_made_for_another_account_if_it_is_let(server, ecr, stranger):
    theirs = server.client("ecr", key=stranger.key)
    ask = {"registryId": OWNER, "repositoryName": "cache/app"}
    assert refusal(theirs.create_repository, **ask)[0] == "AccessDeniedException"
    for scope in ("V2", "V1"):
        set_scope(ecr, scope)
        put(ecr, grant("ecr:CreateRepository", on=EVERY_REPOSITORY.replace("*", "cache/*")))
        assert theirs.create_repository(**ask)["repository"]["registryId"] == OWNER
        ecr.delete_repository(repositoryName="cache/app")
        outside = refusal(theirs.create_repository, registryId=OWNER, repositoryName="app")
        assert outside[0] == "AccessDeniedException"


def test_in_the_old_scope_nothing_else_is_asked_of_it(server, ecr, image, stranger):
    """G04: neither what it allows nor what it denies. The text stays."""
    text = put(ecr, grant([*PULL, "ecr:CreateRepository"]))["policyText"]
    set_scope(ecr, "V1")
    assert not pulls(server, stranger.key)
    assert ecr.get_registry_policy()["policyText"] == text
    set_scope(ecr, "V2")
    put(ecr, grant("ecr:*", to="*", Effect="Deny"))
    assert refusal(ecr.describe_images, repositoryName="team/app")[0] == "AccessDeniedException"
    set_scope(ecr, "V1")
    assert len(ecr.describe_images(repositoryName="team/app")["imageDetails"]) == 1
    for _ in range(2):
        text = policy({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"})
        ecr.set_repository_policy(repositoryName="team/app", policyText=text)
    assert refusal(ecr.create_repository, repositoryName="new")[0] == "AccessDeniedException"


def test_a_deny_is_over_the_root_too(server, ecr, image):
    """G03."""
    put(ecr, grant("ecr:DeleteRepository", to="*", Effect="Deny"))
    code, message = refusal(ecr.delete_repository, repositoryName="team/app", force=True)
    assert (code, message) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{OWNER}:root is not authorized to perform: ecr:DeleteRepository on resource: "
        f"{EVERY_REPOSITORY.replace('*', 'team/app')} with an explicit deny in a resource-based policy",
    )
    ecr.delete_registry_policy()
    ecr.delete_repository(repositoryName="team/app", force=True)


def test_another_account_s_policy_is_not_asked(server, ecr, image, stranger):
    """W30: what speaks of our repositories in their registry's policy gives nothing."""
    theirs = server.client("ecr", key=stranger.key)
    put(theirs, grant("ecr:*", to="*"))
    assert not pulls(server, stranger.key)


def test_a_registry_policy_is_not_asked_in_public(server, ecr, ecr_public):
    ecr_public.create_repository(repositoryName="tools")
    put(ecr, grant("ecr:*", to="*", on="*", Effect="Deny"))
    assert ecr_public.describe_images(repositoryName="tools")["imageDetails"] == []
