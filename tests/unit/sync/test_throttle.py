"""Pieces follow the line, and a limit is kept by all who share it."""

from __future__ import annotations

from io import BytesIO

from museui.sync.throttle import FIRST_BYTES, SpeedLimit, next_size, throttle_pieces


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def cut(content: bytes, limit: SpeedLimit, clock: Clock, took_s: float = 0.0) -> list[int]:
    sizes: list[int] = []
    async for piece in throttle_pieces(BytesIO(content).read, limit, clock, clock.sleep):
        sizes.append(len(piece))
        clock.now_s += took_s
    assert sum(sizes) == len(content)
    return sizes


async def test_on_a_fast_line_pieces_grow_and_on_a_slow_one_they_shrink() -> None:
    fast = await cut(bytes(8 << 20), SpeedLimit(), Clock())
    assert fast[:6] == [FIRST_BYTES << step for step in range(5)] + [1 << 20]
    slow = await cut(bytes(1 << 20), SpeedLimit(), Clock(), took_s=1.0)
    assert slow[:3] == [FIRST_BYTES, FIRST_BYTES // 2, FIRST_BYTES // 4]
    assert slow[-1] == FIRST_BYTES // 4
    assert next_size(FIRST_BYTES, 0.1) == FIRST_BYTES


async def test_a_limit_is_kept_from_the_first_to_the_last_byte() -> None:
    clock = Clock()
    sizes = await cut(bytes(1_000_000), SpeedLimit(100_000.0), clock)
    assert max(sizes) == 25_000
    assert clock.now_s - 100.0 == 9.75, "the last piece may go when the ones before it are paid"


async def test_two_transfers_share_a_limit() -> None:
    limit = SpeedLimit(1000.0)
    assert [limit.reserve(500, 0.0), limit.reserve(500, 0.0), limit.reserve(1, 0.0)] == [0.0, 0.5, 1.0]
    assert limit.reserve(1, 60.0) == 0.0, "what was not used is not saved up"


async def test_nothing_is_cut_into_nothing_and_the_smallest_limit_still_moves() -> None:
    assert await cut(b"", SpeedLimit(), Clock()) == []
    assert await cut(b"abc", SpeedLimit(0.5), Clock()) == [1, 1, 1]
