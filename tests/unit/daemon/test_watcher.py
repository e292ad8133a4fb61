"""What nobody is told of: everything is watched anew and looked at now and then, whatever was noticed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daemon.watch.watcher import ANEW_S, Watcher
from museui.core.errors import Unavailable


class Told:
    """Watches one folder and notes what it is told; ``now_s`` is the watcher's clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 0.0
        self.looks: list[frozenset[str] | None] = []
        self.checks = 0
        self.news = asyncio.Event()

    def folders(self) -> frozenset[str]:
        return frozenset([str(self.folder)])

    def changed(self, paths: set[str]) -> None:
        pass

    async def look(self, folders: frozenset[str] | None) -> None:
        self.looks.append(folders)
        self.news.set()

    async def check_places(self) -> None:
        self.checks += 1
        self.news.set()

    def watching(self, count: int, trouble: Unavailable | None) -> None:
        assert trouble is None

    async def wait(self) -> None:
        await self.news.wait()
        self.news.clear()


async def test_everything_is_looked_at_now_and_then_and_in_between_only_whether_it_is_there(tmp_path: Path) -> None:
    told = Told(tmp_path)
    watcher = Watcher(told, lambda: told.now_s)
    running = asyncio.create_task(watcher.run())
    await told.wait()
    assert (told.looks, told.checks) == ([None], 0)
    for now_s, looks, checks in ((ANEW_S / 2, 1, 1), (ANEW_S, 2, 1), (1.5 * ANEW_S, 2, 3), (2 * ANEW_S, 3, 3)):
        told.now_s = now_s
        watcher.check_folders()
        await told.wait()
        assert (len(told.looks), told.checks >= checks) == (looks, True)
    assert set(told.looks) == {None}
    running.cancel()
