"""Which way a push takes: by what was asked for, what the hub offers and what fits."""

from __future__ import annotations

import pytest

from museui.core.errors import Usage
from museui.core.limits import Limits
from museui.sync.push_request import Strategy
from museui.sync.ways.choose import choose_strategy

ALL = {"bundle", "stream", "unpack", "objects"}


@pytest.mark.parametrize(
    ("wanted", "offered", "fits", "chosen"),
    [
        ("auto", ALL, True, "stream"),
        ("auto", ALL, False, "bundle"),
        ("auto", {"bundle"}, True, "bundle"),
        ("auto", {"objects"}, True, "objects"),
        ("auto", {"objects", "stream"}, True, "stream"),
        ("auto", {"objects", "stream"}, False, "objects"),
        ("auto", {"objects", "bundle"}, True, "bundle"),
        ("auto", set(), True, "bundle"),
        ("bundle", ALL, True, "bundle"),
        ("bundle", set(), True, "bundle"),
        ("stream", ALL, True, "stream"),
        ("objects", ALL, True, "objects"),
    ],
)
def test_the_way_is_what_was_asked_for_or_the_best_there_is(
    wanted: Strategy, offered: set[str], fits: bool, chosen: str
) -> None:
    assert choose_strategy(wanted, offered, Limits(), lambda: fits) == chosen


@pytest.mark.parametrize(
    ("wanted", "offered"), [("stream", {"bundle", "objects"}), ("objects", {"bundle", "stream"}), ("stream", ALL)]
)
def test_what_cannot_be_is_said(wanted: Strategy, offered: set[str]) -> None:
    with pytest.raises(Usage, match=r"push/stream|one at a time|too large"):
        choose_strategy(wanted, offered, Limits(), lambda: False)
