"""The pump: stored bytes read once, hashed and decompressed, a bounded part ahead."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator

import pytest

from hubstub.push.read_ahead import AHEAD_BYTES, INLINE_BYTES, Pump
from museui.core.errors import TooLarge, Unavailable
from tests.helpers.push_client import compress, wait_until

RAW = random.Random(1).randbytes(3 * INLINE_BYTES)


def _pump(wire: bytes, max_raw_bytes: int = 1 << 30) -> Pump:
    return Pump(lambda: (wire[at : at + 50_000] for at in range(0, len(wire), 50_000)), len(wire), max_raw_bytes)


@pytest.mark.parametrize("raw", [RAW, RAW[:1000]], ids=["in a thread", "inline"])
@pytest.mark.parametrize("compressed", [True, False])
def test_it_gives_the_content_and_the_digest_of_the_wire(raw: bytes, compressed: bool) -> None:
    wire = compress(raw) if compressed else raw
    pump = _pump(wire)
    assert b"".join(pump.pieces()) == raw
    assert pump.finish() == hashlib.sha256(wire).hexdigest()
    assert bool(pump.frames.starts) is compressed


@pytest.mark.parametrize("raw", [RAW, RAW[:1000]], ids=["in a thread", "inline"])
def test_the_digest_is_that_of_all_bytes_even_when_reading_stops_early(raw: bytes) -> None:
    pump = _pump(raw)
    pieces = pump.pieces()
    assert next(pieces)
    pieces.close()
    assert pump.finish() == hashlib.sha256(raw).hexdigest()
    assert "pump" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("raw", [RAW, RAW[:1000]], ids=["in a thread", "inline"])
def test_what_fails_while_reading_is_raised_to_whoever_takes_the_pieces(raw: bytes) -> None:
    def read() -> Iterator[bytes]:
        yield raw[:500]
        raise Unavailable("the store is gone")

    with pytest.raises(Unavailable, match="the store is gone"):
        list(Pump(read, len(raw), 1 << 30).pieces())
    with pytest.raises(TooLarge):
        list(_pump(raw, max_raw_bytes=999).pieces())


def test_it_does_not_run_far_ahead() -> None:
    given = 0

    def read() -> Iterator[bytes]:
        nonlocal given
        while given < 10 * AHEAD_BYTES:
            given += 1 << 20
            yield bytes(1 << 20)

    pump = Pump(read, 10 * AHEAD_BYTES, 1 << 40)
    pieces = pump.pieces()
    next(pieces)
    wait_until(lambda: given > AHEAD_BYTES)
    assert given <= AHEAD_BYTES + (4 << 20)
    pieces.close()
