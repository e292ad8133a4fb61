"""The transfer of a push one object at a time: URLs for some, PUTs with so many in flight, then URLs for the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from museui.core.errors import Denied, UploadExpired, Usage
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId, parse_id
from museui.core.wire import ObjectsPresignAnswer, ObjectsPresignRequest
from museui.hub.client import HubClient
from museui.repo.repository import Repository

from ..push_request import Environment
from ..run_phase import Phase

_AT_ONCE = 1000
"""URLs are asked for late, so that none expires while it waits for its turn."""
_PRESIGN_TRIES = 3
_WHOLE_BYTES = 1 << 20
"""Objects up to this size are read at once, and checked before they are sent."""

Retrying = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


class ObjectTransfer:
    """Sends the objects of one push that are not at the hub."""

    def __init__(
        self,
        client: HubClient,
        repository: Repository,
        retrying: Retrying,
        environment: Environment,
        phase: Phase,
        in_flight: int,
    ) -> None:
        """``retrying`` does a request, again while that is worth it."""
        self._client = client
        self._repository = repository
        self._retrying = retrying
        self._environment = environment
        self._phase = phase
        self._in_flight = in_flight
        self._done_bytes = 0
        self._total_bytes = 0
        self._sent: set[ObjectId] = set()
        self.sent_bytes = 0

    async def send(self, sizes: Mapping[ObjectId, int]) -> None:
        """Send all of ``sizes`` (object → bytes) that the hub asks for.

        Raises :class:`~museui.core.errors.Integrity` for an object that is damaged here, and what the store answers.
        """
        self._total_bytes = sum(sizes.values())
        detail = self._phase.detail
        detail.update(in_flight=self._in_flight, objects_sent=0, objects_present=0, bytes=0)
        rest = iter(sorted(sizes))  # neighbours are cheap to look for at the hub
        while group := {object_id: sizes[object_id] for object_id in islice(rest, _AT_ONCE)}:
            await self._send_group(group)
            detail["bytes"] = self.sent_bytes

    async def _send_group(self, sizes: dict[ObjectId, int]) -> None:
        ask = ObjectsPresignRequest(list(sizes), list(sizes.values()), put_headers=True)
        for left in reversed(range(_PRESIGN_TRIES)):
            answer: ObjectsPresignAnswer = await self._retrying(lambda: self._client.presign_objects(ask))
            if answer.inline:
                raise Usage("this hub cannot take every object on its own", hint="Use --strategy auto.")
            failpoint("push.presigned")
            try:
                await self._put_all(answer, sizes)
            except (UploadExpired, Denied):
                if not left:
                    raise
            else:
                return

    async def _put_all(self, answer: ObjectsPresignAnswer, sizes: Mapping[ObjectId, int]) -> None:
        """PUT what was presigned of ``sizes``; what is not counts as present, unless it was sent just now."""
        asked = {ObjectId(parse_id(spelling)): spelling for spelling in answer.presigned}
        for object_id in sizes.keys() - asked.keys() - self._sent:
            self._phase.detail["objects_present"] += 1
            self._done_bytes += sizes[object_id]
            self._sent.add(object_id)
        waiting = iter(asked.items())

        async def put_some() -> None:
            for object_id, spelling in waiting:
                url, headers = answer.presigned[spelling], answer.headers.get(spelling, {})
                await self._retrying(lambda: self._put(object_id, sizes[object_id], url, headers))  # noqa: B023
                self._count(object_id, sizes[object_id])

        await _all(put_some() for _ in range(min(self._in_flight, len(asked))))

    async def _put(self, object_id: ObjectId, size_bytes: int, url: str, headers: Mapping[str, str]) -> None:
        environment = self._environment
        if (wait_s := environment.limit.reserve(size_bytes, environment.clock())) > 0:
            await environment.sleep(wait_s)
        pieces = self._repository.store.read_object(object_id)
        body = b"".join(pieces) if size_bytes <= _WHOLE_BYTES else _in_thread(pieces)
        await self._client.put(url, headers, size_bytes, body)

    def _count(self, object_id: ObjectId, size_bytes: int) -> None:
        self._sent.add(object_id)
        self._phase.detail["objects_sent"] += 1
        self.sent_bytes += size_bytes
        self._done_bytes += size_bytes
        self._phase.progress(self._done_bytes, self._total_bytes, "bytes")
        if self._done_bytes > self._total_bytes // 2:
            failpoint("push.transferring")


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all; when one fails, the others are ended before its failure is told."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
