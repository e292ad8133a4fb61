"""What is offered in a round of negotiation: the newest commits, then ever wider steps, then the root."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from museui.core.ids import CommitId, SnapshotId
from museui.core.records import Commit
from museui.sync.negotiate import sample_commits


def line(size: int) -> list[Commit]:
    return [Commit(CommitId(f"{n:064x}"), (), SnapshotId("0" * 64), {}) for n in range(size)]


@given(st.integers(0, 3000), st.integers(1, 256))
def test_a_round_is_newest_first_without_repeats_and_within_its_size(size: int, limit: int) -> None:
    chosen = sample_commits(line(size), limit)
    assert len(chosen) == len(set(chosen)) <= limit
    assert chosen == sorted(chosen, reverse=True)
    if size:
        assert chosen[0] == f"{size - 1:064x}"


def test_the_root_is_always_offered_when_there_is_room() -> None:
    assert sample_commits(line(100_000), 256)[-1] == f"{0:064x}"


def test_a_round_of_256_spans_any_history() -> None:
    assert len(sample_commits(line(1_000_000), 256)) < 40
