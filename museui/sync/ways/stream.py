"""Push as one ``push/stream`` request, whose body is packed in memory: for small pushes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar

from museui.core import wire
from museui.core.failpoints import failpoint
from museui.core.frames import compress_frames
from museui.core.stream import write_stream

from ..content import Content, Progress, counted
from ..run_phase import Phase
from .packed import Counts, PackJob
from .sender import Sender


@dataclass(frozen=True, slots=True)
class StreamPush:
    """A push that is packed as the ``body`` of one request."""

    body: bytes
    counts: Counts
    measures_line: ClassVar[bool] = False

    async def send(self, sender: Sender) -> tuple[wire.PushAnswer, int]:
        """Everything in one ``push/stream`` request; the transfer ends when its last byte is sent."""
        body, clock = self.body, sender.environment.clock
        transfer = Phase("transfer", sender.emit, clock)
        transfer.detail["bytes"] = len(body)
        sent_s: float | None = None

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent_s
            done = 0
            async for piece in sender.throttle(BytesIO(body).read):
                transfer.progress(done, len(body), "bytes")
                yield piece
                done += len(piece)
            sent_s = clock()
            failpoint("push.transferred")

        try:
            answer = await sender.retrying(lambda: sender.client.push_stream(pieces(), len(body)))
        except BaseException:
            transfer.end(ok=sent_s is not None)
            if sent_s is not None:
                Phase("index", sender.emit, clock).end(ok=False)
            raise
        transfer.end(seconds=(sent_s or clock()) - transfer.began_s)
        index = Phase("index", sender.emit, clock)
        index.began_s = sent_s or index.began_s
        return sender.end(index, answer), len(body)


def pack(job: PackJob) -> StreamPush:
    """Pack the job's content in memory."""
    body = pack_stream(job.content, job.target, job.level, job.on_progress)
    return StreamPush(body, Counts.of(job.content, len(body)))


def pack_stream(content: Content, target: wire.PushTarget, level: int, on_progress: Progress) -> bytes:
    """Return the whole ``push/stream`` body of ``content``, compressed. Only for what :meth:`Content.fits_stream`."""
    walk = content.walk
    snapshots = list(content.snapshot_records())
    header = {
        **wire.encode_target(target),
        "commits": len(walk.commits),
        "snapshots": len(snapshots),
        "objects": content.object_count,
    }
    with ThreadPoolExecutor(1, thread_name_prefix="pack") as executor:
        parts = write_stream(header, content.commit_records, snapshots, lambda: content.sources(executor, on_progress))
        return b"".join(compress_frames(counted(parts, content), level, executor))
