"""The measuring of ``museui bench``: the same work pushed in several ways, in turn, each time to a new repository."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import NotFound, Usage
from ..core.phases import GATES, TOTAL_GATE_S

if TYPE_CHECKING:
    from museui.hub.client import HubClient
    from museui.hub.trust import HubTrust
    from museui.hub.url import RepositoryUrl
    from museui.repo.repository import Repository
    from museui.sync.push_outcome import PushOutcome
    from museui.sync.push_request import Strategy

    from .delayed_transport import DelayProxies

_POLL_S = 0.2
_SETTLE_S = 600.0


@dataclass(slots=True)
class Way:
    """One way to push and what its rounds took. ``in_flight``: objects at once, 0 where they do not go one by one."""

    strategy: Strategy
    in_flight: int = 0
    results: list[PushOutcome] = field(default_factory=list)

    @property
    def name(self) -> str:
        """``bundle``, or ``objects, 1 in flight``."""
        return f"{self.strategy}, {self.in_flight} in flight" if self.in_flight else self.strategy

    @property
    def total_s(self) -> float:
        """The median of all rounds."""
        return statistics.median(result.total_seconds for result in self.results)

    def phases_s(self) -> dict[str, float]:
        """Phase → the median of all rounds."""
        return {
            name: statistics.median(result.ended[name].seconds for result in self.results)
            for name in GATES
            if all(name in result.ended for result in self.results)
        }

    def to_json(self, base: Way | None) -> dict[str, Any]:
        """One entry of ``ways``; ``base`` is the way that others are compared with."""
        first = self.results[0]
        return {
            "name": self.name,
            "strategy": self.strategy,
            "in_flight": self.in_flight or None,
            "median_seconds": round(self.total_s, 6),
            "within_gate": self.total_s <= TOTAL_GATE_S,
            "phases": [
                {
                    "name": name,
                    "median_seconds": round(seconds, 6),
                    "gate_seconds": gate,
                    "within_gate": seconds <= gate,
                }
                for (name, seconds), gate in zip(self.phases_s().items(), GATES.values(), strict=False)
            ],
            "times_as_long": round(self.total_s / base.total_s, 3) if base else None,
            "requests": first.requests,
            "wire_bytes": first.wire_bytes,
            "rounds": [result.to_json() for result in self.results],
        }


class Bench:
    """Pushes the branch ``main`` of a repository to new repositories at ``base``, which it deletes afterwards."""

    def __init__(
        self, base: str, token: str | None, spool: Path, proxies: DelayProxies | None, trust: HubTrust
    ) -> None:
        self._base = base
        self._token = token
        self._spool = spool
        self._proxies = proxies
        self._trust = trust

    async def run(
        self,
        owner: str,
        repository: Repository,
        warm_up: Repository,
        ways: Sequence[Way],
        rounds: int,
        on_result: Callable[[int, Way], None],
    ) -> None:
        """``rounds`` of every way in turn, after one push of ``warm_up``, which opens the lines.

        ``owner`` is whose token it is. Raises what a push raises.
        """
        urls = self._new_urls(owner)
        await self._push(warm_up, next(urls), Way("bundle"))
        for number in range(1, rounds + 1):
            for way in ways:
                way.results.append(await self._push(repository, next(urls), way))
                on_result(number, way)

    def _new_urls(self, owner: str) -> Iterator[RepositoryUrl]:
        from museui.hub.url import RepositoryUrl

        while True:
            yield RepositoryUrl(self._base, owner, f"bench-{secrets.token_hex(6)}")

    def _client(self, url: RepositoryUrl) -> HubClient:
        from museui.hub.client import HubClient

        return HubClient(url, self._token, self._proxies.transport if self._proxies else None, self._trust)

    async def check_token(self) -> str:
        """Whose token it is. Raises :class:`Usage` when it cannot delete what would be made."""
        async with self._client(next(self._new_urls("nobody"))) as client:
            account = await client.fetch_account()
        if account.scope != "admin" or account.repository is not None:
            raise Usage(
                f"the token has the scope {account.scope!r}, and the repositories that are made could not be deleted",
                hint="Use a token for all repositories: 'museui hub token create NAME --scope admin'.",
            )
        return account.name

    async def _push(self, repository: Repository, url: RepositoryUrl, way: Way) -> PushOutcome:
        from museui.sync.push import Push
        from museui.sync.push_request import Environment, PushRequest

        head = repository.branches()["main"]
        request = PushRequest(branch="main", head=head, strategy=way.strategy, in_flight=way.in_flight or 1)
        async with self._client(url) as client:
            try:
                result = await Push(repository, client, request, Environment(kept_bundles=self._spool)).run()
                await _settle(client, result)
            finally:
                await _delete(client)
        return result


async def _settle(client: HubClient, result: PushOutcome) -> None:
    """Wait for what the hub does in the background, so that the next push does not pay for it."""
    give_up_s = time.monotonic() + _SETTLE_S
    while result.push_id and time.monotonic() < give_up_s:
        if await client.fetch_promotion(result.push_id) != "pending":
            return
        await asyncio.sleep(_POLL_S)


async def _delete(client: HubClient) -> None:
    try:
        await client.delete_repository()
    except NotFound:
        return  # the push did not get as far as making it
