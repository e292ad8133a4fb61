"""A daemon that shows what a test tells it to: the real server on a real socket, a scripted state and answers."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Self

from daemon.api import server
from daemon.board import Board
from museui.core.errors import NotFound
from museui.local.client import LocalClient
from museui.local.messages import DaemonState, PushView, encode

NOW = 1_790_000_000.0
"""What the clock of a scripted state shows."""
RUNNING = DaemonState(4711, "0.1.0", NOW - 3 * 86400, "events", 12, None, 2)

Answer = dict[str, Any] | list[dict[str, Any]] | Exception


class ScriptedDaemon:
    """A context manager; its server runs in a thread. ``asked`` has every request but those for the events."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.path = self.folder / "run" / "daemon.sock"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Answer | Callable[[server.Request], Answer | Awaitable[Answer]]] = {}
        self._board = Board()
        self._board.put("daemon", "daemon", RUNNING)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None

    def client(self) -> LocalClient:
        """The way to it."""
        return LocalClient(str(self.path))

    def show(self, what: str, *items: Any, key: str = "id") -> None:
        """Show these items of a collection."""
        self._run(self._put(what, items, key))

    def drop(self, what: str, key: str) -> None:
        """Show an item no longer."""
        self._run(self._drop(what, key))

    async def _put(self, what: str, items: Iterable[Any], key: str) -> None:
        for item in items:
            self._board.put(what, str(getattr(item, key)), item)

    async def _drop(self, what: str, key: str) -> None:
        self._board.drop(what, key)

    def serve_history(self, *pushes: PushView) -> None:
        """Answer ``GET pushes`` as the daemon does."""
        newest_first = sorted(pushes, key=lambda item: item.id, reverse=True)

        def answer(request: server.Request) -> dict[str, Any]:
            before, limit = int(request.query.get("before", 1 << 60)), int(request.query["limit"])
            wanted = request.query.get("repository")
            found = (item for item in newest_first if item.id < before and wanted in (None, item.repository))
            return {"pushes": [encode(item) for item in islice(found, limit)]}

        self.answers["GET pushes"] = answer

    def start(self) -> None:
        """Listen."""
        self._server = self._run(server.listen(self.path, self._answer))

    def stop(self) -> None:
        """Be gone, as a daemon that was killed."""
        self._run(self._close())

    async def _close(self) -> None:
        assert self._server
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._server = None
        self.path.unlink(missing_ok=True)

    async def _answer(self, request: server.Request) -> dict[str, Any] | server.Lines:
        asked = f"{request.method} {request.path.removeprefix('/v1/')}"
        if asked == "GET events":
            return self._events()
        self.asked.append((asked, request.body | request.query))
        made = self.answers.get(asked, {"commits": []} if asked.endswith("/commits") else None)
        given = made(request) if callable(made) else made
        answer = await given if isinstance(given, Awaitable) else given
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise NotFound(f"the script has no answer for {asked}")
        return _lines(answer) if isinstance(answer, list) else answer

    async def _events(self) -> server.Lines:
        reader = self._board.open_reader()
        try:
            while True:
                yield await reader.next_events()
        finally:
            self._board.close_reader(reader)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._server:
            self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


async def _lines(answer: list[dict[str, Any]]) -> server.Lines:
    for line in answer:
        yield [line]
