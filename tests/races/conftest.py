"""An installation with a clock that the test moves."""

from tests.jobs.conftest import installation

__all__ = ["installation"]
