"""Who may push what where, decided at the last moment: a real database and store, and things that happen meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubstub.arrivals.spool import Spool
from hubstub.config import HubSettings
from hubstub.index.schema import branches, bundles, collaborators, commits, ref_moves
from hubstub.people.access import remove_collaborator, set_collaborator
from hubstub.people.keys import enrol_key, parse_public_key, revoke_key
from hubstub.people.protection import Protection, matches_branch, protect_branches
from hubstub.people.repositories import (
    RepositoryRow,
    change_repository,
    create_repository,
    delete_repository,
    require_repository,
)
from hubstub.people.tokens import Caller, check_token, create_token, revoke_token
from hubstub.people.users import create_user
from hubstub.push.policy import read_rules
from hubstub.push.receive import Destination, Opened, receive_push
from hubstub.push.sources import SpooledSource
from hubstub.state import HubState
from hubstub.store.files import FileStore
from museui.core.errors import BadSignature, Denied, MuseError, NonFastForward, NotFound, Unauthorized
from museui.core.wire import PushAnswer, parse_target
from tests.helpers.hub_index import fresh_database
from tests.helpers.records import History, commit_record, make_history, pack, public_key, signed_record

ADA, BOB, EVE = 1, 2, 3
"""Seeds of keys, and the numbers of the users whose keys they are."""
Work = Callable[[AsyncConnection], Awaitable[Any]]


@dataclass(frozen=True)
class World:
    """A hub without a server: ada's ``song``, to which bob may write and eve may not."""

    hub: HubState
    song: RepositoryRow
    callers: dict[int, Caller]

    async def do(self, work: Work) -> None:
        """In one transaction."""
        async with self.hub.database.write() as connection:
            await work(connection)

    async def push(
        self, history: History, branch: str = "main", *, user: int = ADA, meanwhile: Work | None = None, **target: Any
    ) -> PushAnswer:
        """``meanwhile`` happens when the push has been verified and nothing of it is recorded."""
        caller = replace(self.callers[user], request_id="request")
        async with self.hub.database.read() as connection:
            song = await require_repository(connection, "ada/song")

        async def opened() -> Opened:
            if meanwhile is not None:
                await self.do(meanwhile)
            return song, caller

        async def body() -> AsyncIterator[bytes]:
            yield pack(history.bundle())

        wanted = parse_target({"branch": branch, "head": history.head, **target})
        async with Spool(self.hub.settings.spool_dir).receive(body()) as arrived:
            source = SpooledSource(self.hub.store, arrived, "bundle")
            return await receive_push(
                self.hub, Destination(song.name, user, song, opened), source, lambda _: wanted, "unpack"
            )

    async def refuse(self, error: type[MuseError], history: History, branch: str = "main", **options: Any) -> MuseError:
        """The error of a push that must be refused and leave nothing."""
        before = await self._rows()
        with pytest.raises(error) as caught:
            await self.push(history, branch, **options)
        assert await self._rows() == before
        return caught.value

    async def _rows(self) -> list[Any]:
        async with self.hub.database.read() as connection:
            return [
                (await connection.execute(select(table))).all() for table in (branches, bundles, commits, ref_moves)
            ]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    async with fresh_database(folder) as database:
        settings = HubSettings(folder)
        hub = HubState(settings, database, FileStore(settings.store_dir, b"k" * 32))
        async with database.write() as connection:
            callers: dict[int, Caller] = {}
            for name in ("ada", "bob", "eve"):
                user = await create_user(connection, name, 1.0)
                callers[user.id] = await check_token(connection, await create_token(connection, user.id, 1.0), 1.0)
            song = await create_repository(connection, ADA, "song", 1.0)
            await set_collaborator(connection, song, "bob", "write", 1.0)
        try:
            yield World(hub, song, callers)
        finally:
            await hub.desk.close()


def history(*seeds: int, base: str | None = None, note: str = "") -> History:
    """One commit for each seed, signed by its key; 0: not signed."""
    made = make_history({"verse": note.encode()})
    made.commits.clear()
    for number, seed in enumerate(seeds):
        parents = [made.head] if made.commits else [base] if base else []
        record = commit_record(made.snapshots[0]["snapshot_id"], parents, f"{note} {number}")
        made.commits.append(signed_record(record, seed) if seed else record)
    return made


def _policy(value: Any) -> Work:
    return lambda connection: change_repository(connection, 1, signing_policy=value)


def _enrol(seed: int) -> Work:
    return lambda connection: enrol_key(connection, seed, parse_public_key(public_key(seed)), "", 1.0)


def _revoke(seed: int) -> Work:
    key_id = signed_record(commit_record("0" * 64), seed)["signer_key_id"]
    return lambda connection: revoke_key(connection, seed, key_id, 2.0)


def _protect(pattern: str, *, force: bool = False, signed: bool = False) -> Work:
    return lambda connection: protect_branches(connection, 1, Protection(pattern, force, signed, 1.0))


async def test_trusted_takes_commits_signed_by_whoever_may_write_and_enrolled_the_key(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        base = history(0, note="before the policy")
        await it.push(base)
        await it.do(_policy("trusted"))
        good = history(ADA, BOB, ADA, base=base.head)
        error = await it.refuse(BadSignature, good)
        assert error.details["rule"] == "trusted" and error.details["commit_id"] in good.commits[0]["commit_id"]
        assert good.commits[0]["commit_id"][7:] in error.message and "museui keys enrol" in error.hint
        for seed in (ADA, BOB, EVE):
            await it.do(_enrol(seed))
        assert (await it.push(good)).stored_commits == 3
        for bad in (history(ADA, 0, base=good.head), history(EVE, base=good.head), history(ADA, 7, base=good.head)):
            error = await it.refuse(BadSignature, bad)
            assert error.details["commit_id"] == bad.commits[-1]["commit_id"][7:]
        await it.do(lambda connection: set_collaborator(connection, it.song, "eve", "read", 1.0))
        await it.refuse(BadSignature, history(EVE, base=good.head))
        await it.do(lambda connection: set_collaborator(connection, it.song, "eve", "admin", 1.0))
        await it.push(history(EVE, base=good.head, note="now"))


async def test_a_key_that_was_revoked_signs_nothing_new_and_what_it_signed_stays(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.do(_policy("trusted"))
        await it.do(_enrol(ADA))
        old = history(ADA, ADA)
        await it.push(old)
        new = history(ADA, base=old.head, note="new")
        await it.refuse(BadSignature, new, meanwhile=_revoke(ADA))
        await it.refuse(BadSignature, new)
        await it.push(old, "other")


async def test_what_changes_while_a_push_is_verified_counts(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.push(history(0), user=BOB)
        new = history(0, base=history(0).head, note="new")
        await it.refuse(
            NotFound, new, user=BOB, meanwhile=lambda connection: remove_collaborator(connection, it.song, "bob")
        )
        await it.do(lambda connection: set_collaborator(connection, it.song, "bob", "write", 1.0))
        await it.refuse(
            Denied,
            new,
            user=BOB,
            meanwhile=lambda connection: set_collaborator(connection, it.song, "bob", "read", 1.0),
        )
        await it.refuse(BadSignature, new, meanwhile=_policy("trusted"))
        await it.do(_policy("valid"))
        await it.refuse(BadSignature, new, meanwhile=_protect("main", signed=True))
        await it.refuse(Denied, history(0, note="another"), force=True, meanwhile=_protect("ma*"))
        await it.refuse(
            Unauthorized,
            new,
            meanwhile=lambda connection: revoke_token(connection, it.callers[ADA].token_id, 1.0),
        )
        with pytest.raises(NotFound):
            await it.push(new, user=BOB, meanwhile=lambda connection: delete_repository(connection, it.song.id))


async def test_valid_refuses_what_does_not_check_and_off_keeps_it_as_it_is(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        forged = history(ADA, BOB)
        forged.commits[1]["author"] = "Eve"
        await it.refuse(BadSignature, forged)
        await it.do(_policy("off"))
        await it.refuse(BadSignature, forged, meanwhile=_policy("valid"))
        await it.do(_policy("off"))
        assert (await it.push(forged)).stored_commits == 2


@pytest.mark.parametrize("together", [True, False])
async def test_signed_only_means_every_commit_that_is_new_on_the_branch(tmp_path: Path, together: bool) -> None:
    """Also when they came before, on another branch, where nobody asked."""
    async with world(tmp_path) as it:
        base = history(0)
        await it.push(base)
        await it.do(_protect("main", signed=True))
        for seeds, good in (((0,), False), ((ADA, 0, ADA), False), ((ADA, 7, EVE), True)):
            new = history(*seeds, base=base.head, note=str(seeds))
            if not together:
                await it.push(new, "elsewhere", force=True)
            if good:
                assert (await it.push(new)).previous_head == base.head[7:]
            else:
                error = await it.refuse(BadSignature, new)
                assert error.details["rule"] == "signed_only"
                assert error.details["commit_id"] in [
                    record["commit_id"][7:] for record in new.commits if not record.get("signature")
                ]


async def test_a_commit_that_is_there_unsigned_is_not_signed_by_sending_it_again(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        plain, base = history(0, 0, note="x"), history(0)
        await it.push(plain, "elsewhere")
        await it.do(_protect("main", signed=True))
        same = history(ADA, ADA, note="x")
        assert same.head == plain.head
        await it.refuse(BadSignature, same)
        await it.push(base, "other")


async def test_a_protected_branch_takes_no_force_and_everything_else(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.do(_protect("main"))
        await it.do(_protect("release/*"))
        await it.do(_protect("release/loose", force=True))
        first, other = history(0), history(0, note="other")
        for branch in ("main", "release/1", "free"):
            await it.push(first, branch, force=True)  # there is nothing to be replaced
        for branch in ("main", "release/1"):
            await it.refuse(NonFastForward, other, branch)
            error = await it.refuse(Denied, other, branch, force=True)
            assert error.details == {"branch": branch, "rule": "protected"}
            await it.push(history(0, base=first.head, note="next"), branch)
        await it.push(other, "free", force=True)
        await it.push(first, "release/loose")
        await it.refuse(Denied, other, "release/loose", force=True)  # the strictest pattern holds


async def test_every_real_move_is_written_down_and_outlives_the_repository(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        first, other = history(0), history(0, note="other")
        second = history(0, base=first.head, note="second")
        pushed = [await it.push(first), await it.push(second, force=True), await it.push(other, force=True)]
        await it.push(other)  # is there already
        await it.refuse(NonFastForward, first)
        await it.do(lambda connection: delete_repository(connection, it.song.id))
        async with it.hub.database.read() as connection:
            moves = (await connection.execute(select(ref_moves).order_by(ref_moves.c.id))).all()
        heads = [None, *(bytes.fromhex(item.head[7:]) for item in (first, second, other))]
        assert [(move.old_head, move.new_head) for move in moves] == list(pairwise(heads))
        assert [move.forced for move in moves] == [False, False, True]
        assert [move.push_id for move in moves] == [answer.push_id for answer in pushed]
        assert {(move.repository, move.branch, move.token_id, move.request_id) for move in moves} == {
            ("ada/song", "main", it.callers[ADA].token_id, "request")
        }


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("main", ["main"], ["mai", "main2", "x/main", "MAIN"]),
        ("*", ["main", "a/b/c"], []),
        ("release/*", ["release/1", "release/a/b"], ["release", "x/release/1"]),
        ("*/wip-*", ["a/wip-", "a/b/wip-c"], ["wip-a"]),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, matching: list[str], others: list[str]) -> None:
    assert [name for name in [*matching, *others] if matches_branch(pattern, name)] == matching


def test_a_pattern_of_many_stars_is_matched_at_once() -> None:
    assert not matches_branch("*a" * 120, "a" * 255 + "b")


async def test_all_the_rules_of_a_push_are_one_query(tmp_path: Path) -> None:
    async with world(tmp_path) as it, it.hub.database.read() as connection:
        asked: list[str] = []
        sync = connection.sync_connection
        assert sync is not None
        event.listen(sync, "before_cursor_execute", lambda *args: asked.append(args[2]))
        rules = await read_rules(connection, it.song.id, BOB, "main")
        assert (rules.access, rules.signing_policy, rules.allows_force, rules.signed_only) == (
            "write",
            "valid",
            True,
            False,
        )
        assert len(asked) == 1


async def test_many_people_and_patterns_do_not_blur_the_rules(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        async with it.hub.database.write() as connection:
            other = await create_repository(connection, BOB, "song", 1.0)
            row = {"repository_id": other.id, "user_id": EVE, "access": "admin", "created_at": 1.0}
            await connection.execute(insert(collaborators).values(row))
            await protect_branches(connection, other.id, Protection("*", False, True, 1.0))
        async with it.hub.database.read() as connection:
            for user, access in ((ADA, "admin"), (BOB, "write"), (EVE, None)):
                rules = await read_rules(connection, it.song.id, user, "main")
                assert (rules.access, rules.allows_force, rules.signed_only) == (access, True, False)
            rules = await read_rules(connection, other.id, EVE, "main")
            assert (rules.access, rules.allows_force, rules.signed_only) == ("admin", False, True)
            with pytest.raises(NotFound):
                await read_rules(connection, 99, ADA, "main")
