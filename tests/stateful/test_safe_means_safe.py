"""The fixed seeds of every run of the tests: ``python -m tests.stateful`` runs any others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .runs import run_seed
from .world import Ground

SEEDS = (1, 3, 4, 6)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    made = Ground()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", SEEDS)
def test_what_is_called_safe_comes_back_from_the_hub_and_nothing_that_was_written_is_gone(
    ground: Ground, number: int
) -> None:
    run_seed(number, ground)
