"""What several end-to-end tests share."""

from __future__ import annotations

import pytest

from tests.helpers.forks import Forks, shared_forks


@pytest.fixture(scope="session")
def forks() -> Forks:
    """A process that has imported the programs, and forks for each run."""
    started = shared_forks()
    assert started
    return started
