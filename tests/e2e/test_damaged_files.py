"""Every kind of file of a repository emptied, cut in half or overwritten: nothing is called safe that is not.

The real programs as processes of their own, all forked from one that has imported them.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from museui.core.ids import CommitId
from museui.core.records import SnapshotParser
from museui.repo.history import walk_history
from museui.repo.repository import Repository
from tests.helpers.forks import Answer, Forks
from tests.helpers.hub import HubProcess
from tests.helpers.workload import RepositoryBuilder, sha

_numbers = itertools.count()
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "garbage": lambda content: b"\x00\xffgarbage\n" * 7,
}
OLD, NEW = b"an old verse\n", b"a new verse\n"
KINDS = {
    "HEAD": "HEAD",
    "repo.json": "repo.json",
    "config.toml": "config.toml",
    "branch": "refs/heads/main",
    "other branch": "refs/heads/side",
    "head's commit": "commits/HEAD",
    "older commit": "commits/OLD",
    "head's snapshot": "snapshots/HEAD",
    "older snapshot": "snapshots/OLD",
    "head's object": "objects/NEW",
    "older object": "objects/OLD",
    "note of a remote": "remotes/origin/main",
    "time of a remote": "seen/origin.json",
    "known files": "museui-files.json",
    "tag": "tags/r/one.json",
    "log of the Muse client": "logs/refs/heads/main",
}
BY_HAND = {"config.toml", "repo.json"}
"""What no program can know the content of: the error says what to write."""
UNKNOWN = ("note of a remote", "empty")
"""It reads as never pushed; the next push says up to date."""
UNHARMED = {"time of a remote", "known files", "log of the Muse client"}
"""Notes that may be lost."""


class Band:
    """A repository of two commits with a hub, which has the first."""

    def __init__(self, folder: Path, hub: HubProcess, forks: Forks) -> None:
        self._folder, self._hub, self._forks = folder, hub, forks
        (folder / "home").mkdir(parents=True)
        self.url = hub.repository(f"song{next(_numbers)}")
        self.builder = RepositoryBuilder(folder / "song")
        self.root, self.muse = self.builder.root, self.builder.muse
        with (self.muse / "config.toml").open("a") as config:
            config.write(f'[remotes.origin]\nurl = "{self.url}"\n')
        first = self.builder.commit({"verse.txt": OLD, "kept.txt": b"kept\n"})
        (self.muse / "refs/heads/side").write_text(first)
        tag = {"tag_id": "one", "repo_id": "r", "commit_id": first, "tag": "one", "created_at": "2026-01-01"}
        (self.muse / "tags/r").mkdir(parents=True)
        (self.muse / "tags/r/one.json").write_text(json.dumps(tag))
        self.run("push", "--all-branches", "--tags", code=0)
        self.first, self.head = first, self.builder.commit({"verse.txt": NEW, "kept.txt": b"kept\n"})
        log = self.muse / "logs/refs/heads/main"
        log.parent.mkdir(parents=True)
        log.write_text(f"{'0' * 64} {first} ada 1 +0000\tcommit\n{first} {self.head} ada 2 +0000\tcommit\n")
        for name, content in {"verse.txt": NEW, "kept.txt": b"kept\n"}.items():
            (self.root / name).write_bytes(content)
            os.utime(self.root / name, (1, 1))

    def run(self, *arguments: str, code: int | None = None) -> Answer:
        environment = {"HOME": str(self._folder / "home"), "USER": "ada", "MUSEUI_TOKEN": self._hub.token}
        answer = self._forks.run("museui", ["-C", str(self.root), *arguments], environment, cwd=self._folder)
        said = answer.out + answer.err
        assert "Traceback" not in said and "should not have happened" not in said, (arguments, answer)
        assert code is None or answer.code == code, (arguments, answer)
        return answer

    def path(self, kind: str) -> Path:
        if "/HEAD" not in KINDS[kind] and "/OLD" not in KINDS[kind] and "/NEW" not in KINDS[kind]:
            return self.muse / KINDS[kind]
        folder, _, which = KINDS[kind].partition("/")
        if folder == "objects":
            digest = sha(NEW if which == "NEW" else OLD)
            return self.muse / "objects" / digest[:2] / digest[2:]
        commit = self.head if which == "HEAD" else self.first
        if folder == "snapshots":
            commit = Repository.open(self.root).read_commit(CommitId(commit)).snapshot_id
        return self.muse / folder / f"{commit}.json"

    def clone(self) -> dict[str, dict[str, bytes]]:
        """What the hub gives of its main branch: commit → path → content."""
        folder = self._folder / f"clone{next(_numbers)}"
        self.run("clone", self.url, str(folder), code=0)
        copy, parser = Repository.open(folder), SnapshotParser()
        return {
            commit.id: {
                path: b"".join(copy.read_object(object_id))
                for path, object_id in copy.read_snapshot(commit.snapshot_id, parser).manifest.items()
            }
            for commit in walk_history(copy, [copy.branches()["main"]])
        }

    def check_hub(self, status: Answer) -> None:
        """What is called safe is on the hub, with all that was before."""
        if status.code:
            assert status.document.get("safe") is not True
            return
        had = self.clone()
        assert {(self.muse / "refs/heads/main").read_text().strip(), self.head} <= had.keys()
        assert had[self.first] == {"verse.txt": OLD, "kept.txt": b"kept\n"}
        assert had[self.head] == {"verse.txt": NEW, "kept.txt": b"kept\n"}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def band(tmp_path: Path, hub: HubProcess, forks: Forks) -> Band:
    return Band(tmp_path / "band", hub, forks)


def test_every_file_of_a_repository_is_of_one_of_the_kinds(band: Band) -> None:
    band.run("status")
    band.run("push", code=0)
    there = {path for path in band.muse.rglob("*") if path.is_file()}
    shown = {path for path in there if path.name.endswith(".lock") or path.parent.name in ("commits", "snapshots")}
    objects = {path for path in there if path.parent.parent.name == "objects"}
    shown.add(band.muse / "remotes/origin/side")
    assert there - shown - objects == {band.path(kind) for kind in KINDS} - shown - objects


CASES = [
    *((kind, damage, True) for kind in KINDS for damage in DAMAGE),
    *((kind, "half", False) for kind in KINDS if kind not in BY_HAND | UNHARMED),
]


@pytest.mark.parametrize(("kind", "damage", "pushed"), CASES)
def test_a_damaged_file_is_named_and_healed_and_nothing_is_lost(
    band: Band, kind: str, damage: str, pushed: bool
) -> None:
    if pushed:
        band.run("push", code=0)
    path = band.path(kind)
    if not path.exists():
        band.run("status")  # writes what it knows of files
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    harmless = kind in UNHARMED or (kind == "config.toml" and damage == "half")

    status, verified = band.run("status", "--json"), band.run("verify", "--json")
    if kind == "config.toml" and damage == "empty":
        assert status.code == 1 and "no remote" in band.run("status").out
    elif not harmless:
        assert verified.code == 1 and (kind == "repo.json" or path.name in verified.out), verified
        if not kind.startswith("older") and (kind, damage) != UNKNOWN:
            assert status.code and (status.document.get("reasons") or status.document["error"]["hint"]), status

    (band.root / "more.txt").write_bytes(b"more\n")
    taken = band.run("snapshot", "-m", "more")
    pushes = [band.run("push", "--all-branches", "--tags"), band.run("pull")]
    status = band.run("status", "--json")
    band.check_hub(status)
    (band.root / "more.txt").unlink()

    if kind in BY_HAND:
        path.write_bytes(whole)
    repaired = band.run("repair", "--json")
    if kind == "HEAD":
        assert repaired.code == 1 and "museui repair --head" in repaired.out
        repaired = band.run("repair", "--head", "main", "--json")
    if kind == "head's commit" and not pushed:
        assert repaired.code == 1 and f"museui repair --set main={band.first}" in repaired.out
        band.run("repair", "--set", f"main={band.first}", code=0)
        band.run("snapshot", "-m", "again", code=0)
        band.head = (band.muse / "refs/heads/main").read_text().strip()
        repaired = band.run("repair", "--json")
    assert repaired.code == 0, (repaired, taken, pushes)
    band.run("verify", code=0)
    band.run("push", "--all-branches", "--tags", code=0)
    status = band.run("status", "--json", code=0)
    band.check_hub(status)
    repository = Repository.open(band.root)
    history = [commit.id for commit in walk_history(repository, [repository.branches()["main"]])]
    assert history[-2:] == [band.head, band.first], "no second history"
