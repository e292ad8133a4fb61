"""Fifty pushes at once: to one branch exactly one wins each step and none is lost; to fifty branches all win."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import pytest

from museui.core.frames import iter_raw
from tests.helpers import bundles
from tests.helpers.attacks import BASE, STATUS, WAYS, attacked_hub, send
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import read_tables
from tests.helpers.minio import MinioHub, stored_entries
from tests.helpers.push_client import WAIT_S, PushClient, error_code, read_answer, wait_until
from tests.helpers.records import History, commit_record, digest, pack, snapshot_record
from tests.helpers.two_hubs import TwoHubs

RACERS = 50
RUNNING = 3
"""How many race at a time when each tries until it wins: of all that run, one wins and the others begin again."""
T = TypeVar("T")


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "two hubs"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    """On the last, no two requests that follow each other go to the same process."""
    made: HubProcess | None = None
    if request.param == "postgresql":
        made = HubProcess(database=request.getfixturevalue("postgresql").new_database())
    elif request.param == "two hubs":
        place = request.getfixturevalue("minio").new_store()
        made = TwoHubs(place, request.getfixturevalue("postgresql").new_database())
    with attacked_hub(made=made) as process:
        yield process


def _race_at_once(hub: HubProcess, slug: str, work: Callable[[PushClient, int], T]) -> list[T]:
    """What ``work`` gives for each racer, each with a connection and a thread of its own, all at the same moment."""
    together = Barrier(RACERS)

    def run(number: int) -> T:
        with PushClient(hub, slug) as client:
            client.get("refs")
            together.wait(WAIT_S)
            return work(client, number)

    with ThreadPoolExecutor(RACERS) as threads:
        return list(threads.map(run, range(RACERS)))


def _change(slug: str, parent: str, number: int) -> History:
    """One commit of racer ``number``'s on top of ``parent``, with content that nobody else has."""
    content = f"by racer {number} of {slug}".encode()
    tree = snapshot_record({"song.txt": content})
    commit = commit_record(tree["snapshot_id"], [parent], f"racer {number}", agent_id=str(number))
    return History([commit], [tree], {digest(content): content})


def _fetched(client: PushClient, head: str) -> dict[str, Any]:
    body = pack({"want": [head]})
    response = client.http.post(f"{client.url}/fetch", content=body, headers={"Accept": "application/zstd"})
    return bundles.contents(iter_raw([response.content], 1 << 30))


def _start(hub: HubProcess, slug: str) -> None:
    with PushClient(hub, slug) as client:
        assert client.push(BASE)[0] == 200


def _check_no_litter(hub: HubProcess, client: PushClient) -> None:
    """Of the pushes that lost, nothing is left: neither stored bundles nor half-written files."""
    client.wait_promoted()
    wait_until(lambda: not _bundles(hub))

    def half_written() -> list[Path]:
        folders = [process.data_dir for process in hub.processes]
        return [path for data in folders for path in (*(data / "spool").iterdir(), *(data / "store").rglob("tmp/*"))]

    wait_until(lambda: not half_written())  # the hub may be writing how far its index has come
    tables = read_tables(hub.data_dir)
    assert (tables["jobs"], tables["bundles"]) == ([], [])


def _bundles(hub: HubProcess) -> list[str]:
    if isinstance(hub, MinioHub):
        return [key for key in asyncio.run(stored_entries(hub.place)) if key.startswith("bundles/")]
    return [path.name for path in (hub.data_dir / "store" / "bundles").iterdir()]


@pytest.mark.parametrize("leased", [True, False])
def test_fifty_at_once_from_one_head_have_one_winner(hub: HubProcess, leased: bool) -> None:
    slug = f"one-step-{leased}"
    _start(hub, slug)
    lease = {"expected_head": BASE.head} if leased else {}

    def push(client: PushClient, number: int) -> tuple[int, Any]:
        change = _change(slug, BASE.head, number)
        return send(client, WAYS[number % len(WAYS)], change.bundle(), change.head, "main", **lease)

    answers = _race_at_once(hub, slug, push)
    winners = [number for number, (status, _) in enumerate(answers) if status == 200]
    assert len(winners) == 1
    lost = {(status, error_code(answer)) for status, answer in answers if status != 200}
    assert lost == ({(409, "stale_lease")} if leased else {(409, "non_fast_forward")})
    with PushClient(hub, slug) as client:
        won = _change(slug, BASE.head, winners[0])
        assert client.heads() == {"main": won.head}
        assert len(read_answer(client.get("pushes"))[1]["pushes"]) == 2
        for number in range(RACERS):
            status = client.get(f"/o/{next(iter(_change(slug, BASE.head, number).contents))}").status_code
            assert status == (200 if number in winners else 404)
        _check_no_litter(hub, client)


def test_fifty_that_try_until_they_win_are_all_in_the_history(hub: HubProcess) -> None:
    """Each goes back, looks where the branch is and builds on that, as a person would; half with a lease."""
    slug = "until-won"
    _start(hub, slug)

    def push(client: PushClient, number: int) -> tuple[Any, list[str]]:
        refusals: list[str] = []
        while True:
            head = client.heads()["main"]
            change = _change(slug, head, number)
            lease = {"expected_head": head} if number % 2 else {}
            way = ("stream", "unpack")[number // 2 % 2]
            status, answer = send(client, way, change.bundle(), change.head, "main", **lease)
            if status == 200:
                return answer, refusals
            refusals.append(error_code(answer))
            assert status == STATUS[refusals[-1]]

    def run(number: int) -> tuple[Any, list[str]]:
        with PushClient(hub, slug) as client:
            return push(client, number)

    with ThreadPoolExecutor(RUNNING) as threads:
        results = list(threads.map(run, range(RACERS)))
    assert any(refusals for _, refusals in results), "there was no race"
    steps = {answer["previous_head"]: answer["head"] for answer, _ in results}
    assert len(steps) == RACERS, "two won the same step"
    for number, (_, refusals) in enumerate(results):
        assert set(refusals) <= ({"stale_lease"} if number % 2 else {"non_fast_forward"})
    with PushClient(hub, slug) as client:
        head = client.heads()["main"]
        found = _fetched(client, head)
        order = [commit["commit_id"] for commit in found["commits"]]
        assert order[: len(BASE.commits)] == [commit["commit_id"] for commit in BASE.commits]
        walked = [BASE.head]
        while walked[-1] in steps:
            walked.append(steps[walked[-1]])
        assert order[len(BASE.commits) - 1 :] == walked and walked[-1] == head
        assert {commit.get("agent_id") for commit in found["commits"]} == {None, *map(str, range(RACERS))}
        assert all(digest(f"by racer {number} of {slug}".encode()) in found["objects"] for number in range(RACERS))
        assert len(read_answer(client.get("pushes?limit=100"))[1]["pushes"]) == RACERS + 1
        _check_no_litter(hub, client)


def test_fifty_to_fifty_branches_all_win(hub: HubProcess) -> None:
    slug = "fifty-branches"
    _start(hub, slug)

    def push(client: PushClient, number: int) -> tuple[int, Any]:
        change = _change(slug, BASE.head, number)
        way = WAYS[number % len(WAYS)]
        return send(client, way, change.bundle(), change.head, f"racer/{number}", expected_head=None)

    answers = _race_at_once(hub, slug, push)
    assert [status for status, _ in answers] == [200] * RACERS
    with PushClient(hub, slug) as client:
        heads = {f"racer/{number}": _change(slug, BASE.head, number).head for number in range(RACERS)}
        assert client.heads() == {"main": BASE.head, **heads}
        for number in range(RACERS):
            change = _change(slug, BASE.head, number)
            assert all(client.read_object(object_id) == content for object_id, content in change.contents.items())
        _check_no_litter(hub, client)


def test_fifty_first_pushes_make_one_repository(hub: HubProcess) -> None:
    """The repository is not there yet; all of them would make it."""
    slug = "made-once"

    def push(client: PushClient, number: int) -> tuple[int, Any]:
        bundle = BASE.bundle(meta={"format": 1, "tool": f"racer {number}"})
        way = WAYS[number % len(WAYS)]
        answer = send(client, way, bundle, BASE.head, f"racer/{number}", expected_head=None)
        while way == "objects" and answer[0] == 503:  # the same bytes are arriving three times already: tried again
            answer = send(client, way, bundle, BASE.head, f"racer/{number}", expected_head=None)
        return answer

    answers = _race_at_once(hub, slug, push)
    assert [status for status, _ in answers] == [200] * RACERS
    with PushClient(hub, slug) as client:
        assert set(client.heads()) == {f"racer/{number}" for number in range(RACERS)}
        assert all(client.read_object(object_id) == content for object_id, content in BASE.contents.items())
        _check_no_litter(hub, client)
