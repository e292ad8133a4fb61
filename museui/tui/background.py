"""Asking the daemon from a screen: in a thread that the program's end does not wait for, answered in the app's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from museui.core.errors import MuseError
from museui.local.client import LocalClient

if TYPE_CHECKING:
    from .app import MuseApp

T = TypeVar("T")


def ask_daemon(app: MuseApp, work: Callable[[LocalClient], T], then: Callable[[T | MuseError], None]) -> None:
    """Have ``work`` done with a client; ``then`` hears in the app's thread what it gave, or why it failed."""
    do_aside(app, lambda: work(app.client()), then)


def do_aside(app: MuseApp, work: Callable[[], T], then: Callable[[T | MuseError], None]) -> None:
    """Have ``work`` done in a thread of its own; ``then`` hears in the app's thread what it gave, or why it failed."""

    def run() -> None:
        try:
            answer: T | MuseError = work()
        except MuseError as exc:
            answer = exc
        tell(app, then, answer)

    threading.Thread(target=run, name="asking", daemon=True).start()


def tell(app: MuseApp, then: Callable[[T], None], value: T) -> None:
    """Call ``then`` in the app's thread, from any other; an app that has ended hears nothing."""

    def hear() -> None:
        if app.is_running:
            then(value)

    with suppress(RuntimeError):
        app.call_later(hear)
