"""A push whose objects were sent one at a time, read as the bundle that they and its records make up.

So it is verified, stored and recorded like any other, and thousands of objects become one thing in the store before
anybody is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from museui.core.bundle import object_head
from museui.core.errors import Invalid, NotFound, Unavailable
from museui.core.frames import iter_raw
from museui.core.ids import ObjectId, parse_id, qualified
from museui.core.limits import Limits
from museui.core.unpack import StreamUnpacker

from ...arrivals.spool import copy_pieces
from ...store.base import ObjectStore
from ...store.keys import READ_BYTES, Entry, bundle_key
from ..verify import Form

_READ_AT_ONCE = 16
CHANGED = "object_unchanged"
"""The rule that a staged object broke which is not any more what was found."""
_TARGET_FIELDS = ("branch", "head", "force", "expected_head")


@dataclass(frozen=True, slots=True)
class ConfirmBody:
    """What ``push/confirm`` wants. ``target``: the fields of the push's target, not checked yet.

    The uncompressed body is a map of ``keys`` entries, ``head_bytes`` of its ``raw_bytes`` before the first.
    """

    target: dict[str, Any]
    object_ids: list[ObjectId]
    keys: int
    head_bytes: int
    raw_bytes: int


def read_confirm_body(wire: Iterable[bytes], limits: Limits) -> ConfirmBody:
    """What a body holds besides its records, which are passed over. Blocks: for a worker thread.

    Raises :class:`Invalid` or :class:`~museui.core.errors.TooLarge`.
    """
    source = StreamUnpacker(iter_raw(wire, limits.max_raw_bytes), limits.max_record_bytes)
    keys = source.map_size("the body")
    head_bytes = source.offset
    target: dict[str, Any] = {}
    object_ids: list[ObjectId] = []
    for _ in range(keys):
        name = source.text("a key of the body")
        if name in _TARGET_FIELDS:
            target[name] = source.value()
        elif name == "object_ids":
            object_ids = _parse_ids(source.value())
        elif name == "objects":
            raise Invalid("field 'objects' has no place here", hint="PUT the objects first: push/presign.")
        else:
            source.skip()
    source.finish()
    return ConfirmBody(target, object_ids, keys, head_bytes, source.offset)


def _parse_ids(value: object) -> list[ObjectId]:
    if not isinstance(value, list):
        raise Invalid("field 'object_ids' is not a list", details={"field": "object_ids"})
    return list(dict.fromkeys(ObjectId(parse_id(item, "field 'object_ids'")) for item in value))


class GatheredSource:
    """A :class:`~hubstub.push.sources.PushSource`: the body of a confirm, then the staged objects it announced.

    What is stored are the bytes that were read, which go to the local file ``copy`` meanwhile.
    """

    form: Form = "bundle"
    sha256: str | None = None
    max_raw_bytes: int | None = None

    def __init__(
        self,
        store: ObjectStore,
        read_body: Callable[[], Iterator[bytes]],
        body: ConfirmBody,
        entries: Mapping[ObjectId, Entry],
        copy: Path,
    ) -> None:
        """``read_body`` gives the body as it came; ``entries``: where each object is staged."""
        self._store = store
        self._read_body = read_body
        self._body = body
        self._entries = entries
        self._copy = copy
        pack = msgpack.Packer(autoreset=True)
        self._head = pack.pack_map_header(body.keys + 1)
        self._middle = pack.pack("objects") + pack.pack_array_header(len(entries))

    @property
    def size_bytes(self) -> int:
        """See :class:`~hubstub.push.sources.PushSource`."""
        records = len(self._head) + self._body.raw_bytes - self._body.head_bytes + len(self._middle)
        heads = sum(len(_head(item, entry)) for item, entry in self._entries.items())
        return records + heads + sum(entry.size_bytes for entry in self._entries.values())

    def read(self) -> Iterator[bytes]:
        """See :class:`~hubstub.push.sources.PushSource`."""
        return copy_pieces(self._pieces(), self._copy)

    async def flush(self) -> None:
        """Nothing to be had early: what will be stored is what is being read."""

    async def keep(self, bundle: str) -> None:
        """See :class:`~hubstub.push.sources.PushSource`."""
        await self._store.put_file(bundle_key(bundle), self._copy)

    def _pieces(self) -> Iterator[bytes]:
        yield self._head
        skipped = self._body.head_bytes
        for piece in iter_raw(self._read_body(), self._body.raw_bytes):
            yield piece[skipped:]
            skipped = max(0, skipped - len(piece))
        yield self._middle
        with ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="gather") as executor:
            yield from self._objects(executor)

    def _objects(self, executor: ThreadPoolExecutor) -> Iterator[bytes]:
        """The entries in their order; small ones are read some ahead, large ones when their turn comes."""
        rest = iter(self._entries.items())
        ahead: deque[tuple[ObjectId, Entry, Future[bytes] | None]] = deque()

        def read_ahead() -> None:
            while len(ahead) < 2 * _READ_AT_ONCE and (item := next(rest, None)):
                small = item[1].size_bytes <= READ_BYTES
                ahead.append((*item, executor.submit(self._read_whole, *item) if small else None))

        read_ahead()
        while ahead:
            object_id, entry, content = ahead.popleft()
            read_ahead()
            if content is not None:
                yield _head(object_id, entry) + content.result()
            else:
                yield _head(object_id, entry)
                yield from self._read(object_id, entry)

    def _read_whole(self, object_id: ObjectId, entry: Entry) -> bytes:
        return b"".join(self._read(object_id, entry))

    def _read(self, object_id: ObjectId, entry: Entry) -> Iterator[bytes]:
        size = 0
        try:
            for piece in self._store.read(entry.key, version=entry.version):
                size += len(piece)
                yield piece
        except NotFound as exc:
            raise _changed(object_id) from exc
        if size != entry.size_bytes:
            raise _changed(object_id)


def _head(object_id: ObjectId, entry: Entry) -> bytes:
    return object_head(qualified(object_id), entry.size_bytes)


def _changed(object_id: ObjectId) -> Unavailable:
    """Another push took it into the repository, or it was sent again, after it was found."""
    return Unavailable(
        f"object {object_id} went or changed while it was read",
        hint="Confirm again.",
        details={"object_id": object_id, "rule": CHANGED},
    )
