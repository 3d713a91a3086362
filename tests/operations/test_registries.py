"""DescribeRegistry, DescribeRegistries. Source: control-plane.md §9.2, §9.5; advanced-features.md §4.1."""

import re

from tests.operations.refusals import invalid, refusal

OTHER = "111122223333"


def registry_of(ecr_public):
    (registry,) = ecr_public.describe_registries()["registries"]
    return registry


def test_a_private_registry_says_that_it_is_replicated_nowhere(server):
    for key, account in ((None, "000000000000"), (server.account(OTHER), OTHER)):
        more = {"key": key} if key else {}
        for region in ("us-east-1", "eu-west-1"):
            answer = server.client("ecr", region=region, **more).describe_registry()
            del answer["ResponseMetadata"]
            assert answer == {"registryId": account, "replicationConfiguration": {"rules": []}}


def test_a_public_registry_has_an_alias_from_its_first_repository_on(ecr_public, server):
    assert registry_of(ecr_public) == {
        "registryId": "000000000000",
        "registryArn": "arn:aws:ecr-public::000000000000:registry/000000000000",
        "registryUri": f"localhost:{server.port}/public.ecr.aws/",
        "verified": False,
        "aliases": [],
    }
    ecr_public.create_repository(repositoryName="tools")
    registry = registry_of(ecr_public)
    (alias,) = registry["aliases"]
    assert re.fullmatch("[a-z][a-z0-9]{7}", alias["name"])
    assert alias == {
        "name": alias["name"],
        "status": "ACTIVE",
        "primaryRegistryAlias": True,
        "defaultRegistryAlias": True,
    }
    assert registry["registryUri"] == f"localhost:{server.port}/public.ecr.aws/{alias['name']}"
    (repository,) = ecr_public.describe_repositories()["repositories"]
    assert repository["repositoryUri"] == f"{registry['registryUri']}/tools"

    ecr_public.delete_repository(repositoryName="tools")
    assert registry_of(ecr_public) == registry


def test_a_public_registry_is_one_whatever_the_region(ecr_public, server):
    ecr_public.create_repository(repositoryName="tools")
    assert registry_of(server.client("ecr-public", region="eu-west-1")) == registry_of(ecr_public)


def test_everybody_sees_their_own_registry_only(ecr_public, server):
    other = server.client("ecr-public", key=server.account(OTHER))
    for client in (ecr_public, other):
        client.create_repository(repositoryName="tools")
    assert registry_of(other)["registryArn"] == f"arn:aws:ecr-public::{OTHER}:registry/{OTHER}"
    assert registry_of(other)["aliases"] != registry_of(ecr_public)["aliases"]


def test_a_list_of_one_registry_has_one_page(ecr_public):
    for size in (1, 1000):
        answer = ecr_public.describe_registries(maxResults=size)
        assert (len(answer["registries"]), "nextToken" in answer) == (1, False)
    reason = "Member must have value less than or equal to 1000"
    assert refusal(ecr_public.describe_registries, maxResults=1001) == invalid("maxResults", reason)
    wrong = invalid("nextToken", "The token is not valid for this request")
    assert refusal(ecr_public.describe_registries, nextToken="x") == wrong
    for name in ("a0", "a1"):
        ecr_public.create_repository(repositoryName=name)
    token = ecr_public.describe_repositories(maxResults=1)["nextToken"]
    assert refusal(ecr_public.describe_registries, nextToken=token) == wrong


def test_the_uri_of_a_public_registry_is_where_it_is_found(ecr_public, server):
    ecr_public.create_repository(repositoryName="tools")
    host, _, path = registry_of(ecr_public)["registryUri"].partition("/")
    assert host == f"localhost:{server.port}"
    answer = server.docker(prefix=path + "/").tags("tools")
    assert (answer.status, answer.json["tags"]) == (200, [])
