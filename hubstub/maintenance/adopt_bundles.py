"""Stored bundles that no row names, read back: each becomes a push of the user who is named, verified like any other.

A bundle does not say to which repository it was pushed, nor by whom.  So its commits go into a private repository of
their own; what they build on is copied there from whichever repository has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Integrity, Invalid, MuseError
from museui.core.graph import outside_parents
from museui.core.ids import CommitId, ObjectId
from museui.core.names import check_branch
from museui.core.wire import Branch, PushTarget

from ..arrivals.spool import Spool, Spooled
from ..fetch.bundle import write_fetch
from ..fetch.lookup import Lookup
from ..fetch.places import locate_objects
from ..fetch.plan import plan_fetch
from ..index.history import existing_commits, existing_objects
from ..index.job_queue import BUNDLE_INDEX, add_job
from ..index.schema import repositories
from ..people.repositories import RepositoryRow, change_repository, create_repository, require_repository
from ..people.tokens import Caller, check_token, create_token, revoke_token
from ..people.users import find_user
from ..push.desk import PushParts
from ..push.objects.pending import add_pending
from ..push.receive import Destination, destination_of, receive_push
from ..push.record import insert_bundle
from ..push.sources import SpooledSource
from ..push.verify import Contents, Form, read_contents
from ..store.keys import BUNDLES, Entry
from .bundle_contents import STORED_LIMITS, find_form

_HEX = 12


class BundleAdopter:
    """Takes bundles in, and counts. ``kept``: keys of those that were left as they are, each with the reason."""

    def __init__(self, hub: PushParts, owner: str) -> None:
        """``owner``: the user whose the commits become."""
        self.bundles = 0
        self.commits = 0
        self.repositories: list[str] = []
        self.kept: dict[str, str] = {}
        self._hub = hub
        self._owner = owner
        self._spool = Spool(hub.settings.spool_dir)

    async def adopt(self, entries: Sequence[Entry]) -> None:
        """Take in what can be; one may build on another, so they are tried again for as long as any is taken in."""
        waiting = list(entries)
        while waiting:
            left: list[Entry] = []
            for entry in waiting:
                try:
                    await self._adopt(entry)
                    self.kept.pop(entry.key, None)
                except MuseError as exc:
                    self.kept[entry.key] = exc.message
                    left.append(entry)
            if len(left) == len(waiting):
                return
            waiting = left

    async def _adopt(self, entry: Entry) -> None:
        read = self._hub.store.read
        async with self._spool.copy(read(entry.key)) as copied:
            form = await asyncio.to_thread(find_form, copied.read)
            source = SpooledSource(self._hub.store, copied, form)
            with closing(await asyncio.to_thread(self._read, copied, form)) as contents:
                if contents.commits:
                    await self._push(copied.sha256, source, contents)
                    await self._hub.store.delete([entry.key])  # it is stored anew, and recorded
                else:
                    await self._record(entry, contents)
        self.bundles += 1

    def _read(self, copied: Spooled, form: Form) -> Contents:
        folder = self._hub.settings.spool_dir
        return read_contents(copied.read, copied.size_bytes, STORED_LIMITS, form=form, folder=folder)

    async def _record(self, entry: Entry, contents: Contents) -> None:
        """Objects that came ahead of their push: nobody's yet, like any that no repository holds."""
        hub, name = self._hub, entry.key.removeprefix(BUNDLES)

        async def work(connection: AsyncConnection) -> None:
            await insert_bundle(hub.database, connection, name, contents, hub.now())
            await add_job(connection, BUNDLE_INDEX, name, hub.now())

        await hub.database.change(work)

    async def _push(self, sha256: str, source: SpooledSource, contents: Contents) -> None:
        """Push the bundle once for each of its tips, into a repository of its own that has what they build on."""
        hub = self._hub
        outside = sorted(outside_parents(contents.parents_of))
        base = await self._find_base(outside)
        token, caller = await self._sign_in()
        try:
            repository = await self._make_repository(f"adopted-{sha256[:_HEX]}")
            destination = destination_of(repository, caller)
            for number, commit in enumerate(outside):
                await self._copy(base, destination, PushTarget(Branch(f"base-{number}"), commit))
            for target in _find_targets(contents):
                await receive_push(hub, destination, source, partial(_choose, target), "adopt", adopt=_lend)
        finally:
            await hub.database.change(lambda connection: revoke_token(connection, token, hub.now()))
        self.commits += len(contents.commits)
        if repository.name not in self.repositories:
            self.repositories.append(repository.name)

    async def _find_base(self, outside: Sequence[CommitId]) -> int:
        """Return the number of a repository that holds all of ``outside``, 0 when nothing is wanted."""
        if not outside:
            return 0
        async with self._hub.database.read() as connection:
            numbers = (await connection.execute(select(repositories.c.id).order_by(repositories.c.id))).scalars().all()
            for number in numbers:
                if len(await existing_commits(connection, number, outside)) == len(outside):
                    return int(number)
        raise Integrity(f"its commits build on {outside[0]}, which no repository has")

    async def _copy(self, number: int, destination: Destination, target: PushTarget) -> None:
        """Push the history of the target's head from the repository ``number`` to ``destination``."""
        hub = self._hub
        async with hub.database.read() as connection:
            plan = await plan_fetch(connection, number, [target.head], [])
        parts = write_fetch(plan, hub.store, Lookup(hub.database), bare_ids=False)
        async with self._spool.copy(parts) as copied:
            source = SpooledSource(hub.store, copied, "bundle")
            await receive_push(hub, destination, source, partial(_choose, target), "adopt")

    async def _sign_in(self) -> tuple[str, Caller]:
        """Return a token of the owner's for this once, and whose it is."""
        hub = self._hub

        async def work(connection: AsyncConnection) -> tuple[str, Caller]:
            user = await find_user(connection, self._owner)
            token = await create_token(connection, user.id, hub.now(), scope="admin", label="museui hub adopt")
            return token, await check_token(connection, token, hub.now())

        return await hub.database.change(work)

    async def _make_repository(self, slug: str) -> RepositoryRow:
        """Return the repository, which a run that was cut off may have made. It asks for no signature: no other did."""
        hub = self._hub

        async def work(connection: AsyncConnection) -> RepositoryRow:
            user = await find_user(connection, self._owner)
            query = select(repositories.c.id).where(repositories.c.owner_id == user.id, repositories.c.slug == slug)
            if (await connection.execute(query)).first() is not None:
                return await require_repository(connection, f"{user.name}/{slug}")
            made = await create_repository(connection, user.id, slug, hub.now())
            return await change_repository(connection, made.id, signing_policy="off")

        return await hub.database.change(work)


async def _lend(hub: PushParts, destination: Destination, contents: Contents) -> Destination:
    """Let what the contents need and the hub holds, whoever's it is, wait for this push."""
    repository, caller = await destination.open()
    missing: set[ObjectId] = contents.needed_objects - contents.objects.keys()
    async with hub.database.read() as connection:
        missing -= await existing_objects(connection, repository.id, missing)
        places = await locate_objects(connection, missing)
    sizes = {object_id: place.size_bytes for object_id, place in places.items()}
    if sizes:
        await hub.database.change(
            lambda connection: add_pending(hub.database, connection, repository.id, caller.user_id, sizes, hub.now())
        )
    return destination


def _choose(target: PushTarget, contents: Contents) -> PushTarget:
    return target


def _find_targets(contents: Contents) -> list[PushTarget]:
    """Return a branch for every commit on which no other of the bundle builds, by the bundle's own names."""
    inner = {parent for parents in contents.parents_of.values() for parent in parents}
    names: dict[str, object] = {commit: branch for branch, commit in contents.branch_heads.items()}
    names[str(contents.header.get("head")).removeprefix("sha256:")] = contents.header.get("branch")
    targets: list[PushTarget] = []
    for number, tip in enumerate(commit for commit in contents.ordered if commit not in inner):
        try:
            branch = Branch(check_branch(str(names.get(tip) or "")))
        except Invalid:
            branch = Branch(f"tip-{number}")
        targets.append(PushTarget(branch, tip))
    return targets
