"""Work in threads beside the app: the only place of the terminal interface where a thread is started for an answer.

The threads are daemon threads, so the process ends without waiting for answers that are still on their way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from textual.app import App

from museui.core.errors import MuseError

T = TypeVar("T")


def run_in_background(
    app: App[Any], work: Callable[[], T], then: Callable[[T], object], failed: Callable[[MuseError], object]
) -> None:
    """Call ``work`` in a new thread; pass its result to ``then``, or its error to ``failed``, in the app's thread."""

    def run() -> None:
        try:
            result = work()
        except MuseError as exc:
            call_in_app(app, failed, exc)
        else:
            call_in_app(app, then, result)

    threading.Thread(target=run, name="background", daemon=True).start()


def call_in_app(app: App[Any], function: Callable[[T], object], value: T) -> None:
    """Call ``function`` in the app's thread; callable from any other. Does nothing once the app has ended."""

    def call() -> None:
        if app.is_running:
            function(value)

    with suppress(RuntimeError):  # its event loop is closed
        app.call_later(call)
