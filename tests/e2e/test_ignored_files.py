"""Two people and a hub: what one of them ignores, drops or cannot record takes nothing from the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.core.records import SnapshotParser
from museui.repo.repository import Repository
from tests.helpers.forks import Answer, Forks
from tests.helpers.hub import HubProcess
from tests.helpers.workload import RepositoryBuilder

_numbers = itertools.count()
NO_WAV = b'[global]\npatterns = ["*.wav"]\n'
FILES = {"song.txt": b"la", "take.wav": b"wav", "build/x": b"built", "plain.txt": b"plain"}


class Band:
    """``ada`` is a repository that another client wrote, and pushed; ``bob`` a clone of it."""

    def __init__(self, folder: Path, hub: HubProcess, forks: Forks) -> None:
        self._folder, self._hub, self._forks = folder, hub, forks
        self._builder = RepositoryBuilder(folder / "ada")
        self.ada, self.bob = self._builder.root, folder / "bob"
        self.url = hub.repository(f"song{next(_numbers)}")
        (self.ada / ".muse/config.toml").write_text(f'[remotes.origin]\nurl = "{self.url}"\n')
        self.commit(FILES)
        self("clone", self.url, str(self.bob))

    def commit(self, files: dict[str, bytes]) -> None:
        """Have the other client record ``files`` in ada's repository, where they stand then, and push it."""
        self._builder.commit(files)
        for path, content in files.items():
            (self.ada / path).parent.mkdir(exist_ok=True)
            (self.ada / path).write_bytes(content)
        self("-C", self.ada, "push")

    def __call__(self, *arguments: str | Path, code: int = 0) -> Answer:
        environment = {"HOME": str(self._folder), "USER": "ada", "MUSEUI_TOKEN": self._hub.token}
        answer = self._forks.run("museui", list(map(str, arguments)), environment, cwd=self._folder)
        assert answer.code == code, (arguments, answer)
        return answer

    def recorded(self, root: Path) -> set[str]:
        repository = Repository.open(root)
        commit = repository.read_commit(repository.branches()["main"])
        return set(repository.read_snapshot(commit.snapshot_id, SnapshotParser()).manifest)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def band(tmp_path: Path, hub: HubProcess, forks: Forks) -> Band:
    return Band(tmp_path, hub, forks)


def tree(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and ".muse" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_what_one_ignores_stays_recorded_and_with_the_other(band: Band) -> None:
    (band.ada / ".museignore").write_bytes(NO_WAV)
    (band.ada / "new.wav").write_bytes(b"new")
    taken = band("-C", band.ada, "snapshot", "-m", "ignore", "--json").document
    assert (taken["added"], taken["changed"], taken["removed"]) == ([".museignore"], [], [])
    band("-C", band.ada, "push")
    band("-C", band.bob, "pull")
    assert tree(band.bob) == FILES | {".museignore": NO_WAV}
    assert band.recorded(band.bob) == {*FILES, ".museignore"}, "what built-in rules leave out, too"
    (band.ada / "take.wav").write_bytes(b"another take")
    assert band("-C", band.ada, "status", "--json").document["uncommitted"]["changed"] == ["take.wav"]
    band("-C", band.ada, "snapshot", "-m", "another")
    band("-C", band.ada, "push")
    band("-C", band.bob, "pull")
    assert (band.bob / "take.wav").read_bytes() == b"another take"


def test_what_is_untracked_stays_with_everybody_and_is_recorded_no_more(band: Band) -> None:
    said = band("-C", band.ada, "untrack", "take.wav", "build", "--json").document
    assert (said["untracked"], said["patterns"]) == (["build/x", "take.wav"], ["/take.wav"])
    band("-C", band.ada, "push")
    band("-C", band.bob, "pull")
    assert band.recorded(band.bob) == {"song.txt", "plain.txt", ".museignore"}
    for root in (band.ada, band.bob):
        assert tree(root).items() >= FILES.items()
        status = band("-C", root, "status", "--strict", "--json").document
        assert status["safe"] is True and status["uncommitted"]["count"] == 0


def test_what_an_older_client_dropped_by_ignoring_it_stays_and_what_it_removed_goes(band: Band) -> None:
    band.commit({"song.txt": b"la", ".museignore": NO_WAV})
    band("-C", band.bob, "pull")
    assert tree(band.bob) == {name: FILES[name] for name in ("song.txt", "take.wav", "build/x")} | {
        ".museignore": NO_WAV
    }
    assert band("-C", band.bob, "status", "--strict", "--json").document["uncommitted"]["count"] == 0


def test_what_cannot_be_recorded_is_all_named_and_the_rest_goes_to_the_other(band: Band) -> None:
    names = ["c:drive", "back\\slash", "line\nend"]
    for name in names:
        (band.ada / name).write_bytes(b"x")
    (band.ada / "late.txt").write_bytes(b"late")
    before = band("-C", band.ada, "status", "--json", code=1).document
    assert before["safe"] is False and len(before["unrecordable"]) == 3
    assert before["uncommitted"]["added"] == ["late.txt"]
    taken = band("-C", band.ada, "snapshot", "-m", "late", "--json", code=1).document
    assert taken["added"] == ["late.txt"] and len(taken["unrecordable"]) == 3
    assert all(item["rule"] for item in taken["unrecordable"])
    said = band("-C", band.ada, "snapshot", "-m", "late", code=1).err
    assert "c:drive" in said and "slash" in said and "end" in said
    band("-C", band.ada, "push")
    band("-C", band.bob, "pull")
    assert (band.bob / "late.txt").read_bytes() == b"late"
    text = band("-C", band.ada, "status", code=1).out
    assert "✓ safe" not in text and "3 files cannot be recorded" in text
    for name in names:
        (band.ada / name).unlink()
    (band.ada / "late.txt").write_bytes(b"later")
    assert "✓ safe, 1 file not committed" in band("-C", band.ada, "status").out
    band("-C", band.ada, "status", "--strict", code=1)
