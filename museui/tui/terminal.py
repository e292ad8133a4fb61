"""Runs the app in the terminal until it is left, stopped by a signal, or its terminal is gone."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable

from .app import MuseApp
from .background import call_in_app

_END_S = 3.0
"""Time in seconds that the app has to end when its terminal is gone."""
_HUNG_UP = 128 + signal.SIGHUP


def run_app(app: MuseApp, give_up: Callable[[], object] = lambda: None) -> int:
    """Run the app until a person leaves it, SIGTERM or SIGHUP arrives, or the terminal is gone; return the exit code.

    The terminal is restored. When the app cannot end, because its output waits for a terminal that is gone,
    ``give_up`` is called in another thread and the process is ended.
    """
    ended = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, app.exit, None, 128 + number)
        threading.Thread(target=_follow_terminal, args=(app, ended, give_up), name="terminal", daemon=True).start()
        await app.run_async()

    asyncio.run(main())
    ended.set()
    return app.return_code or 0


def _follow_terminal(app: MuseApp, ended: threading.Event, give_up: Callable[[], object]) -> None:
    """End the app when its terminal goes without a signal: Textual would read the end of its input for ever.

    An app that is blocked in a write to the terminal cannot end by itself, so its process is ended.
    """
    if sys.__stdin__ is None:
        return
    poll = select.poll()
    poll.register(sys.__stdin__.fileno(), 0)
    if any(event & select.POLLHUP for _, event in poll.poll()):
        call_in_app(app, lambda code: app.exit(None, code), _HUNG_UP)
        if not ended.wait(_END_S):
            give_up()
            os._exit(_HUNG_UP)
