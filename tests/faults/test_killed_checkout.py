"""A pull or a clone that is cut off between two files: said, never committed, finished or undone by what comes next."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from museui.repo.unfinished import NOTE
from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess
from tests.helpers.program import Answer, Museui
from tests.helpers.workload import RepositoryBuilder

__all__ = ["daemon"]

OLD = {"gone.txt": b"old", "kept.txt": b"same", "verse.txt": b"old", "deep/chorus.txt": b"old", "run.sh": b"old"}
NEW = {"kept.txt": b"same", "verse.txt": b"new", "deep/chorus.txt": b"new", "deep/er/bridge.txt": b"new", "run.sh": b""}
BETWEEN = [f"checkout.between_files:{time}" for time in range(1, 6)]
BEFORE_THE_BRANCH = [*BETWEEN, "checkout.written"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@dataclass
class Band:
    """Two people: ``ada`` has pushed ``old`` and then ``new``, ``bob`` has a clone that is at ``old``."""

    ada: RepositoryBuilder
    bob: Path
    url: str
    old: str
    new: str
    token: str
    museui: Museui

    def run(self, *arguments: str | Path, **variables: str) -> Answer:
        return self.museui(*arguments, MUSEUI_TOKEN=self.token, **variables)

    @property
    def head(self) -> str:
        return (self.bob / ".muse/refs/heads/main").read_text().strip()

    @property
    def commits(self) -> list[str]:
        """The history of bob's branch, newest first."""
        found, commit = [], self.head
        while commit:
            found.append(commit)
            commit = json.loads((self.bob / f".muse/commits/{commit}.json").read_text())["parent_commit_id"]
        return found

    def manifest(self, commit: str) -> set[str]:
        record = json.loads((self.bob / f".muse/commits/{commit}.json").read_text())
        text = (self.bob / f".muse/snapshots/{record['snapshot_id']}.json").read_text()
        return set(json.loads(text)["manifest"])

    @property
    def status(self) -> Any:
        return self.run("status", self.bob, "--json").document

    @property
    def unfinished(self) -> bool:
        reasons = self.status["reasons"]
        assert isinstance(reasons, list)
        return any(reason["details"].get("rule") == "unfinished" for reason in reasons)


@pytest.fixture
def band(hub: HubProcess, museui: Museui, tmp_path: Path, request: pytest.FixtureRequest) -> Band:
    url = hub.repository(f"song-{abs(hash(request.node.nodeid))}")
    ada = RepositoryBuilder(tmp_path / "ada")
    old = ada.commit(OLD)
    band = Band(ada, tmp_path / "bob", url, old, "", hub.token, museui)
    assert band.run("push", ada.root, "--remote", url).code == 0
    assert band.run("clone", url, band.bob).code == 0
    (band.bob / "run.sh").chmod(0o755)
    (band.bob / "gone.txt").chmod(0o640)
    band.new = ada.commit(NEW)
    assert band.run("push", ada.root, "--remote", url).code == 0
    return band


def tree(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and ".muse" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def kill(band: Band, place: str) -> None:
    killed = band.run("pull", band.bob, MUSEUI_FAILPOINT=place)
    assert killed.code == -signal.SIGKILL
    assert band.head == band.old
    assert tree(band.bob) != NEW or place == "checkout.written"


@pytest.mark.parametrize("place", BEFORE_THE_BRANCH)
def test_a_killed_pull_is_said_and_the_next_pull_finishes_it(band: Band, place: str) -> None:
    kill(band, place)
    said = band.run("status", band.bob)
    assert said.code == 1 and "✓ safe" not in said.out and "a pull was cut off" in said.out
    assert band.unfinished
    assert band.status["safe"] is False
    checked = band.run("verify", band.bob)
    assert checked.code == 1 and "unfinished: " in checked.out and "a pull was cut off" in checked.out
    ended = band.run("pull", band.bob, "--json")
    assert ended.code == 0 and ended.document["up_to_date"]
    assert (tree(band.bob), band.head) == (NEW, band.new)
    assert (band.bob / "run.sh").stat().st_mode & 0o777 == 0o755
    assert not (band.bob / ".muse" / NOTE).exists()
    assert band.status["safe"] is True


def test_a_repair_finishes_a_killed_pull(band: Band) -> None:
    kill(band, BETWEEN[2])
    repaired = band.run("repair", band.bob)
    assert repaired.code == 0 and "finished what was cut off" in repaired.out
    assert (tree(band.bob), band.head) == (NEW, band.new)
    assert band.run("verify", band.bob).code == 0


def test_a_pull_that_was_killed_after_the_branch_is_whole(band: Band) -> None:
    assert band.run("pull", band.bob, MUSEUI_FAILPOINT="checkout.moved").code == -signal.SIGKILL
    assert (tree(band.bob), band.head) == (NEW, band.new)
    assert band.status["safe"] is True
    (band.bob / "verse.txt").write_bytes(b"mine")
    assert band.run("snapshot", "-C", band.bob, "-m", "x").code == 2
    assert band.run("-C", band.bob, "snapshot", "-m", "mine").code == 0
    assert len(band.commits) == 3 and tree(band.bob)["verse.txt"] == b"mine"


@pytest.mark.parametrize("place", ["checkout.staged", "checkout.noted"])
def test_a_pull_that_was_killed_before_the_first_file_has_changed_none(band: Band, place: str) -> None:
    assert band.run("pull", band.bob, MUSEUI_FAILPOINT=place).code == -signal.SIGKILL
    assert (tree(band.bob), band.head) == (OLD, band.old)
    assert band.run("pull", band.bob).code == 0
    assert (tree(band.bob), band.head) == (NEW, band.new)
    assert not [path for path in (band.bob / ".muse").iterdir() if path.name.endswith(".tmp")]


@pytest.mark.parametrize("place", BEFORE_THE_BRANCH)
def test_a_snapshot_never_takes_the_mixture(band: Band, place: str) -> None:
    kill(band, place)
    taken = band.run("-C", band.bob, "snapshot", "-m", "mine")
    assert taken.code == 0 and "nothing to commit" in taken.err and "finished what was cut off" in taken.err
    assert (tree(band.bob), band.commits) == (NEW, [band.new, band.old])


@pytest.mark.parametrize("place", BETWEEN[2:])
@pytest.mark.parametrize("path", ["verse.txt", "gone.txt", "deep/er/bridge.txt"])
def test_a_file_that_was_edited_in_between_is_never_lost(band: Band, place: str, path: str) -> None:
    kill(band, place)
    (band.bob / path).parent.mkdir(parents=True, exist_ok=True)
    (band.bob / path).write_bytes(b"hours of work")
    pulled = band.run("pull", band.bob)
    assert pulled.code == 4 and path in pulled.err and "left as they are" in pulled.err
    assert tree(band.bob) == {**OLD, path: b"hours of work"} and band.head == band.old
    assert (band.bob / "run.sh").stat().st_mode & 0o777 == 0o755
    assert path == "gone.txt" or (band.bob / "gone.txt").stat().st_mode & 0o777 == 0o640
    assert not band.unfinished
    assert band.run("-C", band.bob, "snapshot", "-m", "mine").code == 0
    assert band.manifest(band.head) == {*OLD, path} and band.commits[1:] == [band.old]


def test_what_can_be_neither_finished_nor_undone_is_refused_with_words(band: Band) -> None:
    kill(band, BETWEEN[2])
    objects = [path for path in (band.bob / ".muse/objects").rglob("*") if path.is_file()]
    lost = [path for path in objects if path.read_bytes() in (b"new", b"old")]
    kept = {path: path.read_bytes() for path in lost}
    for path in lost:
        path.unlink()
    before = tree(band.bob)
    refused = band.run("-C", band.bob, "snapshot", "-m", "mine", "--json")
    assert refused.code != 0 and refused.document["error"]["details"]["rule"] == "unfinished"
    assert "neither be finished nor undone" in refused.document["error"]["message"]
    assert (tree(band.bob), band.commits) == (before, [band.old])
    assert band.unfinished
    for path, content in kept.items():
        path.write_bytes(content)
    assert band.run("pull", band.bob).code == 0
    assert tree(band.bob) == NEW


def test_the_daemon_finishes_it(band: Band, daemon: DaemonProcess, hub: HubProcess) -> None:
    kill(band, BETWEEN[3])
    daemon.sign_in(hub)
    daemon.watch(band.bob)
    daemon.wait(lambda: tree(band.bob) == NEW and band.head == band.new, "the end of the pull")
    daemon.wait_safe(band.bob)


def test_snapshot_on_change_never_commits_the_mixture(band: Band, daemon: DaemonProcess, hub: HubProcess) -> None:
    """The first file that is edited in between keeps the daemon from going on: it goes back, and records that edit."""
    kill(band, BETWEEN[3])
    (band.bob / "verse.txt").write_bytes(b"hours of work")
    daemon.sign_in(hub)
    daemon.config.parent.mkdir(parents=True, exist_ok=True)
    daemon.config.write_text("[daemon]\nsnapshot_quiet_seconds = 1\n")
    daemon.client.post("reload")
    daemon.watch(band.bob, snapshot_on_change=True)
    daemon.wait(lambda: band.head != band.old, "a commit")
    assert tree(band.bob) == {**OLD, "verse.txt": b"hours of work"}
    assert band.commits[1:] == [band.old] and band.manifest(band.head) == set(OLD)


def test_another_program_that_moves_the_branch_ends_it(band: Band) -> None:
    kill(band, BETWEEN[2])
    assert band.run("fetch", band.bob).code == 0
    (band.bob / ".muse/refs/heads/main").write_text(band.new)
    before = tree(band.bob)
    assert not band.unfinished
    assert band.run("-C", band.bob, "snapshot", "-m", "x").code == 0
    assert tree(band.bob) == before


def test_a_disk_without_room_changes_nothing(band: Band) -> None:
    """No file may be larger than 64 KiB: what is written aside fails, and nothing has moved."""
    band.new = band.ada.commit({**NEW, "take.wav": bytes(range(256)) * 1024})
    assert band.run("push", band.ada.root, "--remote", band.url).code == 0
    assert band.run("fetch", band.bob).code == 0
    limit = ["prlimit", f"--fsize={64 << 10}"]
    assert subprocess.run([*limit, "true"], check=False).returncode == 0
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
    try:
        full = band.run("pull", band.bob)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.code == 3 and "take.wav" in full.err
    assert (tree(band.bob), band.head) == (OLD, band.old)
    assert not (band.bob / ".muse" / NOTE).exists() and not band.unfinished
    assert band.run("pull", band.bob).code == 0
    assert set(tree(band.bob)) == {*NEW, "take.wav"}


CLONE_PLACES = [
    "atomic.before_rename",
    "create.before_rename",
    "clone.made",
    "clone.fetching",
    "group.synced",
    "group.synced:2",
    "clone.fetched",
    "checkout.staged",
    "checkout.noted",
    "checkout.between_files:2",
    "checkout.between_files:5",
    "checkout.written",
]


@pytest.mark.parametrize("place", CLONE_PLACES)
@pytest.mark.parametrize("there", [False, True], ids=["", "an empty folder"])
def test_a_killed_clone_is_finished_by_the_same_command(band: Band, tmp_path: Path, place: str, there: bool) -> None:
    copy = tmp_path / "copy"
    if there:
        copy.mkdir()
    assert band.run("clone", band.url, copy, MUSEUI_FAILPOINT=place).code == -signal.SIGKILL
    made = (copy / ".muse").exists()
    if made:
        said = band.run("status", copy)
        assert said.code == 1 and "is unfinished" in said.out and f"museui clone {band.url}" in said.out
        refused = band.run("-C", copy, "snapshot", "-m", "x")
        assert refused.code == 3 and "is unfinished" in refused.err
        assert band.run("pull", copy).code in (2, 3)
        other = band.run("clone", f"{band.url}-other", copy)
        assert other.code == 2 and "unfinished clone of" in other.err
    ended = band.run("clone", band.url, copy, "--json")
    assert ended.code == 0 and ended.document["resumed"] == made
    assert tree(copy) == NEW
    status = band.run("status", copy, "--json").document
    assert status["safe"] is True and [branch["state"] for branch in status["branches"]] == ["safe"]
    assert [path.name for path in copy.iterdir() if path.name.endswith(".tmp")] == []


def test_a_clone_never_writes_over_what_was_put_there_meanwhile(band: Band, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert band.run("clone", band.url, copy, MUSEUI_FAILPOINT="checkout.between_files:2").code == -signal.SIGKILL
    (copy / "verse.txt").write_bytes(b"hours of work")
    refused = band.run("clone", band.url, copy)
    assert refused.code == 4 and "'verse.txt'" in refused.err and "museui clone" in refused.err
    assert (copy / "verse.txt").read_bytes() == b"hours of work"
    (copy / "verse.txt").rename(tmp_path / "mine")
    assert band.run("clone", band.url, copy).code == 0
    assert tree(copy) == NEW


def test_a_clone_that_fails_leaves_nothing_that_is_not_a_persons(band: Band, tmp_path: Path, hub: HubProcess) -> None:
    copy = tmp_path / "copy"
    assert band.run("clone", band.url, copy, "--branch", "nope").code != 0
    assert not copy.exists()
    copy.mkdir()
    assert band.run("clone", f"{band.url}-nope", copy).code != 0
    assert list(copy.iterdir()) == []
