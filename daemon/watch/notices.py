"""The system's notices of changes in folders: one watcher over all of them, in a thread of its own.

watchfiles' backend is used without its wrapper, since that tells nobody when watching has begun, and what happens
before is what would be missed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from museui.core.errors import MuseError, NotFound, Unavailable
from museui.doctor.machine import LIMIT_HINT

_STEP_MS = 50
"""A change is told when nothing followed for this long; waiting costs a wake-up each time (0.1 % of a core)."""
_DEBOUNCE_MS = 400
"""At the latest after this long, however many follow."""

_LOOK_UP_MS = 500
"""How often the thread looks whether it is to end; what happened until then is still told, so that whoever takes its
place has missed nothing. (The backend's own way to stop forgets what it has not told.)
"""


class Notices:
    """Notices of changes directly in ``folders``; ``changed`` hears paths, in the loop's thread."""

    def __init__(self, folders: frozenset[str], changed: Callable[[set[str]], None]) -> None:
        self.folders = folders
        self._changed = changed
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._began: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when watching ends by itself, with the reason."""
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    async def begin(self) -> None:
        """Watch. Raises :class:`Unavailable` when the system has no watches left, :class:`NotFound` for a folder."""
        self._thread.start()
        await self._began

    def stop(self) -> None:
        """Watch no longer, after having told what happened so far."""
        self._stop.set()

    def _run(self) -> None:
        try:
            with RustNotify(sorted(self.folders), False, False, 0, False, False) as notify:
                self._tell(self._set_began)
                stopping = False
                while not stopping:
                    stopping = self._stop.is_set()
                    changes = notify.watch(_DEBOUNCE_MS, _STEP_MS, _LOOK_UP_MS, None)
                    if not isinstance(changes, str):
                        self._tell(self._changed, {path for _, path in changes})
        except (FileNotFoundError, PermissionError) as exc:
            self._tell(self._fail, NotFound(f"a folder cannot be watched: {exc}"[:300]))
        except (OSError, WatchfilesRustInternalError) as exc:
            self._tell(self._fail, Unavailable(f"changes cannot be watched: {exc}"[:300], hint=LIMIT_HINT))
        except BaseException as exc:  # the backend's own panics are no Exception; nobody else would hear of them
            self._tell(self._fail, Unavailable(f"changes cannot be watched: {type(exc).__name__}: {exc}"[:300]))
        else:
            self._tell(self._fail, None)

    def _set_began(self) -> None:
        if not self._began.done():
            self._began.set_result(None)

    def _fail(self, error: MuseError | None) -> None:
        for future in (self._began, self.ended):
            if not future.done():
                future.set_exception(error) if error else future.set_result(None)
        self.ended.exception()

    def _tell(self, function: Callable[..., None], *values: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *values)
