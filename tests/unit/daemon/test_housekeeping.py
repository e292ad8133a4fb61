"""What is old is forgotten, but not by a clock that was only just set."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daemon.board import Board
from daemon.clock import Clock
from daemon.history.push_history import History
from daemon.housekeeping import Housekeeping
from daemon.pushing.running_push import RunningPush
from daemon.queue.entry import Target
from daemon.queue.push_queue import PushQueue
from daemon.repositories.roster import Roster
from daemon.store.database import open_database
from museui.core.errors import MuseError
from museui.settings.config import Config

DAY_S = 86400.0
NOW = 2000 * DAY_S


class House:
    """Counts how often it is looked after."""

    def __init__(self) -> None:
        self.config = Config(history_days=365)
        self.asked = asyncio.Event()

    def in_time(self) -> bool:
        self.asked.set()
        return True

    def refresh(self) -> None:
        pass

    def set_trouble(self, name: str, error: MuseError | None) -> None:
        raise AssertionError(error)


async def test_history_is_kept_as_long_as_it_is_to_be_by_a_clock_that_can_be_trusted(tmp_path: Path) -> None:
    database, _ = await open_database(tmp_path / "daemon.db")
    board, house = Board(), House()
    wall, steady_s = [NOW], [0.0]
    clock = Clock(lambda by_s: None, lambda: wall[0], lambda: steady_s[0])
    queue = PushQueue(database, lambda error: None)
    roster = Roster(board, queue, {}, {}, lambda anew: None, clock.now)
    history = History(database, board)
    for number, days in enumerate((366, 364, 1), 1):
        push = RunningPush(number, Target(f"/{number}", "origin", "main"), "0" * 64, NOW, 0.0)
        await history.add(push.ended(None, "done", None, NOW - days * DAY_S, 0.0))
    keeping = Housekeeping(house, database, roster, history, clock)
    running = asyncio.create_task(keeping.run())

    async def kept() -> list[int]:
        for _ in range(2):  # when the second round begins, the first is over
            house.asked.clear()
            keeping.wake()
            await house.asked.wait()
        return [push.id for push in await history.read(None, None, 10)]

    assert await kept() == [3, 2, 1], "it has only just begun"
    wall[0] += 3600 + 5000 * DAY_S
    steady_s[0] += 3600
    assert await kept() == [3, 2, 1], "somebody put the clock forward"
    wall[0] -= 5000 * DAY_S
    assert await kept() == [3, 2, 1], "and back"
    wall[0] += 3600
    steady_s[0] += 3600
    assert await kept() == [3, 2]
    running.cancel()
    await asyncio.wait([running])
    await database.close()
