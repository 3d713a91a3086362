"""Registries of both kinds, with a repository and somebody who may push to it."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.registry_client import RegistryClient


@dataclass(frozen=True)
class OpenRegistry:
    """A registry as its owner sees it."""

    service: str  # ecr, ecr-public
    api: Any  # the boto3 client of that service
    docker: RegistryClient  # logged in; puts the registry's part of the path before each name
    repository: str
    id: str  # as errors over OCI name it: the account, or the alias


@pytest.fixture
def private(ecr, docker, repository) -> OpenRegistry:
    return OpenRegistry("ecr", ecr, docker, repository, "000000000000")


@pytest.fixture
def public(server, ecr_public) -> OpenRegistry:
    made = ecr_public.create_repository(repositoryName="team/app")["repository"]
    prefix = made["repositoryUri"].partition("/")[2].removesuffix("team/app")
    docker = RegistryClient(server.url, server.public_password(), prefix=prefix)
    return OpenRegistry("ecr-public", ecr_public, docker, "team/app", prefix.split("/")[1])


@pytest.fixture(params=["private", "public"])
def registry(request) -> OpenRegistry:
    """Either kind: a rule that both have."""
    return request.getfixturevalue(request.param)
