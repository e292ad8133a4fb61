"""The log's order, and how two heads stand to each other, against the plain definition, with clocks that lie."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museui.core.errors import Integrity
from museui.core.ids import CommitId
from museui.core.records import Commit
from museui.repo.history import Divergence, commit_time, compare_heads, walk_history
from museui.repo.repository import Repository
from tests.helpers.workload import BEGAN, SONG_HEAD, RepositoryBuilder, unpack_song


def ancestors(parents: dict[str, list[str]], head: str) -> set[str]:
    found, stack = set(), [head]
    while stack:
        commit = stack.pop()
        if commit not in found:
            found.add(commit)
            stack.extend(parents[commit])
    return found


Graph = list[tuple[list[int], int]]


@st.composite
def graphs(draw: st.DrawFn, *, clocks_lie: bool) -> Graph:
    """For each commit: which earlier ones are its parents, and the minute it claims."""
    size = draw(st.integers(2, 14))
    graph: Graph = []
    for number in range(size):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        graph.append((parents, draw(st.integers(0, 50)) if clocks_lie else number))
    return graph


def build(graph: Graph, root: Path) -> tuple[Repository, list[str], dict[str, list[str]]]:
    builder = RepositoryBuilder(root)
    ids: list[str] = []
    parents_of: dict[str, list[str]] = {}
    for parents, minute in graph:
        when = (BEGAN + timedelta(minutes=minute)).isoformat()
        own_parents = [ids[parent] for parent in parents]
        ids.append(builder.commit({}, f"c{len(ids)}", parents=own_parents, committed_at=when))
        parents_of[ids[-1]] = own_parents
    return Repository.open(root), ids, parents_of


@given(graphs(clocks_lie=False))
@settings(max_examples=60)
def test_counts_are_those_of_the_definition(graph: Graph) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository, ids, parents_of = build(graph, Path(folder) / "r")
        ours, theirs = ids[-1], ids[-2]
        left, right = ancestors(parents_of, ours), ancestors(parents_of, theirs)
        expected = Divergence(len(left - right), len(right - left), bool(left & right))
        assert compare_heads(repository, CommitId(ours), CommitId(theirs)) == expected
        mirrored = Divergence(expected.behind, expected.ahead, expected.related)
        assert compare_heads(repository, CommitId(theirs), CommitId(ours)) == mirrored


@given(graphs(clocks_lie=True))
@settings(max_examples=60)
def test_lying_clocks_never_make_an_unsafe_branch_look_safe(graph: Graph) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository, ids, parents_of = build(graph, Path(folder) / "r")
        ours, theirs = ids[-1], ids[-2]
        left, right = ancestors(parents_of, ours), ancestors(parents_of, theirs)
        counted = compare_heads(repository, CommitId(ours), CommitId(theirs))
        assert counted.ahead >= len(left - right) and counted.behind >= len(right - left)
        assert (counted.ahead == 0) == (ours in right)
        assert (counted.behind == 0) == (theirs in left)


@given(graphs(clocks_lie=True))
@settings(max_examples=60)
def test_the_log_has_every_commit_once_and_children_first_when_clocks_agree(graph: Graph) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository, ids, parents_of = build(graph, Path(folder) / "r")
        shown = [commit.id for commit in walk_history(repository, [CommitId(ids[-1])])]
        assert len(shown) == len(set(shown)) and set(shown) == ancestors(parents_of, ids[-1])
        honest = [(parents, number) for number, (parents, _) in enumerate(graph)]
        repository, ids, parents_of = build(honest, Path(folder) / "honest")
        order = [commit.id for commit in walk_history(repository, map(CommitId, ids))]
        place = {commit: number for number, commit in enumerate(order)}
        assert all(place[CommitId(commit)] < place[CommitId(p)] for commit in place for p in parents_of[commit])


def test_the_fixture_s_log_is_in_graph_order(tmp_path: Path) -> None:
    song = Repository.open(unpack_song(tmp_path))
    messages = [commit.message for commit in walk_history(song, [CommitId(SONG_HEAD)])]
    assert messages == [
        "Outro, by the bot",
        "Merge branch 'feat/bridge' into main",
        "Second take of the verse",
        "Sketch a bridge",
        "Add the chorus",
        "Start the song",
    ]


class CountingRepository(Repository):
    """Counts how many commits are read."""

    __slots__ = ("reads",)
    reads: int

    def read_commit(self, commit_id: CommitId) -> Commit:
        self.reads += 1
        return super().read_commit(commit_id)


def test_the_first_commits_cost_no_more_reads_than_they_are(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    heads = [builder.commit({"n": bytes([number])}) for number in range(100)]
    opened = Repository.open(tmp_path)
    repository = CountingRepository(opened.muse, opened.repo_id, opened.domain)
    repository.reads = 0
    history = walk_history(repository, [CommitId(heads[-1])])
    assert [next(history).id for _ in range(3)] == heads[:-4:-1]
    assert repository.reads == 3
    repository.reads = 0
    assert compare_heads(repository, CommitId(heads[-1]), CommitId(heads[-3])) == Divergence(2, 0)
    assert repository.reads <= 6


def test_a_missing_commit_is_named(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    first = builder.commit({"a": b"1"})
    second = builder.commit({"a": b"2"})
    builder.commit_file(first).unlink()
    with pytest.raises(Integrity, match=first):
        list(walk_history(Repository.open(tmp_path), [CommitId(second)]))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:00+00:00", 1767225600.0),
        ("2026-01-01T01:00:00+01:00", 1767225600.0),
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01T00:00:00", 1767225600.0),
        ("yesterday", 0.0),
        ("", 0.0),
        ("0001-01-01T00:00:00+23:59", -62135683140.0),
    ],
)
def test_times_are_read_leniently(tmp_path: Path, text: str, seconds: float) -> None:
    builder = RepositoryBuilder(tmp_path)
    commit_id = builder.commit({}, committed_at=text)
    assert commit_time(Repository.open(tmp_path).read_commit(CommitId(commit_id))) == seconds
