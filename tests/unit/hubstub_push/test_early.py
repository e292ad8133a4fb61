"""Files that are read while they grow, and what is kept of what was read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from hubstub.push.early import ArrivingFile, EarlyReads
from hubstub.push.verify import Contents
from museui.core.errors import Invalid, Unavailable

MIB = 1 << 20
Read = Callable[[], Iterator[bytes]]


@pytest.fixture
async def early() -> AsyncIterator[EarlyReads]:
    made = EarlyReads()
    yield made
    made.close()


def read_all(read: Read) -> Contents:
    return Contents(sha256=b"".join(read()).hex())


def test_a_reader_gets_what_is_written_and_waits_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.touch()
    file = ArrivingFile(path)
    pieces: list[bytes] = []
    met = threading.Event()

    def take() -> None:
        for piece in file.read():
            pieces.append(piece)
            met.set()

    reader = threading.Thread(target=take)
    reader.start()
    with path.open("wb", buffering=0) as writer:
        writer.write(b"one")
        file.grow(3)
        assert met.wait(10)
        assert pieces == [b"one"]
        writer.write(b"two")
        file.grow(3)
    file.end(whole=True)
    reader.join(10)
    assert b"".join(pieces) == b"onetwo"


def test_a_reader_of_a_body_that_broke_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"half")
    file = ArrivingFile(path)
    file.grow(4)
    file.end(whole=False)
    with pytest.raises(Unavailable):
        list(file.read())


async def arrive(
    early: EarlyReads, path: Path, upload_id: str = "u", read: Callable[[Read], Contents] = read_all
) -> bool:
    path.write_bytes(b"body")
    async with early.beside(upload_id, MIB, read) as begin:
        if begin:
            begin(path).grow(4)
    return begin is not None


async def test_what_has_arrived_can_be_taken_once(early: EarlyReads, tmp_path: Path) -> None:
    assert await arrive(early, tmp_path / "a")
    found = await early.take("u")
    assert found is not None and bytes.fromhex(found.sha256) == b"body"
    assert await early.take("u") is None


async def test_what_was_bad_is_read_again_by_whoever_wants_to_know(early: EarlyReads, tmp_path: Path) -> None:
    def refuse(read: Read) -> Contents:
        raise Invalid("bad")

    assert await arrive(early, tmp_path / "a", read=refuse)
    assert await early.take("u") is None


async def test_an_upload_that_failed_leaves_nothing(early: EarlyReads, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"body")
    with pytest.raises(Invalid):
        async with early.beside("u", MIB, read_all) as begin:
            assert begin
            begin(path)
            raise Invalid("no")
    assert await early.take("u") is None


async def test_a_small_body_and_a_third_at_once_are_left_for_later(early: EarlyReads, tmp_path: Path) -> None:
    async with early.beside("small", MIB - 1, read_all) as begin:
        assert begin is None
    path = tmp_path / "slow"
    path.touch()
    async with early.beside("a", MIB, read_all) as one, early.beside("b", MIB, read_all) as two:
        assert one and two
        one(path), two(path)
        assert not await arrive(early, tmp_path / "third", "c")
    assert await early.take("a") is not None
    while not await arrive(early, tmp_path / "fourth", "d"):
        await asyncio.sleep(0)
