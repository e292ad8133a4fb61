"""Safe is what the hub has, not what was once seen: a hub that went back, was emptied, or lost a repository."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from museui.core.documents import render_utc
from tests.helpers.hub import HubProcess
from tests.helpers.program import Museui
from tests.helpers.watched import heads
from tests.helpers.workload import RepositoryBuilder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(data_dir=tmp_path / "hub") as process:
        yield process


class Song:
    """A repository with a remote, and the program that looks after it without a daemon."""

    def __init__(self, hub: HubProcess, museui: Museui, root: Path, home: Path) -> None:
        self.hub, self.museui = hub, museui
        self.made = RepositoryBuilder(root)
        (self.made.muse / "config.toml").write_text(f'[remotes.origin]\nurl = "{hub.repository("song")}"\n')
        identity = home / ".muse" / "identity.toml"
        identity.parent.mkdir(exist_ok=True)
        identity.write_text(f'["127.0.0.1:{hub.port}"]\nname = "ada"\ntoken = "{hub.token}"\n')
        identity.chmod(0o600)

    def run(self, *arguments: str, code: int = 0) -> Any:
        done = self.museui(*arguments, "--json", cwd=self.made.root)
        assert done.code == code, f"{done.out}\n{done.err}"
        return json.loads(done.out)

    def status(self, code: int = 0) -> Any:
        document = self.run("status", code=code)
        assert document["safe"] is (code == 0)
        return {item["branch"]: item for item in document["branches"]}

    def doctor(self, code: int = 0) -> Any:
        document = self.run("doctor", code=code)
        name = f"branches {self.made.root} → origin"
        return next(check for check in document["checks"] if check["name"] == name)


@pytest.fixture
def song(hub: HubProcess, museui: Museui, tmp_path: Path, home: Path) -> Song:
    return Song(hub, museui, tmp_path / "song", home)


def go_back(hub: HubProcess, copy: Path) -> None:
    """Put an older copy of the hub's folder in its place, as a restore does."""
    hub.stop()
    shutil.rmtree(hub.data_dir)
    shutil.copytree(copy, hub.data_dir)
    hub.start()


def copy_hub(hub: HubProcess, copy: Path) -> None:
    hub.stop()
    shutil.copytree(hub.data_dir, copy)
    hub.start()


@pytest.mark.parametrize("who", ["doctor", "push", "fetch", "status after doctor"])
def test_a_hub_that_is_one_push_older_is_noticed_by_whoever_asks_it(
    song: Song, hub: HubProcess, tmp_path: Path, who: str
) -> None:
    first = song.made.commit({"a": b"1"})
    song.run("push")
    copy_hub(hub, tmp_path / "copy")
    second = song.made.commit({"a": b"2"})
    song.run("push")
    assert song.status()["main"]["seen_at"] is not None
    go_back(hub, tmp_path / "copy")
    if who == "push":
        assert song.run("push")["up_to_date"] is False
        assert heads(hub, "song") == {"main": second} and song.status()["main"]["state"] == "safe"
        return
    if who == "fetch":
        song.run("fetch")
    else:
        check = song.doctor(code=1)
        assert "has 1 commit that the hub lacks" in check["message"] and "museui push" in check["hint"]
        assert song.doctor(code=1)["ok"] is False, "it is as wrong when one looks again"
    state = song.status(code=1)["main"]
    assert (state["state"], state["ahead"], state["hub_head"]) == ("ahead", 1, f"sha256:{first}")
    song.run("push")
    assert song.doctor()["ok"] is True and song.status()["main"]["state"] == "safe"


@pytest.mark.parametrize("how", ["stream", "bundle", "objects", "all branches", "tags"])
def test_every_way_of_pushing_compares(song: Song, hub: HubProcess, tmp_path: Path, how: str) -> None:
    song.made.commit({"a": b"1"})
    song.run("push")
    copy_hub(hub, tmp_path / "copy")
    head = song.made.commit({"a": b"2"})
    song.run("push")
    go_back(hub, tmp_path / "copy")
    options = {"all branches": ["--all-branches"], "tags": ["--tags"]}.get(how, ["--strategy", how])
    song.run("push", *options)
    assert heads(hub, "song") == {"main": head}


def test_a_hub_that_was_emptied_has_nothing_and_gets_all_again(song: Song, hub: HubProcess, tmp_path: Path) -> None:
    copy_hub(hub, tmp_path / "empty")
    song.made.commit({"a": b"1"})
    head = song.made.commit({"a": b"2"})
    song.made.commit({"a": b"3"}, branch="side")
    song.run("push", "--all-branches")
    song.status()
    go_back(hub, tmp_path / "empty")
    assert song.doctor(code=1)["message"].startswith("main is not on the hub any more")
    states = song.status(code=1)
    assert {item["state"] for item in states.values()} == {"gone"}
    said = song.museui("status", cwd=song.made.root)
    assert "main → origin  ✗ not on the hub any more: museui push" in said.out
    song.run("push", "--all-branches")
    assert heads(hub, "song")["main"] == head and song.status()["side"]["state"] == "safe"


def test_a_push_that_ends_before_it_brings_lost_files_leaves_nothing_safe(song: Song, hub: HubProcess) -> None:
    song.made.commit({"a": b"the only copy"})
    song.run("push")
    song.status()
    hub.stop()
    for folder in ("objects", "bundles"):
        shutil.rmtree(hub.data_dir / "store" / folder, ignore_errors=True)
    hub.command("fsck", "--repair", expect=1)
    hub.start()
    killed = song.museui("push", cwd=song.made.root, MUSEUI_FAILPOINT="push.packed")
    assert killed.code < 0
    assert song.status(code=1)["main"]["state"] == "gone"
    song.run("push")
    assert song.status()["main"]["state"] == "safe" and song.doctor()["ok"]


def test_a_repository_that_is_not_there_for_us_is_not_safe(song: Song, hub: HubProcess) -> None:
    song.made.commit({"a": b"1"})
    song.run("push")
    other = hub.new_user("bob")
    identity = song.museui("push", "--no-daemon", cwd=song.made.root, MUSEUI_TOKEN=other)
    assert identity.code == 1 and "that you may see" in identity.err
    assert song.status(code=1)["main"]["state"] == "gone"
    song.run("fetch")
    assert song.status()["main"]["state"] == "safe"


def test_what_was_moved_back_by_force_is_not_brought_back_by_somebody_who_was_not_told(
    song: Song, hub: HubProcess, tmp_path: Path
) -> None:
    first = song.made.commit({"a": b"1"})
    second = song.made.commit({"a": b"2"})
    song.run("push")
    shutil.copytree(song.made.root, tmp_path / "other")
    (tmp_path / "other" / ".muse" / "refs" / "heads" / "main").write_text(first)
    forced = song.museui("push", "--force", "--json", cwd=tmp_path / "other")
    assert forced.code == 0 and heads(hub, "song") == {"main": first}
    refused = song.run("push", code=4)["error"]
    assert refused["code"] == "non_fast_forward" and "moved back on the hub, by force" in refused["message"]
    assert song.status(code=1)["main"]["state"] == "ahead"
    song.run("push")
    assert heads(hub, "song") == {"main": second}, "who was told decides"


def test_a_repository_that_was_deleted_is_made_again_by_a_person(song: Song, hub: HubProcess) -> None:
    head = song.made.commit({"a": b"1"})
    song.run("push")
    assert httpx.delete(hub.repository("song"), headers=hub.headers, trust_env=False).status_code == 204
    check = song.doctor(code=1)
    assert "somebody deleted ada/song" in check["message"]
    assert song.status(code=1)["main"]["state"] == "gone"
    song.run("push")
    assert heads(hub, "song") == {"main": head}


def test_a_branch_that_somebody_else_built_on_is_safe_although_their_commits_are_not_here(
    song: Song, hub: HubProcess, tmp_path: Path
) -> None:
    song.made.commit({"a": b"1"})
    song.run("push")
    shutil.copytree(song.made.root, tmp_path / "other")
    other = RepositoryBuilder.__new__(RepositoryBuilder)
    other.__dict__.update(song.made.__dict__, root=tmp_path / "other", muse=tmp_path / "other" / ".muse")
    other.heads = dict(song.made.heads)
    other.commit({"a": b"2"})
    assert song.museui("push", cwd=other.root).code == 0
    assert song.doctor()["ok"] is True
    state = song.status()["main"]
    assert (state["state"], state["ahead"], state["behind"]) == ("behind", 0, None)
    assert "↓ behind: museui pull, seen" in song.museui("status", cwd=song.made.root).out
    (other.muse / "refs" / "heads" / "main").write_text(other.commit({"b": b"9"}, parents=[]))
    assert song.museui("push", "--force", cwd=other.root).code == 0
    assert "is at a commit there that is not here" in song.doctor(code=1)["message"]
    assert song.status(code=1)["main"]["state"] == "unknown"


def test_when_it_was_seen_is_said_and_is_not_believed_when_the_clock_was_put_back(song: Song) -> None:
    song.made.commit({"a": b"1"})
    (song.made.root / "a").write_bytes(b"1")
    song.run("push")
    note = song.made.muse / "seen" / "origin.json"
    document = json.loads(note.read_text())
    at = document["main"]["at"]
    assert song.status()["main"]["seen_at"] == render_utc(at)
    for shift, words in ((-300, "✓ safe, seen 5 min ago"), (3600, "✓ safe when last seen"), (-7200, "seen 2 h ago")):
        document["main"]["at"] = at + shift
        note.write_text(json.dumps(document))
        assert words in song.museui("status", cwd=song.made.root).out
    assert song.run("push")["requests"] == 1 and song.status()["main"]["seen_at"] > render_utc(at), "seen again"
    for rubbish in ("", "[]", "{", '{"main": 5}', '{"main": {"at": "x"}}', "[" * 100_000):
        note.write_text(rubbish)
        assert song.status()["main"]["seen_at"] is None
    (song.made.muse / "remotes" / "origin" / "main").unlink()
    assert song.status(code=1)["main"]["state"] == "never_pushed"
