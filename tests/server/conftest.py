import pytest

from tests.server.serving import serving


@pytest.fixture(scope="module")
def served():
    """A server for all tests of a file: none of them leaves anything behind."""
    with serving() as server:
        yield server
