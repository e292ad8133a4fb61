"""The daemon as a whole: its parts, how they tell each other what happened, and what can be asked of it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from museui.core.errors import MuseError, NotFound, Unavailable, Unreachable
from museui.core.figures import render_span
from museui.hub.trust import HubTrust
from museui.hub.url import RepositoryUrl, parse_repository_url
from museui.local.messages import DaemonState, PushView, QueueView, Trouble, trouble_of
from museui.local.places import Places
from museui.local.version import program_version
from museui.repo.identity import Identity, host_keys, identity_path, read_identities
from museui.repo.sightings import Sighting
from museui.settings.config import Config, ConfigFile
from museui.settings.hubs import choose_trust

from .board import Board
from .clock import Clock
from .comparing import Comparing
from .history.push_history import History
from .housekeeping import HOUSEKEEPING_S, Housekeeping
from .hubs.network import hear_network
from .hubs.reachability import Hubs, Turn
from .pushing.pusher import Pusher
from .pushing.stalls import Stalls
from .queue.entry import Entry, Target, is_denied, woken
from .queue.push_queue import PushQueue
from .queue.rows import forget_repositories, read_entries, read_sent, write_sent
from .repositories.roster import Roster
from .repositories.rows import read_remembered
from .snapshots.snapshots import Snapshots
from .store.database import Database
from .supervision import keep_running, name_error
from .tell.teller import Teller
from .watch.watcher import Watcher

logger = logging.getLogger("daemon")
_LINE = Unreachable.code
_TURNS: Mapping[Turn, str] = {
    "gone": "does not answer",
    "back": "answers again",
    "renewed": "was started anew",
}


class Part(Protocol):
    """A part of the daemon that runs as long as the daemon does."""

    async def run(self) -> None:
        """Never ends by itself."""


class Service:
    """Everything but the socket. :meth:`open` makes one; :meth:`run` never ends by itself."""

    def __init__(self, places: Places, database: Database, trouble: MuseError | None) -> None:
        self.places = places
        self.database = database
        self.board = Board()
        self.config = Config()
        self.config_file = ConfigFile(places.config)
        self._troubles: dict[str, Trouble] = {"database": trouble_of(trouble)} if trouble else {}
        self._watching: tuple[int, Trouble | None] = (0, None)
        self._configuring = asyncio.Lock()
        self._tasks: asyncio.TaskGroup
        self._stamps: dict[Path, tuple[int, int, int] | None] = {}
        self.clock = Clock(self._clock_moved, time.time)
        self.started_at = self.clock.now()
        self._signed_in_meanwhile: set[Target] = set()
        self._identities: Mapping[str, Identity] = {}
        self.queue = PushQueue(database, lambda error: self.set_trouble("disk", error))
        self.queue.subscribe(self._entry_changed)
        self.hubs = Hubs(self.board, self._hub_turned, random.random, self.trust)
        self.history = History(database, self.board)
        self.watcher = Watcher(self, time.monotonic)
        self.roster: Roster
        self.pusher: Pusher
        self.comparing: Comparing
        self.stalls: Stalls
        self.teller: Teller
        self.snapshots: Snapshots
        self.housekeeping: Housekeeping

    @classmethod
    async def open(cls, places: Places, database: Database, trouble: MuseError | None) -> Service:
        """A service with what the database and the configuration hold. Raises :class:`Usage` for a damaged one."""
        service = cls(places, database, trouble)
        service.config = await asyncio.to_thread(service.config_file.read)
        remembered, sent = await read_remembered(database), await read_sent(database)
        clock = service.clock.now
        service.roster = Roster(service.board, service.queue, remembered, sent, service._roster_moved, clock)
        number = await service.history.open()
        service.pusher = Pusher(service.queue, service.hubs, service.board, service, number, random.random)
        service.comparing = Comparing(
            service.roster, service.hubs, service.pusher.connections, database, service, random.random
        )
        service.teller = Teller(database, service.roster, service.config, clock, random.random)
        service.snapshots = Snapshots(service.roster, service.config, service.roster.set_snapshot_trouble)
        service.stalls = Stalls(service.pusher, service.config.stall_seconds, time.monotonic)
        service.housekeeping = Housekeeping(service, database, service.roster, service.history, service.clock)
        entries = await read_entries(database)
        known = {*remembered, *(target.repository for target in sent), *(entry.target.repository for entry in entries)}
        await forget_repositories(database, known - service.config.repositories.keys() - service.config.invalid.keys())
        for entry in entries:
            if entry.target.repository in service.config.repositories:
                # What it stopped for may have gone while nobody looked.
                service.queue.put(woken(entry) if entry.state == "stopped" else entry)
        service._stamps = {path: _stamp(path) for path in (places.config, identity_path())}
        await service._use(service.config)
        service.show()
        return service

    async def run(self) -> None:
        """Watch and push until cancelled."""
        with hear_network(self._network_changed):
            async with asyncio.TaskGroup() as group:
                self._tasks = group
                for part in self._parts():
                    name = f"the daemon's {type(part).__name__}"
                    group.create_task(keep_running(name, part.run, self.set_trouble, logger))

    def _parts(self) -> tuple[Part, ...]:
        pushing = (self.queue, self.roster, self.hubs, self.watcher, self.pusher, self.comparing)
        return (*pushing, self.stalls, self.teller, self.snapshots, self.housekeeping)

    async def close(self, patience_s: float) -> None:
        """Let pushes end or park them, then write what is not written. The parts still run."""
        await self.pusher.close(patience_s)
        await self.queue.flush()
        await self.housekeeping.write_memories()

    async def reload(self) -> None:
        """Read the configuration again. Raises :class:`Usage`; then all stays as it was."""
        async with self._configuring:
            await self._use(await asyncio.to_thread(self.config_file.read))

    async def configure(self, change: Any, *values: Any) -> None:
        """Change the configuration by one of :class:`ConfigFile`'s methods. Raises what that raises."""
        async with self._configuring:
            await asyncio.to_thread(change, *values)
            await self._use(await asyncio.to_thread(self.config_file.read))

    async def _use(self, config: Config) -> None:
        self.config = config
        self.pusher.parallel = config.parallel_pushes
        self.pusher.limit.bytes_per_s = config.upload_limit
        self.stalls.limit_s = config.stall_seconds
        self.teller.config = config
        former = {path: self.roster.watched[path] for path in config.invalid if path in self.roster.watched}
        gone = self.roster.use({**former, **config.repositories})
        self.set_trouble("repositories", next(iter(config.invalid.values()), None))
        self.snapshots.use(config)
        if gone:
            await forget_repositories(self.database, gone)
        self.set_trouble("config", None)
        self.show()
        self.housekeeping.wake()
        self.refresh()

    def show(self) -> None:
        """Show the daemon itself."""
        count, trouble = self._watching
        self.board.put(
            "daemon",
            "daemon",
            DaemonState(
                pid=os.getpid(),
                version=program_version(),
                started_at=self.started_at,
                watching="polling" if trouble else "events",
                watches=count,
                watching_trouble=trouble,
                parallel_pushes=self.config.parallel_pushes,
                troubles=tuple(self._troubles.values()),
            ),
        )

    def set_trouble(self, name: str, error: MuseError | None) -> None:
        before = self._troubles.pop(name, None)
        if error:
            self._troubles[name] = trouble_of(error)
            if before is None or before.message != error.message:
                logger.error("%s", error.message)
        if (before is None) != (error is None):
            self.show()

    # -- what the watcher asks and tells

    def folders(self) -> frozenset[str]:
        """What is to be watched: each repository, the configuration, the identities."""
        own = {folder for folder in self._own_folders() if os.access(folder, os.R_OK | os.X_OK)}
        return frozenset(own.union(*(seen.folders for seen in self.roster.seen.values())))

    def _own_folders(self) -> tuple[str, str]:
        return str(self.places.config.parent), str(identity_path().parent)

    def changed(self, paths: set[str]) -> None:
        """Something happened to these paths."""
        try:
            self._hear(paths)
        except Exception as exc:
            self.set_trouble("notices", name_error(exc, "hearing what changed", logger))
            self.roster.ask()

    def _hear(self, paths: set[str]) -> None:
        if any(self.watcher.watches(path) for path in paths):
            self.watcher.check_folders(anew=True)
        self.roster.ask({repository for path in paths for repository in self._repositories_of(path)})
        if any(path.startswith(f"{folder}/") for path in paths for folder in self._own_folders()):
            self._check_own_files()

    def _repositories_of(self, path: str) -> Iterator[str]:
        while path:
            path, _, name = path.rpartition("/")
            if name == ".muse" and path in self.roster.watched:
                yield path

    async def look(self, folders: frozenset[str] | None) -> None:
        """Look at the repositories these folders belong to, or at all."""
        if folders is None:
            self.roster.ask()
            self._check_own_files()
        else:
            self.changed({f"{folder}/." for folder in folders})

    async def check_places(self) -> None:
        """Look at the repositories that are not where they were, or not the same."""
        checking = asyncio.create_task(asyncio.to_thread(self.roster.find_displaced))
        await asyncio.wait({checking}, timeout=HOUSEKEEPING_S)
        self.roster.ask(checking.result() if checking.done() else None)
        self._check_own_files()

    def watching(self, count: int, trouble: Unavailable | None) -> None:
        """How many folders are watched, and why none are."""
        before = self._watching[1]
        self._watching = (count, trouble_of(trouble) if trouble else None)
        if trouble and not before:
            logger.error("%s Looking at every repository again and again instead. %s", trouble.message, trouble.hint)
        if before and not trouble:
            logger.info("watching again")
        self.show()

    # -- what happens

    def _check_own_files(self) -> None:
        """Read the configuration and the identities again if they are others than before."""
        for path, act in ((self.places.config, self._reload_changed), (identity_path(), self._wake_denied)):
            stamp = _stamp(path)
            if stamp != self._stamps.get(path):
                self._stamps[path] = stamp
                self._tasks.create_task(act())

    async def _reload_changed(self) -> None:
        try:
            await self.reload()
        except Exception as exc:
            self.set_trouble("config", name_error(exc, "reading the configuration", logger))

    async def _wake_denied(self) -> None:
        """What was refused for want of permission may be allowed now."""
        try:
            self._wake_all_denied()
        except Exception as exc:
            name_error(exc, "trying again with new identities", logger)

    def _wake_all_denied(self) -> None:
        for entry in self.queue:
            if entry.pushing:
                self._signed_in_meanwhile.add(entry.target)
            elif is_denied(entry):
                self.queue.put(woken(entry))
        self.comparing.ask()
        self.refresh()

    async def _keep_names(self) -> None:
        """Have the configuration name remotes that it had the URLs of, once they are in ``[remotes]``: one truth."""
        for path, watched in self.roster.watched.items():
            seen = self.roster.seen.get(path)
            if seen and seen.url and "://" in (watched.remote or "") and seen.remote not in (None, seen.url):
                try:
                    await self.configure(self.config_file.change_remote, path, watched.remote, seen.remote)
                except MuseError as exc:
                    logger.warning("%s", exc.message)

    def _roster_moved(self, anew: bool) -> None:
        self._tasks.create_task(self._keep_names())
        self.watcher.check_folders(anew=anew)
        self.housekeeping.wake()
        self.refresh()

    def refresh(self) -> None:
        """What several parts depend on may be different now: the hubs there are, what is held."""
        try:
            self._identities = read_identities(identity_path())
        except Exception as exc:  # who one was holds until the file is mended
            self.set_trouble("identities", name_error(exc, "reading the identities", logger))
        else:
            self.set_trouble("identities", None)
        remotes = dict(self._find_remotes())
        self.hubs.use({url.base: self._find_name(url.base) for _, url in remotes.values()})
        self.comparing.use(remotes)
        for entry in self.queue:
            self.show_entry(entry.target)
        for path in self.roster.watched:
            self.roster.show(path)
        self.pusher.wake()

    def _find_remotes(self) -> Iterator[tuple[str, tuple[str, RepositoryUrl]]]:
        """Yield each repository that is pushed somewhere, and where: the remote and its URL."""
        for path, seen in self.roster.seen.items():
            if seen.url and seen.remote:
                with suppress(MuseError):
                    yield path, (seen.remote, parse_repository_url(seen.url))

    def _find_name(self, base: str) -> str | None:
        with suppress(MuseError):
            return next((self._identities[key].name for key in host_keys(base) if key in self._identities), None)
        return None

    def _clock_moved(self, by_s: float) -> None:
        logger.warning(
            "the machine's clock was put %s by %s", "forward" if by_s > 0 else "back", render_span(round(abs(by_s)))
        )
        self.roster.clock_moved(by_s)
        self.housekeeping.wake()
        self.refresh()

    def _entry_changed(self, target: Target) -> None:
        self.show_entry(target)
        self.roster.show(target.repository)
        entry = self.queue.get(target)
        if entry is None or (entry.state == "cancelled" and not entry.pushing):
            self.pusher.dismiss(target)
        self.pusher.wake()
        self.teller.wake()

    def _network_changed(self) -> None:
        self.pusher.connections.hang_up()
        self.hubs.probe_now()

    def _hub_turned(self, base: str, turn: Turn) -> None:
        logger.info("%s %s", base, _TURNS[turn])
        for entry in self.queue if turn == "back" else ():
            if entry.state == "waiting" and self._base(entry) == base and entry.error and entry.error.code == _LINE:
                self.queue.put(woken(entry))
        self.comparing.ask(base)
        self.refresh()

    def pushed_soon(self) -> set[str]:
        """The repositories of which a push runs or is about to begin."""
        waiting = (entry for entry in self.queue if entry.pushing or (entry.state == "waiting" and not entry.tries))
        return {entry.target.repository for entry in waiting if entry.pushing or not self.held(entry)}

    def _base(self, entry: Entry) -> str | None:
        seen = self.roster.seen.get(entry.target.repository)
        return parse_repository_url(seen.url).base if seen and seen.url else None

    def held(self, entry: Entry) -> str:
        """Why the entry cannot be pushed now; empty when it can."""
        path = entry.target.repository
        watched, seen = self.roster.watched.get(path), self.roster.seen.get(path)
        if entry.urgent or watched is None:
            return ""
        if seen is None or seen.word:
            return f"repository {seen.word}" if seen else "not yet looked at"
        if watched.paused(self.clock.now()):
            return "paused"
        if not self.in_time():
            return f"only pushed {self.config.push_between}"
        base = self._base(entry)
        return "hub unreachable" if base and self.hubs.unreachable(base) else ""

    def trust(self, base: str) -> HubTrust:
        """Return what the user allows the hub at ``base``."""
        return choose_trust(base, self.config.hubs, os.environ)

    def in_time(self) -> bool:
        """Whether it is the time of day at which may be pushed."""
        between, now = self.config.push_between, time.localtime(self.clock.now())
        return between is None or between.contains(60 * now.tm_hour + now.tm_min)

    def show_entry(self, target: Target) -> None:
        """Show an entry of the queue as it is now."""
        entry = self.queue.get(target)
        if entry is None:
            self.board.drop("queue", target.id)
            return
        held, base = self.held(entry), self._base(entry)
        next_try_at = None
        if entry.state == "waiting" and entry.pushing is None:
            if held == "hub unreachable" and base:
                next_try_at = self.hubs.next_probe_at(base)
            elif not held and entry.due_s > time.monotonic():
                next_try_at = self.clock.now() + entry.due_s - time.monotonic()
        watched = self.roster.watched.get(target.repository)
        self.board.put(
            "queue",
            target.id,
            QueueView(
                id=target.id,
                repository=watched.id if watched else "",
                path=target.repository,
                remote=target.remote,
                branch=target.branch,
                head=entry.head,
                commits=entry.commits,
                state="pushing" if entry.pushing else entry.state,
                reason="" if entry.pushing else held or (entry.error.message if entry.error else ""),
                error=entry.error,
                tries=entry.tries,
                queued_at=entry.queued_at,
                next_try_at=next_try_at,
                push=self.pusher.busy(target.repository) if entry.pushing else None,
            ),
        )

    async def ended(self, entry: Entry, view: PushView, by_hand: bool) -> None:
        """A push is over: keep it, and look at what it changed."""
        path = entry.target.repository
        if view.result in ("done", "up_to_date"):
            self.comparing.pushed(entry.target)
            logger.info("%s: %s is on %s: %s", path, view.branch, view.url, view.head[:12])
            if "://" in entry.target.remote and path in self.roster.watched:
                self.roster.sent[entry.target] = Sighting(self.clock.now(), entry.head)
                await write_sent(self.database, entry.target, entry.head)
        elif view.error:
            logger.warning("%s: %s was not pushed: %s: %s", path, view.branch, view.error.code, view.error.message)
        self.roster.outdate(path)
        if not (by_hand and view.result == "up_to_date"):
            await self.history.add(view)

    def settled(self, target: Target) -> None:
        """What was pushed by hand from a repository that is not looked after does not wait for another try."""
        entry, signed_in = self.queue.get(target), target in self._signed_in_meanwhile
        self._signed_in_meanwhile.discard(target)
        self.comparing.wake()
        if target.repository not in self.roster.watched:
            self.queue.drop(target)
            self.pusher.forget(target.repository)
        elif entry and signed_in and is_denied(entry):
            self.queue.put(woken(entry))

    def repository(self, repository_id: str) -> str:
        """The path of the repository that goes by this name. Raises :class:`NotFound`."""
        for path, watched in self.roster.watched.items():
            if watched.id == repository_id:
                return path
        raise NotFound("no such repository is watched", hint="`museui watch list` shows what is.")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs when a file was written, ``None`` when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)
