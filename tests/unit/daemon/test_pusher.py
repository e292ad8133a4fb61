"""The moment between a push and its place in the history: nothing cuts it off any more; one may still ask for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daemon.board import Board
from daemon.hubs.reachability import Hubs
from daemon.pushing.pusher import Pusher
from daemon.queue.entry import Entry, Target
from daemon.queue.push_queue import PushQueue
from daemon.store.database import open_database
from museui.core.errors import Unreachable
from museui.core.ids import hash_commit
from museui.hub.trust import HubTrust
from museui.local.messages import PushView


class SlowHistory:
    """Keeps a push only when it is told to go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.kept: list[PushView] = []

    def trust(self, base: str) -> HubTrust:
        return HubTrust()

    def held(self, entry: Entry) -> str:
        return ""

    async def ended(self, entry: Entry, view: PushView, by_hand: bool) -> None:
        self.reached.set()
        await self.go_on.wait()
        self.kept.append(view)

    def settled(self, target: Target) -> None:
        pass


async def end_while_cut(folder: Path, *, closing: bool) -> tuple[Pusher, Entry | None, list[PushView]]:
    """A push of a repository that is not there, cut off and asked for while its end is written down."""
    database, _ = await open_database(folder / "daemon.db")
    queue = PushQueue(database, lambda error: None)
    history, board = SlowHistory(), Board()
    hubs = Hubs(board, lambda base, turn: None, lambda: 0.5, lambda base: HubTrust())
    pusher = Pusher(queue, hubs, board, history, 1, lambda: 0.5)
    target = Target(str(folder / "nowhere"), "origin", "main")
    queue.put(Entry(target, hash_commit((), "", "", ""), 0.0))
    running = asyncio.create_task(pusher.run())
    await history.reached.wait()
    assert not pusher.cut(target, Unreachable("the line stands still"))
    close = asyncio.create_task(pusher.close(0.0 if closing else 60.0))
    await asyncio.sleep(0)
    waiter = pusher.wait_for(target, None)
    history.go_on.set()
    await close
    document = waiter.events.get_nowait()
    assert isinstance(document, dict) and not document["ok"]
    running.cancel()
    await database.close()
    return pusher, queue.get(target), history.kept


def test_a_part_that_is_woken_in_the_moment_it_is_ended_ends(tmp_path: Path) -> None:
    async def end_after(turns: int) -> set[asyncio.Task[None]]:
        database, _ = await open_database(tmp_path / "daemon.db")
        board = Board()
        hubs = Hubs(board, lambda base, turn: None, lambda: 0.5, lambda base: HubTrust())
        queue = PushQueue(database, lambda error: None)
        pusher = Pusher(queue, hubs, board, SlowHistory(), 1, lambda: 0.5)
        parts = {asyncio.create_task(pusher.run()), asyncio.create_task(hubs.run())}
        await asyncio.sleep(0.01)
        pusher.wake()
        hubs.probe_now()
        for _ in range(turns):
            await asyncio.sleep(0)
        for part in parts:
            part.cancel()
        _, pending = await asyncio.wait(parts, timeout=30)
        for part in pending:
            part.cancel()
        await database.close()
        return pending

    for turns in range(6):
        assert not asyncio.run(end_after(turns))


def test_a_push_that_has_ended_cannot_be_cut_off_and_leaves_its_repository_free(tmp_path: Path) -> None:
    for closing in (False, True):
        pusher, entry, kept = asyncio.run(end_while_cut(tmp_path, closing=closing))
        assert pusher.running() == [] and [view.result for view in kept] == ["failed"]
        assert entry and entry.state == "stopped" and entry.pushing is None and entry.error
