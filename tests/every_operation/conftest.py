"""One server for all calls that must be refused: they leave nothing behind."""

import pytest

from openecr.aws.model import SERVICES
from openecr.server.app import utc_now
from tests.every_operation.principals import OTHER, House
from tests.operations.nodes import a_node
from tests.running import ROOT, Clock


@pytest.fixture(scope="session")
def node(loop, tmp_path_factory):
    """A server that stays. In each service of the default account there is a repository `ab`."""
    settings = {
        "data_dir": tmp_path_factory.mktemp("node"),
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }
    with a_node(loop, settings, utc_now) as server:
        for service in SERVICES:
            server.client(service).create_repository(repositoryName="ab")
        yield server


@pytest.fixture(scope="session")
def stranger(node):
    """The key of another account's root."""
    return node.account(OTHER)


@pytest.fixture(scope="session")
def house(loop, tmp_path_factory):
    """A server that stays, for those who may and may not."""
    clock = Clock()
    settings = {
        "data_dir": tmp_path_factory.mktemp("house"),
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }
    with a_node(loop, settings, clock) as server:
        yield House(server, clock)
