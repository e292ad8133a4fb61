"""A limit on how much of one thing all requests use at a time; the first to ask is served first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Budget:
    """``total`` units, of which each :meth:`take` has some until it gives them back."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._left = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, amount: int) -> Callable[[], None]:
        """Wait until ``amount`` units (at most all there are) are free; what gives them back, once.

        To call it again does nothing.
        """
        amount = min(amount, self._total)
        if self._waiting or amount > self._left:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((amount, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back(amount)
                else:
                    self._waiting.remove((amount, turn))
                    self._serve()
                raise
        else:
            self._left -= amount
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                self._give_back(amount)

        return give_back

    def _give_back(self, amount: int) -> None:
        self._left += amount
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._left:
            amount, turn = self._waiting.popleft()
            self._left -= amount
            turn.set_result(None)
