"""`museui status` says what is not committed, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from museui.core.ids import CommitId
from museui.repo.repository import Repository
from tests.helpers.program import Museui

URL = "http://127.0.0.1:8750/ada/song"


@pytest.fixture
def pushed(museui: Museui, song: Path) -> Path:
    """A song whose every commit is on the hub, as far as is known."""
    museui("-C", song, "snapshot", "-m", "All")
    museui("-C", song, "remote", "add", "origin", URL)
    note_pushed(song)
    return song


def note_pushed(song: Path) -> None:
    repository = Repository.open(song)
    repository.write_tracking("origin", "main", CommitId(repository.branches()["main"]))


def test_uncommitted_work_is_said_and_only_strict_makes_it_a_failure(museui: Museui, pushed: Path) -> None:
    answer = museui("-C", pushed, "status", "--strict")
    assert (answer.code, answer.out) == (0, "main → origin  ✓ safe when last seen\n")
    (pushed / "old.txt").write_text("x")
    museui("-C", pushed, "snapshot", "-m", "More")
    note_pushed(pushed)
    (pushed / "verse.txt").write_text("changed")
    (pushed / "new.txt").write_text("new")
    (pushed / "old.txt").unlink()
    answer = museui("-C", pushed, "status")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "main → origin  ✓ safe, 3 files not committed",
        "not committed: verse.txt (changed), new.txt (added), old.txt (removed)",
    ]
    answer = museui("-C", pushed, "status", "--json")
    assert answer.code == 0 and answer.document["safe"] is True
    assert answer.document["uncommitted"] == {
        "count": 3,
        "counts": {"added": 1, "changed": 1, "removed": 1},
        "added": ["new.txt"],
        "changed": ["verse.txt"],
        "removed": ["old.txt"],
    }
    assert museui("-C", pushed, "status", "--strict", "--json").code == 1
    museui("-C", pushed, "snapshot", "-m", "All")
    assert museui("-C", pushed, "status", "--json").document["uncommitted"]["count"] == 0


def test_a_file_that_cannot_be_recorded_is_not_safe(museui: Museui, pushed: Path) -> None:
    for number in range(7):
        (pushed / f"a:{number}").write_text("x")
    answer = museui("-C", pushed, "status", "--json")
    assert answer.code == 1 and answer.document["safe"] is False
    assert [item["path"] for item in answer.document["unrecordable"]] == [f"a:{number}" for number in range(7)]
    assert answer.document["reasons"][0]["details"]["count"] == 7
    answer = museui("-C", pushed, "status")
    assert (
        answer.code == 1 and "✓ safe" not in answer.out and "✗ not safe: 7 files cannot be recorded: a:0" in answer.out
    )
    answer = museui("-C", pushed, "doctor", "--json")
    wrong = [check for check in answer.document["checks"] if not check["ok"]]
    assert answer.code == 1 and any("7 files cannot be recorded" in check["message"] for check in wrong)


def test_ignore_rules_that_make_no_sense_are_a_reason(museui: Museui, pushed: Path) -> None:
    (pushed / ".museignore").write_text("*.wav\n")
    document = museui("-C", pushed, "status", "--json").document
    assert document["safe"] is False and document["uncommitted"] is None
    assert ".museignore: not valid TOML" in document["reasons"][0]["message"]


def test_before_the_first_commit_and_without_a_work_tree(museui: Museui, tmp_path: Path) -> None:
    museui("init", "new")
    assert museui("-C", "new", "status").out == "no commits yet\n"
    (tmp_path / "new/a").write_text("x")
    answer = museui("-C", "new", "status", "--json")
    assert answer.code == 0 and answer.document["uncommitted"]["added"] == ["a"]
    assert museui("-C", "new", "status").out == "no commits yet\nnot committed: a (added)\n"
    assert museui("-C", "new", "status", "--strict").code == 1
    museui("init", "bare", "--bare")
    answer = museui("-C", "bare", "status", "--json", "--strict")
    assert answer.code == 0 and answer.document["uncommitted"] is None


def test_names_are_bounded_and_counts_are_not(museui: Museui, pushed: Path) -> None:
    for number in range(1200):
        (pushed / f"f{number:04}").write_text("x")
    document = museui("-C", pushed, "status", "--json").document
    assert document["uncommitted"]["count"] == 1200 and len(document["uncommitted"]["added"]) == 1000
    assert "and 1,195 more" in museui("-C", pushed, "status").out


def test_status_writes_nothing_while_nothing_changes(museui: Museui, pushed: Path) -> None:
    museui("-C", pushed, "status")
    cache = pushed / ".muse/museui-files.json"
    if cache.exists():
        assert set(json.loads(cache.read_bytes())["files"]) <= {"verse.txt"}
    museui("-C", pushed, "status")
    before = (pushed / ".muse").stat().st_mtime_ns
    museui("-C", pushed, "status")
    assert (pushed / ".muse").stat().st_mtime_ns == before
