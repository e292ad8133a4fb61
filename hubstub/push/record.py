"""The one transaction of a push: objects, records, the branch, the receipt. Nothing is visible before it commits."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass

import orjson
from sqlalchemy import insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Unavailable, UploadExpired
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId
from museui.core.wire import PushAnswer, PushTarget, encode

from ..config import HubSettings
from ..index import schema
from ..index.database import Database
from ..index.history import existing_objects
from ..index.job_queue import BUNDLE_INDEX, add_job
from ..index.locks import lock_repository
from ..people.access import check_access
from ..people.audit import record_move
from ..people.repositories import RepositoryRow
from ..people.tokens import Caller, require_live_token
from .advance import Move, advance_branch, read_head
from .chunks import Chunk
from .closure import Closure, new_chunks
from .objects.pending import admit_pending
from .policy import Rules, check_branch_signed, check_signers, read_rules
from .quota import Place, forget_expected, place_of, settle_room
from .receipts import find_answer
from .rows import insert_rows
from .verify import Contents

_MANY = 1000
_CHUNKS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Sent:
    """What came from the client, where that is not what was read and stored as a bundle.

    ``sha256`` (bare hex) of the request; all bytes that were sent for it; how many of the objects it named were here;
    which are taken out of the staging area.
    """

    sha256: str
    wire_bytes: int
    already_present_objects: int
    staged: Collection[ObjectId] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who pushed what, and how. ``bundle`` is ``bundles.id`` when objects were stored; ``upload_id`` when staged."""

    repository: RepositoryRow
    caller: Caller
    strategy: str
    target: PushTarget
    bundle: str | None
    upload_id: str | None
    store_s: float
    began: float
    """Reading of the monotonic clock when the push began."""
    sent: Sent | None = None

    @property
    def announced(self) -> Collection[ObjectId]:
        """The single objects that this push takes out of the staging area."""
        return self.sent.staged if self.sent else ()

    def sha256(self, contents: Contents) -> str:
        """Of what the client sent, bare hex."""
        return self.sent.sha256 if self.sent else contents.sha256

    @property
    def repository_id(self) -> int:
        """The repository's number."""
        return self.repository.id

    @property
    def place(self) -> Place:
        """The repository as quotas know it."""
        return place_of(self.repository)

    @property
    def user_id(self) -> int:
        """The pusher's number."""
        return self.caller.user_id


async def record_push(
    database: Database, settings: HubSettings, receipt: Receipt, contents: Contents, closure: Closure, now: float
) -> tuple[PushAnswer, bool]:
    """Write everything, or nothing. The answer is what the same request will be answered again; then it is not new.

    What a push brings again is stored as well: it was verified a moment ago, which nobody knows of what lies there.

    Raises what :func:`~hubstub.push.advance.advance_branch` raises and what :mod:`~hubstub.push.policy` refuses,
    :class:`UploadExpired` when the upload was confirmed meanwhile, :class:`~museui.core.errors.NotFound` when the
    repository was deleted meanwhile, :class:`~museui.core.errors.Unauthorized` when the token was revoked meanwhile,
    :class:`Unavailable` when something was taken from it meanwhile, and what
    :func:`~hubstub.push.objects.pending.admit_pending` and :func:`~hubstub.push.quota.settle_room` raise.
    """

    async def record(connection: AsyncConnection) -> tuple[PushAnswer, bool]:
        began = time.perf_counter()
        rules = await _require_open(connection, receipt, closure, now)
        earlier = await _find_earlier(connection, receipt, contents)
        if earlier is not None:
            if receipt.bundle is not None:
                await insert_bundle(database, connection, receipt.bundle, contents, now)
                own = update(schema.pushes).where(schema.pushes.c.id == earlier.push_id)
                await connection.execute(own.values(bundle=receipt.bundle))
                await add_job(connection, BUNDLE_INDEX, receipt.bundle, now)
            await _end_upload(connection, receipt, earlier)
            return earlier, False
        await check_signers(connection, receipt.repository, rules, contents, closure)
        await settle_room(connection, settings.quotas, receipt.place, contents, closure)
        await _insert_contents(database, connection, receipt, contents, closure, now)
        indexed = time.perf_counter()
        move = await _advance(database, connection, settings, receipt, rules, contents, now)
        answer = PushAnswer(
            ok=True,
            push_id=secrets.token_hex(16),
            branch=receipt.target.branch,
            head=receipt.target.head,
            previous_head=move.previous,
            stored_commits=len(contents.commits.keys() - closure.had_commits),
            stored_snapshots=len(contents.snapshots.keys() - closure.had_snapshots),
            stored_objects=len(contents.objects.keys() - closure.had_objects) + len(closure.pending_objects),
            already_present_objects=len(contents.objects.keys() & closure.had_objects)
            + (receipt.sent.already_present_objects if receipt.sent else 0),
            timings=_timings(receipt, contents, index_s=indexed - began, advance_s=time.perf_counter() - indexed),
            promotion="pending" if receipt.bundle else "done",
        )
        await _insert_receipt(connection, receipt, contents, answer, now)
        if move.moved:
            await record_move(
                connection,
                receipt.repository,
                receipt.caller,
                answer.branch,
                move.previous,
                answer.head,
                forced=move.forced,
                push_id=answer.push_id,
                now=now,
            )
        failpoint("confirm.before_commit")
        return answer, True

    return await database.change(record)


async def _advance(
    database: Database,
    connection: AsyncConnection,
    settings: HubSettings,
    receipt: Receipt,
    rules: Rules,
    contents: Contents,
    now: float,
) -> Move:
    target, most = receipt.target, settings.limits.max_branches
    move = await advance_branch(connection, receipt.repository_id, target, rules, contents.parents_of, most, now)
    if move.moved and rules.signed_only:
        await check_branch_signed(
            database, connection, receipt.repository_id, target.branch, target.head, move.previous, contents
        )
    return move


def _timings(receipt: Receipt, contents: Contents, index_s: float, advance_s: float) -> dict[str, float]:
    """Seconds by step. ``read`` is the time verifying waited for bytes, ``verify`` the rest of that stage.

    What was verified while the bytes arrived took ``ahead`` seconds, which are not in ``total``; then ``read`` is how
    long the confirm waited for that to end.  The COMMIT itself is in none: the answer is part of what it commits.
    """
    steps = {
        "read": contents.read_s,
        "verify": contents.verify_s,
        "store": receipt.store_s,
        "index": index_s,
        "advance": advance_s,
        "total": time.perf_counter() - receipt.began,
    }
    if contents.ahead_s:
        steps["ahead"] = contents.ahead_s
    return {name: round(seconds, 6) for name, seconds in steps.items()}


async def _require_open(connection: AsyncConnection, receipt: Receipt, closure: Closure, now: float) -> Rules:
    """Lock the repository and the upload for this push alone; the rules as they are now, and the caller may push."""
    uploads = schema.uploads
    await lock_repository(connection, receipt.repository_id)
    rules = await read_rules(connection, receipt.repository_id, receipt.user_id, receipt.target.branch)
    await require_live_token(connection, receipt.caller.token_id, now)
    check_access(receipt.repository, rules.access, "write")
    if rules.losses != closure.losses:
        raise Unavailable("old history of the repository was collected meanwhile", hint="Try again.")
    if receipt.upload_id is not None:
        query = select(uploads.c.id).where(uploads.c.id == receipt.upload_id, uploads.c.state == "open")
        if (await connection.execute(query.with_for_update())).first() is None:
            raise UploadExpired("the upload was used meanwhile", hint="Presign again.")
    return rules


async def _find_earlier(connection: AsyncConnection, receipt: Receipt, contents: Contents) -> PushAnswer | None:
    """What the very same push was answered before; None when there was none, or it wants to be done (again).

    Once the branch has left the head, only a push with the lease of the first is that push again: any other is answered
    by where the branch is now.  One that brings again what the hub has lost since is done.
    """
    target, repository_id = receipt.target, receipt.repository_id
    current = await read_head(connection, repository_id, target.branch)
    left = current != target.head
    if left and not (target.lease and current != target.expected_head):
        return None  # as most do: a look at one row, where looking for the answer is one at every push there was
    answer = await find_answer(connection, repository_id, receipt.user_id, receipt.sha256(contents), target)
    if answer is None or (left and answer.previous_head != target.expected_head):
        return None
    wanted = contents.objects.keys() | contents.needed_objects
    return answer if len(await existing_objects(connection, repository_id, wanted)) == len(wanted) else None


async def _insert_contents(
    database: Database,
    connection: AsyncConnection,
    receipt: Receipt,
    contents: Contents,
    closure: Closure,
    now: float,
) -> None:
    repository_id = receipt.repository_id
    if receipt.bundle is not None:
        await _insert_objects(database, connection, receipt.bundle, repository_id, contents, now)
    if closure.pending_objects:
        await admit_pending(database, connection, repository_id, receipt.user_id, closure.pending_objects)
    new_commits = [commit_id for commit_id in contents.ordered if commit_id not in closure.had_commits]
    new_snapshots = contents.snapshots.keys() - closure.had_snapshots
    await _insert_chunks(database, connection, repository_id, new_chunks(contents, closure))
    await insert_rows(
        database,
        connection,
        schema.snapshots,
        ("repository_id", "id", "chunk_id", "chunk_offset", "chunk_size"),
        [(repository_id, bytes.fromhex(item), *contents.snapshots[item]) for item in new_snapshots],
    )
    await insert_rows(
        database,
        connection,
        schema.commits,
        ("repository_id", "id", "generation", "parents", "snapshot_id", "chunk_id", "chunk_offset", "chunk_size"),
        [
            (
                repository_id,
                bytes.fromhex(commit_id),
                closure.generations[commit_id],
                bytes.fromhex("".join(entry.parents)),
                bytes.fromhex(entry.snapshot_id),
                *entry.place,
            )
            for commit_id, entry in ((item, contents.commits[item]) for item in new_commits)
        ],
    )


async def _insert_chunks(
    database: Database, connection: AsyncConnection, repository_id: int, chunks: list[Chunk]
) -> None:
    """A few at a time: many may be more than can be held."""
    columns = ("id", "repository_id", "raw_bytes", "data")
    for at in range(0, len(chunks), _CHUNKS_AT_ONCE):
        part = chunks[at : at + _CHUNKS_AT_ONCE]
        rows = [(chunk.id, repository_id, chunk.raw_bytes, chunk.read()) for chunk in part]
        await insert_rows(database, connection, schema.chunks, columns, rows)


async def insert_bundle(
    database: Database, connection: AsyncConnection, bundle: str, contents: Contents, now: float
) -> None:
    """The rows of a stored bundle and of its objects. They are members of nothing yet.

    What the hub had already lies in this bundle from now on: these bytes were verified a moment ago, and what was
    stored before may have been damaged since.  Promotion writes it anew.
    """
    await connection.execute(
        insert(schema.bundles).values(
            id=bundle,
            bundle_id=bytes.fromhex(contents.sha256),
            size_bytes=contents.wire_bytes,
            frames=contents.frames.encode(),
            created_at=now,
        )
    )
    rows = [(bytes.fromhex(object_id), size, bundle, offset) for object_id, (offset, size) in contents.objects.items()]
    rows.sort()  # all pushes in the same order, or two could wait for each other
    columns = ("id", "size_bytes", "bundle", "raw_offset")
    await insert_rows(database, connection, schema.objects, columns, rows, columns[1:])


async def _insert_objects(
    database: Database, connection: AsyncConnection, bundle: str, repository_id: int, contents: Contents, now: float
) -> None:
    await insert_bundle(database, connection, bundle, contents, now)
    objects, members = schema.objects, schema.repository_objects
    columns = ("repository_id", "object_id")
    if len(contents.objects) >= _MANY:
        # The database copies their ids faster than it is told them again.
        ids = select(literal(repository_id), objects.c.id).where(objects.c.bundle == bundle).order_by(objects.c.id)
        await connection.execute(database.insert_missing(members).from_select(columns, ids))
    else:
        rows = [(repository_id, bytes.fromhex(object_id)) for object_id in contents.objects]
        await insert_rows(database, connection, members, columns, rows)


async def _insert_receipt(
    connection: AsyncConnection, receipt: Receipt, contents: Contents, answer: PushAnswer, now: float
) -> None:
    message = encode(answer)
    del message["promotion"]
    await connection.execute(
        insert(schema.pushes).values(
            id=answer.push_id,
            repository_id=receipt.repository_id,
            user_id=receipt.user_id,
            branch=answer.branch,
            head=bytes.fromhex(answer.head),
            previous_head=bytes.fromhex(answer.previous_head) if answer.previous_head else None,
            forced=receipt.target.force,
            strategy=receipt.strategy,
            bundle_id=bytes.fromhex(receipt.sha256(contents)),
            wire_bytes=receipt.sent.wire_bytes if receipt.sent else contents.wire_bytes,
            answer=orjson.dumps(message).decode(),
            bundle=receipt.bundle,
            created_at=now,
        )
    )
    await _end_upload(connection, receipt, answer)
    if receipt.bundle is not None:
        await add_job(connection, BUNDLE_INDEX, receipt.bundle, now)


async def _end_upload(connection: AsyncConnection, receipt: Receipt, answer: PushAnswer) -> None:
    if receipt.announced:
        await forget_expected(connection, receipt.repository.name, receipt.user_id, receipt.announced)
    if receipt.upload_id is not None:
        await connection.execute(
            update(schema.uploads)
            .where(schema.uploads.c.id == receipt.upload_id)
            .values(state="confirmed", push_id=answer.push_id)
        )
