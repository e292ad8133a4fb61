"""What several end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stateful.forks import Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """A process that has imported the programs, and forks for each run."""
    with Forks() as started:
        yield started
