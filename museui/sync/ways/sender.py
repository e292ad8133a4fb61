"""The requests that every way of pushing shares: retries, throttled bodies and the end of the last phases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from museui.core import wire
from museui.core.errors import Integrity
from museui.core.ids import qualified
from museui.hub.client import HubClient
from museui.hub.retry import with_retries

from ..push_request import Environment
from ..run_phase import Emit, Phase
from ..throttle import throttle_pieces

PRESIGN_TRIES = 3
_MAX_TIMINGS = 32
"""Maximum number of timings that are kept of a hub's answer; they are stored with the push."""

T = TypeVar("T")


class Sender:
    """Context of sending one packed push to ``target``."""

    def __init__(self, client: HubClient, environment: Environment, emit: Emit, target: wire.PushTarget) -> None:
        self.client = client
        self.environment = environment
        self.emit = emit
        self.target = target

    async def retrying(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what ``attempt`` returns, repeated as the environment's retry policy says."""
        environment = self.environment
        return await with_retries(attempt, environment.retry, environment.sleep, environment.random)

    def throttle(self, read: Callable[[int], bytes]) -> AsyncIterator[bytes]:
        """Yield what ``read`` returns, in pieces that fit the line and under the speed limit."""
        environment = self.environment
        return throttle_pieces(read, environment.limit, environment.clock, environment.sleep)

    async def read_file(self, path: Path) -> AsyncIterator[bytes]:
        """Yield the file's bytes as :meth:`throttle` does."""
        with path.open("rb", buffering=0) as file:
            async for piece in self.throttle(file.read):
                yield piece

    def end(self, index: Phase, answer: wire.PushAnswer) -> wire.PushAnswer:
        """End the last two phases: split the time of the last request between them, as the hub measured it.

        Raises :class:`Integrity` when the hub answered for another commit.
        """
        if answer.head != self.target.head:
            index.end(ok=False)
            raise Integrity("the hub answered for another commit than was pushed")
        clock = self.environment.clock
        advance_s = answer.timings.get("advance", 0.0)
        timings = [(name, value) for name, value in answer.timings.items() if name != "advance" and len(name) < 60]
        index.detail.update(timings[:_MAX_TIMINGS])
        index.detail["promotion"] = answer.promotion[:60]
        index.end(seconds=max(0.0, clock() - index.began_s - advance_s))
        advance = Phase("advance_ref", self.emit, clock)
        advance.detail["previous_head"] = qualified(answer.previous_head) if answer.previous_head else None
        advance.end(seconds=advance_s)
        return answer
