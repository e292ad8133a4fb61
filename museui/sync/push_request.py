"""The request of a push, and what the push takes from its surroundings."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from museui.core.ids import CommitId
from museui.hub.retry import RetryPolicy

from .throttle import NO_LIMIT, SpeedLimit

Strategy = Literal["auto", "bundle", "stream", "objects"]


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The branch to push, where to and how.

    ``remote``: the remote's name, whose tracking ref follows the push; ``None`` for a bare URL.
    ``force`` lets the branch move to any commit, but only from ``lease`` (``None``: from what ``GET refs`` showed).
    """

    branch: str
    head: CommitId
    remote: str | None = None
    force: bool = False
    lease: CommitId | None = None
    strategy: Strategy = "auto"
    dry_run: bool = False
    by_itself: bool = False
    """Whether the daemon started the push unasked. Such a push restores nothing that a person removed on the hub."""
    in_flight: int = 32
    """Maximum number of concurrent uploads in a push of single objects."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The surroundings of a push: folder of kept bundles, retry policy, clocks, sleep, random numbers, speed limit."""

    kept_bundles: Path
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    limit: SpeedLimit = NO_LIMIT
    now: Callable[[], float] = time.time
