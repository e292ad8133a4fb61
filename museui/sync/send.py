"""The last three phases: what was packed goes to the hub, which verifies it and moves the branch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from museui.core import wire
from museui.core.errors import Integrity, NotFound, UploadExpired
from museui.core.failpoints import failpoint
from museui.core.ids import qualified
from museui.hub.client import HubClient
from museui.hub.retry import with_retries
from museui.repo.repository import Repository

from .pace import pace_pieces
from .pack_objects import PackedObjects
from .phases import Emit, Phase, run_phase
from .result import Environment
from .send_objects import ObjectTransfer
from .spool import PackedBundle

_PRESIGN_TRIES = 3
_MAX_TIMINGS = 32
"""Maximum number of steps of which a hub may say the times; they are kept with the push."""

T = TypeVar("T")


class Sender:
    """Sends one push's work to ``target``. Every request is repeated as the environment's retry policy says."""

    def __init__(self, client: HubClient, environment: Environment, emit: Emit, target: wire.PushTarget) -> None:
        self._client = client
        self._environment = environment
        self._emit = emit
        self._target = target

    async def _retrying(self, attempt: Callable[[], Awaitable[T]]) -> T:
        environment = self._environment
        return await with_retries(attempt, environment.retry, environment.sleep, environment.random)

    async def send_bundle(self, packed: PackedBundle) -> wire.PushAnswer:
        """Presign, PUT, confirm. An upload that expired, or that did not arrive after all, is presigned again."""
        clock = self._environment.clock
        for _ in range(_PRESIGN_TRIES - 1):
            try:
                return await self._send_once(packed, clock)
            except (UploadExpired, NotFound):
                continue
        return await self._send_once(packed, clock)

    async def _send_once(self, packed: PackedBundle, clock: Callable[[], float]) -> wire.PushAnswer:
        with run_phase("transfer", self._emit, clock) as phase:
            upload_id = await self._retrying(lambda: self._upload(packed, phase))
        failpoint("push.transferred")
        index = Phase("index", self._emit, clock)
        ask = wire.ConfirmRequest(packed.bundle_id, upload_id)
        try:
            answer = await self._retrying(lambda: self._client.confirm(ask, self._target))
        except BaseException:
            index.end(ok=False)
            raise
        return self._end(index, answer)

    async def _upload(self, packed: PackedBundle, phase: Phase) -> str:
        # Each try presigns: one small request that also tells whether the bytes of an earlier try have arrived.
        target = self._target
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
        answer = await self._client.presign(ask, target.lease)
        failpoint("push.presigned")
        phase.detail.update(already_present=answer.already_present, bytes=0)
        if not answer.already_present:
            pieces = self._read_bundle(packed, phase)
            await self._client.put(answer.presigned_url, answer.headers, packed.wire_bytes, pieces)
            phase.detail["bytes"] = packed.wire_bytes
        return answer.upload_id

    async def send_objects(
        self, packed: PackedObjects, repository: Repository, in_flight: int
    ) -> tuple[wire.PushAnswer, int]:
        """Each object that the hub asks for, then the confirm; the answer, and the bytes of objects that were sent.

        What the hub then misses, or finds to have other bytes, is sent again.
        """
        clock = self._environment.clock
        sent_bytes = 0
        for left in reversed(range(_PRESIGN_TRIES)):
            with run_phase("transfer", self._emit, clock) as phase:
                transfer = ObjectTransfer(self._client, repository, self._retrying, self._environment, phase, in_flight)
                await transfer.send(packed.sizes)
            sent_bytes += transfer.sent_bytes
            failpoint("push.transferred")
            index = Phase("index", self._emit, clock)
            try:
                answer = await self._retrying(
                    lambda: self._client.confirm_objects(self._read_file(packed.path), packed.body_bytes)
                )
            except BaseException as exc:
                index.end(ok=False)
                resend = isinstance(exc, Integrity) and exc.details.get("rule") in ("arrived", "object_id")
                if not left or not resend:
                    raise
            else:
                break
        return self._end(index, answer), sent_bytes

    async def send_stream(self, body: bytes) -> wire.PushAnswer:
        """Everything in one ``push/stream`` request; the transfer ends when its last byte is sent."""
        clock = self._environment.clock
        transfer = Phase("transfer", self._emit, clock)
        transfer.detail["bytes"] = len(body)
        sent_s: float | None = None

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent_s
            done = 0
            async for piece in self._pace(BytesIO(body).read):
                transfer.progress(done, len(body), "bytes")
                yield piece
                done += len(piece)
            sent_s = clock()
            failpoint("push.transferred")

        try:
            answer = await self._retrying(lambda: self._client.push_stream(pieces(), len(body)))
        except BaseException:
            transfer.end(ok=sent_s is not None)
            if sent_s is not None:
                Phase("index", self._emit, clock).end(ok=False)
            raise
        transfer.end(seconds=(sent_s or clock()) - transfer.began_s)
        index = Phase("index", self._emit, clock)
        index.began_s = sent_s or index.began_s
        return self._end(index, answer)

    def _end(self, index: Phase, answer: wire.PushAnswer) -> wire.PushAnswer:
        """Divide the time of the last request between its two phases, as the hub measured them."""
        if answer.head != self._target.head:
            index.end(ok=False)
            raise Integrity("the hub answered for another commit than was pushed")
        clock = self._environment.clock
        advance_s = answer.timings.get("advance", 0.0)
        timings = [(name, value) for name, value in answer.timings.items() if name != "advance" and len(name) < 60]
        index.detail.update(timings[:_MAX_TIMINGS])
        index.detail["promotion"] = answer.promotion[:60]
        index.end(seconds=max(0.0, clock() - index.began_s - advance_s))
        advance = Phase("advance_ref", self._emit, clock)
        advance.detail["previous_head"] = qualified(answer.previous_head) if answer.previous_head else None
        advance.end(seconds=advance_s)
        return answer

    def _pace(self, read: Callable[[int], bytes]) -> AsyncIterator[bytes]:
        environment = self._environment
        return pace_pieces(read, environment.limit, environment.clock, environment.sleep)

    async def _read_file(self, path: Path) -> AsyncIterator[bytes]:
        with path.open("rb", buffering=0) as file:
            async for piece in self._pace(file.read):
                yield piece

    async def _read_bundle(self, packed: PackedBundle, phase: Phase) -> AsyncIterator[bytes]:
        done = 0
        async for piece in self._read_file(packed.path):
            yield piece
            done += len(piece)
            phase.progress(done, packed.wire_bytes, "bytes")
            if done > packed.wire_bytes // 2:
                failpoint("push.transferring")
