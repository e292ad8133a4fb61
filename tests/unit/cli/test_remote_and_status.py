"""`museui remote`, `museui status`: where commits go, and which of them are safe there, without asking anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.ids import CommitId
from museui.repo.repository import Repository
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder

URL = "http://127.0.0.1:8750/ada/song"


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(tmp_path / "r")


def test_remotes_are_added_listed_and_removed(museui: Museui, builder: RepositoryBuilder) -> None:
    assert museui("-C", builder.root, "remote", "add", "origin", URL).code == 0
    answer = museui("-C", builder.root, "remote", "add", "backup", "https://h.example/p/a/b", "--branch", "m", "--json")
    assert answer.document["remote"] == {"name": "backup", "url": "https://h.example/p/a/b", "branch": "m"}
    listed = museui("-C", builder.root, "remote", "list")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out == f"origin\t{URL}\nbackup\thttps://h.example/p/a/b\tm\n"
    as_json = museui("-C", builder.root, "remote", "list", "--json").document
    assert [remote["name"] for remote in as_json["remotes"]] == ["origin", "backup"]
    assert museui("-C", builder.root, "remote", "remove", "origin", "--json").document == {
        "ok": True,
        "removed": "origin",
    }
    assert museui("-C", builder.root, "remote", "list").out == "backup\thttps://h.example/p/a/b\tm\n"


@pytest.mark.parametrize(
    ("name", "url", "options"),
    [
        ("origin", "ftp://h/a/b", []),
        ("origin", "/tmp/song", []),
        ("origin", "http://h/only-owner", []),
        ("origin", "http://user:secret@h/a/b", []),
        ("origin", "http://h/a/b?x=1", []),
        ("../x", URL, []),
        ("a/b", URL, []),
        ("", URL, []),
        ("origin", URL, ["--branch", "a..b"]),
    ],
)
def test_what_is_no_remote_is_refused(
    museui: Museui, builder: RepositoryBuilder, name: str, url: str, options: list[str]
) -> None:
    before = (builder.muse / "config.toml").read_bytes()
    answer = museui("-C", builder.root, "remote", "add", name, url, *options)
    assert answer.code == 2 and answer.err.startswith("error: ") and "secret" not in answer.err
    assert (builder.muse / "config.toml").read_bytes() == before


def test_a_remote_that_is_there_is_not_replaced(museui: Museui, builder: RepositoryBuilder) -> None:
    museui("-C", builder.root, "remote", "add", "origin", URL)
    answer = museui("-C", builder.root, "remote", "add", "origin", "http://127.0.0.1/x/y")
    assert answer.code == 2 and URL in answer.err
    assert museui("-C", builder.root, "remote", "list").out == f"origin\t{URL}\n"


def test_a_remote_that_is_not_there_cannot_be_removed(museui: Museui, builder: RepositoryBuilder) -> None:
    answer = museui("-C", builder.root, "remote", "remove", "origin", "--json")
    assert answer.code == 1 and answer.document["error"]["code"] == "not_found"


def test_every_state_a_branch_can_be_in(museui: Museui, builder: RepositoryBuilder) -> None:
    root = builder.commit({"n": b"0"})
    first = builder.commit({"n": b"1"})
    second = builder.commit({"n": b"2"})
    side = builder.commit({"n": b"s"}, branch="side", parents=[root])
    builder.set_branch("old", root)
    builder.set_branch("new", root)
    builder.set_branch("lost", root)
    (builder.root / "n").write_bytes(b"2")
    repository = Repository.open(builder.root)
    museui("-C", builder.root, "remote", "add", "origin", URL)
    tracking = {"main": root, "side": first, "old": second, "lost": "f" * 64}
    for branch, head in tracking.items():
        repository.write_tracking("origin", branch, CommitId(head))
    answer = museui("-C", builder.root, "status", "--json")
    assert answer.code == 1 and answer.document["ok"] is True and answer.document["safe"] is False
    states = {
        state["branch"]: (state["state"], state["ahead"], state["behind"]) for state in answer.document["branches"]
    }
    assert states == {
        "lost": ("unknown", None, None),
        "main": ("ahead", 2, 0),
        "new": ("never_pushed", None, None),
        "old": ("behind", 0, 2),
        "side": ("diverged", 1, 1),
    }
    assert museui("-C", builder.root, "status").out == (
        "lost → origin  ? the hub has commits that are not here: museui fetch\n"
        "main → origin  ↑2 ahead: museui push\n"
        "new → origin   ○ never pushed: museui push\n"
        "old → origin   ↓2 behind: museui pull\n"
        "side → origin  ⇅ diverged: 1 here, 1 there\n"
    )
    for branch, head in {"main": second, "side": side, "new": root, "lost": root}.items():
        repository.write_tracking("origin", branch, CommitId(head))
    answer = museui("status", builder.root)
    assert answer.code == 0 and answer.out.count("✓ safe") == 4
    assert museui("status", builder.root, "--quiet").out == ""


def test_each_remote_counts(museui: Museui, builder: RepositoryBuilder) -> None:
    head = builder.commit({"n": b"0"})
    for name in ("origin", "backup"):
        museui("-C", builder.root, "remote", "add", name, URL)
    Repository.open(builder.root).write_tracking("origin", "main", CommitId(head))
    answer = museui("-C", builder.root, "status", "--json")
    assert answer.code == 1
    assert [(state["remote"], state["state"]) for state in answer.document["branches"]] == [
        ("origin", "safe"),
        ("backup", "never_pushed"),
    ]


def test_without_a_remote_nothing_is_safe(museui: Museui, builder: RepositoryBuilder) -> None:
    builder.commit({"n": b"0"})
    answer = museui("-C", builder.root, "status")
    assert answer.code == 1 and "no remote: museui remote add" in answer.out


def test_a_damaged_configuration_is_named(museui: Museui, builder: RepositoryBuilder) -> None:
    builder.commit({"n": b"0"})
    (builder.muse / "config.toml").write_text("[remotes\n")
    for verb in (["status"], ["remote", "list"], ["remote", "add", "origin", URL]):
        answer = museui("-C", builder.root, *verb)
        assert answer.code == 2 and "config.toml: not valid TOML" in answer.err


def test_a_damaged_head_is_a_reason_not_to_be_safe(museui: Museui, builder: RepositoryBuilder) -> None:
    head = builder.commit({"n": b"0"})
    museui("-C", builder.root, "remote", "add", "origin", URL)
    Repository.open(builder.root).write_tracking("origin", "main", CommitId(head))
    assert museui("-C", builder.root, "status", "--json").document["reasons"] == []
    (builder.muse / "HEAD").write_text("rubbish\n")
    answer = museui("-C", builder.root, "status", "--json")
    assert (answer.code, answer.document["safe"], answer.document["current_branch"]) == (1, False, None)
    (reason,) = answer.document["reasons"]
    assert reason["code"] == "integrity" and str(builder.muse / "HEAD") in reason["message"]
    answer = museui("-C", builder.root, "status")
    assert answer.code == 1 and "✗ not safe: " in answer.out and "✓ safe" not in answer.out
