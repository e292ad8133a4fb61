"""Damaged bundles: cut, flipped, patched and filled with anything; only what ids vouch for ever comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import MuseError
from museui.core.frames import iter_raw
from museui.core.records import Commit
from tests.helpers.bundles import contents, holds_nothing_but, read_map, write
from tests.helpers.records import commit_record, digest, make_history, pack

MiB = 1 << 20
SMALL = make_history({"a": b"one", "b/c": b""}, {"a": b"two and more", "b/c": b""})


def small_wires() -> dict[str, bytes]:
    raw = write(SMALL)
    half = len(raw) // 2
    return {
        "plain": raw,
        "one frame": zstandard.ZstdCompressor(level=3, write_checksum=False).compress(raw),
        "two frames": zstandard.compress(raw[:half]) + zstandard.compress(raw[half:]),
    }


@pytest.mark.parametrize("kind", small_wires())
def test_a_bundle_cut_short_at_any_byte_is_refused(kind: str) -> None:
    wire = small_wires()[kind]
    assert holds_nothing_but(SMALL, contents(iter_raw([wire], MiB)))
    for size in range(len(wire)):
        with pytest.raises(MuseError):
            contents(iter_raw([wire[:size]], MiB))


@pytest.mark.parametrize("kind", small_wires())
def test_a_bit_flipped_anywhere_is_refused_or_touches_nothing_an_id_covers(kind: str) -> None:
    wire = small_wires()[kind]
    passed = 0
    for place in range(len(wire)):
        for change in (0x01, 0x04, 0x20, 0x80, 0xFF):
            damaged = wire[:place] + bytes([wire[place] ^ change]) + wire[place + 1 :]
            try:
                found = contents(iter_raw([damaged], MiB))
            except MuseError:
                continue
            passed += 1
            assert holds_nothing_but(SMALL, found), (place, change)
    assert passed < len(wire) * 5 / 2


@given(
    st.sampled_from(sorted(small_wires())),
    st.lists(st.tuples(st.integers(0), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=4),
)
def test_a_bundle_with_pieces_cut_out_and_put_in_gives_nothing_foreign(
    kind: str, edits: list[tuple[int, int, bytes]]
) -> None:
    wire = small_wires()[kind]
    for place, removed, added in edits:
        place %= len(wire) + 1
        wire = wire[:place] + added + wire[place + removed :]
    try:
        found = contents(iter_raw([wire], MiB))
    except MuseError:
        return
    assert holds_nothing_but(SMALL, found)


MSGPACK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=4))
    | st.sampled_from([digest(b"one"), digest(b"two"), "main", 1 << 63]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.binary(max_size=3)
            | st.sampled_from(["commit_id", "snapshot_id", "manifest", "object_id", "content", "path", "base_commits"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
KEYS = st.sampled_from(["meta", "branch_heads", "commits", "snapshots", "objects", "summary"]) | st.text(max_size=4)


@given(st.dictionaries(KEYS, MSGPACK | st.lists(MSGPACK, max_size=3), max_size=4))
def test_a_bundle_of_any_values_is_read_or_refused_with_our_error(bundle: dict[str, Any]) -> None:
    try:
        found = contents(pack(bundle))
    except MuseError:
        return
    for name, content in found["objects"].items():
        assert digest(content) == name


def _damage(field: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda record: record | {field: value}


@given(st.sampled_from(sorted(commit_record(digest(b"s")))), MSGPACK)
def test_a_commit_with_any_value_in_any_field_is_read_or_refused_with_our_error(field: str, value: Any) -> None:
    record = _damage(field, value)(SMALL.commits[1])
    try:
        (commit,) = read_map({"commits": [record]})
    except MuseError:
        return
    assert isinstance(commit, Commit)
    assert commit.id == SMALL.commits[1]["commit_id"][7:]
