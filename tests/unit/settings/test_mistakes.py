"""What is wrong with a configuration is found all at once, each with its line and key and with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.settings.config import parse_config
from museui.settings.mistakes import Mistake, find_line, find_mistakes

BROKEN = """\
# mine
[daemon]
parallel_pushes = 0
parralel = 3
upload_limit = "fast"

[notfy]
a = 1

[notify]
webhook = "http://10.0.0.1/b"
webhook_private = true
unsafe_after_minutes = 0

[hubs."hub.example.org"]
ca = "relative.pem"
port = 1

[hubs.unquoted.example]
ca = "/a"

[keys]
push = 3
nosuch = "x"

[tui]
theme = 3

[[repositories]]
path = "/a"
branches = []

[[repositories]]
path = "/a"

[[repositories]]
path = "relative"
[[repositories]]
remote = 3
"""


def test_every_fault_is_found_with_its_line_and_key() -> None:
    found = find_mistakes(BROKEN, ["push", "pause"])
    assert [(mistake.line, mistake.key) for mistake in found] == [
        (3, "daemon.parallel_pushes"),
        (4, "daemon.parralel"),
        (5, "daemon.upload_limit"),
        (7, "notfy"),
        (13, "notify.unsafe_after_minutes"),
        (15, "hubs.hub.example.org"),
        (17, "hubs.hub.example.org.port"),
        (19, "hubs.unquoted"),
        (23, "keys.push"),
        (24, "keys.nosuch"),
        (26, "tui"),
        (31, "repositories.0.branches"),
        (34, "repositories.1.path"),
        (37, "repositories.2.path"),
        (38, "repositories.3"),
        (39, "repositories.3.remote"),
    ]
    by_key = {mistake.key: mistake for mistake in found}
    assert "from 1 to 64" in by_key["daemon.parallel_pushes"].message
    assert "parallel_pushes" in by_key["daemon.parralel"].hint
    assert "MiB" in by_key["daemon.upload_limit"].hint
    assert "pause" in by_key["keys.nosuch"].hint


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("[daemon\n", 1, ""),
        ("a = 1\nb = = 2\n", 2, ""),
        ("daemon = 1\n", 1, "daemon"),
        ("# c\nnotify = []\n", 2, "notify"),
        ("hubs = 3\n", 1, "hubs"),
        ("[hubs]\nx = 3\n", 2, "hubs.x"),
        ("keys = 3\n", 1, "keys"),
        ("tui = 'x'\n", 1, "tui"),
        ("repositories = [1]\n", 1, "repositories"),
        ("daemon = {history_days = 0}\n", 1, "daemon.history_days"),
        ("daemon.stall_seconds = 0\n", 1, "daemon.stall_seconds"),
    ],
)
def test_a_single_fault_has_its_line(text: str, line: int, key: str) -> None:
    (mistake,) = find_mistakes(text)
    assert (mistake.line, mistake.key) == (line, key) and mistake.message


@pytest.mark.parametrize("text", ["", "# nothing\n", '[keys]\nany = "x"\n', "[notify]\nwebhook_private = true\n"])
def test_what_is_right_has_no_faults(text: str) -> None:
    assert find_mistakes(text) == []
    parse_config(text)


def test_the_documented_example_is_right() -> None:
    document = (Path(__file__).parents[3] / "docs" / "daemon.md").read_text()
    assert find_mistakes(document.split("```toml\n")[1].split("```")[0]) == []


def test_a_line_that_cannot_be_found_is_none() -> None:
    assert find_line("a = 1\n", ("b", "c")) is None
    assert Mistake(None, "a", "b").hint == ""
