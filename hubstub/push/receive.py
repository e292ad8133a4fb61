"""The seven steps between bytes that have arrived and a branch that has moved, the same for every way in.

Read and hash; unpack under limits; check every id and the graph; check every signature; store; one transaction;
answer.  When a step fails, nothing has changed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from sqlalchemy import select

from museui.core.errors import MuseError
from museui.core.failpoints import failpoint
from museui.core.wire import PushAnswer, PushTarget

from ..index.schema import bundles
from ..log import log_facts
from ..memory import LONG_WORK_BYTES, give_back_memory
from ..metrics import count_push
from ..people.repositories import RepositoryRow
from ..people.tokens import Caller
from ..store.keys import bundle_key
from .advance import check_lease
from .closure import check_closed
from .desk import PushParts
from .policy import check_signatures
from .quota import Place, place_of, require_room_for_first
from .record import Receipt, Sent, record_push
from .sources import PushSource
from .verify import Contents, read_contents

_log = logging.getLogger("hubstub.push")

ChooseTarget = Callable[[Contents], PushTarget]
Opened = tuple[RepositoryRow, Caller]
_NO_REPOSITORY = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a push goes: ``repository`` is None until ``open`` makes it, which is once its contents are verified.

    ``name``: ``owner/slug``; ``user_id``: whose push it is, and whose objects may wait for it.
    """

    name: str
    user_id: int
    repository: RepositoryRow | None
    open: Callable[[], Awaitable[Opened]]

    @property
    def place(self) -> Place:
        """It as quotas know it: a repository that is not there is its owner's push to make."""
        if self.repository is None:
            return Place(self.name, self.user_id, None)
        return place_of(self.repository)


def destination_of(repository: RepositoryRow, caller: Caller) -> Destination:
    """A repository that is there."""

    async def give() -> Opened:
        return repository, caller

    return Destination(repository.name, caller.user_id, repository, give)


async def open_with_room(
    hub: PushParts, destination: Destination, asked_bytes: int, now: float | None = None
) -> Opened:
    """Open it, but make no repository that has no room for what is to be put into it.

    Raises as :func:`~hubstub.push.quota.require_room_for_first` does, and what ``destination.open`` raises.
    """
    if destination.repository is None and asked_bytes:
        async with hub.database.read() as connection:
            await require_room_for_first(connection, hub.settings.quotas, destination.place, asked_bytes, now)
    return await destination.open()


Adopt = Callable[[PushParts, Destination, Contents], Awaitable[Destination]]


async def receive_push(
    hub: PushParts,
    destination: Destination,
    source: PushSource,
    choose_target: ChooseTarget,
    strategy: str,
    upload_id: str | None = None,
    sent: Sent | None = None,
    adopt: Adopt | None = None,
) -> PushAnswer:
    """Verify and record what ``source`` holds; ``choose_target`` says what is wanted, which a stream's H frame or an
    envelope tells.

    ``sent``: what came from the client when ``source`` was made from it.  ``adopt`` may bring what the contents need
    and do not have, and say where the push goes after that.

    Raises as :func:`~hubstub.push.verify.read_contents`, :func:`~hubstub.push.closure.check_closed` and
    :func:`~hubstub.push.record.record_push` do, and what ``destination.open`` raises.
    """
    began = time.perf_counter()
    async with hub.desk.slot():
        with closing(await _read_early(hub, source, upload_id) or await read_source(hub, source)) as contents:
            target = choose_target(contents)
            check_signatures(destination.repository.signing_policy if destination.repository else "valid", contents)
            failpoint("confirm.read")
            if adopt is not None:
                destination = await adopt(hub, destination, contents)
            known_id = destination.repository.id if destination.repository else _NO_REPOSITORY
            async with hub.database.read() as connection:
                closure = await check_closed(connection, known_id, destination.user_id, contents, target.head)
            failpoint("confirm.verified")
            if destination.repository is None and target.lease:
                check_lease(target.branch, target.expected_head, None)
            asked_bytes = sum(size for _, size in contents.objects.values())
            repository, caller = await open_with_room(hub, destination, asked_bytes)
            bundle = secrets.token_hex(16) if contents.objects else None
            async with stored_as(hub, source, bundle) as store_s:
                failpoint("confirm.stored")
                receipt = Receipt(repository, caller, strategy, target, bundle, upload_id, store_s, began, sent)
                answer, new = await record_push(hub.database, hub.settings, receipt, contents, closure, hub.now())
    failpoint("confirm.committed")
    hub.jobs_waiting.set()
    if contents.wire_bytes >= LONG_WORK_BYTES:
        hub.desk.begin(asyncio.to_thread(give_back_memory))
    if new:
        _log_push(repository, caller, strategy, contents, answer, time.perf_counter() - began)
    else:
        log_facts(_log, "push repeated", repository=repository.name, user=caller.name, push_id=answer.push_id)
    return answer


async def _read_early(hub: PushParts, source: PushSource, upload_id: str | None) -> Contents | None:
    """What was verified while the bytes arrived, if it was."""
    if upload_id is None:
        return None
    began = time.perf_counter()
    flushing = asyncio.ensure_future(source.flush())
    try:
        contents = await hub.desk.early.take(upload_id)
    finally:
        await flushing
    if contents is None:
        return None
    if source.max_raw_bytes is not None and contents.raw_bytes > source.max_raw_bytes:
        contents.close()
        return None
    contents.ahead_s, contents.verify_s, contents.read_s = contents.verify_s, 0.0, time.perf_counter() - began
    return contents


async def read_source(hub: PushParts, source: PushSource) -> Contents:
    """Read and verify in worker threads, while the store begins to make the bytes durable."""

    def read() -> Contents:
        return read_contents(
            source.read,
            source.size_bytes,
            hub.settings.limits,
            form=source.form,
            expected_sha256=source.sha256,
            max_raw_bytes=source.max_raw_bytes,
            folder=hub.settings.spool_dir,
        )

    flushing = asyncio.ensure_future(source.flush())
    try:
        return await asyncio.get_running_loop().run_in_executor(hub.desk.executor, read)
    finally:
        await flushing


@asynccontextmanager
async def stored_as(hub: PushParts, source: PushSource, bundle: str | None) -> AsyncIterator[float]:
    """The bytes stored as a bundle, and the seconds that took; gone again when what follows fails."""
    if bundle is None:
        yield 0.0
        return
    began = time.perf_counter()
    try:
        await source.keep(bundle)
        yield time.perf_counter() - began
    except BaseException:
        await _drop_unrecorded(hub, bundle)
        raise


async def _drop_unrecorded(hub: PushParts, bundle: str) -> None:
    """Remove a stored bundle, unless the index knows it after all (a COMMIT can fail to say that it worked)."""
    try:
        async with hub.database.read() as connection:
            found = (await connection.execute(select(bundles.c.id).where(bundles.c.id == bundle))).first()
        if found is None:
            await hub.store.delete([bundle_key(bundle)])
    except MuseError:
        _log.warning("bundle %s may be left over, for a collection", bundle)


def _log_push(
    repository: RepositoryRow,
    caller: Caller,
    strategy: str,
    contents: Contents,
    answer: PushAnswer,
    seconds: float,
) -> None:
    count_push(strategy, answer.timings, contents.wire_bytes, answer.stored_commits, answer.stored_objects)
    name = {"bundle": "push/bundle/confirm", "objects": "push/confirm"}.get(strategy, f"push/{strategy}")
    log_facts(
        _log,
        name,
        repository=repository.name,
        user=caller.name,
        push_id=answer.push_id,
        branch=ascii(answer.branch),
        head=answer.head[:12],
        **{f"{step}_s": seconds for step, seconds in answer.timings.items() if step != "total"},
        total_s=round(seconds, 6),
        wire_bytes=contents.wire_bytes,
        commits=answer.stored_commits,
        objects=answer.stored_objects,
        **{f"{state}_commits": count for state, count in contents.signatures.items()},
    )
