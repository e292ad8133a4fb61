"""The daemon's event stream, read in a thread; the app is told that there is news, never more often than it looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from museui.core.errors import MuseError
from museui.local.client import LocalClient, NoDaemon
from museui.local.state import State

_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class News:
    """What is known. ``connected``: the daemon tells at this moment; ``problem``: why it does not, None at first."""

    state: State = field(default_factory=State)
    connected: bool = False
    problem: MuseError | None = None

    @property
    def known(self) -> bool:
        """Whether a state was ever told."""
        return bool(self.state.daemon)


class Feed:
    """Connects, and connects again half a second after the daemon went."""

    def __init__(self, tell: Callable[[], None], client: Callable[[], LocalClient] = LocalClient) -> None:
        """``tell`` is called in the feed's thread: there is news for :meth:`take`."""
        self._tell = tell
        self._client = client
        self._lock = threading.Lock()
        self._news = News()
        self._told = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Say nothing more. The thread ends with its connection, or the program."""
        self._stop.set()

    def take(self) -> News:
        """What is known now."""
        with self._lock:
            self._told = False
            state = self._news.state
            return replace(self._news, state=State(*(dict(getattr(state, name)) for name in State.__slots__)))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
                problem: MuseError = NoDaemon("the daemon has ended")
            except MuseError as exc:
                problem = exc
            self._lose(problem)
            self._stop.wait(_AGAIN_S)

    def _listen(self) -> None:
        for event in self._client().stream("GET", "events"):
            if self._stop.is_set():
                return
            with self._lock:
                self._news.state.apply(event)
                self._news = replace(self._news, connected=True, problem=None)
            self._say()

    def _lose(self, problem: MuseError) -> None:
        with self._lock:
            before, self._news = self._news, replace(self._news, connected=False, problem=problem)
        if (before.connected, str(before.problem)) != (self._news.connected, str(self._news.problem)):
            self._say()

    def _say(self) -> None:
        with self._lock:
            if self._told or self._stop.is_set():
                return
            self._told = True
        with suppress(RuntimeError):  # the app has ended meanwhile
            self._tell()
