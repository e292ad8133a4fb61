"""The share that a collection may take by itself: a tenth, of what nobody has let go of.

What people delete and replace they mean to lose, and it may be everything there is.  All else is garbage because
something is absent: a branch, a membership, a row.  When that is much of a hub, the likelier fault is the absence.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.figures import render_bytes

from ..folder import command
from ..identity import find_bar, read_behind
from ..index.let_go import limit_let_go, read_let_go
from ..index.schema import commits, objects
from ..parts import HubParts
from .leftovers import note_unnamed
from .tally import Count, Tally

SHARE = 10
"""One part in so many."""


@dataclass(frozen=True, slots=True)
class Objection:
    """The reason why a collection must not go on by itself, and the advice for a person.

    ``is_final``: not even with ``--large``.
    """

    reason: str
    advice: str
    is_final: bool = False


async def find_objection(hub: HubParts, looked: Tally) -> Objection | None:
    """Return why a person must decide about a collection that would take what ``looked`` has; None when none must."""
    if bar := await find_bar(hub.database, hub.store):
        advice = f"Put a newer copy back if there is one; without one, run '{command('adopt', hub.settings.data_dir)}'."
        return Objection(bar, advice, is_final=True)
    async with hub.database.read() as connection:
        let_go = await read_let_go(connection)
        size = func.coalesce(func.sum(objects.c.size_bytes), 0)
        held = Count(*(await connection.execute(select(func.count(), size).select_from(objects))).one())
        history = Count((await connection.execute(select(func.count()).select_from(commits))).scalar_one())
    found = looked.unexplained
    lost = found.get("objects", Count())
    lost = Count(max(0, lost.count - let_go[0]), max(0, lost.size_bytes - let_go[1]))
    files = found.get("files", Count())
    stored = Count(held.count + files.count, held.size_bytes + files.size_bytes)
    reasons = [
        f"{part.count} of {whole.count} {kind}" + (f", {render_bytes(part.size_bytes)}" if part.size_bytes else "")
        for kind, part, whole in (
            ("commits, which no branch, tag or release reaches", found.get("commits", Count()), history),
            ("objects, which no repository holds", lost, held),
            ("files in the store, which no row names", files, stored),
        )
        if part.count * SHARE > whole.count or part.size_bytes * SHARE > whole.size_bytes
    ]
    if not reasons:
        return None
    return Objection(
        "it would take " + " and ".join(reasons) + ", and nobody has let go of them",
        "Look what is missing: is it the right database, and whole "
        f"('{command('fsck', hub.settings.data_dir)}')? If all of it may go, "
        f"'{command('gc --apply --large', hub.settings.data_dir)}' takes it.",
    )


async def settle(hub: HubParts, tally: Tally) -> None:
    """After a collection, forget what people let go of and it has taken; note what no row names and stays for now."""
    left, files = (tally.waiting.get(kind, Count()) for kind in ("objects", "files"))

    async def work(connection: AsyncConnection) -> None:
        await limit_let_go(connection, tally.let_go, left.count, left.size_bytes)
        if await read_behind(connection) is None:
            await note_unnamed(connection, files.count, files.size_bytes, hub.now())

    await hub.database.change(work)
