"""Texts of every script line up in columns."""

from __future__ import annotations

import pytest

from museui.core.cells import cell_width, pad


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("song", 4),
        ("Élan", 4),
        ("E\u0301lan", 4),
        ("夜の歌", 6),
        ("ｆｕｌｌ", 8),
        ("한글", 4),
        ("\u1112\u1161\u11ab", 2),
        ("🎵", 2),
        ("🎵 song", 7),
        ("❤", 1),
        ("❤\ufe0f", 2),
        ("👩\u200d🎤", 2),
        ("👩🏽\u200d🎤x", 3),
        ("👍🏽", 2),
        ("🇩🇪", 2),
        ("→ ✓", 3),
        ("\u0645\u0631\u062d\u0628\u0627", 5),
        ("a\u200db", 2),
    ],
)
def test_the_cells_of_a_text(text: str, width: int) -> None:
    assert cell_width(text) == width


def test_texts_that_are_padded_end_in_one_column() -> None:
    assert [pad(text, 8) for text in ("song", "夜の歌", "🎵")] == ["song    ", "夜の歌  ", "🎵      "]
    assert pad("夜の歌", 3) == "夜の歌"
