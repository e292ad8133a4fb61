"""The bundle (MPackBundle) as a stream: written and read record by record, never held whole.

``docs/formats.md``, "The bundle", is the format.  Reading checks everything that can be checked without a
repository: ids, paths, names, shapes, limits.  Whether the graph is closed is for who holds the repository.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import msgpack

from .errors import Integrity, Invalid, TooLarge, shown
from .hashing import check_object, hash_parts
from .ids import CommitId, ObjectId, parse_id, qualified
from .limits import Limits
from .names import check_path
from .records import Commit, Snapshot, SnapshotParser, check_value, parse_commit
from .unpack import StreamUnpacker, check_size

FORMAT = 1
S = TypeVar("S")
_NO_ID = ObjectId("")
_USUAL_OBJECT = re.compile(
    rb"\x82\xa9object_id(?:\xd9\x47sha256:|\xd9\x40)([0-9a-f]{64})"
    rb"\xa7content(?:\xc4(.)|\xc5(..)|\xc6(.{4}))",
    re.DOTALL,
)
"""The head of an entry of ``objects`` as :func:`write_bundle` writes it, up to the content."""


@dataclass(frozen=True, slots=True)
class BundleMeta:
    """``meta``: how the bundle was made. All fields are optional on the wire."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BranchHeads:
    """``branch_heads``: what the sender's branches point at."""

    heads: Mapping[str, CommitId]


@dataclass(slots=True)
class ObjectEntry:
    """One object. Read its bytes with :meth:`pieces`; ``id`` is known, and checked, once they are all read."""

    size_bytes: int
    raw_offset: int
    """Where the content starts in the uncompressed stream."""
    _source: StreamUnpacker
    id: ObjectId = field(default=_NO_ID)
    _pieces: Iterator[bytes] | None = field(default=None)

    def pieces(self) -> Iterator[bytes]:
        """The content, about 1 MiB at a time; asked for again, what is left of it."""
        if self._pieces is None:
            self._pieces = self._read_pieces()
        return self._pieces

    def _read_pieces(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in self._source.pieces(self.size_bytes):
            digest.update(piece)
            yield piece
        self._check(digest.hexdigest())

    def _check(self, actual: str) -> None:
        self.id = self.id or ObjectId(actual)
        check_object(self.id, actual)

    def drain(self) -> None:
        """Read what is left without keeping it."""
        if self._pieces is None:
            self._pieces = iter(())
            self._check(hash_parts(self._source.views(self.size_bytes)))
        for _ in self._pieces:
            pass


BundleItem = BundleMeta | BranchHeads | Commit | Snapshot | ObjectEntry


def read_snapshots(source: StreamUnpacker, count: int, limits: Limits) -> Iterator[Snapshot]:
    """``count`` snapshot records, none twice."""
    parser = SnapshotParser(limits.max_manifest_entries)
    seen: set[str] = set()
    for _ in range(count):
        snapshot = parser.parse(source.value())
        refuse_twice(snapshot.id, seen, "snapshot")
        yield snapshot


@overload
def read_bundle(raw: Iterable[bytes], limits: Limits) -> Iterator[BundleItem]: ...
@overload
def read_bundle(
    raw: Iterable[bytes], limits: Limits, read_snapshots: Callable[[StreamUnpacker, int, Limits], Iterator[S]]
) -> Iterator[BundleItem | S]: ...
def read_bundle(
    raw: Iterable[bytes],
    limits: Limits,
    read_snapshots: Callable[[StreamUnpacker, int, Limits], Iterator[Any]] = read_snapshots,
) -> Iterator[Any]:
    """The contents of an uncompressed bundle, in the order they stand there, each checked against its own id.

    An :class:`ObjectEntry` nobody reads is read, and checked, before the next item.  ``read_snapshots`` may read the
    snapshots in a way of its own, as strictly as :func:`read_snapshots` does.
    Raises :class:`Invalid`, :class:`Integrity` or :class:`TooLarge`, naming the record and the rule.
    """
    source = StreamUnpacker(raw, limits.max_record_bytes)
    yield from read_bundle_map(source, limits, read_snapshots)
    source.finish()


def read_bundle_map(
    source: StreamUnpacker, limits: Limits, read_snapshots: Callable[[StreamUnpacker, int, Limits], Iterator[S]]
) -> Iterator[BundleItem | S]:
    """As :func:`read_bundle`, for a bundle that is the next value of ``source``, whatever comes after it."""
    seen_keys: set[str] = set()
    for _ in range(source.map_size("the bundle")):
        key = source.text("a key of the bundle")
        if key in seen_keys:
            raise Invalid(f"the bundle has {key!r} twice")
        seen_keys.add(key)
        match key:
            case "meta":
                yield BundleMeta(parse_meta(source.value()))
            case "branch_heads":
                yield BranchHeads(_parse_heads(source.value()))
            case "commits":
                yield from read_commits(source, source.array_size("commits", limits.max_commits))
            case "snapshots":
                yield from read_snapshots(source, source.array_size("snapshots", limits.max_commits), limits)
            case "objects":
                yield from _read_objects(source, source.array_size("objects", limits.max_objects), limits)
            case _:
                source.skip()


def parse_meta(value: object) -> dict[str, Any]:
    """``meta`` checked: a map of JSON values, ``base_commits`` as bare ids."""
    if not isinstance(value, dict):
        raise Invalid("meta is not a map")
    check_value(value, "meta")
    fields = dict(value)
    if fields.get("format", FORMAT) != FORMAT:
        raise Invalid(f"bundle format {shown(fields['format'])} is not known", hint="This program reads format 1.")
    base = fields.get("base_commits") or []
    if not isinstance(base, list):
        raise Invalid("meta: base_commits is not a list")
    fields["base_commits"] = [parse_id(item, "meta: base_commits") for item in base]
    return fields


def _parse_heads(value: object) -> dict[str, CommitId]:
    """Branch → head. A name that cannot be a branch's is for whoever makes one of it to refuse: the rest is whole."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise Invalid("branch_heads is not a map of texts")
    return {name: CommitId(parse_id(head, f"head of {shown(name)}")) for name, head in value.items()}


def read_commits(source: StreamUnpacker, count: int) -> Iterator[Commit]:
    """``count`` commit records, none twice."""
    seen: set[str] = set()
    for _ in range(count):
        commit = parse_commit(source.value())
        refuse_twice(commit.id, seen, "commit")
        yield commit


def _read_objects(source: StreamUnpacker, count: int, limits: Limits) -> Iterator[ObjectEntry]:
    seen: set[str] = set()
    with source.small_bites():
        for _ in range(count):
            head = source.match(_USUAL_OBJECT)
            if head is None:
                yield from _read_any_object(source, limits, seen)
                continue
            # An entry as write_bundle writes it: all before the content has been read in one go.
            digits, *sizes = head.groups()
            object_id = ObjectId(digits.decode())
            size = int.from_bytes(sizes[0] or sizes[1] or sizes[2], "big")
            check_size(size, f"object {object_id[:12]}", limits.max_object_bytes)
            entry = ObjectEntry(size, source.offset, source, object_id)
            yield entry
            entry.drain()
            refuse_twice(object_id, seen, "object")


def _read_any_object(source: StreamUnpacker, limits: Limits, seen: set[str]) -> Iterator[ObjectEntry]:
    entry: ObjectEntry | None = None
    object_id = ""
    keys: set[str] = set()
    for _ in range(source.map_size("an entry of objects")):
        key = source.text("a key of an object")
        if key in keys:
            raise Invalid(f"an object has {key!r} twice")
        keys.add(key)
        if key == "object_id":
            object_id = parse_id(source.value(), "object_id")
        elif key == "content":
            size = source.binary_size(f"object {object_id[:12]}", limits.max_object_bytes)
            entry = ObjectEntry(size, source.offset, source, ObjectId(object_id))
            yield entry
            entry.drain()
        elif key == "path":
            if (path := source.value()) is not None:
                check_path(path)
        else:
            source.skip()
    if not entry or not object_id:
        raise Invalid("an object lacks its object_id or its content")
    if entry.id != object_id:
        raise Integrity(f"object {object_id} does not match its content", details={"object_id": object_id})
    refuse_twice(object_id, seen, "object")


def refuse_twice(item: str, seen: set[str], kind: str) -> None:
    """Raise :class:`Invalid` when ``item`` is one of ``seen``, and make it one."""
    if item in seen:
        raise Invalid(f"{kind} {item} is in the bundle twice", details={f"{kind}_id": item})
    seen.add(item)


def pack_record(fields: Mapping[str, Any]) -> bytes:
    """A record as msgpack. Raises :class:`Invalid` for what msgpack cannot hold (64-bit numbers, lone surrogates)."""
    try:
        return bytes(msgpack.packb(fields))
    except (ValueError, OverflowError, TypeError) as exc:
        name = next((str(fields[key]) for key in ("commit_id", "snapshot_id", "tag_id") if key in fields), "?")
        raise Invalid(f"record {name} cannot be sent: {exc}"[:200]) from exc


def binary_header(size: int) -> bytes:
    """The msgpack header of a binary value of ``size`` bytes. Raises :class:`TooLarge` for 4 GiB and more."""
    if size < 1 << 8:
        return b"\xc4" + size.to_bytes(1, "big")
    if size < 1 << 16:
        return b"\xc5" + size.to_bytes(2, "big")
    if size >= 1 << 32:
        raise TooLarge(f"an object of {size} bytes does not fit into a bundle", details={"size_bytes": size})
    return b"\xc6" + size.to_bytes(4, "big")


_OBJECT_HEAD = b"\x82" + msgpack.packb("object_id")
_OBJECT_CONTENT = msgpack.packb("content")


def object_head(object_id: str, size_bytes: int) -> bytes:
    """An entry of ``objects`` up to its content; the id is written as it is spelled. Raises :class:`TooLarge`."""
    return b"".join((_OBJECT_HEAD, msgpack.packb(object_id), _OBJECT_CONTENT, binary_header(size_bytes)))


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """An object to be written: its id, its size, and how to read its bytes when its turn comes."""

    id: ObjectId
    size_bytes: int
    pieces: Iterable[bytes]

    def exact_pieces(self) -> Iterator[bytes]:
        """The bytes; raises :class:`Integrity` at their end when they are not ``size_bytes``."""
        read = 0
        for piece in self.pieces:
            read += len(piece)
            yield piece
        if read != self.size_bytes:
            raise Integrity(
                f"object {self.id} has {read} bytes where {self.size_bytes} were announced",
                hint="Its file changed while it was read; run `museui verify`.",
                details={"object_id": self.id, "rule": "object_id"},
            )


def write_bundle(
    *,
    meta: Mapping[str, Any],
    branch_heads: Mapping[str, str],
    commits: Sequence[bytes],
    snapshots: tuple[int, Iterable[bytes]],
    objects: Callable[[], tuple[int, Iterable[ObjectSource]]],
    bare_ids: bool = False,
) -> Iterator[bytes]:
    """An uncompressed bundle in parts, ready for :func:`~museui.core.frames.compress_frames`.

    ``commits`` are packed records, parents first; ``snapshots`` their number and packed records in first-use order;
    ``objects`` is asked for number and sources once every snapshot has been taken.  ``bare_ids`` writes ids as the
    0.1.x protocol does.
    """
    spell = (lambda digits: digits) if bare_ids else qualified
    pack = msgpack.Packer(autoreset=True)
    yield pack.pack_map_header(6)
    yield pack.pack("meta") + pack.pack(dict(meta))
    yield pack.pack("branch_heads") + pack.pack({name: spell(head) for name, head in branch_heads.items()})
    yield pack.pack("commits") + pack.pack_array_header(len(commits))
    yield from commits
    snapshot_count, records = snapshots
    yield pack.pack("snapshots") + pack.pack_array_header(snapshot_count)
    yield from records
    object_count, sources = objects()
    yield pack.pack("objects") + pack.pack_array_header(object_count)
    object_bytes = 0
    for source in sources:
        yield object_head(spell(source.id), source.size_bytes)
        yield from source.exact_pieces()
        object_bytes += source.size_bytes
    yield pack.pack("summary") + pack.pack(
        {"commits": len(commits), "snapshots": snapshot_count, "objects": object_count, "object_bytes": object_bytes}
    )
