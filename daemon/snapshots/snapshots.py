"""Commits of work trees by themselves: when one has changed and then been quiet for a while, what it holds is recorded.

Only of repositories that ask for it. The work tree's folders are watched, but for those that are ignored and hold
nothing that is recorded; without notices it is looked at again and again instead. What is ignored is not waited for,
and nobody is waited for without end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from museui.core.errors import MuseError, NotFound, Unavailable, Usage
from museui.repo.author import author_of
from museui.repo.committing import commit_work_tree
from museui.repo.keys import key_path, read_signing_key
from museui.repo.repository import Repository
from museui.repo.unrecordable import unrecordable_error
from museui.settings.config import Config

from ..repositories.roster import Roster
from ..supervision import name_error
from ..watch.notices import Notices
from .scope import Stamps, find_scope, read_stamps

_AGAIN_S = 30.0
_SETTLE_S = 0.5
_LONGEST = 10
_ANEW_S = 300.0
"""Seconds between two looks without notices: a file system that another machine writes to gives none."""
logger = logging.getLogger("daemon.snapshots")


def take_snapshot(path: str, template: str, now: datetime) -> tuple[str | None, MuseError | None]:
    """Commit the work tree when it has changed; the commit's id, and what is wrong with files it cannot hold. Blocks.

    Raises :class:`Usage` when no branch is checked out, :class:`Busy` when another program writes, :class:`Integrity`
    when a mass of files is suddenly empty or gone, and what reading raises.
    """
    repository = Repository.open_at(Path(path))
    if repository.current_branch() is None:
        raise Usage(
            "snapshot-on-change: no branch is checked out, so there is none to commit to",
            hint="Check a branch out, or: museui watch add --no-snapshot-on-change",
        )
    taken = commit_work_tree(
        repository,
        render_message(template, now.astimezone()),
        author=author_of(repository, os.environ),
        now=now,
        key=read_signing_key(key_path(), logger.warning),
        by_itself=True,
    )
    return taken.commit.id if taken.commit else None, unrecordable_error(taken.unrecordable, recorded_rest=True)


def render_message(template: str, now: datetime) -> str:
    """``template`` with ``{date}`` and ``{time}``."""
    return template.replace("{date}", f"{now:%Y-%m-%d}").replace("{time}", f"{now:%H:%M:%S}")


class QuietTime:
    """Return how many seconds a work tree must still be left alone before it is recorded.

    At the latest when it has not been for :data:`_LONGEST` times as long; now and then also when nothing was noticed.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s: float | None = now_s
        self._last_s = now_s

    def begin(self, now_s: float) -> None:
        """All that there is waits from now on."""
        self._since_s = self._last_s = now_s

    def broken(self, now_s: float) -> None:
        """Something was written."""
        if self._since_s is None:
            self._since_s = now_s
        self._last_s = now_s

    def rest(self, now_s: float) -> None:
        """All is recorded."""
        self._since_s, self._last_s = None, now_s

    def left_s(self, quiet_s: float, now_s: float) -> float:
        """Return in how many seconds the work tree is to be recorded."""
        if self._since_s is None:
            return self._last_s + _ANEW_S - now_s
        return min(self._last_s + quiet_s, self._since_s + _LONGEST * quiet_s) - now_s


class Snapshots:
    """One watch for each repository that asks for it. :meth:`run` never ends by itself."""

    def __init__(self, roster: Roster, config: Config, troubled: Callable[[str, MuseError | None], None]) -> None:
        """``troubled`` hears of each repository (its path) what keeps it from being recorded, ``None``: nothing."""
        self.config = config
        self._roster = roster
        self._troubled = troubled
        self._wake = asyncio.Event()

    def use(self, config: Config) -> None:
        """The configuration is this now."""
        self.config = config
        self._wake.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        keeping: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                wanted = {path for path, watched in self._roster.watched.items() if watched.snapshot_on_change}
                for path in keeping.keys() - wanted:
                    keeping.pop(path).cancel()
                    self._troubled(path, None)
                for path in wanted - keeping.keys():
                    keeping[path] = group.create_task(self._keep(path))
                await self._wake.wait()

    async def _keep(self, path: str) -> None:
        told, recorded, quiet = "", None, QuietTime(time.monotonic())
        while True:
            try:
                try:
                    await self._watch(path, quiet)
                    told, recorded = "", None
                except Unavailable as exc:
                    if exc.message != told:
                        logger.warning("%s: the work tree is looked at again and again: %s", path, exc.message)
                    told = exc.message
                    recorded = await self._poll(path, recorded, quiet)
            except Exception as exc:
                self._troubled(path, name_error(exc, f"recording {path}", logger))
                await asyncio.sleep(_AGAIN_S)

    async def _watch(self, path: str, quiet: QuietTime) -> None:
        """Watch the folders there are; returns when they are others. Raises what keeps it from watching."""
        scope = await asyncio.to_thread(find_scope, path)
        noticed: set[str] = set()
        changed = asyncio.Event()

        def hear(paths: set[str]) -> None:
            noticed.update(paths)
            changed.set()

        notices = Notices(scope.folders, hear)
        try:
            try:
                await notices.begin()
            except NotFound:  # a folder has gone meanwhile; where folders come and go without end, it is due as well
                await asyncio.sleep(_SETTLE_S)
                if self._left_s(quiet) <= 0:
                    await self._take(path, quiet)
                return
            while scope.folders == notices.folders:
                if self._left_s(quiet) <= 0:  # before anything is waited for: a wait that is over at once never ends
                    await self._take(path, quiet)
                    scope = await asyncio.to_thread(find_scope, path)
                    continue
                try:
                    async with asyncio.timeout(self._left_s(quiet)):
                        await changed.wait()
                except TimeoutError:
                    continue
                else:
                    await asyncio.sleep(_SETTLE_S)
                    changed.clear()
                    paths = frozenset(noticed)
                    noticed.clear()
                    if not await asyncio.to_thread(scope.concerns, paths):
                        continue
                    quiet.broken(time.monotonic())
                scope = await asyncio.to_thread(find_scope, path)
        finally:
            notices.stop()

    def _left_s(self, quiet: QuietTime) -> float:
        return quiet.left_s(self.config.snapshot_quiet_seconds, time.monotonic())

    async def _poll(self, path: str, recorded: Stamps | None, quiet: QuietTime) -> Stamps | None:
        """Without notices: look, and look again after the quiet time. What there is then, once it is recorded."""
        before = await asyncio.to_thread(read_stamps, path)
        await asyncio.sleep(self.config.snapshot_quiet_seconds)
        if before == recorded:
            return recorded
        if await asyncio.to_thread(read_stamps, path) != before:
            quiet.broken(time.monotonic())
            if self._left_s(quiet) > 0:
                return recorded
        return before if await self._take(path, quiet) else recorded

    async def _take(self, path: str, quiet: QuietTime) -> bool:
        """Whether the work tree is recorded now; if not, it is tried again after another quiet time."""
        try:
            template, now = self.config.snapshot_message, datetime.now(UTC)
            commit, trouble = await asyncio.to_thread(take_snapshot, path, template, now)
        except MuseError as exc:
            commit, trouble = None, exc
            is_recorded = False
        else:
            is_recorded = trouble is None or not trouble.retryable
        self._troubled(path, trouble)
        if commit:
            logger.info("%s: the work tree was recorded: %s", path, commit[:12])
        if is_recorded:
            quiet.rest(time.monotonic())
        else:
            quiet.begin(time.monotonic())
        return is_recorded
