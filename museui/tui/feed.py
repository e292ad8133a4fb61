"""The daemon's event stream, read in a thread. The app is notified once, and again only after it took the news."""

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
    """The state of the daemon as it last arrived.

    ``connected``: the event stream is open; ``starting``: the daemon is being started; ``problem``: why the stream is
    not open, None at first; ``changed``: the collections that changed since the news before.
    """

    state: State = field(default_factory=State)
    connected: bool = False
    starting: bool = False
    problem: MuseError | None = None
    changed: frozenset[str] = EVERYTHING

    @property
    def gone(self) -> bool:
        """True when the daemon does not run and is not being started."""
        return self.problem is not None and not self.connected and not self.starting


class Feed:
    """Reads the event stream. Starts the daemon once if none runs; reconnects every half second while it is gone."""

    def __init__(self, client: Callable[[], LocalClient], start_daemon: Callable[[], object]) -> None:
        self._notify: Callable[[], object] = lambda: None
        self._client = client
        self._start_daemon = start_daemon
        self._lock = threading.Lock()
        self._news = News()
        self._notified = False
        self._may_start = True
        self._stopped = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Start the thread, if it does not run yet."""
        if self._thread.ident is None:
            self._thread.start()

    def subscribe(self, notify: Callable[[], object]) -> None:
        """Call ``notify``, in the feed's thread, when there is news for :meth:`take`; at once if there is some now."""
        with self._lock:
            self._notify = notify
            notified = self._notified
        if notified:
            notify()

    def start_daemon(self) -> None:
        """Start the daemon if none runs."""
        self._may_start = True
        self._wake.set()

    def stop(self) -> None:
        """Notify no more. The thread ends with its connection or with the process."""
        self._stopped = True
        self._wake.set()

    def take(self) -> News:
        """Return a copy of the present state, with what changed since the call before."""
        with self._lock:
            self._notified = False
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
        """Start the daemon, the first time or when a person asked for it; return why none runs."""
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
            return  # it was just started: its state comes next
        if before.connected or before.starting or str(before.problem) != str(problem):
            with self._lock:
                before.state.pushes.clear()  # no push runs without the daemon
            self._change(connected=False, starting=False, problem=problem)

    def _change(self, what: frozenset[str] | set[str] = EVERYTHING, **changes: object) -> None:
        with self._lock:
            self._news = replace(self._news, changed=self._news.changed | what, **changes)  # type: ignore[arg-type]
            if self._notified or self._stopped:
                return
            self._notified = True
            notify = self._notify
        notify()
