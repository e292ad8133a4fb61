"""What the pushes of one process share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hubstub.push.desk import PushDesk


@pytest.fixture
async def desk() -> AsyncIterator[PushDesk]:
    made = PushDesk()
    yield made
    await made.close()


async def test_one_at_a_time_for_each_upload(desk: PushDesk) -> None:
    order: list[str] = []

    async def work(upload_id: str, name: str) -> None:
        async with desk.alone(upload_id):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(work("u", "a"), work("u", "b"), work("u", "c"))
    assert order == ["a in", "a out", "b in", "b out", "c in", "c out"]
    order.clear()
    await asyncio.gather(work("u", "a"), work("v", "b"))
    assert order == ["a in", "b in", "a out", "b out"]


async def test_a_failure_frees_the_upload(desk: PushDesk) -> None:
    with pytest.raises(ZeroDivisionError):
        async with desk.alone("u"):
            raise ZeroDivisionError
    async with asyncio.timeout(5), desk.alone("u"):
        pass


async def test_it_is_quiet_once_nobody_holds_or_waits_for_a_slot(desk: PushDesk) -> None:
    inside = 0
    most = 0
    free = asyncio.Event()

    async def work() -> None:
        nonlocal inside, most
        async with desk.slot():
            inside += 1
            most = max(most, inside)
            await free.wait()
            inside -= 1

    tasks = [asyncio.create_task(work()) for _ in range(10)]
    for _ in range(5):
        await asyncio.sleep(0)
    waiting = asyncio.create_task(desk.wait_quiet())
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    await asyncio.gather(*tasks)
    await waiting
    assert most == 4


async def test_what_has_begun_ends_although_nobody_waits_for_it(desk: PushDesk) -> None:
    done = asyncio.Event()
    go = asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    request = asyncio.create_task(desk.finish(work()))
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    go.set()
    await desk.close()
    assert done.is_set()


async def test_finish_gives_what_the_work_gives_or_raises(desk: PushDesk) -> None:
    async def give() -> int:
        return 7

    async def fail() -> int:
        raise ZeroDivisionError

    assert await desk.finish(give()) == 7
    with pytest.raises(ZeroDivisionError):
        await desk.finish(fail())


async def test_it_is_quiet_some_time_after_the_last_push_or_in_the_end_anyway(
    desk: PushDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(5):
        await desk.wait_quiet()
    async with desk.slot():
        pass
    waiting = asyncio.create_task(desk.wait_quiet())
    await asyncio.sleep(0)
    assert not waiting.done()
    async with asyncio.timeout(5):
        await waiting
    monkeypatch.setattr("hubstub.push.desk._MAX_WAIT_S", 0.05)
    async with asyncio.timeout(5), desk.slot():
        await desk.wait_quiet()


@pytest.mark.parametrize("turns", range(5))
async def test_whoever_waits_for_quiet_can_be_stopped_at_any_turn_of_the_loop(desk: PushDesk, turns: int) -> None:
    async with desk.slot():
        waiting = asyncio.create_task(desk.wait_quiet())
        for _ in range(3):
            await asyncio.sleep(0)
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=60)
    assert waiting.cancelled()
