"""The compression level follows the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.sync.line_speeds import read_line_speed, write_line_speed
from museui.sync.zstd_level import choose_level


@pytest.mark.parametrize(
    ("loopback", "rtt_s", "bytes_per_s", "level"),
    [
        (True, 0.5, 1e6, 1),
        (False, 0.001, None, 1),
        (False, 0.01, None, 3),
        (False, 0.08, None, 9),
        (False, 0.08, 200e6, 1),
        (False, 0.001, 50e6, 3),
        (False, 0.001, 1e6, 9),
    ],
)
def test_the_slower_the_line_the_higher_the_level(
    loopback: bool, rtt_s: float, bytes_per_s: float | None, level: int
) -> None:
    chosen, reason = choose_level(loopback=loopback, rtt_s=rtt_s, bytes_per_s=bytes_per_s)
    assert chosen == level
    assert reason


def test_a_line_is_remembered_for_its_host_alone(tmp_path: Path) -> None:
    write_line_speed(tmp_path, "hub:1", 5e6)
    write_line_speed(tmp_path, "hub:2", 9e6)
    assert (read_line_speed(tmp_path, "hub:1"), read_line_speed(tmp_path, "hub:2")) == (5e6, 9e6)
    assert read_line_speed(tmp_path, "hub:3") is None


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"hub": "fast"}', '{"hub": -1}', "\0"])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, rubbish: str) -> None:
    (tmp_path / "lines.json").write_text(rubbish)
    assert read_line_speed(tmp_path, "hub") is None
    write_line_speed(tmp_path, "hub", 7e6)
    assert read_line_speed(tmp_path, "hub") == 7e6
