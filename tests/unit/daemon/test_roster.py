"""What is remembered of repositories, and what of those that are no longer looked after: nothing."""

from __future__ import annotations

from pathlib import Path

from daemon.board import Board
from daemon.queue.entry import Target
from daemon.queue.push_queue import PushQueue
from daemon.repositories.look import Seen
from daemon.repositories.roster import Roster
from daemon.store.database import open_database
from museui.core.errors import Usage
from museui.core.ids import CommitId
from museui.repo.sightings import Sighting
from museui.repo.standing import BranchState
from museui.settings.config import Watched

HEAD = CommitId("a" * 64)


async def test_a_repository_has_a_word_and_leaves_nothing_when_it_goes(tmp_path: Path) -> None:
    database, _ = await open_database(tmp_path / "daemon.db")
    board = Board()
    queue = PushQueue(database, lambda error: None)
    song, other = Watched("/song"), Target("/other", "http://hub/ada/song", "main")
    seen = Sighting(1.0, HEAD)
    sent = {Target("/song", other.remote, "main"): seen, other: seen}
    roster = Roster(board, queue, {}, sent, lambda anew: None, lambda: 1.0)
    roster.use({"/song": song})
    safe = (BranchState("main", "origin", "safe", 0, 0, HEAD, HEAD),)
    roster.seen["/song"] = Seen(remote="origin", branches=safe)
    roster.show("/song")
    assert board.items("repositories")[song.id]["state"] == "looking", "the hub was not asked yet"
    roster._compared["/song"] = None
    for states, word in (
        (("safe",), "safe"),
        (("safe", "behind"), "behind"),
        (("behind", "ahead"), "waiting"),
        ((), "empty"),
    ):
        branches = tuple(BranchState("main", "origin", state, 1, 1, HEAD, HEAD) for state in states)
        roster.seen["/song"] = Seen(remote="origin", branches=branches)
        roster.show("/song")
        assert board.items("repositories")[song.id]["state"] == word
    roster.set_snapshot_trouble("/song", Usage("no branch"))
    for path in ("/song", "/nobody"):
        roster.outdate(path)
    assert roster.use({}) == {"/song"}
    assert (roster.sent, roster.seen, roster._outdated, roster._snapshot_troubles) == ({other: seen}, {}, {}, {})
    assert not board.items("repositories")
    await database.close()
