"""IAM, as the root of the account."""

import pytest


@pytest.fixture
def iam(server):
    return server.client("iam")
