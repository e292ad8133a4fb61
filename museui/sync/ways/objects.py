"""Push object by object: each object as it is, then one confirm whose body holds the records."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgpack

from museui.core import wire
from museui.core.errors import Integrity
from museui.core.failpoints import failpoint
from museui.core.frames import compress_frames
from museui.core.ids import ObjectId, qualified
from museui.core.wire import PushTarget, encode_target
from museui.repo.repository import Repository

from ..content import Content, Progress, counted
from ..kept_bundles import write_all
from ..object_reader import object_size
from ..run_phase import Phase, run_phase
from .object_transfer import ObjectTransfer
from .packed import Counts, PackJob
from .sender import PRESIGN_TRIES, Sender


@dataclass(frozen=True, slots=True)
class PackedObjects:
    """``path`` holds the ``body_bytes`` of the confirm, compressed; ``sizes``: object → bytes, in their order."""

    path: Path
    body_bytes: int
    sizes: dict[ObjectId, int]


@dataclass(frozen=True, slots=True)
class ObjectsPush:
    """A push that is packed as single objects and the body of their confirm. ``in_flight``: uploads at once."""

    packed: PackedObjects
    counts: Counts
    repository: Repository
    in_flight: int
    measures_line: ClassVar[bool] = False

    async def send(self, sender: Sender) -> tuple[wire.PushAnswer, int]:
        """Each object that the hub asks for, then the confirm; the answer, and the bytes of objects that were sent.

        What the hub then misses, or finds to have other bytes, is sent again.
        """
        packed, clock = self.packed, sender.environment.clock
        sent_bytes = 0
        for left in reversed(range(PRESIGN_TRIES)):
            with run_phase("transfer", sender.emit, clock) as phase:
                transfer = ObjectTransfer(
                    sender.client, self.repository, sender.retrying, sender.environment, phase, self.in_flight
                )
                await transfer.send(packed.sizes)
            sent_bytes += transfer.sent_bytes
            failpoint("push.transferred")
            index = Phase("index", sender.emit, clock)
            try:
                answer = await sender.retrying(
                    lambda: sender.client.confirm_objects(sender.read_file(packed.path), packed.body_bytes)
                )
            except BaseException as exc:
                index.end(ok=False)
                resend = isinstance(exc, Integrity) and exc.details.get("rule") in ("arrived", "object_id")
                if not left or not resend:
                    raise
            else:
                break
        return sender.end(index, answer), packed.body_bytes + sent_bytes


def pack(job: PackJob) -> ObjectsPush:
    """Pack the records of the job's content; the objects are only measured."""
    content = job.content
    part = job.kept_bundles.part_path(job.target.head, content.walk.base, job.tool)
    packed = pack_objects(content, job.target, part, job.level, job.on_progress)
    return ObjectsPush(packed, Counts.of(content, packed.body_bytes), content.repository, job.in_flight)


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
