"""Push as one bundle: packed into a file that is kept until the hub confirms, PUT to a presigned URL, confirmed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from museui.core import wire
from museui.core.bundle import FORMAT, write_bundle
from museui.core.errors import NotFound, TooLarge, UploadExpired
from museui.core.failpoints import failpoint
from museui.core.frames import compress_frames
from museui.core.ids import BundleId, CommitId, qualified

from ..content import Content, Progress, counted
from ..kept_bundles import PackedBundle, write_all
from ..run_phase import Phase, run_phase
from .packed import Counts, PackJob
from .sender import PRESIGN_TRIES, Sender

_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class BundlePush:
    """A push that is packed as a bundle."""

    packed: PackedBundle
    measures_line: ClassVar[bool] = True

    @property
    def counts(self) -> Counts:
        """Return its counts and sizes."""
        packed = self.packed
        return Counts(
            packed.commits, packed.snapshots, packed.objects, packed.raw_bytes, packed.wire_bytes, packed.bundle_id
        )

    async def send(self, sender: Sender) -> tuple[wire.PushAnswer, int]:
        """Presign, PUT, confirm. An upload that expired, or that did not arrive after all, is presigned again."""
        for _ in range(PRESIGN_TRIES - 1):
            try:
                return await self._send_once(sender), self.packed.wire_bytes
            except (UploadExpired, NotFound):
                continue
        return await self._send_once(sender), self.packed.wire_bytes

    async def _send_once(self, sender: Sender) -> wire.PushAnswer:
        packed, clock = self.packed, sender.environment.clock
        with run_phase("transfer", sender.emit, clock) as phase:
            upload_id = await sender.retrying(lambda: self._upload(sender, phase))
        failpoint("push.transferred")
        index = Phase("index", sender.emit, clock)
        ask = wire.ConfirmRequest(packed.bundle_id, upload_id)
        try:
            answer = await sender.retrying(lambda: sender.client.confirm(ask, sender.target))
        except BaseException:
            index.end(ok=False)
            raise
        return sender.end(index, answer)

    async def _upload(self, sender: Sender, phase: Phase) -> str:
        # Each try presigns: one small request that also tells whether the bytes of an earlier try have arrived.
        packed, target = self.packed, sender.target
        ask = wire.PresignRequest(
            bundle_id=packed.bundle_id,
            size_bytes=packed.wire_bytes,
            branch=target.branch,
            head=target.head,
            expected_head=target.expected_head,
            raw_bytes=packed.raw_bytes,
            commits=packed.commits,
            snapshots=packed.snapshots,
            objects=packed.objects,
            put_headers=True,
            force=target.force,
        )
        answer = await sender.client.presign(ask, target.lease)
        failpoint("push.presigned")
        phase.detail.update(already_present=answer.already_present, bytes=0)
        if not answer.already_present:
            pieces = _read_bundle(sender, packed, phase)
            await sender.client.put(answer.presigned_url, answer.headers, packed.wire_bytes, pieces)
            phase.detail["bytes"] = packed.wire_bytes
        return answer.upload_id


def pack(job: PackJob) -> BundlePush:
    """Pack the job's content and keep the bundle. Raises :class:`TooLarge` for more than the hub takes."""
    target, kept_bundles = job.target, job.kept_bundles
    part = kept_bundles.part_path(target.head, job.content.walk.base, job.tool)
    packed = pack_bundle(job.content, target.branch, target.head, part, job.level, job.tool, job.on_progress)
    if packed.wire_bytes > job.max_bundle_bytes:
        kept_bundles.clear()
        raise TooLarge(
            f"the bundle has {packed.wire_bytes} bytes; the hub takes {job.max_bundle_bytes} at most",
            hint="Push an older commit to this branch first, or have the hub's limit raised.",
            details={"size_bytes": packed.wire_bytes, "max_bundle_bytes": job.max_bundle_bytes},
        )
    return BundlePush(kept_bundles.keep(part, packed))


def pack_bundle(
    content: Content, branch: str, head: CommitId, path: Path, level: int, tool: str, on_progress: Progress
) -> PackedBundle:
    """Write the bundle of ``content`` to ``path``, compressed at ``level``, hashed while it is written.

    Holds a few frames of 4 MiB in memory, whatever the size.  Raises :class:`Integrity` for what is damaged or missing.
    """
    walk = content.walk
    created_at = next(commit.committed_at for commit in reversed(walk.commits)) if walk.commits else ""
    meta = {
        "mode": "incremental" if walk.base else "full",
        "base_commits": [qualified(base) for base in walk.base],
        "created_at": created_at,
        "format": FORMAT,
        "tool": tool,
    }
    digest = hashlib.sha256()
    wire_bytes = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="pack") as executor, path.open("wb", buffering=0) as file:
        parts = write_bundle(
            meta=meta,
            branch_heads={branch: head},
            commits=content.commit_records,
            snapshots=(content.snapshot_count, content.snapshot_records()),
            objects=lambda: (content.object_count, content.sources(executor, on_progress)),
        )
        for frame in compress_frames(counted(parts, content), level, executor):
            write_all(file, frame)
            digest.update(frame)
            failpoint("push.packing")
            wire_bytes += len(frame)
    return PackedBundle(
        path=path,
        bundle_id=BundleId(digest.hexdigest()),
        wire_bytes=wire_bytes,
        raw_bytes=content.raw_bytes,
        commits=len(walk.commits),
        snapshots=content.snapshot_count,
        objects=content.object_count,
        level=level,
    )


async def _read_bundle(sender: Sender, packed: PackedBundle, phase: Phase) -> AsyncIterator[bytes]:
    done = 0
    async for piece in sender.read_file(packed.path):
        yield piece
        done += len(piece)
        phase.progress(done, packed.wire_bytes, "bytes")
        if done > packed.wire_bytes // 2:
            failpoint("push.transferring")
