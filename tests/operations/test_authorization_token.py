"""GetAuthorizationToken, and what its tokens open. Source: control-plane.md §9.4, §10; auth-iam.md §3.

What is no token, and which challenge it gets, is in tests/oci.
"""

import base64
from datetime import timedelta

import pytest

from tests.builders import an_image
from tests.every_operation.principals import a_user, allow
from tests.operations.nodes import a_node
from tests.operations.refusals import invalid, refusal
from tests.registry_client import RegistryClient

OTHER = "111122223333"
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


def password_of(data) -> str:
    user, _, password = base64.b64decode(data["authorizationToken"], validate=True).decode().partition(":")
    assert user == "AWS"
    return password


def ping(server, password):
    return RegistryClient(server.url, password).ask("GET", "/v2/")


@pytest.fixture
def public_path(ecr_public):
    """`public.ecr.aws/alias/`: of a registry with a repository `tools`."""
    created = ecr_public.create_repository(repositoryName="tools")["repository"]
    return created["repositoryUri"].partition("/")[2].removesuffix("tools")


def test_a_private_token_comes_in_a_list_and_says_where_it_is_good(ecr, server, clock):
    answer = ecr.get_authorization_token()
    (data,) = answer["authorizationData"]
    assert data.keys() == {"authorizationToken", "expiresAt", "proxyEndpoint"}
    assert data["proxyEndpoint"] == server.url
    assert data["expiresAt"] == clock.now.replace(microsecond=0) + timedelta(hours=12)
    assert ping(server, password_of(data)).status == 200


def test_a_public_token_comes_alone(ecr_public, server, clock):
    data = ecr_public.get_authorization_token()["authorizationData"]
    assert data.keys() == {"authorizationToken", "expiresAt"}
    assert data["expiresAt"] == clock.now.replace(microsecond=0) + timedelta(hours=12)
    assert ping(server, password_of(data)).status == 200


def test_a_password_fits_where_passwords_are_kept(ecr, ecr_public):
    for data in (
        ecr.get_authorization_token()["authorizationData"][0],
        ecr_public.get_authorization_token()["authorizationData"],
    ):
        password = password_of(data)
        assert len(password) < 1_800
        assert set(password) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_every_registry_asked_for_has_its_token(ecr, server):
    asked = [OTHER, "000000000000", OTHER]
    data = ecr.get_authorization_token(registryIds=asked)["authorizationData"]
    assert len(data) == 3
    for each in data:
        assert each["proxyEndpoint"] == server.url
        assert ping(server, password_of(each)).status == 200


def test_the_endpoint_is_that_of_the_registry_asked_for(loop, settings, clock):
    settings["external_url"] = "https://{account}.dkr.ecr.{region}.ecr.example.com"
    settings["public_external_url"] = "https://public.ecr.example.com"
    with a_node(loop, settings, clock) as server:
        client = server.client("ecr", region="eu-west-1")
        data = client.get_authorization_token(registryIds=[OTHER, "000000000000"])["authorizationData"]
    assert [each["proxyEndpoint"] for each in data] == [
        "https://111122223333.dkr.ecr.eu-west-1.ecr.example.com",
        "https://000000000000.dkr.ecr.eu-west-1.ecr.example.com",
    ]


def test_registry_ids_are_ten_account_numbers_at_most(ecr):
    ask = ecr.get_authorization_token
    assert len(ask(registryIds=[OTHER] * 10)["authorizationData"]) == 10
    for wrong, reason in (
        ([OTHER] * 11, "Member must have length less than or equal to 10"),
        (["x"], "must satisfy regular expression '[0-9]{12}'"),
        ([OTHER + "4"], "must satisfy regular expression '[0-9]{12}'"),
    ):
        assert refusal(ask, registryIds=wrong) == invalid("registryIds", reason)


def test_several_tokens_are_good_at_the_same_time(server):
    passwords = [server.password() for _ in range(3)]
    assert len(set(passwords)) == 3
    for password in passwords:
        assert ping(server, password).status == 200


def test_a_token_is_good_for_twelve_hours(server, clock, repository):
    clock.now = clock.now.replace(microsecond=0)
    docker = server.docker()
    image = an_image()
    docker.push(repository, image, "1.0")
    for later, status in ((12 * 3600 - 1, 200), (1, 403), (3600, 403)):
        clock.advance(seconds=later)
        for answer in (docker.ask("GET", "/v2/"), docker.get_manifest(repository, "1.0")):
            assert answer.status == status
            if status == 403:
                assert (answer.error, answer.message) == ("DENIED", EXPIRED)
                assert "WWW-Authenticate" not in answer.headers
    clock.advance(hours=-13)
    assert docker.get_manifest(repository, "1.0").status == 200


def test_a_token_that_a_session_asks_for_ends_with_it_and_says_so(server, clock, repository):
    clock.now = clock.now.replace(microsecond=0)
    made = server.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    key = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    clock.advance(minutes=5)
    (private,) = server.client("ecr", key=key).get_authorization_token()["authorizationData"]
    public = server.client("ecr-public", key=key).get_authorization_token()["authorizationData"]

    assert private["expiresAt"] == public["expiresAt"] == made["Expiration"]
    for later, status in ((599, 200), (1, 403)):
        clock.advance(seconds=later)
        assert [ping(server, password_of(data)).status for data in (private, public)] == [status] * 2


def test_a_public_token_needs_a_second_permission(server):
    """ecr-public:GetAuthorizationToken is not enough. Source: auth-iam.md §2.3, GetServiceBearerToken."""
    user = a_user(server.client("iam"), "puller")
    ask = server.client("ecr-public", key=user.key).get_authorization_token
    get, bear = "ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"
    for statements, missing in (([], get), ([allow(get, "*")], bear), ([allow(bear, "*")], get)):
        user.may(*statements)
        assert refusal(ask) == (
            "AccessDeniedException",
            f"User: {user.arn} is not authorized to perform: {missing} on resource: * because no "
            f"identity-based policy allows the {missing} action",
        )

    service = {"StringEquals": {"sts:AWSServiceName": "ecr-public.amazonaws.com"}}
    life = {"NumericLessThanEquals": {"sts:DurationSeconds": "43200"}}
    user.may(allow(get, "*"), allow(bear, "*") | {"Condition": service | life})
    assert ping(server, password_of(ask()["authorizationData"])).status == 200

    user.may(allow("ecr:GetAuthorizationToken", "*"))  # a private one needs but this
    assert ping(server, server.password(key=user.key)).status == 200


def test_a_token_outlives_a_restart(loop, settings, clock):
    with a_node(loop, settings, clock) as server:
        password = server.password()
    with a_node(loop, settings, clock) as server:
        assert ping(server, password).status == 200


# What a token opens.


def test_a_private_token_opens_the_registry_of_its_account_and_region(server, docker, repository):
    docker.push(repository, an_image(), "1.0")
    by_path = server.docker(prefix="000000000000.dkr.ecr.us-east-1/")
    assert by_path.get_manifest(repository, "1.0").status == 200

    abroad = server.docker(region="eu-west-1")
    assert abroad.get_manifest(repository, "1.0").error == "NAME_UNKNOWN"  # its own region's registry
    for client, path in ((abroad, "us-east-1"), (docker, "eu-west-1")):
        client.prefix = f"000000000000.dkr.ecr.{path}/"
        refused = client.get_manifest(repository, "1.0")
        assert (refused.status, refused.error) == (403, "DENIED")
        assert refused.message == "Your Authorization Token is invalid."


def test_a_private_token_shows_its_principal_to_the_registries_of_others(server, docker, repository):
    """It is let in, and refused by what it may do."""
    docker.push(repository, an_image(), "1.0")
    other = server.docker(key=server.account(OTHER), prefix="000000000000.dkr.ecr.us-east-1/")
    refused = other.get_manifest(repository, "1.0")
    assert (refused.status, refused.error) == (403, "DENIED")
    assert refused.message == (
        "User: arn:aws:iam::111122223333:root is not authorized to perform: ecr:BatchGetImage on resource: "
        "arn:aws:ecr:us-east-1:000000000000:repository/team/app because no resource-based policy allows "
        "the ecr:BatchGetImage action"
    )


def test_a_private_token_opens_public_registries_where_one_login_serves_both(docker, public_path):
    docker.prefix = public_path
    assert docker.push("tools", an_image(), "1.0").status == 201


def test_a_public_token_opens_public_registries_alone(server, repository, public_path):
    public = RegistryClient(server.url, server.public_password(), prefix=public_path)
    assert public.push("tools", an_image(), "1.0").status == 201
    public.prefix = ""
    for answer in (public.tags(repository), public.start_upload(repository), public.tags("nowhere")):
        assert (answer.status, answer.error) == (403, "DENIED")
    public.prefix = "000000000000.dkr.ecr.us-east-1/"
    assert public.tags(repository).status == 403


def test_a_public_token_of_another_account_may_only_pull(server, public_path):
    owner = RegistryClient(server.url, server.public_password(), prefix=public_path)
    image = an_image()
    owner.push("tools", image, "1.0")
    other_key = server.account(OTHER)
    other = RegistryClient(server.url, server.public_password(key=other_key), prefix=public_path)
    assert other.get_manifest("tools", "1.0").body == image.content
    assert other.get_blob("tools", image.blobs[1].digest).body == image.blobs[1].content
    for answer, action in (
        (other.start_upload("tools"), "InitiateLayerUpload"),
        (other.put_manifest("tools", "2.0", image), "PutImage"),
        (other.delete_manifest("tools", "1.0"), "BatchDeleteImage"),
    ):
        assert (answer.status, answer.error) == (403, "DENIED")
        assert f"is not authorized to perform: ecr-public:{action} on resource: " in answer.message


def test_a_token_of_an_account_that_is_not_there_opens_nothing(server):
    """As after a restore of metadata from before the account was made."""
    docker = server.docker(key=server.account(OTHER))
    with server.parts.stores.database.transaction() as db:
        db.connection.driver.execute("DELETE FROM account WHERE id = ?", (OTHER,))
    for answer in (docker.ask("GET", "/v2/"), docker.tags("team/app"), docker.start_upload("team/app")):
        assert (answer.status, answer.error) == (403, "DENIED")
        assert answer.message == "Your Authorization Token is invalid."
