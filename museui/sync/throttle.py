"""How what is sent is cut into pieces: small ones on a slow line, so that its progress is seen, and not too many.

A line may have a limit, which all transfers that share a :class:`SpeedLimit` keep together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

FIRST_BYTES = 64 << 10
_LEAST_BYTES = 16 << 10
_MOST_BYTES = 1 << 20
_QUICK_S = 0.02
_SLOW_S = 0.2
_SHARE_S = 0.25
"""Under a limit a piece is at most what may go in this time."""

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class SpeedLimit:
    """At most ``bytes_per_s``; ``None`` is no limit. May be changed while it is used."""

    def __init__(self, bytes_per_s: float | None = None) -> None:
        self.bytes_per_s = bytes_per_s
        self._free_s = 0.0

    def largest(self, size: int) -> int:
        """How large a piece may be of which ``size`` is wanted."""
        if self.bytes_per_s is None:
            return size
        return max(1, min(size, int(self.bytes_per_s * _SHARE_S)))

    def reserve(self, size: int, now_s: float) -> float:
        """Take room for ``size`` bytes: how many seconds from now it begins."""
        if self.bytes_per_s is None:
            return 0.0
        begins_s = max(self._free_s, now_s)
        self._free_s = begins_s + size / self.bytes_per_s
        return begins_s - now_s


NO_LIMIT = SpeedLimit()


def next_size(size: int, took_s: float) -> int:
    """How large the next piece is when one of ``size`` took so long."""
    if took_s < _QUICK_S:
        return min(2 * size, _MOST_BYTES)
    return max(size // 2, _LEAST_BYTES) if took_s > _SLOW_S else size


async def throttle_pieces(
    read: Callable[[int], bytes], limit: SpeedLimit, clock: Clock, sleep: Sleep
) -> AsyncIterator[bytes]:
    """What ``read`` gives, at most as many bytes each time as it is asked for, until it gives none."""
    size = FIRST_BYTES
    while piece := read(limit.largest(size)):
        if (wait_s := limit.reserve(len(piece), clock())) > 0:
            await sleep(wait_s)
        began_s = clock()
        yield piece
        size = next_size(size, clock() - began_s)
