"""What can happen to an entry of the queue, as a table of small stories."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.queue.entry import (
    BACK_OFF,
    Entry,
    Target,
    began,
    cancelled,
    failed,
    offer,
    parked,
    succeeded,
    woken,
)
from museui.core.errors import ERRORS, MuseError, RateLimited, Unreachable, UploadExpired
from museui.core.ids import CommitId

TARGET = Target("/song", "origin", "main")
OLD, NEW = CommitId("a" * 64), CommitId("b" * 64)


def entry(head: CommitId = OLD) -> Entry:
    return offer(None, TARGET, head, 100.0)


def half() -> float:
    return 0.5


def test_a_newer_head_takes_the_place_of_the_one_that_waits() -> None:
    after = offer(replace(entry(), due_s=99.0, tries=3), TARGET, NEW, 200.0, 2)
    assert (after.head, after.due_s, after.commits, after.tries) == (NEW, 0.0, 2, 3)
    assert after.queued_at == 100.0


def test_the_same_head_again_changes_nothing_of_when_it_is_tried() -> None:
    waiting = replace(entry(), due_s=99.0, state="stopped")
    assert offer(waiting, TARGET, OLD, 200.0) == waiting


@pytest.mark.parametrize("state", ["stopped", "cancelled"])
def test_a_new_commit_wakes_what_rests(state: str) -> None:
    assert offer(replace(entry(), state=state), TARGET, NEW, 200.0).state == "waiting"  # type: ignore[arg-type]


def test_what_arrived_is_gone_unless_a_newer_head_came_meanwhile() -> None:
    running = began(entry())
    assert running.pushing == OLD
    assert succeeded(running) is None
    after = succeeded(offer(running, TARGET, NEW, 200.0))
    assert after is not None
    assert (after.head, after.pushing, after.state, after.due_s) == (NEW, None, "waiting", 0.0)


@pytest.mark.parametrize("cls", ERRORS.values(), ids=lambda cls: str(cls.code))
def test_what_may_pass_by_itself_is_tried_again_and_the_rest_stops(cls: type[MuseError]) -> None:
    after = failed(began(entry()), cls("no", hint="do"), 50.0, half)
    assert after.state == ("waiting" if cls.retryable else "stopped")
    assert after.pushing is None
    assert after.tries == 1
    assert after.error is not None and (after.error.code, after.error.hint) == (cls.code, "do")


def test_a_newer_head_is_tried_even_though_the_older_was_refused() -> None:
    running = offer(began(entry()), TARGET, NEW, 200.0)
    assert failed(running, ERRORS["forbidden"]("no"), 50.0, half).state == "waiting"


def test_an_expired_upload_is_tried_again_at_once_but_not_for_ever() -> None:
    after = failed(began(entry()), UploadExpired("late"), 50.0, half)
    assert after.due_s == 50.0
    assert failed(began(after), UploadExpired("late"), 60.0, half).due_s > 60.0


def test_the_hub_may_ask_for_more_patience_but_not_for_all_time() -> None:
    asked = failed(began(entry()), RateLimited("slow", details={"retry_after_s": 60}), 50.0, half)
    assert asked.due_s == 110.0
    for value in (10**9, -5, "soon", None):
        after = failed(began(entry()), RateLimited("slow", details={"retry_after_s": value}), 50.0, half)
        assert after.due_s <= 50.0 + BACK_OFF.cap_s


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_waiting_grows_and_is_capped_and_is_never_negative(tries: int, chance: float) -> None:
    after = failed(replace(began(entry()), tries=tries), Unreachable("gone"), 50.0, lambda: chance)
    assert 50.0 <= after.due_s <= 50.0 + min(BACK_OFF.cap_s, BACK_OFF.base_s * 2.0 ** min(tries, 31))


def test_a_parked_push_has_not_failed() -> None:
    after = parked(began(woken(entry(), urgent=True)))
    assert (after.state, after.pushing, after.tries, after.urgent) == ("waiting", None, 0, False)


def test_a_cancelled_entry_rests_until_a_person_wants_it() -> None:
    resting = cancelled(began(entry()))
    assert (resting.state, resting.pushing) == ("cancelled", None)
    assert woken(resting, urgent=True).state == "waiting"


def test_an_entry_has_a_name_made_from_what_it_is_for() -> None:
    assert len({Target(*words).id for words in (("a", "b", "c"), ("a", "b", "d"), ("ab", "", "c"))}) == 3
