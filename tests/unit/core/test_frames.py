"""zstd on the wire: bombs, damage, windows, many frames, and finding a stretch again."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Integrity, Invalid, MuseError, TooLarge
from museui.core.frames import (
    FRAME_RAW_BYTES,
    MAGIC,
    MAX_WINDOW_BYTES,
    FrameTable,
    StretchReader,
    compress_frames,
    iter_raw,
)

MiB = 1 << 20
NO_LIMIT = 1 << 40
SKIPPABLE = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"
EMPTY_FRAME = zstandard.compress(b"")
TEXT = bytes(range(256)) * 40


def frame(data: bytes, level: int = 3, size: bool = True, checksum: bool = False) -> bytes:
    return zstandard.ZstdCompressor(level=level, write_content_size=size, write_checksum=checksum).compress(data)


def rle_bomb(raw_bytes: int) -> bytes:
    """A frame of four-byte blocks that each become 128 KiB of the letter a; it declares no size."""
    block = 128 * 1024
    blocks, rest = divmod(raw_bytes, block)
    assert not rest
    sizes = [(block << 3) | (1 << 1) | (number == blocks - 1) for number in range(blocks)]
    return MAGIC + b"\x00\x58" + b"".join(size.to_bytes(3, "little") + b"a" for size in sizes)


def in_steps(data: bytes, step: int) -> Iterator[bytes]:
    return (data[at : at + step] for at in range(0, len(data), step))


def expand(data: bytes, limit: int = NO_LIMIT, step: int = 1 << 16) -> bytes:
    return b"".join(iter_raw(in_steps(data, step), limit))


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as executor:
        yield executor


@pytest.mark.parametrize("declared", [False, True])
def test_a_bomb_of_8_kib_is_refused_before_it_has_made_two_mebibytes(declared: bool) -> None:
    bomb = rle_bomb(256 * MiB)
    if declared:
        bomb = MAGIC + b"\x80\x58" + (256 * MiB).to_bytes(4, "little") + bomb[6:]
    assert len(bomb) < 8_300
    made = 0
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="expands to more than 1048576 bytes"):
            for piece in iter_raw([bomb], MiB):
                assert len(piece) <= MiB
                made += len(piece)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made <= MiB
    assert peak_bytes < 4 * MiB


def test_a_bomb_spread_over_many_frames_is_counted_over_all_of_them() -> None:
    bomb = frame(bytes(MiB)) * 256
    assert len(bomb) < 20_000
    made = 0
    with pytest.raises(TooLarge):
        for piece in iter_raw([bomb], 3 * MiB):
            made += len(piece)
    assert made <= 3 * MiB


def test_a_plain_stream_has_the_same_limit() -> None:
    assert expand(b"\x86" * 1_000, limit=1_000) == b"\x86" * 1_000
    with pytest.raises(TooLarge):
        expand(b"\x86" * 1_001, limit=1_000)


def test_a_stream_exactly_as_large_as_the_limit_passes() -> None:
    assert expand(frame(TEXT), limit=len(TEXT)) == TEXT
    with pytest.raises(TooLarge):
        expand(frame(TEXT), limit=len(TEXT) - 1)


@given(
    st.lists(st.binary(max_size=300).map(lambda part: part * 3) | st.just(SKIPPABLE), max_size=6),
    st.integers(1, 80),
    st.booleans(),
    st.booleans(),
    st.integers(1, 19),
)
def test_frames_of_any_make_cut_anywhere_give_the_bytes_that_went_in(
    parts: list[bytes], step: int, size: bool, checksum: bool, level: int
) -> None:
    wire = b"".join(part if part is SKIPPABLE else frame(part, level, size, checksum) for part in parts)
    raw = b"".join(part for part in parts if part is not SKIPPABLE)
    table = FrameTable()
    assert b"".join(iter_raw(in_steps(wire, step), NO_LIMIT, table)) == raw
    assert FrameTable.decode(table.encode()).starts == table.starts
    assert all(wire[at : at + 4] == MAGIC for at, _ in table.starts)
    assert [raw_at for _, raw_at in table.starts] == sorted({raw_at for _, raw_at in table.starts})


@given(st.binary(max_size=100), st.integers(1, 10))
def test_what_does_not_begin_like_zstd_comes_out_as_it_is(data: bytes, step: int) -> None:
    data = b"\x86" + data
    table = FrameTable()
    assert b"".join(iter_raw(in_steps(data, step), NO_LIMIT, table)) == data
    assert table.starts == []


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("size", [False, True])
def test_a_stream_cut_short_anywhere_is_refused(size: bool, checksum: bool) -> None:
    first, second = frame(b"one " * 50, 3, size, checksum), frame(bytes(range(200)), 3, size, checksum)
    wire = first + SKIPPABLE + second
    whole = {len(first), len(first + SKIPPABLE), len(wire)}
    for length in range(4, len(wire) + 1):
        if length in whole:
            expand(wire[:length])
        else:
            with pytest.raises(Integrity):
                expand(wire[:length])


def test_one_byte_changed_anywhere_never_gives_another_kind_of_error() -> None:
    wire = frame(b"verse " * 30 + bytes(range(100)), checksum=True) + frame(b"chorus")
    for place in range(len(wire)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(wire)
            damaged[place] ^= change
            try:
                expand(bytes(damaged), limit=MiB)
            except MuseError:
                continue


def test_with_a_checksum_no_changed_byte_of_the_content_goes_unnoticed() -> None:
    raw = bytes(range(256))
    wire = frame(raw, checksum=True)
    start = wire.index(raw)
    for place in range(start, len(wire)):
        with pytest.raises(Integrity, match="damaged"):
            expand(wire[:place] + bytes([wire[place] ^ 0x10]) + wire[place + 1 :])


@pytest.mark.parametrize("off_by", [-9_000, -1, 1, 9_000])
def test_a_declared_size_that_is_not_the_size_is_refused(off_by: int) -> None:
    wire = bytearray(frame(TEXT, size=True))
    assert zstandard.get_frame_parameters(bytes(wire)).content_size == len(TEXT)
    assert wire[4] & 0xC0 == 0x40  # two bytes, holding the size less 256
    wire[5:7] = (len(TEXT) + off_by - 256).to_bytes(2, "little")
    with pytest.raises(Integrity, match="damaged"):
        expand(bytes(wire))


@pytest.mark.parametrize("blocks", [b"\x01\x00\x00", b"\x08\x00\x00x\x01\x00\x00", b"\x09\x00\x00x"])
def test_a_declared_size_beyond_everything_costs_nothing_and_is_refused(blocks: bytes) -> None:
    head = MAGIC + b"\xc0\x58" + (1 << 62).to_bytes(8, "little")
    tracemalloc.start()
    try:
        with pytest.raises(Integrity):
            expand(head + blocks)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < MiB


@pytest.mark.parametrize("window_log", [24, 27, 31])
def test_a_window_over_8_mib_is_refused_before_anything_is_expanded(window_log: int) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=window_log, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wire = compressor.compress(TEXT) + compressor.flush()
    assert zstandard.get_frame_parameters(wire).window_size == 1 << window_log
    with pytest.raises(Invalid, match="window"):
        expand(wire)


def test_a_window_of_8_mib_is_accepted() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=23)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wire = compressor.compress(TEXT) + compressor.flush()
    assert zstandard.get_frame_parameters(wire).window_size == MAX_WINDOW_BYTES
    assert expand(wire) == TEXT


def test_a_single_large_frame_as_any_tool_writes_it_is_accepted() -> None:
    raw = TEXT * 1_200
    assert len(raw) > MAX_WINDOW_BYTES
    for level in (1, 3):
        assert expand(zstandard.compress(raw, level)) == raw


def test_a_frame_that_needs_a_dictionary_is_refused() -> None:
    samples: list[bytes | bytearray | memoryview] = [
        bytes([number]) * 20 + b"the same words in each " * 5 for number in range(200)
    ]
    dictionary = zstandard.train_dictionary(2_048, samples)
    wire = zstandard.ZstdCompressor(dict_data=dictionary).compress(b"the same words in each " * 50)
    with pytest.raises(Integrity, match="ictionary"):
        expand(wire)


@pytest.mark.parametrize("size", [MiB + 1, (1 << 32) - 1])
def test_a_large_skippable_frame_is_refused_without_waiting_for_it(size: int) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"\x5f\x2a\x4d\x18" + size.to_bytes(4, "little")
        pytest.fail("asked for its content")

    with pytest.raises(Invalid, match="skippable"):
        b"".join(iter_raw(chunks(), NO_LIMIT))


@pytest.mark.parametrize("rest", [b"x", b"\x86", b"\x28\xb5\x2f", b"\x28\xb5\x2f\xfe" * 5, b"\x50\x2a\x4d", bytes(20)])
def test_what_follows_a_frame_and_is_none_is_refused(rest: bytes) -> None:
    with pytest.raises(Integrity):
        expand(frame(TEXT) + rest)
    with pytest.raises(Integrity):
        expand(SKIPPABLE + rest)


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_a_block_larger_than_a_block_may_be_is_refused(kind: int) -> None:
    header = (((1 << 21) - 1) << 3) | (kind << 1) | 1
    with pytest.raises(Integrity):
        expand(MAGIC + b"\x00\x58" + header.to_bytes(3, "little") + bytes(1 << 21))


def test_a_million_tiny_frames_are_refused_before_their_table_is_large() -> None:
    table = FrameTable()
    with pytest.raises(TooLarge, match="frames"):
        for number in range(1_000_000):
            table.add(10 * number, number)
    assert len(table.encode()) <= 4 * MiB
    with pytest.raises(TooLarge, match="frames"):
        b"".join(iter_raw([frame(b"x")], NO_LIMIT, table))


def test_empty_frames_take_no_room_in_the_table() -> None:
    table = FrameTable()
    wire = EMPTY_FRAME * 100 + frame(TEXT) + EMPTY_FRAME * 100 + frame(TEXT)
    assert b"".join(iter_raw([wire], NO_LIMIT, table)) == TEXT * 2
    assert [raw for _, raw in table.starts] == [0, len(TEXT)]


def test_a_stream_that_comes_byte_by_byte_is_the_same_stream() -> None:
    raw = b"".join(number.to_bytes(4, "big") for number in range(30_000))
    wire = frame(raw, level=1)
    assert len(wire) > 10_000
    assert expand(wire, step=1) == raw


@pytest.mark.parametrize("raw_bytes", [0, 1, 999, 1_000, 1_001, 10_000])
def test_our_frames_have_the_size_asked_for_and_open_with_any_tool(threads: ThreadPoolExecutor, raw_bytes: int) -> None:
    raw = (TEXT * 2)[:raw_bytes]
    frames = list(compress_frames(in_steps(raw, 37), 3, threads, frame_raw_bytes=1_000))
    assert [zstandard.decompress(data) for data in frames] == list(in_steps(raw, 1_000))
    assert expand(b"".join(frames)) == raw


@given(st.binary(min_size=1, max_size=2_000), st.lists(st.integers(0), max_size=5), st.integers(1, 8))
def test_the_same_bytes_compress_to_the_same_bytes_however_they_are_cut(
    raw: bytes, places: list[int], in_flight: int
) -> None:
    bounds = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    parts = [raw[start:end] for start, end in pairwise(bounds)]
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(4) as four:
        expected = b"".join(compress_frames([raw], 3, one, frame_raw_bytes=256))
        assert b"".join(compress_frames(parts, 3, four, in_flight, frame_raw_bytes=256)) == expected


def test_compression_holds_no_more_frames_than_it_was_told(threads: ThreadPoolExecutor) -> None:
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield bytes(1_000)

    for done, _ in enumerate(compress_frames(parts(), 1, threads, in_flight=2, frame_raw_bytes=1_000), 1):
        assert taken - done <= 4


@st.composite
def _stored(draw: st.DrawFn) -> tuple[bytes, bytes, FrameTable]:
    """Raw bytes, how they are stored (frames or plain), and the table a reader made of it."""
    parts = draw(st.lists(st.binary(max_size=400), max_size=6))
    raw = b"".join(parts)
    if draw(st.booleans()):
        between = draw(st.sampled_from([b"", SKIPPABLE, EMPTY_FRAME]))
        wire = b"".join(between + frame(part) for part in parts)
    else:
        raw = b"\x86" + raw
        wire = raw
    table = FrameTable()
    assert b"".join(iter_raw([wire], NO_LIMIT, table)) == raw
    return raw, wire, table


def read_stretches(
    open_wire: Callable[[int], Iterable[bytes]],
    table: FrameTable,
    stretches: Iterable[tuple[int, int]],
    max_gap_bytes: int = FRAME_RAW_BYTES,
) -> Iterator[bytes]:
    reader = StretchReader(open_wire, table, max_gap_bytes)
    for offset, size in stretches:
        yield b"".join(reader.pieces(offset, size))


@given(_stored(), st.data(), st.integers(1, 300), st.integers(0, 500))
def test_stretches_of_a_stored_stream_are_those_of_its_raw_bytes(
    stored: tuple[bytes, bytes, FrameTable], data: st.DataObject, step: int, max_gap: int
) -> None:
    raw, wire, table = stored
    starts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    stretches = [(start, data.draw(st.integers(0, len(raw) - start))) for start in starts]
    got = list(read_stretches(lambda at: in_steps(wire[at:], step), table, stretches, max_gap))
    assert got == [raw[start : start + size] for start, size in stretches]


def test_neighbouring_stretches_are_read_in_one_go_and_far_ones_opened_anew() -> None:
    parts = [bytes([number]) * 1_000 for number in range(50)]
    wire = b"".join(map(frame, parts))
    table = FrameTable()
    raw = b"".join(iter_raw([wire], NO_LIMIT, table))
    opened: list[int] = []

    def open_wire(at: int) -> Iterable[bytes]:
        opened.append(at)
        return [wire[at:]]

    near = [(number * 500, 500) for number in range(20)]
    far = [(45_000, 10)]
    got = list(read_stretches(open_wire, table, near + far, max_gap_bytes=2_000))
    assert got == [raw[start : start + size] for start, size in near + far]
    assert opened == [0, table.starts[45][0]]


def _read_from(stored: bytes, at: int) -> list[bytes]:
    return [stored[at:]]


def test_a_stretch_beyond_what_is_stored_is_refused() -> None:
    wire = frame(TEXT)
    table = FrameTable()
    b"".join(iter_raw([wire], NO_LIMIT, table))
    for stored, where in ((wire, table), (TEXT, FrameTable())):
        with pytest.raises(Integrity, match="shorter than its index"):
            list(read_stretches(partial(_read_from, stored), where, [(len(TEXT) - 5, 6)]))


def _frame(blocks: bytes) -> bytes:
    """A frame of unknown size, window 1 KiB, with these blocks."""
    return MAGIC + b"\x00\x00" + blocks


@pytest.mark.parametrize(
    "wire",
    [
        _frame(b"\x01\x00\x00") * 80_000,
        _frame(b"\x00\x00\x00" * 80_000 + b"\x01\x00\x00"),
        (b"\x50\x2a\x4d\x18" + bytes(4)) * 80_000 + _frame(b"\x01\x00\x00"),
    ],
    ids=["frames", "blocks", "skippable"],
)
def test_a_stream_of_nothing_is_refused_before_it_takes_long(wire: bytes) -> None:
    with pytest.raises(Invalid, match="next to nothing"):
        list(iter_raw([wire], 1 << 30))


def test_many_small_blocks_that_hold_something_are_fine() -> None:
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [os.urandom(300) for _ in range(70_000)]
    wire = b"".join([compressor.compress(part) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for part in parts])
    wire += compressor.flush()
    assert sum(map(len, iter_raw([wire], 1 << 30))) == 300 * 70_000


def test_a_block_larger_than_blocks_can_be_is_refused_where_it_begins() -> None:
    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        yield _frame((((1 << 21) - 1) << 3 | 1).to_bytes(3, "little"))
        for number in range(4):
            asked.append(number)
            yield bytes(1 << 20)

    with pytest.raises(Integrity):
        list(iter_raw(chunks(), 1 << 30))
    assert len(asked) <= 1
