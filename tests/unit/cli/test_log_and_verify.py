"""`museui log`, `museui verify`: what the history is, and whether it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.program import Museui
from tests.helpers.workload import SONG_HEAD, RepositoryBuilder, unpack_song

FIXTURE_LOG = """\
commit 1006f0fdae2b39752a2947a0124317ff1cf4a3add3634674ce1c366d62043973 (main)
Author:    counterpoint-bot
Date:      2026-11-22T06:28:45.868966+00:00
Signature: unverifiable (key e24c3d674e79495c)

    Outro, by the bot

commit 5637be7564975dd79ff087f6a35334b06928cf125dd31a6e22f46e2d2e66e017
Merge:     9bfef34a8f4a 42d67a99510b
Date:      2026-11-22T06:28:45.118347+00:00
Signature: unsigned

    Merge branch 'feat/bridge' into main
"""


def test_the_log_of_the_fixture(museui: Museui, tmp_path: Path) -> None:
    song = unpack_song(tmp_path)
    assert museui("-C", song, "log", "-n", "2").out == FIXTURE_LOG
    document = museui("-C", song, "log", "--json").document
    assert document["head"] == f"sha256:{SONG_HEAD}" and len(document["commits"]) == 6
    first = document["commits"][0]
    assert first["agent_id"] == "counterpoint-bot" and first["branches"] == ["main"]
    assert first["committed_at"] == "2026-11-22T06:28:45.868966+00:00"
    bridge = museui("-C", song, "log", "--json", "feat/bridge").document["commits"]
    assert [commit["message"] for commit in bridge] == ["Sketch a bridge", "Add the chorus", "Start the song"]
    by_id = museui("-C", song, "log", "--json", f"sha256:{SONG_HEAD}").document
    assert by_id["commits"] == document["commits"]


@pytest.mark.parametrize(("count", "shown"), [("0", 0), ("1", 1), ("100", 2)])
def test_no_more_than_asked_for(museui: Museui, tmp_path: Path, count: str, shown: int) -> None:
    builder = RepositoryBuilder(tmp_path / "r")
    builder.commit({"a": b"1"})
    builder.commit({"a": b"2"})
    assert len(museui("-C", builder.root, "log", "--json", "-n", count).document["commits"]) == shown


def test_a_message_cannot_steer_the_terminal(museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "r")
    builder.commit({}, "title\x1b]0;owned\x07\n\nbody\r\x9b2J", author="A\x1b[31m")
    out = museui("-C", builder.root, "log").out
    assert "\x1b" not in out and "\r" not in out and "\x9b" not in out
    assert "    title\\x1b]0;owned\\x07" in out and "A\\x1b[31m" in out


def test_a_forged_signature_is_said_aloud(museui: Museui, song: Path) -> None:
    museui("keys", "generate")
    (song / "verse.txt").write_text("2")
    commit = museui("-C", song, "snapshot", "-m", "2", "--json").document["commit"]
    path = song / f".muse/commits/{commit.removeprefix('sha256:')}.json"
    path.write_text(path.read_text().replace('"author": "ada"', '"author": "eve"'))
    assert "Signature: BAD" in museui("-C", song, "log").out
    assert museui("-C", song, "log", "--json").document["commits"][0]["signature"] == "bad"
    answer = museui("-C", song, "verify")
    assert answer.code == 1 and answer.out.startswith("signature: commit ")


@pytest.mark.parametrize("name", ["nowhere", "a..b", "a" * 64])
def test_a_branch_that_is_not_there_is_said(museui: Museui, song: Path, name: str) -> None:
    answer = museui("-C", song, "log", name)
    assert answer.code != 0 and answer.out == "" and name in answer.err


@pytest.mark.parametrize("name", ["a ", "../../x", "", "x" * 3000, "a\\b"])
def test_what_can_be_no_branch_is_a_slip_in_the_command(museui: Museui, song: Path, name: str) -> None:
    for arguments in (["log", name], ["push", "--branch", name, "--remote", "http://127.0.0.1:1/a/b"]):
        answer = museui("-C", song, *arguments)
        assert answer.code == 2 and "not a branch name" in answer.err


def test_no_commit_yet(museui: Museui, tmp_path: Path) -> None:
    museui("init", "new")
    answer = museui("-C", "new", "log")
    assert answer.code == 2 and "no branch 'main' with a commit" in answer.err and "museui snapshot" in answer.err
    assert museui("-C", "new", "verify").code == 0
    status = museui("-C", "new", "status")
    assert status.code == 0 and status.out == "no commits yet\n"


@pytest.mark.parametrize("verb", [["log"], ["status"], ["verify"], ["snapshot", "-m", "x"], ["remote", "list"]])
def test_outside_of_a_repository(museui: Museui, tmp_path: Path, verb: list[str]) -> None:
    answer = museui(*verb, cwd=tmp_path)
    assert answer.code == 2 and "not a Muse repository" in answer.err and "museui init" in answer.err


def test_a_sound_repository_verifies(museui: Museui, tmp_path: Path) -> None:
    song = unpack_song(tmp_path)
    answer = museui("verify", song)
    assert answer.code == 0 and answer.out == ""
    assert answer.err == (
        "all good: checked 2 branches, 1 tag, 6 commits, 6 snapshots, 8 objects (131 bytes); "
        "signatures: 5 unsigned, 1 unverifiable\n"
    )
    document = museui("-C", song, "verify", "--json").document
    assert document["ok"] is True and document["faults"] == [] and document["checked"]["commits"] == 6


def test_every_fault_is_listed(museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "r")
    builder.commit({"a": b"1", "b": b"2"})
    builder.object_file(builder.add_object(b"1")).write_bytes(b"wrong")
    builder.object_file(builder.add_object(b"2")).unlink()
    (builder.muse / "refs/heads/bad").write_text("rubbish\x1b")
    answer = museui("-C", builder.root, "verify")
    assert answer.code == 1 and len(answer.out.splitlines()) == 3 and "\x1b" not in answer.out
    assert answer.err.startswith("3 faults: ")
    answer = museui("-C", builder.root, "verify", "--json")
    assert answer.code == 1 and answer.document["ok"] is False
    assert [fault["kind"] for fault in answer.document["faults"]] == ["ref", "object", "object"]
