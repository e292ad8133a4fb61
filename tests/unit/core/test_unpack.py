"""msgpack nobody vouches for: depth, lengths, duplicates, types, and input cut anywhere."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Integrity, Invalid, MuseError, TooLarge
from museui.core.records import check_value
from museui.core.unpack import StreamUnpacker
from tests.helpers.records import call_on_small_stack, pack

MiB = 1 << 20
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """``data`` in chunks that end at ``places``."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


def read(*chunks: bytes, limit: int = MiB) -> Any:
    source = StreamUnpacker(chunks, limit)
    value = source.value()
    source.finish()
    return value


@given(VALUES, st.lists(st.integers(0), max_size=6))
def test_a_value_is_the_same_however_its_bytes_arrive(value: Any, places: list[int]) -> None:
    data = pack(value)
    source = StreamUnpacker([b"", *cut(data, places), b""], MiB)
    # an empty chunk is not the end: chunks come from sockets and generators
    assert source.value() == value
    assert source.offset == len(data)
    source.finish()


@given(VALUES)
def test_a_value_cut_short_anywhere_is_refused(value: Any) -> None:
    data = pack(value)
    for size in range(len(data)):
        with pytest.raises(Invalid, match="truncated"):
            read(data[:size])


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_our_error(data: bytes) -> None:
    for method in ("value", "skip", "text_", "map_", "array_", "binary_"):
        source = StreamUnpacker([data], MiB)
        try:
            if method == "text_":
                source.text("it")
            elif method == "map_":
                source.map_size("it")
            elif method == "array_":
                source.array_size("it", 10)
            elif method == "binary_":
                for _ in source.pieces(source.binary_size("it", MiB)):
                    pass
            else:
                getattr(source, method)()
            source.finish()
        except MuseError:
            pass


@pytest.mark.parametrize("head", [b"\x91", b"\x81\xa1a", b"\xdc\x00\x01", b"\xdd\x00\x00\x00\x01"])
@pytest.mark.parametrize("depth", [1_025, 100_000])
def test_deep_nesting_in_a_thread_with_a_small_stack_is_refused(head: bytes, depth: int) -> None:
    data = head * depth + b"\xc0"
    with pytest.raises(Invalid, match="not valid msgpack"):
        call_on_small_stack(lambda: read(data))
    with pytest.raises(Invalid):
        call_on_small_stack(lambda: StreamUnpacker([data], MiB).skip())


@pytest.mark.parametrize(
    "head",
    [
        b"\xdd\xff\xff\xff\xff",  # a list of 4,294,967,295
        b"\xdf\xff\xff\xff\xff",  # a map of as many
        b"\xdb\xff\xff\xff\xff",  # a text of 4 GiB
        b"\xc6\xff\xff\xff\xff",  # binary of 4 GiB
        b"\xc9\xff\xff\xff\xff\x01",  # an extension of 4 GiB
    ],
)
def test_a_header_that_promises_more_than_can_come_costs_nothing(head: bytes) -> None:
    for data in (head, b"\x91" + head, b"\x81\xa1a" + head, head + bytes(1000)):
        tracemalloc.start()
        try:
            with pytest.raises((Invalid, TooLarge)):
                read(data)
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak_bytes < 16 * MiB


def test_nested_headers_that_each_promise_the_most_are_refused() -> None:
    data = b"\xdd" + struct.pack(">I", 1 << 20)
    with pytest.raises(Invalid):
        read(data * 1_000)


@pytest.mark.parametrize("item", [b"\x80", b"\x90", b"\x81\xa0\x90"])
def test_many_tiny_values_are_refused_before_they_are_two_hundred_times_their_size(item: bytes) -> None:
    data = b"\xdd" + struct.pack(">I", 500_000) + item * 500_000
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="entries"):
            read(data, limit=2 * MiB)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 48 * MiB


def test_the_entries_of_one_value_are_not_counted_against_the_next() -> None:
    value = pack([[] for _ in range(40_000)])
    source = StreamUnpacker([value * 5], MiB)
    for _ in range(5):
        assert len(source.value()) == 40_000
    source.finish()


@pytest.mark.parametrize("data", [pack("x" * 1_000), pack([["x" * 100]] * 10), pack({"k": "x" * 1_000})])
def test_a_value_over_the_limit_is_too_large(data: bytes) -> None:
    for chunks in ([data], [data[:500], data[500:]], [data[i : i + 1] for i in range(len(data))]):
        with pytest.raises(TooLarge):
            StreamUnpacker(chunks, len(data) - 1).value()
    assert read(data, limit=len(data))


def test_a_value_of_many_small_parts_is_stopped_at_the_limit_not_at_its_end() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"\xdd\x00\x0f\xff\xff"
        for _ in range(64):
            yield pack("x" * 1_000) * 64
        pytest.fail("read four mebibytes where one is the limit")

    with pytest.raises(TooLarge):
        StreamUnpacker(chunks(), MiB).value()


def test_a_timestamp_comes_out_as_no_json_value_and_is_refused_in_every_record() -> None:
    with pytest.raises(Invalid, match="JSON"):
        check_value(read(b"\x81\xa1t\xd6\xff\x00\x00\x00\x00"), "it")


@pytest.mark.parametrize(
    "data", [b"\x82\xa1a\x01\xa1a\x02", b"\x91\x82\xa1a\xc0\xa1a\xc0", b"\x82\xc4\x01a\x01\xc4\x01a\x02"]
)
def test_a_map_with_a_key_twice_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="same key twice"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xd4\x01\x00",  # fixext 1
        b"\xc7\x00\x05",  # ext 8
        b"\xd5\xff\x00\x00",  # a timestamp of no known size
        b"\xc1",  # never used
        b"\xa2\xed\xa0",  # text that is not UTF-8
        b"\xa3\xed\xa0\x80",  # a lone surrogate
        b"\x81\x01\x02",  # a key that is a number
        b"\x81\x90\x02",  # a key that is a list
        b"\x81\xc0\x02",  # a key that is nil
    ],
)
def test_what_no_record_may_hold_is_refused(data: bytes) -> None:
    for whole in (data, b"\x91" + data, b"\x81\xa1k" + data):
        with pytest.raises(Invalid):
            read(whole)


@pytest.mark.parametrize("rest", [b"\x00", b"\xc0", b"{}", b"\x28\xb5\x2f\xfd"])
def test_bytes_after_the_last_value_are_refused(rest: bytes) -> None:
    for chunks in ([pack(1) + rest], [pack(1), rest], [pack(1), b"", rest]):
        with pytest.raises(Invalid, match="after the end"):
            read(*chunks)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536, 3 * MiB])
def test_binary_is_read_in_pieces_of_a_mebibyte_at_most(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    data = pack([content, "after"])
    for step in (len(data), 64 * 1024 + 7):
        source = StreamUnpacker((data[at : at + step] for at in range(0, len(data), step)), MiB)
        assert source.array_size("it", 2) == 2
        assert source.binary_size("it", size) == size
        start = source.offset
        pieces = list(source.pieces(size))
        assert b"".join(pieces) == content
        assert max(map(len, pieces), default=0) <= MiB
        assert (source.offset - start, source.text("it")) == (size, "after")


def test_binary_over_the_limit_is_too_large_before_it_is_read() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"\xc6\x00\x10\x00\x00"
        pytest.fail("asked for the content")

    with pytest.raises(TooLarge, match="more than 1048575"):
        StreamUnpacker(chunks(), MiB).binary_size("object x", MiB - 1)


@pytest.mark.parametrize("data", [pack("text"), pack(1), pack([]), pack(None), b"\xd4\x01\x00"])
def test_what_is_not_binary_is_refused_where_binary_must_be(data: bytes) -> None:
    with pytest.raises(Invalid, match="not binary"):
        StreamUnpacker([data], MiB).binary_size("it", MiB)


@pytest.mark.parametrize("data", [pack("text"), pack(1), pack(b""), pack(None)])
def test_what_is_not_a_container_is_refused_where_one_must_be(data: bytes) -> None:
    with pytest.raises(Invalid, match="it is not a map"):
        StreamUnpacker([data], MiB).map_size("it")
    with pytest.raises(Invalid, match="it is not a list"):
        StreamUnpacker([data], MiB).array_size("it", 5)


def test_a_list_or_a_map_of_more_than_the_limit_is_too_large() -> None:
    assert StreamUnpacker([b"\xdd" + struct.pack(">I", 5_000_000)], MiB).array_size("objects", 5_000_000) == 5_000_000
    with pytest.raises(TooLarge, match="objects: 6 entries are more than 5"):
        StreamUnpacker([b"\x96"], MiB).array_size("objects", 5)
    with pytest.raises(TooLarge, match="fields"):
        StreamUnpacker([b"\xdf\x7f\xff\xff\xff"], MiB).map_size("the bundle")


@pytest.mark.parametrize("data", [pack("x" * 256), pack(b"x"), pack(1), pack(["x"])])
def test_a_key_is_short_text(data: bytes) -> None:
    with pytest.raises(Invalid, match="key is not a text"):
        StreamUnpacker([data], MiB).text("key")


def test_an_error_of_the_stream_itself_passes_through() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"\x92\x01"
        raise Integrity("damaged below")

    with pytest.raises(Integrity, match="damaged below"):
        StreamUnpacker(chunks(), MiB).value()


def test_a_map_that_declares_millions_of_entries_is_refused_before_they_are_built() -> None:
    body = b"\xdf" + struct.pack(">I", 500_000) + b"\xa0" * 1_000_000
    with pytest.raises(Invalid, match="max_map_len"):
        StreamUnpacker([body], len(body)).value()
