"""Objects written the usual way take a short cut past the decoder, which must not be seen in what is read."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.bundle import ObjectEntry, read_bundle
from museui.core.errors import Integrity, Invalid, TooLarge
from museui.core.limits import Limits
from tests.helpers.records import digest, pack

SIZES = (0, 1, 255, 256, 65535, 65536, 70_000, 3_000_000)
CONTENTS = [random.Random(size).randbytes(size) for size in SIZES]


def _usual(content: bytes, bare: bool = False) -> bytes:
    object_id = digest(content)
    return pack({"object_id": object_id[7:] if bare else object_id, "content": content})


def _backwards(content: bytes) -> bytes:
    return pack({"content": content, "object_id": digest(content)})


def _with_path(content: bytes) -> bytes:
    return pack({"object_id": digest(content), "path": "a/b", "content": content, "other": [1, {"x": "y" * 5000}]})


def _long_headers(content: bytes) -> bytes:
    head = b"\xde\x00\x02\xd9\x09object_id\xda\x00\x47" + digest(content).encode() + b"\xd9\x07content"
    return head + b"\xc6" + len(content).to_bytes(4, "big") + content


WRITERS = (_usual, lambda content: _usual(content, bare=True), _backwards, _with_path, _long_headers)


def _bundle(entries: list[bytes]) -> bytes:
    head = b"\x82" + pack("objects") + bytes(msgpack.Packer().pack_array_header(len(entries)))
    return head + b"".join(entries) + pack("summary") + pack({})


def _read(raw: bytes, cuts: list[int], limits: Limits | None = None) -> list[tuple[str, int, int, bytes]]:
    """(id, offset, size, content) of every object, of a stream cut at ``cuts``."""
    edges = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    pieces = [raw[start:stop] for start, stop in pairwise(edges)]
    found: list[tuple[str, int, int, bytes]] = []
    for item in read_bundle(pieces, limits or Limits()):
        assert isinstance(item, ObjectEntry)
        offset, size = item.raw_offset, item.size_bytes
        content = b"".join(item.pieces()) if len(found) % 2 else raw[offset : offset + size]
        item.drain()
        found.append((item.id, offset, size, content))
    return found


@given(
    st.lists(st.tuples(st.sampled_from(range(len(SIZES))), st.sampled_from(WRITERS)), unique_by=lambda pair: pair[0]),
    st.lists(st.integers(0, 1 << 23), max_size=8),
)
def test_every_way_to_write_an_object_reads_the_same(chosen: list[tuple[int, Any]], cuts: list[int]) -> None:
    raw = _bundle([write(CONTENTS[index]) for index, write in chosen])
    found = _read(raw, cuts)
    assert [item[3] for item in found] == [CONTENTS[index] for index, _ in chosen]
    assert ["sha256:" + item[0] for item in found] == [digest(CONTENTS[index]) for index, _ in chosen]
    assert all(raw[offset : offset + size] == content for _, offset, size, content in found)


@pytest.mark.parametrize("step", [1, 2, 3, 50, 1023, 1024, 1025])
def test_cuts_at_every_place_make_no_difference(step: int) -> None:
    raw = _bundle([write(CONTENTS[index]) for index, write in enumerate(WRITERS)])
    assert _read(raw, list(range(0, min(len(raw), 200_000), step))) == _read(raw, [])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.999])
def test_a_truncated_object_is_said(write: Any, keep: float) -> None:
    raw = _bundle([_usual(b"first"), write(CONTENTS[6])])
    with pytest.raises(Invalid, match="truncated"):
        _read(raw[: int(len(raw) * keep)], [])


@pytest.mark.parametrize("write", WRITERS)
def test_the_same_faults_are_found_on_both_ways(write: Any) -> None:
    limits = replace(Limits(), max_object_bytes=69_999)
    with pytest.raises(TooLarge, match="70000 bytes"):
        _read(_bundle([_usual(b"first"), write(CONTENTS[6])]), [], limits)
    damaged = write(CONTENTS[6]).replace(CONTENTS[6], CONTENTS[6][:-1] + b"?")
    with pytest.raises(Integrity, match="does not match"):
        _read(_bundle([_usual(b"first"), damaged]), [])
    with pytest.raises(Invalid, match="twice"):
        _read(_bundle([write(b"again"), _usual(b"again")]), [])
    with pytest.raises(Invalid, match="not an id"):
        _read(_bundle([write(b"x").replace(digest(b"x")[7:].encode(), digest(b"x")[7:].upper().encode())]), [])
