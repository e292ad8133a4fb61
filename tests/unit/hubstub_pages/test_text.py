"""How the pages write times, counts and what is foreign."""

from __future__ import annotations

import pytest

from hubstub.pages.text import (
    plain_name,
    render_ago,
    render_commit_time,
    render_count,
    render_foreign,
    render_name,
    render_seconds,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.0031, "3.1 ms"),
        (0.021, "21 ms"),
        (0.0997, "0.10 s"),
        (1.206, "1.21 s"),
        (300, "5 min"),
        (1e5, "28 h"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert render_seconds(seconds) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [(-9, "just now"), (4, "just now"), (59, "59 s ago"), (61, "1 min ago"), (7200, "2 h ago"), (3 * 86400, "3 d ago")],
)
def test_ago(passed: float, text: str) -> None:
    assert render_ago(1e9, 1e9 + passed) == text


def test_long_ago_is_a_date() -> None:
    assert render_ago(0.0, 1e9) == "1 Jan 1970"


def test_count() -> None:
    assert [render_count(number, "branch", "branches") for number in (0, 1, 1035)] == [
        "0 branches",
        "1 branch",
        "1,035 branches",
    ]
    assert render_count(2, "file") == "2 files"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T06:28:01.5+00:00", "22 Nov 2026, 06:28 UTC"),
        ("2026-11-22T06:28:01-05:30", "22 Nov 2026, 06:28 -05:30"),
        ("2026-11-22T06:28:01", "22 Nov 2026, 06:28"),
        ("yesterday\u202e", "yesterday\ufffd"),
        ("", ""),
        ("9" * 200, "9" * 40),
    ],
)
def test_time_of_a_commit_is_read_when_it_is_one(text: str, shown: str) -> None:
    assert render_commit_time(text) == shown


def test_foreign_text_is_escaped_and_hides_nothing() -> None:
    html = render_foreign("<b>&\u202e\x1b\u200bé漢\t\n")
    assert html == (
        '&lt;b&gt;&amp;<span class="unseen">U+202E</span><span class="unseen">U+001B</span>'
        '<span class="unseen">U+200B</span>é漢\t\n'
    )
    assert plain_name("a\u202eb\x9b") == "a\ufffdb\ufffd"


def test_foreign_text_is_cut_at_what_is_asked_for() -> None:
    assert render_foreign("<" * 10, 3) == "&lt;&lt;&lt;…"
    assert len(render_name("x" * 10_000)) < 400


def test_name_stays_on_one_line_and_to_itself() -> None:
    assert render_name("a\nb") == "<bdi>a b</bdi>"
