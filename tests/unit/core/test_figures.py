"""Sizes, spans and foreign text as people read them."""

from __future__ import annotations

import pytest

from museui.core.figures import one_line, render_bytes, render_seconds, render_span, shorten


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (49_262_307, "47.0 MiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_have_the_unit_that_makes_them_short(size: int, text: str) -> None:
    assert render_bytes(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0214, "21 ms"), (1.08, "1.08 s")])
def test_lengths_of_phases(seconds: float, text: str) -> None:
    assert render_seconds(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "now"),
        (0.4, "now"),
        (8, "8 s"),
        (59.9, "59 s"),
        (300, "5 min"),
        (3 * 3600 + 5, "3 h"),
        (12.9 * 86400, "12 d"),
        (800 * 86400, "2 y"),
    ],
)
def test_spans_are_for_a_glance(seconds: float, text: str) -> None:
    assert render_span(seconds) == text


def test_foreign_text_stays_on_its_line_and_in_its_direction() -> None:
    assert one_line("a\nb\x1b[31m\u202ec") == "a\\x0ab\\x1b[31m\\x202ec"
    assert one_line("Übung ♪") == "Übung ♪"


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [("short", 5, "short"), ("abcdefghij", 5, "ab…ij"), ("abcdefghij", 2, "ab"), ("", 0, "")],
)
def test_long_text_keeps_its_ends(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short
