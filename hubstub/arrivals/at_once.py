"""Counts of arriving bytes in the spool of this process, against the quotas of those who send them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol


class Bound(Protocol):
    """Something that may hold so much and no more; those with one ``key`` are one."""

    @property
    def key(self) -> str:
        """Its name."""

    def require(self, asked_bytes: int, held_bytes: int = 0) -> None:
        """Raise unless ``asked_bytes`` may come to the ``held_bytes`` that are there."""


class Arriving:
    """One body on its way into the spool, which may still be refused."""

    def __init__(self, held: Counter[str], bounds: Sequence[Bound]) -> None:
        self._held, self._bounds = held, bounds
        self._came = 0
        self._taken = 0

    def announce(self, size_bytes: int) -> None:
        """So much will come. Raises what a bound raises."""
        self._take(size_bytes)

    async def count(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """``chunks`` as they come, counted as far as they were not announced. Raises what a bound raises."""
        async for chunk in chunks:
            self._came += len(chunk)
            if self._came > self._taken:
                self._take(self._came - self._taken)
            yield chunk

    def _take(self, size_bytes: int) -> None:
        for bound in self._bounds:
            bound.require(size_bytes, self._held[bound.key])
        for bound in self._bounds:
            self._held[bound.key] += size_bytes
        self._taken += size_bytes

    def release(self) -> None:
        """It lies there no more."""
        for bound in self._bounds:
            self._held[bound.key] -= self._taken
            if not self._held[bound.key]:
                del self._held[bound.key]


class Arrivals:
    """The bodies that lie in the spool of this process."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, bounds: Sequence[Bound]) -> Iterator[Arriving]:
        """A body that ``bounds`` bound, for as long as the context lasts."""
        arriving = Arriving(self._held, bounds)
        try:
            yield arriving
        finally:
            arriving.release()
