"""Commits of work trees by themselves: when one has changed and then been quiet for a while, what it holds is recorded.

Only of repositories that ask for it. The work tree's folders are watched, but for those that are ignored; without
notices it is looked at again and again instead.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from museui.core.errors import Internal, MuseError, NotFound, Unavailable, Usage
from museui.repo.committing import commit_work_tree, default_author
from museui.repo.ignore import read_ignore_rules
from museui.repo.keys import key_path, read_signing_key
from museui.repo.repository import Repository
from museui.repo.worktree import read_work_tree
from museui.settings.config import Config

from .roster import Roster
from .watch.notices import Notices

_AGAIN_S = 30.0
_SETTLE_S = 0.5
logger = logging.getLogger("daemon.snapshots")


def find_work_folders(path: str) -> frozenset[str]:
    """Every folder of the work tree that is not ignored; blocks. Raises what reading the ignore rules raises."""
    repository = Repository.open_at(Path(path))
    rules = read_ignore_rules(path, repository.domain)
    found = {path}
    for folder, names, _ in os.walk(path):
        inside = folder[len(path) + 1 :]
        names[:] = [name for name in names if not rules.skips_folder(f"{inside}/{name}".lstrip("/"), name)]
        found.update(f"{folder}/{name}" for name in names if not Path(folder, name).is_symlink())
    return frozenset(folder for folder in found if os.access(folder, os.R_OK | os.X_OK))


Stamps = tuple[tuple[str, int, int], ...]


def read_stamps(path: str) -> Stamps:
    """What differs when a file of the work tree was written; blocks."""
    repository = Repository.open_at(Path(path))
    stamps = []
    for name in read_work_tree(path, read_ignore_rules(path, repository.domain)).files:
        try:
            status = os.lstat(f"{path}/{name}")
        except OSError:
            continue
        stamps.append((name, status.st_size, status.st_mtime_ns))
    return tuple(stamps)


def take_snapshot(path: str, template: str, now: datetime) -> str | None:
    """Commit the work tree when it has changed; the commit's id. Blocks.

    Raises :class:`Usage` when no branch is checked out, :class:`Busy` when another program writes, and what reading
    raises.
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
        author=default_author(repository.config().user_name, os.environ),
        now=now,
        key=read_signing_key(key_path(), logger.warning),
    )
    return taken.commit.id if taken.commit else None


def render_message(template: str, now: datetime) -> str:
    """``template`` with ``{date}`` and ``{time}``."""
    return template.replace("{date}", f"{now:%Y-%m-%d}").replace("{time}", f"{now:%H:%M:%S}")


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
        told, recorded = "", None
        while True:
            try:
                try:
                    await self._watch(path)
                    told, recorded = "", None
                except Unavailable as exc:
                    if exc.message != told:
                        logger.warning("%s: the work tree is looked at again and again: %s", path, exc.message)
                    told = exc.message
                    recorded = await self._poll(path, recorded)
            except Exception as exc:
                if not isinstance(exc, MuseError):
                    logger.exception("%s cannot be recorded for a reason that was not foreseen", path)
                    exc = Internal(f"this should not have happened: {type(exc).__name__}: {exc}"[:500])
                self._troubled(path, exc)
                await asyncio.sleep(_AGAIN_S)

    async def _watch(self, path: str) -> None:
        """Watch the folders there are; returns when they are others. Raises what keeps it from watching."""
        folders = await asyncio.to_thread(find_work_folders, path)
        changed = asyncio.Event()
        notices = Notices(folders, lambda _: changed.set())
        try:
            try:
                await notices.begin()
            except NotFound:
                await asyncio.sleep(_SETTLE_S)
                return
            while True:
                try:
                    async with asyncio.timeout(self.config.snapshot_quiet_seconds):
                        await changed.wait()
                except TimeoutError:
                    if await self._take(path):
                        await changed.wait()
                    continue
                await asyncio.sleep(_SETTLE_S)
                changed.clear()
                if await asyncio.to_thread(find_work_folders, path) != folders:
                    return
        finally:
            notices.stop()

    async def _poll(self, path: str, recorded: Stamps | None) -> Stamps | None:
        """Without notices: look, and look again after the quiet time. What there is then, once it is recorded."""
        before = await asyncio.to_thread(read_stamps, path)
        await asyncio.sleep(self.config.snapshot_quiet_seconds)
        if before == recorded or await asyncio.to_thread(read_stamps, path) != before:
            return recorded
        return before if await self._take(path) else recorded

    async def _take(self, path: str) -> bool:
        """Whether the work tree is recorded now; if not, it is tried again after another quiet time."""
        try:
            commit = await asyncio.to_thread(take_snapshot, path, self.config.snapshot_message, datetime.now(UTC))
        except MuseError as exc:
            self._troubled(path, exc)
            return False
        self._troubled(path, None)
        if commit:
            logger.info("%s: the work tree was recorded: %s", path, commit[:12])
        return True
