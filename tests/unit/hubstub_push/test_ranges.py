"""``Range`` headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubstub.http.ranges import Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=3-9", (3, 7)),
        ("bytes=3-99", (3, 7)),
        ("bytes=3-", (3, 7)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=5-4", None),
        ("bytes=0-0,2-2", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
    ],
)
def test_of_ten_bytes(header: str | None, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_beyond_the_end(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_slicing_gives(size: int, first: int, last: int) -> None:
    content = bytes(range(size))
    try:
        found = parse_range(f"bytes={first}-{last}", size)
    except Unsatisfiable:
        assert first >= size
        return
    if found is None:
        assert last < first
        return
    assert content[found[0] : found[0] + found[1]] == content[first : last + 1]
