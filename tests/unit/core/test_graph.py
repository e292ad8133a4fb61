"""The commit graph: order, generations, cycles, and what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Integrity, Invalid
from museui.core.graph import number_generations, order_commits, outside_parents, require_all
from museui.core.ids import CommitId

Graph = dict[CommitId, list[CommitId]]


def graph(text: str) -> Graph:
    """``"a b:a c:ab"`` → b has the parent a, c the parents a and b."""
    pairs = (part.partition(":") for part in text.split())
    return {CommitId(name): [CommitId(parent) for parent in parents] for name, _, parents in pairs}


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(0, 12))
    parents = [draw(st.lists(st.integers(-2, number - 1), max_size=2)) for number in range(size)]
    made: Graph = {CommitId(str(i)): [CommitId(str(parent)) for parent in ps] for i, ps in enumerate(parents)}
    return {name: made[name] for name in draw(st.permutations(list(made)))}


@given(_graphs())
def test_every_commit_comes_once_and_after_its_parents(parents_of: Graph) -> None:
    ordered = order_commits(parents_of)
    assert sorted(ordered) == sorted(parents_of)
    for position, commit in enumerate(ordered):
        assert {parent for parent in parents_of[commit] if parent in parents_of} <= set(ordered[:position])


@given(_graphs())
def test_a_generation_is_one_more_than_the_highest_parent_s(parents_of: Graph) -> None:
    outside = outside_parents(parents_of)
    assert outside == {parent for parents in parents_of.values() for parent in parents} - set(parents_of)
    known = dict.fromkeys(outside, 40)
    generation = number_generations(order_commits(parents_of), parents_of, known)
    for commit, parents in parents_of.items():
        assert generation[commit] == 1 + max([(generation | known)[parent] for parent in parents], default=0)


def test_the_order_given_is_kept_where_the_graph_leaves_a_choice() -> None:
    assert order_commits(graph("z y x:zy")) == ["z", "y", "x"]
    assert order_commits(graph("x:zy z y")) == ["z", "y", "x"]


@pytest.mark.parametrize(
    ("text", "on_cycle"),
    [("a:a", "a"), ("b:a a:b", "ab"), ("root z:root c:z z:c", "cz"), ("y:z z:y a:z b:a", "yz"), ("r a:rb b:ra", "ab")],
)
def test_a_cycle_is_refused_and_a_commit_on_it_is_named(text: str, on_cycle: str) -> None:
    with pytest.raises(Invalid, match="its own ancestor") as caught:
        order_commits(graph(text))
    assert caught.value.details["commit_id"] in on_cycle


def test_a_history_of_a_hundred_thousand_commits_needs_no_stack() -> None:
    ids = [CommitId(str(number)) for number in range(100_000)]
    parents_of = {commit: ids[number - 1 : number] if number else [] for number, commit in enumerate(ids)}
    ordered = order_commits(dict(reversed(parents_of.items())))
    assert ordered == ids
    assert number_generations(ordered, parents_of, {})[ids[-1]] == 100_000


def test_a_parent_nobody_has_is_named_with_the_commit_that_needs_it() -> None:
    parents_of = graph("a b:az")
    with pytest.raises(Integrity, match="neither in the bundle nor in this repository: z") as caught:
        number_generations(order_commits(parents_of), parents_of, {})
    assert caught.value.details == {"commit_id": "b", "missing": "z", "rule": "closed_graph"}


def test_the_first_missing_item_is_named_with_who_needs_it() -> None:
    require_all(["a", "b"], {"a", "b", "c"}, "object", "snapshot s")
    with pytest.raises(Integrity, match="snapshot s needs object b") as caught:
        require_all(["a", "b", "x"], {"a"}, "object", "snapshot s")
    assert caught.value.details == {"missing": "b", "kind": "object", "rule": "closed_graph"}
