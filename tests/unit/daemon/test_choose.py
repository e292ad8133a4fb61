"""Whose turn it is, as tables."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from daemon.queue.choose import choose_entry, next_due_s
from daemon.queue.entry import Entry, Target, began, offer, woken
from museui.core.ids import CommitId

HEAD = CommitId("a" * 64)


def entry(repository: str, branch: str = "main", queued_at: float = 0.0) -> Entry:
    return offer(None, Target(repository, "origin", branch), HEAD, queued_at)


def never(entry: Entry) -> bool:
    return False


def chosen(*entries: Entry, served: dict[str, int] | None = None, now_s: float = 10.0) -> str | None:
    found = choose_entry(entries, never, served or {}, now_s)
    return found.target.repository if found else None


def test_nothing_is_chosen_of_nothing() -> None:
    assert chosen() is None


def test_the_oldest_is_first() -> None:
    assert chosen(entry("b", queued_at=2.0), entry("a", queued_at=3.0), entry("c", queued_at=1.0)) == "c"


def test_a_repository_that_had_a_turn_waits_behind_the_others() -> None:
    entries = [entry("busy", queued_at=1.0), entry("quiet", queued_at=9.0)]
    assert chosen(*entries, served={"busy": 7}) == "quiet"
    assert chosen(*entries, served={"busy": 7, "quiet": 8}) == "busy"


def test_who_a_person_waits_for_is_first_of_all() -> None:
    assert chosen(entry("a"), woken(entry("b", queued_at=9.0), urgent=True), served={"b": 9}) == "b"


def test_what_is_not_due_stopped_cancelled_or_on_its_way_is_not_chosen() -> None:
    entries = [
        replace(entry("a"), due_s=10.5),
        replace(entry("b"), state="stopped"),
        replace(entry("c"), state="cancelled"),
        began(entry("d")),
    ]
    assert chosen(*entries) is None
    assert next_due_s(entries, never) == 10.5


def test_what_is_held_is_not_chosen_and_not_waited_for() -> None:
    entries = [entry("a"), replace(entry("b"), due_s=20.0)]

    def held(item: Entry) -> bool:
        return item.target.repository == "a"

    assert choose_entry(entries, held, {}, 10.0) is None
    assert next_due_s(entries, held) == 20.0


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12))
def test_every_repository_gets_a_turn_before_any_gets_two(repositories: list[str]) -> None:
    entries = {item.target: item for item in (entry(name, f"b{n}", n) for n, name in enumerate(repositories))}
    served: dict[str, int] = {}
    turns: list[str] = []
    while entries:
        found = choose_entry(entries.values(), never, served, 10.0)
        assert found
        turns.append(found.target.repository)
        served[found.target.repository] = len(turns)
        del entries[found.target]
    kinds = len(set(repositories))
    assert len(set(turns[:kinds])) == kinds
