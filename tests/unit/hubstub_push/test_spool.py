"""Bodies on their way to disk: whole and hashed, or gone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hubstub.arrivals.spool import Spool, Spooled
from museui.core.errors import Unavailable

CONTENT = random.Random(1).randbytes(3_500_000)


async def _chunks(content: bytes, size: int = 100_000, fail_at: int | None = None) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        if fail_at is not None and at >= fail_at:
            raise ConnectionResetError
        yield content[at : at + size]


@pytest.mark.parametrize("size", [0, 1, 70_000, 200_000, 1 << 20, len(CONTENT)])
async def test_a_body_is_written_and_hashed(tmp_path: Path, size: int) -> None:
    content = CONTENT[:size]
    async with Spool(tmp_path / "spool").receive(_chunks(content)) as arrived:
        assert (arrived.size_bytes, arrived.sha256) == (size, hashlib.sha256(content).hexdigest())
        assert arrived.path.read_bytes() == content
        assert b"".join(arrived.read()) == content
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("fail_at", [0, 100_000, 3_000_000])
async def test_a_body_that_breaks_off_leaves_nothing(tmp_path: Path, fail_at: int) -> None:
    with pytest.raises(ConnectionResetError):
        async with Spool(tmp_path).receive(_chunks(CONTENT, fail_at=fail_at)):
            pytest.fail("it arrived")
    assert list(tmp_path.iterdir()) == []


async def test_a_failure_while_it_is_used_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Spool(tmp_path).receive(_chunks(b"x")):
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        async with Spool(tmp_path / "file").receive(_chunks(b"x")):
            pytest.fail("it arrived")


async def test_what_is_made_in_a_thread_is_copied(tmp_path: Path) -> None:
    kept: list[Spooled] = []
    async with Spool(tmp_path).copy(iter([b"a" * 1000, b"b" * 2_000_000])) as copied:
        kept.append(copied)
        assert copied.path.read_bytes() == b"a" * 1000 + b"b" * 2_000_000
    assert not kept[0].path.exists()


async def test_clear_removes_what_a_dead_process_left(tmp_path: Path) -> None:
    (tmp_path / "left").write_bytes(b"over")
    await Spool(tmp_path).clear()
    assert list(tmp_path.iterdir()) == []
    await Spool(tmp_path / "missing").clear()
    assert list((tmp_path / "missing").iterdir()) == []
