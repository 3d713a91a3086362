"""What a repository's policy does at both fronts, at once: whom it lets pull and push, and whom it keeps out.

Source: auth-iam.md §4.7, §4.9, §6.2; control-plane.md §1.10. That public pulls are open to all:
test_repository_policies.py.
"""

import pytest
from botocore.exceptions import ClientError

from tests.builders import an_image
from tests.every_operation.principals import a_user, allow, deny, policy
from tests.operations.nodes import a_node
from tests.operations.refusals import refusal
from tests.operations.resource_policies import (
    ARN,
    OTHER,
    OWNER,
    OWNERS_PATH,
    PULL,
    PUSH,
    REPOSITORY,
    a_stranger,
    grant,
    refuse,
    set_policy,
)
from tests.registry_client import RegistryClient
from tests.running import ROOT

YES, NO = (True, True), (False, False)
"""Over the API, over OCI."""


@pytest.fixture
def image(docker, repository):
    image = an_image()
    assert docker.push(repository, image, "1.0").status == 201
    return image


@pytest.fixture
def stranger(server):
    return a_stranger(server)


def pulls(server, key, image) -> tuple[bool, bool]:
    """Whether the owner of the key gets the image: over the API, over OCI. All of it, or nothing."""
    api = server.client("ecr", key=key)
    layer = image.blobs[1].digest
    asked = {"registryId": OWNER, "repositoryName": REPOSITORY}
    oci = server.docker(key=key, prefix=OWNERS_PATH)
    over_api = {
        outcome(api.batch_get_image, **asked, imageIds=[{"imageTag": "1.0"}]),
        outcome(api.get_download_url_for_layer, **asked, layerDigest=layer),
        outcome(api.batch_check_layer_availability, **asked, layerDigests=[layer]),
    }
    over_oci = {
        oci.get_manifest(REPOSITORY, "1.0").status,
        oci.get_blob(REPOSITORY, layer).status,
        oci.head_blob(REPOSITORY, layer).status,
    }
    assert over_api in ({"ok"}, {"AccessDeniedException"})
    assert over_oci in ({200}, {403})
    return over_api == {"ok"}, over_oci == {200}


def outcome(ask, **given):
    try:
        ask(**given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


def pushes(server, key) -> tuple[bool, bool]:
    """Whether the owner of the key can push an image: over the API, over OCI. All of it, or nothing."""
    oci = server.docker(key=key, prefix=OWNERS_PATH)
    api = server.client("ecr", key=key)
    asked = {"registryId": OWNER, "repositoryName": REPOSITORY}

    def upload(blob):
        begun = api.initiate_layer_upload(**asked)["uploadId"]
        last = len(blob.content) - 1
        part = {"partFirstByte": 0, "partLastByte": last, "layerPartBlob": blob.content}
        api.upload_layer_part(**asked, uploadId=begun, **part)
        api.complete_layer_upload(**asked, uploadId=begun, layerDigests=[blob.digest])

    def push():
        image = an_image()
        for blob in image.blobs:
            upload(blob)
        api.put_image(**asked, imageManifest=image.manifest, imageTag="api")

    over_api = outcome(push)
    image = an_image()
    over_oci = {oci.push_blob(REPOSITORY, blob).status for blob in image.blobs}
    over_oci.add(oci.put_manifest(REPOSITORY, "oci", image).status)
    assert over_api in ("ok", "AccessDeniedException")
    assert over_oci in ({201}, {403})
    return over_api == "ok", over_oci == {201}


def test_another_account_pulls_what_the_policy_lets_it_pull(server, ecr, image, stranger):
    assert pulls(server, stranger.key, image) == NO
    set_policy(ecr, grant({"AWS": OTHER}))
    assert pulls(server, stranger.key, image) == YES
    assert pushes(server, stranger.key) == NO
    ecr.delete_repository_policy(repositoryName=REPOSITORY)
    assert pulls(server, stranger.key, image) == NO


def test_another_account_pushes_what_the_policy_lets_it_push(server, ecr, repository, stranger):
    assert pushes(server, stranger.key) == NO
    set_policy(ecr, grant({"AWS": stranger.arn}, PUSH))
    assert pushes(server, stranger.key) == YES
    found = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert {tag for each in found for tag in each["imageTags"]} == {"api", "oci"}


def test_across_accounts_both_sides_must_allow(server, ecr, image, stranger):
    set_policy(ecr, grant({"AWS": OTHER}))
    stranger.may(allow("ecr:GetAuthorizationToken", "*"))
    assert pulls(server, stranger.key, image) == NO
    stranger.may(allow("ecr:GetAuthorizationToken", "*"), allow("ecr:*", ARN))
    assert pulls(server, stranger.key, image) == YES
    stranger.may(allow("ecr:*", "*"), deny("ecr:*", ARN))
    assert pulls(server, stranger.key, image) == NO


def test_the_denial_says_which_side_is_silent(server, ecr, image, stranger):
    client = server.client("ecr", key=stranger.key)
    asked = {
        "registryId": OWNER,
        "repositoryName": REPOSITORY,
        "imageIds": [{"imageTag": "1.0"}],
    }
    text = f"User: {stranger.arn} is not authorized to perform: ecr:BatchGetImage on resource: {ARN} "
    oci = server.docker(key=stranger.key, prefix=OWNERS_PATH)

    def told(reason):
        answer = oci.get_manifest(REPOSITORY, "1.0")
        assert (answer.status, answer.error, answer.message) == (403, "DENIED", text + reason)
        return refusal(client.batch_get_image, **asked) == ("AccessDeniedException", text + reason)

    assert told("because no resource-based policy allows the ecr:BatchGetImage action")
    set_policy(ecr, grant({"AWS": OTHER}))
    stranger.may(allow("ecr:GetAuthorizationToken", "*"))
    assert told("because no identity-based policy allows the ecr:BatchGetImage action")
    set_policy(ecr, refuse({"AWS": OTHER}, "ecr:BatchGetImage"))
    assert told("with an explicit deny in a resource-based policy")


def test_a_user_of_the_account_needs_one_of_both(server, ecr, image):
    user = a_user(server.client("iam"), "alice")
    login = allow("ecr:GetAuthorizationToken", "*")
    user.may(login)
    assert pulls(server, user.key, image) == NO
    set_policy(ecr, grant({"AWS": OWNER}))  # delegates, and gives nothing itself
    assert pulls(server, user.key, image) == NO
    set_policy(ecr, grant({"AWS": user.arn}))
    assert pulls(server, user.key, image) == YES
    set_policy(ecr, refuse({"AWS": user.arn}, PULL))
    user.may(login, allow("ecr:*", "*"))
    assert pulls(server, user.key, image) == NO
    ecr.delete_repository_policy(repositoryName=REPOSITORY)
    assert pulls(server, user.key, image) == YES


def test_a_deny_is_over_the_root_too(server, ecr, image):
    assert pulls(server, ROOT, image) == YES
    set_policy(ecr, refuse("*", PULL))
    assert pulls(server, ROOT, image) == NO
    code, message = refusal(ecr.batch_get_image, repositoryName=REPOSITORY, imageIds=[{"imageTag": "1.0"}])
    assert (code, message) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{OWNER}:root is not authorized to perform: ecr:BatchGetImage "
        f"on resource: {ARN} with an explicit deny in a resource-based policy",
    )


def test_a_private_registry_opens_to_nobody_who_is_anonymous(server, ecr, image):
    set_policy(ecr, grant("*", "ecr:*"))
    client = RegistryClient(server.url)
    token = client.ask("GET", "/token/", query="service=public.ecr.aws&scope=aws").json["token"]
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        client.http.headers.update(headers)
        for prefix in ("", OWNERS_PATH):
            client.prefix = prefix
            assert client.get_manifest(REPOSITORY, "1.0").status == 401
            assert client.start_upload(REPOSITORY).status == 401


def test_a_policy_is_about_its_own_repository(server, ecr, image, stranger):
    ecr.create_repository(repositoryName="other")
    ecr.set_repository_policy(repositoryName="other", policyText=policy(grant({"AWS": OTHER}, "ecr:*")))
    abroad = server.client("ecr", region="eu-west-1")
    abroad.create_repository(repositoryName=REPOSITORY)
    set_policy(abroad, grant({"AWS": OTHER}, "ecr:*"))
    assert pulls(server, stranger.key, image) == NO


def test_conditions_are_asked_of_the_request(server, ecr, image, stranger):
    for address, answer in (("127.0.0.0/8", YES), ("192.0.2.0/24", NO)):
        condition = {"IpAddress": {"aws:SourceIp": address}}
        set_policy(ecr, grant({"AWS": OTHER}, PULL, Condition=condition))
        assert pulls(server, stranger.key, image) == answer


def test_a_policy_counts_at_once_at_every_server(loop, settings, clock, server, ecr, image, stranger):
    with a_node(loop, settings, clock) as other:
        for _ in range(2):
            for node in (server, other):
                assert pulls(node, stranger.key, image) == NO
            set_policy(ecr, grant({"AWS": OTHER}))
            for node in (server, other):
                assert pulls(node, stranger.key, image) == YES
            other.client("ecr").delete_repository_policy(repositoryName=REPOSITORY)
