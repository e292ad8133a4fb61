"""``museui push --delete``; and whom a refused push tells of force, and whom not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.program import Answer, Museui
from tests.helpers.workload import RepositoryBuilder


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


class Song:
    """A repository with ``main`` and ``take`` on the hub, and somebody's way to it."""

    def __init__(self, hub: HubProcess, museui: Museui, folder: Path, slug: str) -> None:
        self.hub, self._museui, self.slug = hub, museui, slug
        self.builder = RepositoryBuilder(folder / "song")
        self.builder.commit({"verse": b"la"})
        self.builder.commit({"verse": b"la", "take": b"one"}, branch="take", parents=[self.builder.heads["main"]])
        self.url = hub.repository(slug)
        assert museui("remote", "add", "origin", self.url, cwd=self.builder.root).code == 0
        assert self.push("--all-branches").code == 0

    def push(self, *options: str, token: str = "", root: Path | None = None) -> Answer:
        where = root or self.builder.root
        return self._museui("push", where, "--no-daemon", *options, MUSEUI_TOKEN=token or self.hub.token)

    def heads(self) -> dict[str, Any]:
        headers = {**self.hub.headers, "Accept": "application/json"}
        heads = httpx.get(f"{self.url}/refs", headers=headers).json()["branch_heads"]
        return {name: head.removeprefix("sha256:") for name, head in heads.items()}


@pytest.fixture
def song(hub: HubProcess, museui: Museui, tmp_path: Path, request: pytest.FixtureRequest) -> Song:
    return Song(hub, museui, tmp_path, "".join(filter(str.isalnum, request.node.name))[-90:])


def test_a_branch_is_deleted_there_and_stays_here(song: Song, museui: Museui) -> None:
    head = song.builder.heads["take"]
    done = song.push("--delete", "take")
    assert (done.code, done.out) == (0, f"deleted take on origin (was {head[:12]})\n"), done
    assert song.heads() == {"main": song.builder.heads["main"]}
    assert (song.builder.muse / "refs/heads/take").read_text().strip() == head
    states = {item["branch"]: item for item in museui("status", song.builder.root, "--json").document["branches"]}
    assert states["take"]["state"] == "gone", "what is not there any more is not safe there"
    again = song.push("--delete", "take", "--delete", "main", "--json")
    assert again.code == 1
    assert [item["error"]["code"] for item in again.document["deleted"]] == ["not_found", "invalid"]
    assert song.push("--branch", "take").code == 0, "a person who pushes it again means it"
    assert song.heads()["take"] == head


def test_a_branch_whose_commits_are_there_alone_is_kept_until_they_are_here(
    song: Song, museui: Museui, tmp_path: Path
) -> None:
    other = RepositoryBuilder(tmp_path / "other")
    theirs = other.commit({"verse": b"theirs"}, branch="take")
    forced = ("--remote", song.url, "--branch", "take", "--force")
    assert song.push(*forced, root=other.root).code == 0
    refused = song.push("--delete", "take")
    assert refused.code == 4 and "museui fetch" in refused.err, refused
    assert song.push("--delete", "take", f"--force-with-lease={song.builder.heads['take']}").code == 4
    assert song.heads()["take"] == theirs
    assert museui("fetch", song.builder.root, MUSEUI_TOKEN=song.hub.token).code == 0
    assert song.push("--delete", "take").code == 0
    assert "take" not in song.heads()


@pytest.mark.parametrize("options", [("--branch", "x"), ("--all-branches",), ("--tags",), ("--dry-run",)])
def test_what_cannot_be_meant_together_is_an_error(song: Song, options: tuple[str, ...]) -> None:
    assert song.push("--delete", "take", *options).code == 2
    assert "take" in song.heads()


def test_who_may_only_read_is_told_so_and_nothing_of_force(song: Song) -> None:
    headers = {**song.hub.headers, "Content-Type": "application/json"}
    httpx.patch(song.url, json={"visibility": "public"}, headers=headers).raise_for_status()
    song.builder.commit({"verse": b"another"}, parents=[])
    reader = song.hub.command_here("token", "create", "ada", "--scope", "read")
    song.hub.command_here("user", "create", "reader")
    other = song.hub.command_here("token", "create", "reader")
    for token, options in ((reader, ()), (other, ()), (other, ("--force",))):
        refused = song.push(*options, token=token)
        assert refused.code == 5, refused
        assert "not write" in refused.err
        assert "--force" not in refused.err


def test_a_mistyped_remote_is_called_that_and_nothing_is_said_of_force(song: Song, tmp_path: Path) -> None:
    other = RepositoryBuilder(tmp_path / "other")
    other.commit({"poem": b"of something else"})
    for known in (False, True):
        refused = song.push("--remote", song.url, root=other.root)
        assert refused.code == 4, refused
        assert "no commit in common" in refused.err and "remote" in refused.err
        assert "--force" not in refused.err
        if not known:  # also when what is there has been fetched
            _copy_records(song.builder.muse, other.muse)


def _copy_records(source: Path, target: Path) -> None:
    for kind in ("commits", "snapshots"):
        for path in (source / kind).iterdir():
            (target / kind / path.name).write_bytes(path.read_bytes())


def test_a_branch_that_diverged_is_told_of_a_lease_once_it_has_been_fetched(song: Song, museui: Museui) -> None:
    first = song.builder.heads["main"]
    song.builder.commit({"verse": b"mine"})
    assert song.push().code == 0
    song.builder.commit({"verse": b"another"}, parents=[first])
    refused = song.push()
    assert refused.code == 4 and "--force-with-lease" in refused.err, refused
