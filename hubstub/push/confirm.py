"""``push/bundle/confirm``: the same request gives the same answer, however often and from however many sides."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from museui.core.errors import Integrity, MuseError, UploadExpired
from museui.core.failpoints import failpoint
from museui.core.wire import ConfirmRequest, PushAnswer, PushTarget

from ..arrivals.spool import Spool
from ..arrivals.uploads import Upload, find_upload, no_such_upload
from ..index.schema import pushes
from ..people.repositories import RepositoryRow
from ..people.tokens import Caller
from ..store.keys import staging_key
from .desk import PushParts
from .receipts import recorded_answer
from .receive import destination_of, receive_push
from .sources import open_staged


async def confirm_upload(
    hub: PushParts, repository: RepositoryRow, caller: Caller, ask: ConfirmRequest, target: PushTarget
) -> PushAnswer:
    """Turn an upload into a push, or give the answer that was recorded when it became one.

    Raises :class:`~museui.core.errors.NotFound` for an upload that is not there or not the caller's,
    :class:`UploadExpired` for one that was confirmed for something else, and as
    :func:`~hubstub.push.receive.receive_push` does.
    """
    found = await _find(hub, repository, caller, ask)
    async with hub.desk.alone(found.id):
        upload = await _find(hub, repository, caller, replace(ask, upload_id=found.id))
        if upload.state != "open":
            return await _recorded_answer(hub, upload, target)
        try:
            answer = await _confirm_open(hub, repository, caller, upload, target)
        except MuseError:
            # Another hub may have confirmed it meanwhile, and taken the bytes away.
            upload = await _find(hub, repository, caller, replace(ask, upload_id=found.id))
            if upload.state == "open":
                raise
            return await _recorded_answer(hub, upload, target)
    failpoint("confirm.answered")
    return answer


async def _find(hub: PushParts, repository: RepositoryRow, caller: Caller, ask: ConfirmRequest) -> Upload:
    async with hub.database.read() as connection:
        return await find_upload(connection, repository.id, caller.user_id, ask.bundle_id, ask.upload_id)


async def _confirm_open(
    hub: PushParts, repository: RepositoryRow, caller: Caller, upload: Upload, target: PushTarget
) -> PushAnswer:
    key = staging_key(upload.id)
    staged = await hub.store.stat(key)
    if staged is None:
        raise no_such_upload()
    spool = Spool(hub.settings.spool_dir)
    try:
        if staged.size_bytes != upload.size_bytes:
            raise Integrity(
                f"{staged.size_bytes} bytes arrived, {upload.size_bytes} were announced", details={"rule": "bundle_id"}
            )
        with open_staged(hub.store, spool, staged, upload.bundle_id, upload.raw_bytes) as source:
            answer = await receive_push(
                hub, destination_of(repository, caller), source, lambda _: target, "bundle", upload.id
            )
    except Integrity as exc:
        if exc.details.get("rule") == "bundle_id":
            await hub.store.delete([key])  # these bytes can never be confirmed; let the right ones come
        raise
    await hub.store.delete([key])
    return answer


async def _recorded_answer(hub: PushParts, upload: Upload, target: PushTarget) -> PushAnswer:
    async with hub.database.read() as connection:
        row = (await connection.execute(select(pushes).where(pushes.c.id == upload.push_id))).one_or_none()
    if row is None:
        raise no_such_upload()
    answer = recorded_answer(row)
    if (answer.branch, answer.head) != (target.branch, target.head):
        raise UploadExpired("the upload was confirmed for another branch or head", hint="Presign again.")
    return answer
