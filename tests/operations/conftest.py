"""Each service in turn: its API, and its registry over `/v2/`, with one repository in it."""

import pytest

REPOSITORY = "team/app"


@pytest.fixture(params=["ecr", "ecr-public"])
def service(request):
    return request.param


@pytest.fixture
def api(server, service):
    """The service's API. There is a repository team/app."""
    client = server.client(service)
    client.create_repository(repositoryName=REPOSITORY)
    return client


@pytest.fixture
def registry(server, service, api):
    """A client logged in to the registry that `api` is of; it writes plain names of repositories."""
    if service == "ecr":
        return server.docker()
    uri = api.describe_repositories()["repositories"][0]["repositoryUri"]
    path = uri.partition("/")[2]
    return server.docker(prefix=path.removesuffix(REPOSITORY))
