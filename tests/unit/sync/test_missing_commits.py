"""The walk sends every commit that the hub lacks, and nothing that it is sure the hub has."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Integrity
from museui.core.ids import CommitId, SnapshotId, hash_commit
from museui.core.records import Commit
from museui.sync.missing_commits import walk_missing


@dataclass
class Graph:
    """Commits by number; ``parents[i]`` are numbers below ``i``."""

    parents: list[list[int]]
    times: list[int]

    def __post_init__(self) -> None:
        self.ids: list[CommitId] = []
        self.commits: dict[CommitId, Commit] = {}
        self.reads: list[CommitId] = []
        for number, (parents, time) in enumerate(zip(self.parents, self.times, strict=True)):
            ids = tuple(self.ids[p] for p in dict.fromkeys(parents))
            when = f"2026-01-01T00:{time:06d}"
            commit_id = hash_commit(ids, "0" * 64, str(number), when)
            fields = {"commit_id": commit_id, "message": str(number), "committed_at": when}
            self.commits[commit_id] = Commit(commit_id, ids, SnapshotId("0" * 64), fields)
            self.ids.append(commit_id)

    def read(self, commit_id: CommitId) -> Commit:
        self.reads.append(commit_id)
        if commit_id not in self.commits:
            raise Integrity(f"commit {commit_id} is missing")
        return self.commits[commit_id]

    def ancestors(self, heads: list[CommitId]) -> set[CommitId]:
        found: set[CommitId] = set()
        todo = list(heads)
        while todo:
            commit_id = todo.pop()
            if commit_id not in found:
                found.add(commit_id)
                todo.extend(self.commits[commit_id].parents)
        return found


@st.composite
def graphs(draw: st.DrawFn, skewed: bool) -> Graph:
    size = draw(st.integers(1, 25))
    parents = [draw(st.lists(st.integers(0, i - 1), max_size=2, unique=True)) if i else [] for i in range(size)]
    times = draw(st.lists(st.integers(0, 30), min_size=size, max_size=size)) if skewed else list(range(size))
    return Graph(parents, times)


@given(graphs(skewed=False), st.data())
def test_sends_exactly_what_the_hub_lacks_when_clocks_are_right(graph: Graph, data: st.DataObject) -> None:
    head = data.draw(st.sampled_from(graph.ids))
    known = data.draw(st.lists(st.sampled_from(graph.ids), max_size=4))
    walk = walk_missing(head, known, graph.read)
    assert {commit.id for commit in walk.commits} == graph.ancestors([head]) - graph.ancestors(known)


@given(graphs(skewed=True), st.data())
def test_leaves_nothing_out_when_clocks_are_wrong(graph: Graph, data: st.DataObject) -> None:
    head = data.draw(st.sampled_from(graph.ids))
    known = data.draw(st.lists(st.sampled_from(graph.ids), max_size=4))
    walk = walk_missing(head, known, graph.read)
    sent = [commit.id for commit in walk.commits]
    on_hub = graph.ancestors(known)
    assert graph.ancestors([head]) - on_hub <= set(sent)
    assert set(sent) <= graph.ancestors([head])
    assert len(set(sent)) == len(sent)
    seen = set(on_hub)
    for commit in walk.commits:
        assert set(commit.parents) <= seen
        seen.add(commit.id)
    assert set(walk.base) == {p for c in walk.commits for p in c.parents} - set(sent)


def test_one_new_commit_on_a_long_history_reads_two_commits() -> None:
    graph = Graph([[]] + [[i] for i in range(5000)], list(range(5001)))
    walk = walk_missing(graph.ids[-1], [graph.ids[-2]], graph.read)
    assert [commit.id for commit in walk.commits] == [graph.ids[-1]]
    assert walk.base == [graph.ids[-2]]
    assert len(graph.reads) == 2


def test_nothing_is_sent_when_the_hub_is_ahead() -> None:
    graph = Graph([[], [0], [1]], [0, 1, 2])
    assert walk_missing(graph.ids[0], [graph.ids[2]], graph.read).commits == []


def test_a_missing_parent_is_named() -> None:
    graph = Graph([[], [0]], [0, 1])
    gone = graph.commits.pop(graph.ids[0])
    with pytest.raises(Integrity, match=gone.id):
        walk_missing(graph.ids[1], [], graph.read)
