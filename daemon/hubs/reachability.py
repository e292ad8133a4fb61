"""The hubs: which of them answer. One that does not is asked again and again, ever more rarely, until it does."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from museui.core.errors import MuseError
from museui.hub.retry import RetryPolicy
from museui.hub.trust import HubTrust
from museui.local.messages import HubView, Trouble, trouble_of

from ..board import Board
from ..supervision import name_error

if TYPE_CHECKING:
    from museui.hub.probe import Probe

logger = logging.getLogger("daemon.hubs")

PROBES = RetryPolicy(tries=0, base_s=0.5, cap_s=15.0)
_LOOK_ON_S = 1.0
"""How often a hub that answers is asked while somebody looks on."""
_WATCH_S = 30.0
"""How often else, give or take a quarter: one that was started anew may be another, or an older copy of itself."""
_INSTANCES = 16
"""How many of a hub's instances are known: several processes may serve one address."""


@dataclass(frozen=True, slots=True)
class Hub:
    """``reachable`` is ``None`` until something is known; ``failures`` counts since the last success.

    ``instances``: the processes that have answered there, newest last.
    """

    base: str
    since: float
    user: str | None = None
    reachable: bool | None = None
    failures: int = 0
    probe_s: float | None = None
    latency_s: float | None = None
    trouble: Trouble | None = None
    instances: tuple[str, ...] = ()


Turn = Literal["gone", "back", "renewed"]
"""A change of a hub: it does not answer any more, answers again, or was started anew."""


class Hubs:
    """Every hub that is pushed to.

    ``turned`` hears the base of a hub and what became of it; ``trust`` knows what the user allows one.
    """

    def __init__(
        self,
        board: Board,
        turned: Callable[[str, Turn], None],
        random: Callable[[], float],
        trust: Callable[[str], HubTrust],
    ) -> None:
        self._board = board
        self._trust = trust
        self._turned = turned
        self._random = random
        self._hubs: dict[str, Hub] = {}
        self._wake = asyncio.Event()

    def use(self, bases: dict[str, str | None]) -> None:
        """These hubs, and the user's name on each, are the ones there are."""
        for base in self._hubs.keys() - bases.keys():
            del self._hubs[base]
            self._board.drop("hubs", base)
        for base, user in bases.items():
            new = Hub(base, time.time(), probe_s=time.monotonic())
            self._put(replace(self._hubs.get(base) or new, user=user))
        self._wake.set()

    def unreachable(self, base: str) -> bool:
        """Whether it is known not to answer."""
        hub = self._hubs.get(base)
        return hub is not None and hub.reachable is False

    def next_probe_at(self, base: str) -> float | None:
        """When it is asked again, as a time of day."""
        hub = self._hubs.get(base)
        if hub is None or hub.probe_s is None or hub.reachable is not False:
            return None
        return time.time() + max(0.0, hub.probe_s - time.monotonic())

    def trouble(self, base: str) -> Trouble | None:
        """Why it is not reachable."""
        hub = self._hubs.get(base)
        return hub.trouble if hub else None

    def succeeded(self, base: str, latency_s: float | None = None, *, probed: bool = False, instance: str = "") -> None:
        """It answered. A mere probe does not make good earlier failures: a hub may answer that and nothing else."""
        hub = self._hubs.get(base)
        if hub is None:
            return
        was = hub.reachable
        failures = hub.failures if probed and was is False else 0
        since = hub.since if was else time.time()
        is_new = bool(instance) and instance not in hub.instances
        self._put(
            replace(
                hub,
                reachable=True,
                since=since,
                failures=failures,
                probe_s=time.monotonic() + _WATCH_S * (0.75 + 0.5 * self._random()),
                trouble=None,
                latency_s=hub.latency_s if latency_s is None else latency_s,
                instances=(*hub.instances, instance)[-_INSTANCES:] if is_new else hub.instances,
            )
        )
        if was is False:
            self._turned(base, "back")
        elif is_new and hub.instances:
            self._turned(base, "renewed")

    def failed(self, base: str, error: MuseError) -> None:
        """It did not answer."""
        hub = self._hubs.get(base)
        if hub is None:
            return
        failures = min(hub.failures + 1, 32)
        self._put(
            replace(
                hub,
                reachable=False,
                since=hub.since if hub.reachable is False else time.time(),
                failures=failures,
                probe_s=time.monotonic() + PROBES.delay_s(failures, self._random),
                trouble=trouble_of(error),
            )
        )
        self._wake.set()
        if hub.reachable is not False:
            self._turned(base, "gone")

    def probe_now(self) -> None:
        """Something happened that may have brought hubs back: ask those that are gone."""
        for hub in list(self._hubs.values()):
            if hub.reachable is False:
                self._put(replace(hub, probe_s=time.monotonic()))
        self._wake.set()

    async def run(self) -> None:
        """Ask until cancelled: who is gone when it is due, who is there now and then, and while somebody looks on."""
        from museui.hub.probe import Probe

        async with Probe() as probe:
            while True:
                self._wake.clear()
                await asyncio.gather(*(self._ask_safely(probe, hub.base) for hub in self._due(time.monotonic())))
                due_s = min((hub.probe_s for hub in self._hubs.values() if hub.probe_s is not None), default=math.inf)
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(_LOOK_ON_S, due_s - time.monotonic())):
                        await self._wake.wait()

    def _due(self, now_s: float) -> list[Hub]:
        looked_at = self._board.readers > 0
        return [
            hub
            for hub in self._hubs.values()
            if (looked_at and hub.reachable is not False) or (hub.probe_s is not None and hub.probe_s <= now_s)
        ]

    async def _ask_safely(self, probe: Probe, base: str) -> None:
        """Ask; what fails is this hub's alone: the others are asked all the same."""
        try:
            await self._ask(probe, base)
        except Exception as exc:
            error = name_error(exc, f"asking {base}", logger)
            if hub := self._hubs.get(base):
                self._put(replace(hub, probe_s=time.monotonic() + PROBES.cap_s, trouble=trouble_of(error)))

    async def _ask(self, probe: Probe, base: str) -> None:
        try:
            answer = await probe.ask(base, self._trust(base).ca)
        except Exception as exc:
            answer = name_error(exc, f"asking {base}", logger)
        if isinstance(answer, MuseError):
            self.failed(base, answer)
        else:
            self.succeeded(base, answer.latency_s, probed=True, instance=answer.instance)

    def _put(self, hub: Hub) -> None:
        self._hubs[hub.base] = hub
        self._board.put(
            "hubs",
            hub.base,
            HubView(
                hub.base, hub.user, hub.reachable, hub.since, hub.latency_s, self.next_probe_at(hub.base), hub.trouble
            ),
        )
