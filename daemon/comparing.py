"""Comparing each repository's branches with its hub's: what was seen there once may have gone since.

A hub is asked when the daemon starts, when it answers again or was started anew, and now and then, a few repositories
at a time; as a rule by one small request each, whose answer is that nothing has changed. A push asks by itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from museui.core.errors import MuseError, NotFound, Unreachable
from museui.core.ids import CommitId
from museui.hub.client import HubClient
from museui.hub.retry import RetryPolicy
from museui.hub.trust import HubTrust
from museui.hub.url import RepositoryUrl
from museui.local.messages import trouble_of
from museui.repo.repository import Repository
from museui.repo.sightings import Sighting
from museui.settings.tokens import token_for
from museui.sync.observe import Observation, observe

from .hubs.connection_pool import ConnectionPool
from .hubs.reachability import Hubs
from .queue.entry import Target
from .queue.rows import write_sent
from .repositories.roster import Roster
from .store.database import Database
from .supervision import name_error

EVERY_S = 3600.0
"""Seconds between two comparisons of a repository's branches, give or take a quarter."""
_AGAIN = RetryPolicy(tries=0, base_s=30.0, cap_s=1800.0)
_LEAST_S = 5.0
"""Minimum of seconds until a hub that gave no answer is asked again."""
_AT_ONCE = 4
"""Maximum number of requests to one hub at a time."""
_MANY = 1000
"""An answer of more branches is not kept for the next time."""
_SHOWN = 10
logger = logging.getLogger("daemon.comparing")


class Surroundings(Protocol):
    """The part of the service that comparing calls."""

    def trust(self, base: str) -> HubTrust:
        """Return what the user allows the hub at ``base``."""

    def pushed_soon(self) -> set[str]:
        """The repositories of which a push runs or is about to begin."""


@dataclass(slots=True)
class _Item:
    """A repository. ``due_s``: when it is to be compared; ``wanted_s``: since when; ``last``: what the hub said.

    ``pushed_s``: when a push last had each branch there.
    """

    remote: str
    url: RepositoryUrl
    due_s: float
    wanted_s: float
    tries: int = 0
    last: Observation | None = None
    asking: bool = False
    pushed_s: dict[str, float] = field(default_factory=dict)


class Comparing:
    """Asks hubs where the branches of watched repositories are. :meth:`run` never ends by itself."""

    def __init__(
        self,
        roster: Roster,
        hubs: Hubs,
        connections: ConnectionPool,
        database: Database,
        surroundings: Surroundings,
        random: Callable[[], float],
    ) -> None:
        self._roster = roster
        self._hubs = hubs
        self._connections = connections
        self._database = database
        self._surroundings = surroundings
        self._random = random
        self._items: dict[str, _Item] = {}
        self._wake = asyncio.Event()
        self._news = asyncio.Condition()

    def use(self, remotes: Mapping[str, tuple[str, RepositoryUrl]]) -> None:
        """These are the repositories there are, and the remote of each: new ones are compared at once."""
        now_s, before = time.monotonic(), self._items
        self._items = {path: _Item(*remote, now_s, now_s) for path, remote in remotes.items()}
        for path, item in self._items.items():
            known = before.get(path)
            if known and (known.remote, known.url) == (item.remote, item.url):
                self._items[path] = known
        self.wake()

    def ask(self, base: str | None = None) -> None:
        """Compare the repositories of the hub at ``base`` anew, or all: it may be another one now, or be gone."""
        now_s = time.monotonic()
        for item in self._items.values():
            if base in (None, item.url.base):
                item.due_s = item.wanted_s = now_s
        self.wake()

    def pushed(self, target: Target) -> None:
        """The hub has just said that it has the branch."""
        item = self._items.get(target.repository)
        if item and item.remote == target.remote:
            item.pushed_s[target.branch] = time.monotonic()

    def wake(self) -> None:
        """A push has begun or ended."""
        self._wake.set()

    async def settled(self) -> None:
        """Return when nothing that is due is left."""
        async with self._news:
            await self._news.wait_for(lambda: not self._find_due(time.monotonic()))

    async def run(self) -> None:
        """Compare until cancelled."""
        for item in self._items.values():
            item.asking = False
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for path, item in self._choose(time.monotonic()):
                    item.asking = True
                    group.create_task(self._compare(path, item))
                async with self._news:
                    self._news.notify_all()
                now_s = time.monotonic()
                due_s = min((item.due_s for item in self._items.values() if item.due_s > now_s), default=math.inf)
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if due_s == math.inf else due_s - now_s):
                        await self._wake.wait()

    def _find_due(self, now_s: float) -> list[tuple[str, _Item]]:
        return [(path, item) for path, item in self._items.items() if item.due_s <= now_s]

    def _choose(self, now_s: float) -> list[tuple[str, _Item]]:
        """Return those to be asked for now. What need not be asked for, or cannot, is settled."""
        due = self._find_due(now_s)
        soon = self._surroundings.pushed_soon() if due else set()
        asking: dict[str, int] = {}
        for _, item in due:
            asking[item.url.base] = asking.get(item.url.base, 0) + item.asking
        chosen = []
        for path, item in due:
            base = item.url.base
            if item.asking or path in soon:
                continue
            if self._hubs.unreachable(base):
                item.due_s = math.inf  # asked when it is back
                self._roster.compared(path, self._hubs.trouble(base))
            elif self._is_pushed(path, item):
                self._answered(path, item)
            elif asking[base] < _AT_ONCE:
                asking[base] += 1
                chosen.append((path, item))
        return chosen

    def _is_pushed(self, path: str, item: _Item) -> bool:
        """Return whether pushes have asked for every branch meanwhile."""
        seen = self._roster.seen.get(path)
        branches = [state.branch for state in seen.branches] if seen else []
        return bool(branches) and all(item.pushed_s.get(branch, -math.inf) >= item.wanted_s for branch in branches)

    async def _compare(self, path: str, item: _Item) -> None:
        wanted_s, error = item.wanted_s, None
        try:
            item.last = await self._ask_hub(path, item)
        except Exception as exc:
            error = name_error(exc, f"comparing {path}", logger)
        finally:
            item.asking = False
            self.wake()
        if self._items.get(path) is not item or item.wanted_s != wanted_s:
            return  # it is pushed elsewhere by now, or the hub is another one
        if error is None:
            self._answered(path, item)
        else:
            self._failed(path, item, error)

    def _answered(self, path: str, item: _Item) -> None:
        item.tries, item.due_s = 0, time.monotonic() + EVERY_S * (0.75 + 0.5 * self._random())
        self._roster.compared(path, None)

    def _failed(self, path: str, item: _Item, error: MuseError) -> None:
        if isinstance(error, Unreachable) and error.details.get("host") == item.url.host:
            self._hubs.failed(item.url.base, error)
            if self._hubs.unreachable(item.url.base):
                return  # all of its repositories are due again, to be told so
        item.tries = min(item.tries + 1, 32)
        asked_s = error.details.get("retry_after_s", 0.0)
        asked_s = float(asked_s) if isinstance(asked_s, (int, float)) and 0 <= asked_s <= EVERY_S else 0.0
        item.due_s = time.monotonic() + _LEAST_S + _AGAIN.delay_s(item.tries, self._random, asked_s)
        self._roster.compared(path, trouble_of(error))

    async def _ask_hub(self, path: str, item: _Item) -> Observation | None:
        """Ask, and note what is said: in the repository, or, of a bare URL, in the database.

        Raises what keeps the hub from saying where the branches are; that there is no repository is no such thing.
        """
        repository, token, branches = await asyncio.to_thread(_prepare, path, item.url.base)
        bare = item.remote == str(item.url)
        before = (
            {branch: self._roster.sent.get(Target(path, item.remote, branch)) for branch in branches} if bare else {}
        )
        seen, trust = None, self._surroundings.trust(item.url.base)
        try:
            async with (
                self._connections.open(item.url.base, trust.ca) as connections,
                HubClient(item.url, token, trust=trust, connections=connections) as client,
            ):
                seen = await observe(repository, None if bare else item.remote, client, item.last)
        except NotFound as exc:
            if "request_id" not in exc.details:
                raise
        for branch, known in before.items():
            await self._note_sent(Target(path, item.remote, branch), known, seen)
        if seen and seen.changed:
            names = ", ".join(seen.changed[:_SHOWN])
            logger.warning("%s: not where they were last seen on the hub: %s", path, names)
        return seen if seen and len(seen.refs.branch_heads) <= _MANY else None

    async def _note_sent(self, target: Target, before: Sighting | None, seen: Observation | None) -> None:
        if self._roster.sent.get(target) != before:
            return  # a push has come between
        head = seen.heads.get(target.branch) if seen else None
        if head != (before.head if before else None):
            await write_sent(self._database, target, head)
        if head or before:
            holds = seen.holds.get(target.branch) if seen else None
            self._roster.sent[target] = Sighting(time.time(), head, holds)


def _prepare(path: str, base: str) -> tuple[Repository, str | None, dict[str, CommitId]]:
    repository = Repository.open_at(Path(path))
    return repository, token_for(base, os.environ), dict(repository.branches())
