"""`museui init`, `museui snapshot`: from an empty folder to a signed history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from museui.repo.check import check_repository
from museui.repo.repository import Repository
from tests.helpers.program import Museui


def test_init_makes_a_repository_here_or_elsewhere(museui: Museui, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    answer = museui("init", "--json", cwd=tmp_path / "here")
    assert answer.code == 0 and answer.err == ""
    assert answer.document == {
        "ok": True,
        "created": True,
        "repo": str(tmp_path / "here"),
        "repo_id": Repository.open(tmp_path / "here").repo_id,
        "domain": "code",
        "branch": "main",
        "bare": False,
        "author": "ada",
        "author_source": "the login name",
    }
    answer = museui("-C", tmp_path, "init", "a/b", "--domain", "midi", "--branch", "trunk", "--bare", "--json")
    assert answer.document["repo"] == str(tmp_path / "a/b")
    assert (answer.document["domain"], answer.document["branch"], answer.document["bare"]) == ("midi", "trunk", True)


def test_init_talks_on_stderr_and_can_be_quiet(museui: Museui, tmp_path: Path) -> None:
    answer = museui("init", "a")
    assert (answer.code, answer.out) == (0, "") and str(tmp_path / "a") in answer.err
    answer = museui("init", "b", "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_init_again_changes_nothing(museui: Museui, song: Path) -> None:
    before = (song / ".muse/repo.json").read_bytes()
    answer = museui("-C", song, "init", "--domain", "other", "--json")
    assert answer.code == 0
    assert answer.document["created"] is False and answer.document["domain"] == "midi"
    assert (song / ".muse/repo.json").read_bytes() == before


@pytest.mark.parametrize("options", [["--domain", "a/b"], ["--branch", "a..b"], ["--domain", ""]])
def test_init_refuses_what_is_no_name(museui: Museui, tmp_path: Path, options: list[str]) -> None:
    answer = museui("init", "new", *options)
    assert answer.code == 2 and "error: " in answer.err
    assert not (tmp_path / "new").exists()


def test_a_snapshot_says_what_it_recorded(museui: Museui, song: Path) -> None:
    (song / "chorus.txt").write_text("la")
    (song / "verse.txt").write_text("la la la")
    answer = museui("-C", song, "snapshot", "-m", "More", "--json")
    assert answer.code == 0 and answer.err == ""
    document = answer.document
    assert document["ok"] and document["committed"] and document["branch"] == "main"
    assert (document["added"], document["changed"], document["removed"]) == (["chorus.txt"], ["verse.txt"], [])
    assert document["commit"] == f"sha256:{Repository.open(song).branches()['main']}"
    assert document["signature"] == "unsigned" and document["files"] == 2
    assert museui("-C", song, "log", "--json").document["commits"][0]["parents"] == [document["parent"]]


def test_nothing_to_commit_is_not_a_failure(museui: Museui, song: Path) -> None:
    answer = museui("-C", song, "snapshot", "-m", "Again")
    assert (answer.code, answer.out, answer.err) == (0, "", "nothing to commit\n")
    answer = museui("-C", song, "snapshot", "-m", "Again", "--json")
    assert answer.code == 0 and answer.document["ok"] is True and answer.document["committed"] is False
    answer = museui("-C", song, "snapshot", "-m", "Again", "--allow-empty", "--json")
    assert answer.document["committed"] is True


def test_what_is_not_recorded_is_said(museui: Museui, song: Path) -> None:
    for number in range(7):
        (song / f"link{number}").symlink_to("verse.txt")
    answer = museui("-C", song, "snapshot", "-m", "x")
    assert answer.err.splitlines() == [
        *(f"note: link{number} is a symbolic link: not recorded" for number in range(5)),
        "note: and 2 more",
        "nothing to commit",
    ]
    document = museui("-C", song, "snapshot", "-m", "x", "--json").document
    assert {"path": "link6", "kind": "symbolic link"} in document["left_out"] and len(document["left_out"]) == 7


def test_with_a_key_every_snapshot_is_signed(museui: Museui, song: Path, home: Path) -> None:
    made = museui("keys", "generate", "--json").document
    assert Path(made["path"]).is_relative_to(home)
    (song / "verse.txt").write_text("signed")
    assert museui("-C", song, "snapshot", "-m", "Signed", "--json").document["signature"] == "valid"
    shown = museui("-C", song, "log", "--json").document["commits"]
    assert [commit["signature"] for commit in shown] == ["valid", "unsigned"]
    assert shown[0]["signer_key_id"] == made["key_id"]
    assert check_repository(Repository.open(song)).signatures == {"valid": 1, "unsigned": 1, "unverifiable": 0}


def test_a_key_others_can_read_is_warned_about_and_used(museui: Museui, song: Path) -> None:
    path = Path(museui("keys", "generate", "--json").document["path"])
    path.chmod(0o644)
    (song / "verse.txt").write_text("signed")
    answer = museui("-C", song, "snapshot", "-m", "Signed", "--json")
    assert answer.document["signature"] == "valid" and answer.err.startswith("warning: ")


def test_the_author_is_the_configured_one_or_the_user(museui: Museui, song: Path) -> None:
    config = song / ".muse/config.toml"
    config.write_text(config.read_text().replace('name = "ada"', 'name = "Ada Lovelace"'))
    (song / "verse.txt").write_text("2")
    assert museui("-C", song, "snapshot", "-m", "2").code == 0
    authors = [commit["author"] for commit in museui("-C", song, "log", "--json").document["commits"]]
    assert authors == ["Ada Lovelace", "ada"]


def test_an_author_no_hub_would_take_is_refused(museui: Museui, song: Path) -> None:
    (song / "verse.txt").write_text("2")
    config = song / ".muse/config.toml"
    config.write_text(config.read_text().replace('name = "ada"', 'name = ""'))
    head = (song / ".muse/refs/heads/main").read_text()
    answer = museui("-C", song, "snapshot", "-m", "2", USER=os.fsdecode(b"ad\xff"))
    assert answer.code == 2 and "author's name is not valid UTF-8" in answer.err
    assert (song / ".muse/refs/heads/main").read_text() == head


def test_what_cannot_be_recorded_is_all_named_and_the_rest_is_recorded(museui: Museui, song: Path) -> None:
    (song / "verse.txt").write_text("2")
    os.close(os.open(os.fsencode(song) + b"/bad\xff", os.O_CREAT | os.O_WRONLY))
    (song / "a:b").write_text("x")
    answer = museui("-C", song, "snapshot", "-m", "x", "--json")
    document = answer.document
    assert answer.code == 1 and document["ok"] is False and document["committed"] is True
    assert document["changed"] == ["verse.txt"] and document["added"] == []
    assert [(item["path"], item["rule"]) for item in document["unrecordable"]] == [
        ("a:b", "its path begins with a letter and a colon, as that of a drive does"),
        ("bad\\xff", "its name is not valid UTF-8"),
    ]
    for number in range(30):
        (song / f"c:{number:02}").write_text("x")
    answer = museui("-C", song, "snapshot", "-m", "x")
    assert answer.code == 1 and "nothing to commit" in answer.err
    assert "error: 32 files cannot be recorded; all else is:" in answer.err and "and 12 more: --json" in answer.err
    assert len(museui("-C", song, "snapshot", "-m", "x", "--json").document["unrecordable"]) == 32
    for path in [*song.glob("*:*"), Path(os.fsdecode(os.fsencode(song) + b"/bad\xff"))]:
        path.unlink()
    assert museui("-C", song, "snapshot", "-m", "x").code == 0


def test_what_built_in_rules_leave_out_is_said(museui: Museui, song: Path) -> None:
    for path in ("build/x", "server.key", ".env", "__pycache__/x", ".DS_Store"):
        (song / path).parent.mkdir(exist_ok=True)
        (song / path).write_text("x")
    answer = museui("-C", song, "snapshot", "-m", "x")
    assert answer.code == 0
    assert "note: left out by built-in rules: .env, build/, server.key, .DS_Store, __pycache__/\n" in answer.err
    document = museui("-C", song, "snapshot", "-m", "x", "--json").document
    assert {"path": "build/", "kind": "built-in rule", "rule": "build"} in document["left_out"]
    assert document["left_out_count"] == 5
    status = museui("-C", song, "status", "--json").document
    assert status["left_out"] == document["left_out"] and status["uncommitted"]["count"] == 0
    assert "left out by built-in rules: .env, build/, server.key" in museui("-C", song, "status").out


def test_ignoring_a_recorded_file_drops_it_from_nothing(museui: Museui, song: Path) -> None:
    (song / "take.wav").write_text("1")
    museui("-C", song, "snapshot", "-m", "With it")
    (song / ".museignore").write_text('[global]\npatterns = ["*.wav"]\n')
    (song / "new.wav").write_text("2")
    (song / "take.wav").write_text("second take")
    document = museui("-C", song, "snapshot", "-m", "Ignored", "--json").document
    assert (document["added"], document["changed"], document["removed"]) == ([".museignore"], ["take.wav"], [])
    (song / "take.wav").unlink()
    document = museui("-C", song, "snapshot", "-m", "Gone", "--json").document
    assert document["removed"] == ["take.wav"], "what is gone is gone"


def test_a_person_may_record_emptied_files_and_is_warned(museui: Museui, song: Path) -> None:
    for name in ("a", "b", "c"):
        (song / name).write_text(name)
    museui("-C", song, "snapshot", "-m", "Full")
    for name in ("a", "b", "c"):
        (song / name).write_bytes(b"\0" if name == "b" else b"")
    assert "warning: of 4 recorded files 3 are suddenly empty: 'a', 'b', 'c'" in museui("-C", song, "status").out
    answer = museui("-C", song, "snapshot", "-m", "Emptied", "--json")
    assert answer.code == 0 and answer.document["changed"] == ["a", "b", "c"] and answer.document["emptied"] == 3
    assert answer.err.startswith("warning: of 4 recorded files 3 are suddenly empty")


def test_a_damaged_ignore_file_is_a_matter_of_configuration(museui: Museui, song: Path) -> None:
    (song / ".museignore").write_text("*.wav\n")
    answer = museui("-C", song, "snapshot", "-m", "x")
    assert answer.code == 2 and ".museignore: not valid TOML" in answer.err
