"""What the published 0.1.5 client wrote is read, and written again byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.records import SnapshotParser
from museui.core.signatures import verify_commit
from museui.repo.check import check_repository
from museui.repo.config import parse_config
from museui.repo.refs import Head
from museui.repo.repository import Repository
from tests.helpers.workload import SONG_HEAD, unpack_song

REPO_ID = "edd1b6ef-0eb7-4b55-8728-e0f72ebb0ee3"


@pytest.fixture
def song(tmp_path: Path) -> Repository:
    return Repository.open(unpack_song(tmp_path))


def relative_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in ("logs", "stat_cache.json", "config.toml")
    }


def test_everything_written_elsewhere_is_the_same_bytes(song: Repository, tmp_path: Path) -> None:
    created = "2026-11-22T06:28:39.893720+00:00"
    copy = Repository.init(tmp_path / "copy", song.domain, repo_id=song.repo_id, created_at=created)
    parser = SnapshotParser()
    with copy.group() as group:
        for object_id in song.store.object_ids():
            copy.write_object(object_id, song.read_object(object_id), group)
        for snapshot_id in song.store.snapshot_ids():
            copy.write_snapshot(song.read_snapshot(snapshot_id, parser), group)
        for commit_id in song.store.commit_ids():
            copy.write_commit(song.read_commit(commit_id), group)
    for tag in song.tags():
        copy.write_tag(tag)
    for name, head in song.branches().items():
        copy.write_branch(name, head)
    copy.write_head(song.read_head())
    assert relative_files(copy.muse) == relative_files(song.muse)


def test_it_is_understood(song: Repository) -> None:
    assert (song.repo_id, song.domain, song.bare) == (REPO_ID, "midi", False)
    assert song.read_head() == Head("main")
    assert list(song.branches()) == ["feat/bridge", "main"]
    assert song.branches()["main"] == SONG_HEAD
    assert song.remotes() == {}
    (tag,) = song.tags()
    assert (tag.name, tag.commit_id) == ("demo", SONG_HEAD)
    head = song.read_commit(song.branches()["main"])
    assert verify_commit(head.fields) == "unverifiable"
    assert "notes/café.txt" in song.read_snapshot(head.snapshot_id, SnapshotParser()).manifest


def test_it_has_no_fault(song: Repository) -> None:
    report = check_repository(song)
    assert report.faults == []
    assert (report.refs, report.tags, report.commits, report.snapshots, report.objects) == (2, 1, 6, 6, 8)
    assert report.signatures == {"valid": 0, "unsigned": 5, "unverifiable": 1}


def test_its_config_survives_a_remote_added_and_removed(song: Repository) -> None:
    from museui.repo.config import Remote

    before = Path(song.config_path).read_bytes()
    song.set_remote(Remote("origin", "http://127.0.0.1:8750/ada/song", "main"))
    assert parse_config(Path(song.config_path).read_text()).remotes == song.remotes() != {}
    song.remove_remote("origin")
    assert Path(song.config_path).read_bytes() == before
