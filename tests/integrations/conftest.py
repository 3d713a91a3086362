"""A server of somebody else and a way out that may reach it."""

from ipaddress import ip_network

import pytest

from openecr.integrations.outbound import Outbound, resolve
from tests.integrations.serving import make_certificate, serving

HOST = "issuer.example"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Of the server, and the authority that a client of it must trust."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "server.pem", HOST, "127.0.0.1", "::1")


@pytest.fixture
def server(certificate):
    with serving(certificate) as server:
        yield server


@pytest.fixture
def url(server):
    return f"https://{HOST}:{server.port}"


@pytest.fixture
def outbound(certificate):
    """The issuer's name is at 127.0.0.1, which is allowed."""
    return Outbound(
        allowed_networks=[ip_network("127.0.0.0/8")],
        ca_file=certificate,
        resolve=lambda host, port: ["127.0.0.1"] if host == HOST else resolve(host, port),
    )
