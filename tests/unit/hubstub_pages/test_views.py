"""Trees and bars: what a page draws of paths and of timings."""

from __future__ import annotations

from typing import Any

import pytest

from hubstub.pages.push_view import view_push
from hubstub.pages.tree import grow_tree

TIMINGS = {"read": 1.0, "verify": 2.0, "store": 0.5, "index": 0.5, "advance": 0.25, "total": 5.0}


def _push(**fields: Any) -> dict[str, Any]:
    return {
        "push_id": "p",
        "user": "ada",
        "branch": "main",
        "head": "sha256:" + "1" * 64,
        "previous_head": None,
        "forced": False,
        "strategy": "bundle",
        "wire_bytes": 1,
        "promotion": "done",
        "created_at": 100.0,
        "timings": TIMINGS,
    } | fields


def test_bar_is_as_long_as_the_gate_and_its_steps_lie_end_to_end() -> None:
    transfer, index, advance = view_push(_push(), presigned_at=93.0).phases
    assert (transfer.seconds, transfer.gate_s, transfer.over) == (2.0, 5.0, False)
    assert (transfer.segments[0].left, transfer.segments[0].width) == (0.0, 40.0)
    assert (index.seconds, index.gate_s) == (4.0, 10.0)
    assert [(step.name, step.left, step.width) for step in index.segments] == [
        ("read", 0.0, 10.0),
        ("verify", 10.0, 20.0),
        ("store", 30.0, 5.0),
        ("index", 35.0, 5.0),
    ]
    assert advance.segments[0].width == 50.0


def test_what_was_verified_while_the_bytes_arrived_is_part_of_no_phase() -> None:
    view = view_push(_push(timings=TIMINGS | {"verify": 0.0, "ahead": 2.0}), presigned_at=93.0)
    assert (view.ahead_s, view.phases[1].seconds) == (2.0, 2.0)


def test_phase_over_its_gate_fills_the_bar_and_says_so() -> None:
    advance = view_push(_push(timings=TIMINGS | {"advance": 2.0}), None).phases[2]
    assert advance.over and advance.segments[0].width == 100.0


def test_short_phase_can_still_be_seen() -> None:
    assert view_push(_push(timings={"advance": 1e-6}), None).phases[2].segments[0].width > 0


@pytest.mark.parametrize("timings", [None, {}, {"total": None, "read": "x"}, {"unknown": 1.0}])
def test_what_was_not_measured_is_not_drawn(timings: Any) -> None:
    view = view_push(_push(timings=timings), presigned_at=90.0)
    assert [phase.seconds for phase in view.phases] == [None, None, None]
    assert not any(phase.over or phase.segments for phase in view.phases)


def test_clocks_that_disagree_give_no_negative_transfer() -> None:
    assert view_push(_push(), presigned_at=99.0).phases[0].seconds == 0.0


def test_tree_has_its_folders_and_adds_up() -> None:
    root = grow_tree([("a/b/c", 1), ("a/d", 2), ("e", 4)])
    assert (root.count, root.size_bytes) == (3, 7)
    assert list(root.folders) == ["a"] and [file.name for file in root.files] == ["e"]
    assert root.folders["a"].folders["b"].files[0].path == "a/b/c"


def test_tree_is_never_deeper_than_a_page_can_show() -> None:
    path = "/".join(["x"] * 2000)
    folder, depth = grow_tree([(path, 1)]), 0
    while folder.folders:
        (folder,) = folder.folders.values()
        depth += 1
    assert depth == 8 and folder.files[0].path == path
