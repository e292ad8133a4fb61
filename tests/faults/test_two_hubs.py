"""Two hubs on one PostgreSQL and one MinIO are one hub, also when both work on one push and when one is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from hubstub.store.s3 import S3Store
from tests.helpers.attacks import next_history
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.hub_contents import read_tables
from tests.helpers.minio import MinioProcess, stored_entries
from tests.helpers.postgresql import PASSWORD, PostgresServer, query
from tests.helpers.push_client import WAIT_S, PushClient, read_answer, wait_until
from tests.helpers.records import History, make_history, pack
from tests.helpers.two_hubs import TwoHubs

KILLED_AT = ("confirm.verified", "confirm.stored", "confirm.before_commit", "confirm.committed", "promote.moved")
ASKED = 6


@pytest.fixture(scope="module")
def hubs(minio: MinioProcess, postgresql: PostgresServer) -> Iterator[TwoHubs]:
    with TwoHubs(minio.new_store(), postgresql.new_database()) as both:
        yield both


def _is_stored(hubs: HubProcess, slug: str, *histories: History) -> None:
    """The last of ``histories`` is where ``main`` is, each was one push, and both hubs give every object."""
    for hub in hubs.processes:
        with PushClient(hub, slug) as client:
            client.url = f"{hub.url}/{hub.owner}/{slug}"
            assert client.heads() == {"main": histories[-1].head}
            moves = read_answer(client.get("pushes"))[1]["pushes"]
            assert sorted(move["head"] for move in moves) == sorted(history.head for history in histories)
            for history in histories:
                for object_id, content in history.contents.items():
                    assert client.read_object(object_id) == content


def test_one_confirm_through_both_is_one_push_with_one_answer(hubs: TwoHubs) -> None:
    song = make_history({f"{number}.txt": b"asked of both %d" % number for number in range(200)})
    wire, together = pack(song.bundle()), Barrier(ASKED)
    with PushClient(hubs, "twice") as client:
        upload = client.upload(wire)

    def confirm(_: int) -> tuple[int, Any]:
        with PushClient(hubs, "twice") as client:
            together.wait(WAIT_S)
            return client.confirm(wire, song.head, upload_id=upload["upload_id"])

    with ThreadPoolExecutor(ASKED) as threads:
        answers = list(threads.map(confirm, range(ASKED)))
    assert [status for status, _ in answers] == [200] * ASKED, answers
    assert len({answer["push_id"] for _, answer in answers}) == 1
    _is_stored(hubs, "twice", song)


def test_one_presign_through_both_is_one_upload(hubs: TwoHubs) -> None:
    together = Barrier(ASKED)
    with PushClient(hubs, "presigned") as client:
        assert client.push(make_history({"a": b"makes the repository"}))[0] == 200

    def presign(_: int) -> str:
        with PushClient(hubs, "presigned") as client:
            together.wait(WAIT_S)
            return str(client.presign(b"bytes that never come")[1]["upload_id"])

    with ThreadPoolExecutor(ASKED) as threads:
        assert len(set(threads.map(presign, range(ASKED)))) == 1


def test_one_name_through_both_is_one_repository(hubs: TwoHubs) -> None:
    together = Barrier(ASKED)

    def create(number: int) -> int:
        with PushClient(hubs, "made") as client:
            together.wait(WAIT_S)
            message = {"owner": hubs.owner, "slug": ("Made-Once", "made-once")[number % 2], "visibility": "private"}
            return client.http.post(f"{hubs.front}/repos", content=pack(message)).status_code

    with ThreadPoolExecutor(ASKED) as threads:
        assert sorted(threads.map(create, range(ASKED))) == [201] + [422] * (ASKED - 1)


@pytest.mark.parametrize("place", KILLED_AT)
def test_a_push_outlives_the_hub_that_worked_on_it(hubs: TwoHubs, place: str) -> None:
    slug = place.replace(".", "-").replace("_", "-")
    first = make_history({"a": slug.encode()})
    second = next_history(first, place, {"b": place.encode(), "c": b"c" * 10_000})
    wire = pack(second.bundle())
    with PushClient(hubs, slug) as client:
        assert client.push(first)[0] == 200
        client.wait_promoted()
        upload = client.upload(wire)
        hubs.second.restart(failpoint=place)
        message = {"bundle_id": upload["bundle_id"], "branch": "main", "head": second.head, "force": False}
        message["upload_id"] = upload["upload_id"]
        try:
            to_second = f"{hubs.second.url}/{hubs.owner}/{slug}/push/bundle/confirm"
            assert client.http.post(to_second, content=pack(message)).status_code == 200
            assert place.startswith("promote.")
        except httpx.TransportError:
            assert place.startswith("confirm.")
        assert hubs.second.wait_killed() == -9
        status, answer = client.confirm(wire, second.head, upload_id=upload["upload_id"])
        assert (status, answer["previous_head"]) == (200, first.head)
        assert client.heads() == {"main": second.head}
        hubs.second.failpoint = ""
        hubs.second.start()
        _is_stored(hubs, slug, first, second)
        client.wait_promoted()
        _is_stored(hubs, slug, first, second)
    wait_until(lambda: not read_tables(hubs.data_dir, ("jobs",))["jobs"])


def test_a_start_leaves_alone_what_the_other_hub_has_just_stored(hubs: TwoHubs) -> None:
    """A bundle is in the store before a row says so; only the hub that stores it knows."""

    async def store() -> None:
        await S3Store(hubs.place, b"").put([("bundles/" + "0" * 32, b"stored and not recorded yet")])

    asyncio.run(store())
    hubs.second.restart()
    assert "bundles/" + "0" * 32 in asyncio.run(stored_entries(hubs.place))


def test_jobs_of_both_are_each_done_once(hubs: TwoHubs) -> None:
    def push(number: int) -> int:
        with PushClient(hubs, f"job-{number}") as client:
            return client.push(make_history({"a": b"job %d" % number}))[0]

    with ThreadPoolExecutor(ASKED) as threads:
        assert list(threads.map(push, range(ASKED * 2))) == [200] * ASKED * 2
    wait_until(lambda: not read_tables(hubs.data_dir, ("jobs",))["jobs"])
    done = [line for hub in hubs.processes for line in hub.log.splitlines() if " bundle.index " in line]
    subjects = [part for line in done for part in line.split() if part.startswith("subject=")]
    assert len(subjects) == len(set(subjects)) >= ASKED * 2


def test_the_password_is_nowhere_to_be_seen(hubs: TwoHubs) -> None:
    assert hubs.database and query(hubs.database, "SELECT 1") == [(1,)] and PASSWORD in hubs.database
    assert all(PASSWORD not in hub.log and PASSWORD not in str(hub.ready) for hub in hubs.processes)


def test_another_embedded_store_on_the_same_database_is_refused(hubs: TwoHubs, postgresql: PostgresServer) -> None:
    with HubProcess(database=postgresql.new_database()) as one:
        two = HubProcess(database=one.database)
        with pytest.raises(AssertionError, match="keeps its objects in the folder whose lock file says"):
            two.__enter__()
        one.restart()
        failed = hub_command("init", "--data", one.data_dir, "--database", "postgresql://127.0.0.1:1/none", expect=3)
        assert "does not answer" in failed.stderr
