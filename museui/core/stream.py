"""The body of ``push/stream``: a bundle as a sequence of small msgpack frames, for pushes that fit in one request.

``["H", header]``; any of ``["S", snapshot]``, ``["O", [object_id, bytes]]``, ``["C", commit]``; then ``["E", {}]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from .bundle import BundleItem, ObjectEntry, ObjectSource, binary_header
from .errors import Invalid
from .ids import ObjectId, parse_id, qualified
from .limits import Limits
from .records import SnapshotParser, check_value, parse_commit
from .unpack import StreamUnpacker

_MAX_ARRAY = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """The ``H`` frame: what the push wants (the fields of confirm) and how much comes."""

    fields: Mapping[str, Any]


def read_stream(raw: Iterable[bytes], limits: Limits) -> Iterator[StreamHeader | BundleItem]:
    """The frames of a ``push/stream`` body, the header first, each record checked against its own id.

    Raises as :func:`~museui.core.bundle.read_bundle` does.
    """
    source = StreamUnpacker(raw, limits.max_record_bytes)
    parser = SnapshotParser(limits.max_manifest_entries)
    seen: set[tuple[str, str]] = set()
    first = True
    while True:
        _read_pair(source, "a frame")
        kind = source.text("the kind of a frame")
        if first != (kind == "H"):
            raise Invalid("the stream must begin with one H frame")
        if kind == "E":
            source.value()
            source.finish()
            return
        item: StreamHeader | BundleItem
        match kind:
            case "H":
                item = StreamHeader(_parse_header(source.value()))
                first = False
                yield item
                continue
            case "S":
                item = parser.parse(source.value())
            case "C":
                item = parse_commit(source.value())
            case "O":
                item = _read_object(source, limits)
            case _:
                raise Invalid(f"a frame of unknown kind {kind!r:.20}")
        if (kind, item.id) in seen:
            raise Invalid(f"record {item.id} is in the stream twice")
        seen.add((kind, item.id))
        yield item
        if isinstance(item, ObjectEntry):
            item.drain()


def _parse_header(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("the H frame is not a map")
    check_value(value, "the H frame")
    return value


def _read_object(source: StreamUnpacker, limits: Limits) -> ObjectEntry:
    _read_pair(source, "an O frame")
    object_id = ObjectId(parse_id(source.value(), "object_id"))
    size = source.binary_size(f"object {object_id[:12]}", limits.max_object_bytes)
    return ObjectEntry(size, source.offset, source, object_id)


def _read_pair(source: StreamUnpacker, what: str) -> None:
    if source.array_size(what, _MAX_ARRAY) != 2:
        raise Invalid(f"{what} is not a pair")


def write_stream(
    header: Mapping[str, Any],
    commits: Iterable[bytes],
    snapshots: Iterable[bytes],
    objects: Callable[[], Iterable[ObjectSource]],
) -> Iterator[bytes]:
    """An uncompressed ``push/stream`` body in parts: snapshots, objects, then commits, parents first."""
    pack = msgpack.Packer(autoreset=True)
    pair = pack.pack_array_header(2)
    yield pair + pack.pack("H") + pack.pack(dict(header))
    for record in snapshots:
        yield pair + pack.pack("S") + record
    for source in objects():
        head = pack.pack(qualified(source.id)) + binary_header(source.size_bytes)
        yield pair + pack.pack("O") + pair + head
        yield from source.exact_pieces()
    for record in commits:
        yield pair + pack.pack("C") + record
    yield pair + pack.pack("E") + pack.pack({})
