"""What is to be delivered again waits on a clock that nobody sets."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

from daemon.board import Board
from daemon.queue.push_queue import PushQueue
from daemon.repositories.look import Seen
from daemon.repositories.roster import Roster
from daemon.repositories.rows import Remembered
from daemon.store.database import open_database
from daemon.tell.teller import Teller
from museui.settings.config import Config, Watched
from museui.settings.notify import Notify
from tests.helpers.hook import Hook


async def test_a_clock_that_is_set_back_keeps_no_delivery_waiting(tmp_path: Path) -> None:
    database, _ = await open_database(tmp_path / "daemon.db")
    board, hours = Board(), count(1000, -1)
    queue = PushQueue(database, lambda error: None)

    def clock() -> float:
        return 600.0 * next(hours)

    roster = Roster(board, queue, {"/song": Remembered("/song", unsafe_since=0.0)}, {}, lambda anew: None, clock)
    roster.use({"/song": Watched("/song")})
    with Hook(503, 503) as hook:
        url = f"http://127.0.0.1:{hook.port}/"
        config = Config(notify=Notify(desktop=False, webhook=url, webhook_private=True))
        teller = Teller(database, roster, config, clock, lambda: 0.0)
        running = asyncio.create_task(teller.run())
        await asyncio.sleep(0)
        assert await teller.read(None, None, 10) == [], "it was not looked at yet"
        roster.seen["/song"] = Seen()
        teller.wake()
        async with asyncio.timeout(60):
            while not (told := await teller.read(None, None, 10)) or told[0].state == "waiting":
                await asyncio.sleep(0.01)
        assert (told[0].state, told[0].tries, len(hook.documents)) == ("done", 3, 3)
    running.cancel()
    await asyncio.wait([running])
    await database.close()
