"""The daemon's event stream, read in a thread; the app is told that there is news, never more often than it looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from museui.core.errors import MuseError
from museui.local.client import LocalClient, NoDaemon
from museui.local.messages import COLLECTIONS
from museui.local.state import State

_AGAIN_S = 0.5
EVERYTHING = frozenset(COLLECTIONS)


@dataclass(frozen=True, slots=True)
class News:
    """What is known.

    ``connected``: the daemon tells at this moment; ``starting``: it is being started; ``problem``: why it does not
    tell, None at first; ``changed``: the collections that are not as they were last time.
    """

    state: State = field(default_factory=State)
    connected: bool = False
    starting: bool = False
    problem: MuseError | None = None
    changed: frozenset[str] = EVERYTHING

    @property
    def gone(self) -> bool:
        """Whether the daemon does not run, and is not about to."""
        return self.problem is not None and not self.connected and not self.starting


class Feed:
    """Connects, starts the daemon if there is none at first, and connects again half a second after it went."""

    def __init__(self, client: Callable[[], LocalClient], start_daemon: Callable[[], object]) -> None:
        self._tell: Callable[[], object] = lambda: None
        self._client = client
        self._start_daemon = start_daemon
        self._lock = threading.Lock()
        self._news = News()
        self._told = False
        self._may_start = True
        self._stopped = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin, unless it has."""
        if self._thread.ident is None:
            self._thread.start()

    def tell_to(self, tell: Callable[[], object]) -> None:
        """Call ``tell``, from the feed's thread, when there is news for :meth:`take`; at once if there is."""
        with self._lock:
            self._tell = tell
            told = self._told
        if told:
            tell()

    def start_daemon(self) -> None:
        """Start the daemon if it does not run."""
        self._may_start = True
        self._wake.set()

    def stop(self) -> None:
        """Say nothing more. The thread ends with its connection, or the program."""
        self._stopped = True
        self._wake.set()

    def take(self) -> News:
        """What is known now."""
        with self._lock:
            self._told = False
            state = State(*(dict(getattr(self._news.state, name)) for name in COLLECTIONS))
            news = replace(self._news, state=state)
            self._news = replace(self._news, changed=frozenset())
        return news

    def _run(self) -> None:
        while not self._stopped:
            problem: MuseError = NoDaemon("the daemon has ended")
            try:
                self._listen()
            except NoDaemon as exc:
                problem = self._begin(exc)
            except MuseError as exc:
                problem = exc
            self._lose(problem)
            self._wake.wait(_AGAIN_S)
            self._wake.clear()

    def _begin(self, missing: NoDaemon) -> MuseError:
        """Start the daemon, the first time or when somebody asked; why there is none."""
        if not self._may_start:
            return missing
        self._may_start = False
        self._change(starting=True)
        try:
            self._start_daemon()
        except MuseError as exc:
            return exc
        self._wake.set()
        return missing

    def _listen(self) -> None:
        for event in self._client().stream("GET", "events"):
            if self._stopped:
                return
            with self._lock:
                what = self._news.state.apply(event)
            self._may_start = False
            self._change({what} if what in COLLECTIONS else EVERYTHING, connected=True, starting=False, problem=None)

    def _lose(self, problem: MuseError) -> None:
        waking = self._wake.is_set()
        before = self._news
        if waking and before.starting:
            return  # it was started: what it says is the next thing to show
        if before.connected or before.starting or str(before.problem) != str(problem):
            with self._lock:
                before.state.pushes.clear()  # none of them moves any more
            self._change(connected=False, starting=False, problem=problem)

    def _change(self, what: frozenset[str] | set[str] = EVERYTHING, **changes: object) -> None:
        with self._lock:
            self._news = replace(self._news, changed=self._news.changed | what, **changes)  # type: ignore[arg-type]
            if self._told or self._stopped:
                return
            self._told = True
            tell = self._tell
        tell()
