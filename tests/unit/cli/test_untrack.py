"""`museui untrack`: dropped from the record, left where it is, and not taken again."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.records import SnapshotParser
from museui.repo.check import check_repository
from museui.repo.repository import Repository
from tests.helpers.program import Museui


def recorded(song: Path) -> set[str]:
    repository = Repository.open(song)
    commit = repository.read_commit(repository.branches()["main"])
    return set(repository.read_snapshot(commit.snapshot_id, SnapshotParser()).manifest)


@pytest.fixture
def takes(museui: Museui, song: Path) -> Path:
    for path in ("take.wav", "takes/1.wav", "takes/2.wav", "takes/notes.txt", "a [b] *"):
        (song / path).parent.mkdir(exist_ok=True)
        (song / path).write_text(path)
    museui("-C", song, "snapshot", "-m", "All")
    return song


def test_what_is_ignored_is_dropped_by_a_commit_and_stays_where_it_is(museui: Museui, takes: Path) -> None:
    (takes / ".museignore").write_text('# mine\n[global]\npatterns = ["*.wav"]\n')
    museui("-C", takes, "snapshot", "-m", "Ignore")
    assert "take.wav" in recorded(takes)
    answer = museui("-C", takes, "untrack", "take.wav", "takes/1.wav", "--json")
    assert answer.code == 0
    assert answer.document["untracked"] == ["take.wav", "takes/1.wav"] and answer.document["patterns"] == []
    assert recorded(takes) == {".museignore", "a [b] *", "takes/2.wav", "takes/notes.txt", "verse.txt"}
    assert (takes / "take.wav").read_text() == "take.wav"
    assert museui("-C", takes, "snapshot", "-m", "x").err == "nothing to commit\n"
    assert museui("-C", takes, "log", "--json").document["commits"][0]["message"] == "Untrack 2 paths"


def test_what_is_not_ignored_gets_a_pattern_and_is_not_taken_again(museui: Museui, takes: Path) -> None:
    (takes / ".museignore").write_text('# mine\n[global]\npatterns = ["*.tmp"]\n\n[other]\nx = 1\n')
    answer = museui("-C", takes / "takes", "untrack", ".", "../a [b] *", "-m", "Out", "--json")
    assert answer.code == 0 and answer.document["count"] == 4
    assert answer.document["patterns"] == ["/takes/", "/a \\[b\\] \\*"]
    text = (takes / ".museignore").read_text()
    assert text.startswith("# mine\n") and "x = 1" in text and "*.tmp" in text
    (takes / "takes/3.wav").write_text("new")
    (takes / "a b c").write_text("another")
    assert museui("-C", takes, "snapshot", "-m", "x", "--json").document["added"] == ["a b c"]
    assert recorded(takes) == {".museignore", "a b c", "take.wav", "verse.txt"}
    assert check_repository(Repository.open(takes)).faults == []
    (takes / ".museignore").write_text("")
    assert "takes/1.wav" in museui("-C", takes, "snapshot", "-m", "Again", "--json").document["added"], "undone"


def test_what_is_not_recorded_is_an_error_and_nothing_changes(museui: Museui, takes: Path) -> None:
    before = recorded(takes)
    answer = museui("-C", takes, "untrack", "take.wav", "tale.wav", "take", "--json")
    assert answer.code == 1 and answer.document["error"]["code"] == "not_found"
    assert answer.document["error"]["details"]["paths"] == ["tale.wav", "take"]
    assert museui("-C", takes, "untrack", "../elsewhere").code == 2
    assert museui("-C", takes, "untrack").code == 2
    assert recorded(takes) == before and not (takes / ".museignore").exists()


def test_a_pattern_that_brings_it_back_is_named(museui: Museui, takes: Path) -> None:
    (takes / ".museignore").write_text('[domain.midi]\npatterns = ["!take.wav"]\n')
    before = (takes / ".museignore").read_text()
    answer = museui("-C", takes, "untrack", "take.wav")
    assert answer.code == 2 and "brings 'take.wav' back" in answer.err
    assert (takes / ".museignore").read_text() == before and "take.wav" in recorded(takes)


def test_what_is_gone_or_cannot_be_read_can_be_dropped(museui: Museui, takes: Path) -> None:
    (takes / "take.wav").unlink()
    (takes / "takes/1.wav").unlink()
    (takes / "takes/1.wav").symlink_to("notes.txt")
    answer = museui("-C", takes, "snapshot", "-m", "x", "--json")
    assert answer.code == 1 and [item["path"] for item in answer.document["unrecordable"]] == ["takes/1.wav"]
    assert {"takes/1.wav"} <= recorded(takes)
    assert museui("-C", takes, "untrack", "takes/1.wav").code == 0
    assert "takes/1.wav" not in recorded(takes)
    assert museui("-C", takes, "snapshot", "-m", "x").code == 0
