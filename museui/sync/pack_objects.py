"""What a push one object at a time sends: the objects as they are, and the records as the body of its confirm."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgpack

from museui.core.frames import compress_frames
from museui.core.ids import ObjectId, qualified
from museui.core.wire import PushTarget, encode_target

from .objects import object_size
from .pack import Content, Progress, counted
from .spool import write_all


@dataclass(frozen=True, slots=True)
class PackedObjects:
    """``path`` holds the ``body_bytes`` of the confirm, compressed; ``sizes``: object → bytes, in their order."""

    path: Path
    body_bytes: int
    sizes: dict[ObjectId, int]


def pack_objects(content: Content, target: PushTarget, path: Path, level: int, on_progress: Progress) -> PackedObjects:
    """Write the body of the confirm to ``path`` and see how large the objects are.

    Raises :class:`~museui.core.errors.Integrity` for an object that is missing, and
    :class:`~museui.core.errors.TooLarge` for one that the hub would not take.
    """
    sizes: dict[ObjectId, int] = {}

    def parts() -> Iterator[bytes]:
        fields = encode_target(target)
        pack = msgpack.Packer(autoreset=True)
        yield pack.pack_map_header(len(fields) + 3)
        for name, value in fields.items():
            yield pack.pack(name) + pack.pack(value)
        yield pack.pack("commits") + pack.pack_array_header(len(content.commit_records))
        yield from content.commit_records
        yield pack.pack("snapshots") + pack.pack_array_header(content.snapshot_count)
        yield from content.snapshot_records()
        ids = content.objects()
        for done, object_id in enumerate(ids):
            sizes[object_id] = object_size(content.repository, object_id, content.limits.max_object_bytes)
            if not done & 63:
                on_progress(done, len(ids))
        yield pack.pack("object_ids") + pack.pack([qualified(object_id) for object_id in ids])

    body_bytes = 0
    with ThreadPoolExecutor(1, thread_name_prefix="pack") as executor, path.open("wb", buffering=0) as file:
        for frame in compress_frames(counted(parts(), content), level, executor):
            write_all(file, frame)
            body_bytes += len(frame)
    content.raw_bytes += sum(sizes.values())
    return PackedObjects(path, body_bytes, sizes)
