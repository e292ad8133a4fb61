"""Tells people: finds what there is to tell, notes it before anything is sent, and delivers until it has arrived."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from museui.core.errors import MuseError
from museui.hub.retry import RetryPolicy
from museui.local.messages import Delivery
from museui.settings.config import Config

from ..clock import read_steady_s
from ..repositories.roster import Roster
from ..store.database import Database
from ..supervision import name_error
from .news import News, find_event
from .programs import desktop_command, run_program
from .rows import Kind, Order, read_deliveries, read_orders, write_news, write_outcome
from .webhook import post_news

AGAIN = RetryPolicy(tries=8, base_s=10.0, cap_s=3600.0)
"""How often and how long a delivery is tried that may still work."""
_LOOK_S = 30.0
_LEAST_S = 0.5
logger = logging.getLogger("daemon.tell")


class Teller:
    """Watches how long repositories have not been safe. :meth:`run` never ends by itself."""

    def __init__(
        self,
        database: Database,
        roster: Roster,
        config: Config,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.config = config
        self._database = database
        self._roster = roster
        self._clock = clock
        self._random = random
        self._wake = asyncio.Event()
        self._busy: set[int] = set()
        self._due_s: dict[int, float] = {}
        """When deliveries are tried again, on a clock that nobody sets."""

    def wake(self) -> None:
        """A repository may be safe, or no longer."""
        self._wake.set()

    async def read(self, path: str | None, before: int | None, limit: int) -> list[Delivery]:
        """What was told, newest first."""
        return await read_deliveries(self._database, path, before, limit)

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    await self._find_news(self._clock())
                    wait_s = await self._deliver(group, read_steady_s())
                except MuseError as exc:
                    logger.error("people cannot be told: %s", exc.message)
                    wait_s = _LOOK_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(_LEAST_S, wait_s)):
                        await self._wake.wait()

    async def _find_news(self, now: float) -> None:
        for path in list(self._roster.watched):
            try:
                await self._find_news_of(path, now)
            except MuseError:
                raise
            except Exception as exc:
                name_error(exc, f"telling of {path}", logger)

    async def _find_news_of(self, path: str, now: float) -> None:
        if watched := self._roster.watched.get(path):
            known = self._roster.remembered.get(path) if path in self._roster.seen else None
            minutes = watched.unsafe_after_minutes or self.config.notify.unsafe_after_minutes
            event = find_event(known, 60.0 * minutes, now) if known else None
            if known is None or event is None or (event == "unsafe" and watched.paused(now)):
                return
            reason, hint = self._reason(path) if event == "unsafe" else ("", "")
            news = News(event, path, Path(path).name, now, known.unsafe_since, reason, hint)
            known = replace(known, told_at=now if event == "unsafe" else None)
            await write_news(self._database, known, news.to_json(), self._ways(news))
            if path in self._roster.remembered:
                self._roster.remembered[path] = replace(self._roster.remembered[path], told_at=known.told_at)
            logger.log(logging.WARNING if event == "unsafe" else logging.INFO, "%s: %s %s", path, news.title, news.text)

    def _reason(self, path: str) -> tuple[str, str]:
        trouble = self._roster.trouble(path)
        trouble = trouble or next((entry.error for entry in self._roster.entries(path) if entry.error), None)
        return (trouble.message, trouble.hint) if trouble else ("", "")

    def _ways(self, news: News) -> list[tuple[Kind, str]]:
        notify = self.config.notify
        ways: list[tuple[Kind, str]] = []
        if notify.desktop and desktop_command(news):
            ways.append(("desktop", "desktop"))
        if notify.command:
            ways.append(("command", notify.command[0]))
        if notify.webhook:
            ways.append(("webhook", urlsplit(notify.webhook).hostname or ""))
        return ways

    async def _deliver(self, group: asyncio.TaskGroup, now_s: float) -> float:
        """Begin what is due; in how many seconds to look again. After a start everything is due."""
        wait_s = _LOOK_S
        for order in await read_orders(self._database):
            left_s = self._due_s.get(order.id, now_s) - now_s
            if order.id in self._busy:
                continue
            if left_s <= 0:
                self._busy.add(order.id)
                group.create_task(self._try(order))
            else:
                wait_s = min(wait_s, left_s)
        return wait_s

    async def _try(self, order: Order) -> None:
        state, due_at = "failed", 0.0
        try:
            answer, state = await self._send(order), "done"
        except Exception as failure:
            exc = name_error(failure, "telling people", logger)
            answer = exc.message
            if exc.retryable and order.kind == "webhook" and order.tries + 1 < AGAIN.tries:
                delay_s = AGAIN.delay_s(order.tries + 1, self._random)
                state, due_at, self._due_s[order.id] = "waiting", self._clock() + delay_s, read_steady_s() + delay_s
            logger.warning("%s %s was not told: %s", order.kind, order.target, exc.message)
        if state != "waiting":
            self._due_s.pop(order.id, None)
        try:
            await write_outcome(self._database, order, state, answer, due_at)
        except MuseError as exc:
            logger.error("what came of telling people could not be kept: %s", exc.message)
        finally:
            self._busy.discard(order.id)
            self._wake.set()

    async def _send(self, order: Order) -> str:
        notify, facts = self.config.notify, dict(order.document)
        facts.pop("title"), facts.pop("text")
        news = News(**facts)
        if order.kind == "webhook" and notify.webhook:
            return await post_news(notify.webhook, {"id": order.id, **news.to_json()}, notify.webhook_private)
        command = desktop_command(news) if order.kind == "desktop" else list(notify.command)
        if order.kind == "webhook" or not command:
            return "no longer wanted"
        return await run_program(command, news.variables())
