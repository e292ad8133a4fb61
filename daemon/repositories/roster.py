"""The repositories that are looked after: looked at when something moved, and shown as they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from museui.core.errors import MuseError, Unavailable
from museui.local.messages import BranchView, RepositoryView, Trouble, find_oldest, trouble_of
from museui.repo.sightings import Sighting
from museui.repo.standing import SAFE_STATES, BranchState
from museui.settings.config import FOREVER, Watched

from ..board import Board
from ..queue.entry import Entry, Target, offer, woken
from ..queue.push_queue import PushQueue
from ..supervision import name_error
from .look import Seen, look_at
from .rows import Remembered

_LOOKERS = 4
_PATIENCE_S = 20.0
"""How long a repository's disk may take to answer; one that hangs must not keep the others waiting."""
logger = logging.getLogger("daemon.roster")


class Roster:
    """Watched repositories by path. ``moved`` is called when the folders to watch, the hubs or the queue may differ."""

    def __init__(
        self,
        board: Board,
        queue: PushQueue,
        remembered: Mapping[str, Remembered],
        sent: Mapping[Target, Sighting],
        moved: Callable[[bool], None],
        clock: Callable[[], float],
    ) -> None:
        """``moved`` hears whether a repository is another one now, so that its folders must be watched anew.

        ``clock`` gives the time of day.
        """
        self._clock = clock
        self.watched: dict[str, Watched] = {}
        self.seen: dict[str, Seen] = {}
        self.remembered = dict(remembered)
        self.sent = dict(sent)
        self.changed_memories: set[str] = set()
        self._snapshot_troubles: dict[str, Trouble] = {}
        self._compared: dict[str, Trouble | None] = {}
        """Of each repository whose hub was asked where its branches are: why it did not say."""
        self._comparing: dict[str, Trouble | None] = {}
        """The same, of what has not been looked at since."""
        self._board = board
        self._queue = queue
        self._moved = moved
        self._asked: dict[str, None] = {}
        self._looking: set[str] = set()
        self._stuck: set[str] = set()
        self._outdated: dict[str, int] = {}
        """Number of times that what was seen of a repository became old."""
        self._news = asyncio.Condition()

    def use(self, watched: Mapping[str, Watched]) -> set[str]:
        """These are the repositories there are; the paths of those that are gone."""
        gone = self.watched.keys() - watched.keys()
        for path in gone:
            self.seen.pop(path, None)
            self.remembered.pop(path, None)
            for kept in (self._outdated, self._snapshot_troubles, self._compared, self._comparing):
                kept.pop(path, None)
            for target in [target for target in self.sent if target.repository == path]:
                del self.sent[target]
            for entry in self._queue.of(path):
                self._queue.drop(entry.target)
            self._board.drop("repositories", self.watched[path].id)
        changed = [path for path in watched if watched[path] != self.watched.get(path)]
        self.watched = dict(watched)
        self.ask(changed)
        for path in changed:
            self.show(path)
        return set(gone)

    def ask(self, paths: Iterable[str] | None = None) -> None:
        """Have these repositories looked at soon; ``None``: all."""
        self._asked.update(dict.fromkeys(path for path in (self.watched if paths is None else paths)))
        asyncio.get_running_loop().create_task(self._wake())

    def outdate(self, path: str) -> None:
        """What was seen of it before this moment is old."""
        if path in self.watched:
            self._outdated[path] = self._outdated.get(path, 0) + 1
            self.ask([path])

    def compared(self, path: str, trouble: Trouble | None) -> None:
        """The hub was asked where the branches are; ``trouble``: why it did not say. It counts with the next look."""
        if path in self.watched:
            self._comparing[path] = trouble
            self.outdate(path)

    def find_displaced(self) -> list[str]:
        """Repositories whose folder is another one than was seen, has gone or come, or could not be read; blocks."""
        return [
            path
            for path, seen in list(self.seen.items())
            if seen.word == "unreadable" or _identity(path) != (seen.device, seen.inode)
        ]

    def set_snapshot_trouble(self, path: str, error: MuseError | None) -> None:
        """What keeps its work tree from being recorded; ``None``: nothing."""
        before = self._snapshot_troubles.pop(path, None)
        if error and path in self.watched:
            self._snapshot_troubles[path] = trouble_of(error)
            if before is None or before.message != error.message:
                logger.warning("%s: %s", path, error.message)
        if path in self.watched and path in self.seen:
            self._remember(path, self.seen[path])
        self.show(path)

    def trouble(self, path: str) -> Trouble | None:
        """Return what is wrong with a repository: its ``.muse``, asking its hub, or recording its work tree.

        Or, when nothing is, why one of its branches waits for a person.
        """
        seen, unchecked = self.seen.get(path), self._compared.get(path)
        stopped = (entry.error for entry in self._queue.of(path) if entry.state == "stopped" and entry.error)
        return (
            (seen.trouble if seen else None)
            or (unchecked if unchecked and not unchecked.retryable else None)
            or self._snapshot_troubles.get(path)
            or next(stopped, None)
        )

    def _is_safe(self, path: str, seen: Seen) -> bool:
        unchecked = self._compared.get(path)
        known = path in self._compared and (unchecked is None or unchecked.retryable)
        return is_safe(seen) and (known or not seen.branches) and path not in self._snapshot_troubles

    def clock_moved(self, by_s: float) -> None:
        """The time of day was set: how long repositories have not been safe stays the same."""
        for path, known in self.remembered.items():
            if known.unsafe_since is not None:
                self.remembered[path] = replace(known, unsafe_since=known.unsafe_since + by_s)
                self.changed_memories.add(path)

    def entries(self, path: str) -> list[Entry]:
        """What waits of a repository."""
        return self._queue.of(path)

    async def settled(self) -> None:
        """Return when all that was asked for has been looked at."""
        async with self._news:
            await self._news.wait_for(lambda: not (self._asked.keys() - self._stuck) and not self._looking)

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_LOOKERS):
                group.create_task(self._run_looker())

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _run_looker(self) -> None:
        while True:
            async with self._news:
                await self._news.wait_for(lambda: self._next() is not None)
                path = self._next()
                assert path is not None
                del self._asked[path]
                self._looking.add(path)
            try:
                await self._look(path)
            except Exception as exc:
                self._cannot_look(path, name_error(exc, f"looking at {path}", logger))
            finally:
                async with self._news:
                    self._looking.discard(path)
                    self._news.notify_all()

    def _cannot_look(self, path: str, error: MuseError) -> None:
        """Show that a repository could not be looked at; the others are looked at all the same."""
        self.seen[path] = Seen("unreadable" if error.retryable else "damaged", trouble_of(error))
        try:
            self.show(path)
        except Exception as exc:
            name_error(exc, f"showing {path}", logger)

    def _next(self) -> str | None:
        return next((path for path in self._asked if path not in self._looking and path not in self._stuck), None)

    def _answers_again(self, path: str) -> None:
        self._stuck.discard(path)
        self.ask([path])

    async def _look(self, path: str) -> None:
        watched = self.watched.get(path)
        if watched is None:
            return
        outdated = self._outdated.get(path, 0)

        def sent(url: str, branch: str) -> Sighting | None:
            return self.sent.get(Target(path, url, branch))

        last = self.seen.get(path)
        before = {state.branch: state for state in last.branches} if last and not last.word else {}
        looking = asyncio.create_task(asyncio.to_thread(look_at, watched, sent, before, self._clock()))
        await asyncio.wait({looking}, timeout=_PATIENCE_S)
        if looking.done():
            seen = _result(path, looking)
        else:
            seen = Seen("unreadable", trouble_of(Unavailable(f"{path} does not answer", hint="Look at its disk.")))
            self._stuck.add(path)
            looking.add_done_callback(lambda _: self._answers_again(path))
        if self.watched.get(path) != watched or self._outdated.get(path, 0) != outdated:
            self._asked[path] = None
            return
        former = self.seen.get(path)
        self.seen[path] = seen
        if former and (former.remote, former.url) != (seen.remote, seen.url):
            self._compared.pop(path, None)
            self._comparing.pop(path, None)
        elif path in self._comparing:
            self._compared[path] = self._comparing.pop(path)
        if seen.trouble and (seen.word, seen.trouble) != ((former.word, former.trouble) if former else None):
            logger.warning("%s: %s", path, seen.trouble.message)
        if not seen.word:
            if former and former.word:
                logger.info("%s: back, was %s", path, former.word)
            self._offer(path, seen, former)
        self._remember(path, seen)
        self.show(path)
        if former is None or (seen.folders, seen.url, seen.inode) != (former.folders, former.url, former.inode):
            self._moved(former is not None and former.inode != seen.inode)

    def _offer(self, path: str, seen: Seen, former: Seen | None) -> None:
        assert seen.remote
        before = {state.branch: state for state in former.branches} if former else {}
        wanted: set[Target] = set()
        for state in seen.branches:
            target = Target(path, seen.remote, state.branch)
            wanted.add(target)
            entry = self._queue.get(target)
            if state.state in SAFE_STATES:
                if entry and not entry.pushing and not entry.urgent:
                    self._queue.drop(target)
                continue
            offered = offer(entry, target, state.head, self._clock(), state.ahead)
            if offered.state == "stopped" and former and _differs(before.get(state.branch), state, former, seen):
                offered = woken(offered)
            self._queue.put(offered)
        for entry in self._queue.of(path):
            if entry.target not in wanted and not entry.pushing and not entry.urgent:
                self._queue.drop(entry.target)

    def _remember(self, path: str, seen: Seen) -> None:
        now, safe = self._clock(), self._is_safe(path, seen)
        known = self.remembered.get(path) or Remembered(path)
        if not safe and is_safe(seen) and path not in self._compared:
            safe = known.unsafe_since is None  # until the hub was asked nothing is other than it was
        if seen.inode is not None and known.inode is not None and seen.repo_id not in (None, known.repo_id):
            logger.warning("%s: another repository is there now", path)
        after = replace(
            known,
            repo_id=seen.repo_id or known.repo_id,
            device=known.device if seen.device is None else seen.device,
            inode=known.inode if seen.inode is None else seen.inode,
            safe_at=_safe_at(seen, now) or known.safe_at if safe else known.safe_at,
            unsafe_since=None if safe else min(known.unsafe_since or now, now),
        )
        self.remembered[path] = after
        if replace(after, safe_at=None) != replace(known, safe_at=None):
            self.changed_memories.add(path)

    def show(self, path: str) -> None:
        """Show a repository as it is now."""
        watched = self.watched.get(path)
        if watched is None:
            return
        seen, known = self.seen.get(path) or Seen("looking"), self.remembered.get(path) or Remembered(path)
        now = self._clock()
        paused = watched.paused(now)
        self._board.put(
            "repositories",
            watched.id,
            RepositoryView(
                id=watched.id,
                path=path,
                name=Path(path).name,
                state=self._word(path, seen, paused),
                safe=self._is_safe(path, seen),
                trouble=self.trouble(path),
                remote=seen.remote,
                url=seen.url,
                current_branch=seen.current_branch,
                branches=tuple(
                    BranchView(item.branch, item.state, item.ahead, item.behind, item.head, item.hub_head, item.seen_at)
                    for item in seen.branches
                ),
                watched_branches=watched.branches,
                wanted_remote=watched.remote,
                paused=paused,
                paused_until=watched.paused_until if paused and watched.paused_until != FOREVER else None,
                snapshot_on_change=watched.snapshot_on_change,
                safe_at=known.safe_at,
                unsafe_since=known.unsafe_since,
                unsafe_after_minutes=watched.unsafe_after_minutes,
                unchecked=self._compared.get(path),
            ),
        )

    def _word(self, path: str, seen: Seen, paused: bool) -> str:
        entries = self._queue.of(path)
        if any(entry.pushing for entry in entries):
            return "pushing"
        if seen.word:
            return seen.word
        if paused:
            return "paused"
        for word in ("stopped", "cancelled", "waiting"):
            if any(entry.state == word for entry in entries):
                return word
        if seen.unsafe:
            return "stopped"
        if (unchecked := self._compared.get(path)) and not unchecked.retryable:
            return "stopped"
        if trouble := self._snapshot_troubles.get(path):
            return "waiting" if trouble.retryable else "stopped"
        if not seen.branches:
            return "empty"
        states = {state.state for state in seen.branches}
        if states <= SAFE_STATES and path not in self._compared:
            return "looking"
        return "safe" if states == {"safe"} else "behind" if states <= SAFE_STATES else "waiting"


def _identity(path: str) -> tuple[int | None, int | None]:
    try:
        status = Path(path, ".muse").stat()
    except OSError:
        return (None, None)
    return (status.st_dev, status.st_ino)


def _result(path: str, looking: asyncio.Task[Seen]) -> Seen:
    try:
        return looking.result()
    except Exception as exc:
        error = name_error(exc, f"looking at {path}", logger)
        return Seen("unreadable" if error.retryable else "damaged", trouble_of(error))


def _safe_at(seen: Seen, now: float) -> float | None:
    """Return when a safe repository was last seen to be safe; ``None`` when that is not known."""
    return find_oldest(state.seen_at for state in seen.branches) if seen.branches else now


def is_safe(seen: Seen) -> bool:
    """Whether every commit of every wanted branch was on the hub when last seen, and nothing else is wrong."""
    return not seen.word and not seen.unsafe and all(state.state in SAFE_STATES for state in seen.branches)


def _differs(before: BranchState | None, now: BranchState, former: Seen, seen: Seen) -> bool:
    """Whether what a push was refused for may have changed: what the hub has, or where it is."""
    return (before is not None and before.hub_head != now.hub_head) or former.url != seen.url
