"""The queue finds the entries of a repository without looking at those of others, and tells its subscribers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.board import Board
from daemon.queue.entry import Entry, Target, woken
from daemon.queue.push_queue import PushQueue
from daemon.repositories.look import Seen
from daemon.repositories.roster import Roster
from daemon.store.database import open_database
from museui.core.ids import CommitId
from museui.settings.config import Watched

HEAD = CommitId("a" * 64)


async def test_entries_are_found_by_repository_and_by_name(tmp_path: Path) -> None:
    database, _ = await open_database(tmp_path / "daemon.db")
    queue = PushQueue(database, lambda error: None)
    heard: list[Target] = []
    queue.subscribe(heard.append)
    targets = [Target(path, "origin", branch) for path in ("/a", "/b") for branch in ("main", "take")]
    for target in targets:
        queue.put(Entry(target, HEAD, 0.0))
    assert heard == targets
    queue.put(Entry(targets[0], HEAD, 0.0))
    assert heard == targets, "nothing has changed"
    changed = woken(Entry(targets[0], HEAD, 0.0), urgent=True)
    queue.put(changed)
    assert queue.of("/a") == [changed, Entry(targets[1], HEAD, 0.0)]
    assert queue.by_id(targets[0].id) == changed
    for target in targets[:2]:
        queue.drop(target)
        queue.drop(target)
    assert heard == [*targets, targets[0], *targets[:2]]
    assert queue.of("/a") == [] and queue.by_id(targets[0].id) is None
    assert [entry.target for entry in queue.of("/b")] == targets[2:] == [entry.target for entry in queue]
    await database.close()


async def test_showing_repositories_never_scans_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, _ = await open_database(tmp_path / "daemon.db")
    queue = PushQueue(database, lambda error: None)
    roster = Roster(Board(), queue, {}, {}, lambda anew: None, lambda: 1.0)
    paths = [f"/{number}" for number in range(50)]
    roster.use({path: Watched(path) for path in paths})
    for path in paths:
        roster.seen[path] = Seen(remote="origin")
        for number in range(10):
            queue.put(Entry(Target(path, "origin", f"b{number}"), HEAD, 0.0))
    scans = 0
    scan = PushQueue.__iter__

    def count(self: PushQueue) -> Iterator[Entry]:
        nonlocal scans
        scans += 1
        return scan(self)

    monkeypatch.setattr(PushQueue, "__iter__", count)
    for path in paths:
        assert len(roster.entries(path)) == 10
        roster.show(path)
        assert roster.trouble(path) is None
    assert scans == 0
    list(queue)
    assert scans == 1
    await database.close()
