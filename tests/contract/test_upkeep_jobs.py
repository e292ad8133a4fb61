"""Collections and scrubs that a hub does by itself: on time, in slices, again after a kill, and seen in ``stats``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator

import pytest

from hubstub.index.job_queue import Job, add_job, take_job
from hubstub.index.recurring import OBJECTS_GC, OBJECTS_SCRUB, SUBJECT
from hubstub.jobs import upkeep
from hubstub.jobs.schedule import add_due_work, read_progress
from hubstub.jobs.upkeep import run_gc, run_scrub
from hubstub.state import HubState
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.hub_contents import read_tables
from tests.helpers.push_client import PushClient, wait_until
from tests.helpers.records import make_history
from tests.helpers.upkeep import change_index, key, own_file, with_state

HISTORY = make_history({"a": b"one", "b": b"two"}, {"a": b"three", "b": b"two"})


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    """A hub that stopped, with two repositories."""
    with HubProcess() as process:
        for slug in ("song", "other"):
            with PushClient(process, slug) as client:
                client.push(HISTORY)
                client.wait_promoted()
        process.stop()
        yield process


def stats(hub: HubProcess) -> dict[str, object]:
    return dict(json.loads(hub.command("stats", "--json")))


def test_figures_are_those_of_what_was_pushed(hub: HubProcess) -> None:
    document = stats(hub)
    assert {name: document[name] for name in ("users", "repositories", "commits", "snapshots", "objects")} == {
        "users": 1,
        "repositories": 2,
        "commits": 4,
        "snapshots": 4,
        "objects": 3,
    }
    assert document["stored_bytes"] == 11 and document["logical_bytes"] == 22
    assert document["jobs"] == [] and document["damage"] == {"count": 0, "first": []}
    assert "damage        none known\n" in hub.command("stats")


@pytest.mark.parametrize(("kind", "run"), [(OBJECTS_GC, run_gc), (OBJECTS_SCRUB, run_scrub)])
def test_work_makes_way_after_each_slice_and_goes_on_where_it_was(
    hub: HubProcess, monkeypatch: pytest.MonkeyPatch, kind: str, run: Callable[[HubState, Job], Awaitable[None]]
) -> None:
    monkeypatch.setattr(upkeep, "SLICE_S", 0.0)
    places: list[object] = []

    async def work(state: HubState) -> None:
        async with state.database.write() as connection:
            await add_job(connection, kind, SUBJECT, state.now())
        while True:
            async with state.database.write() as connection:
                job = await take_job(connection, "w", state.now(), 60.0)
            if job is None:
                return
            assert job.attempts == 1
            await run(state, job)
            progress = await read_progress(state, job)
            places.append(progress and progress["cursor"])

    with_state(hub, work)
    assert places.pop() is None
    assert len(places) >= 3 and len({json.dumps(place) for place in places}) == len(places)
    assert read_tables(hub.data_dir, ("jobs",))["jobs"] == []
    last = stats(hub)["last_gc" if kind == OBJECTS_GC else "last_scrub"]
    assert isinstance(last, dict)
    if kind == OBJECTS_SCRUB:
        assert last["result"]["checked"]["objects"] == 3 and last["result"]["checked"]["commits"] == 4


def test_work_comes_round_when_its_time_is_over_and_not_before(hub: HubProcess) -> None:
    queued: list[set[str]] = []

    async def work(state: HubState) -> None:
        await add_due_work(state)
        queued.append({row[1] for row in read_tables(hub.data_dir, ("jobs",))["jobs"]})

    with_state(hub, work)
    change_index(hub, "UPDATE settings SET value = '{\"ended_at\": 1.0, \"result\": null}' WHERE name LIKE 'last %'")
    with_state(hub, work)
    with_state(hub, work)
    assert queued == [set(), {OBJECTS_GC, OBJECTS_SCRUB}, {OBJECTS_GC, OBJECTS_SCRUB}]
    change_index(hub, "DELETE FROM jobs")


def test_a_hub_collects_and_scrubs_by_itself_and_tells_of_damage() -> None:
    often = ("--look-every", "1s", "--gc-every", "1s", "--scrub-every", "1s", "--gc-grace", "1s")
    with HubProcess(*often) as hub, PushClient(hub) as client:
        client.push(HISTORY)
        client.wait_promoted()
        victim = next(item for item, content in HISTORY.contents.items() if content == b"three")[7:]
        own_file(hub, victim).write_bytes(b"eerht")
        wait_until(lambda: victim in {row[1] for row in read_tables(hub.data_dir, ("damage",))["damage"]})
        hub.wait_for_log(f"damage: object {victim} at objects/{victim[:2]}/{victim[2:]}: its bytes are others")
        assert f"damaged: object {victim}" in hub.command("stats")
        own_file(hub, victim).write_bytes(b"three")
        assert client.http.delete(client.url).status_code == 204
        wait_until(lambda: read_tables(hub.data_dir, ("objects", "damage")) == {"objects": [], "damage": []})
        wait_until(lambda: not own_file(hub, victim).exists())
        hub.wait_for_log("collected objects=3")


@pytest.mark.parametrize("place", ["gc.history", "gc.doomed", "gc.deleted"])
def test_a_collection_that_is_killed_is_finished_by_the_next(hub: HubProcess, place: str) -> None:
    hub.restart()
    kept = make_history({"a": b"kept through " + place.encode()})
    lost = make_history({"a": b"lost in " + place.encode()})
    with PushClient(hub, "killed-" + place.replace(".", "-")) as client:
        for history in (lost, kept):
            assert client.push(history, force=True)[0] == 200
        client.wait_promoted()
        arguments = ("gc", "--apply", "--grace", "0", "--force", "--data", hub.data_dir)
        hub_command(*arguments, expect=-9, failpoint=place)
        again = client.push(lost, "again")
        assert again[0] == 200, again
        assert client.push(kept, "again", force=True)[0] == 200
        change_index(hub, "UPDATE garbage SET since = since - 3600")
        client.wait_promoted()
        hub_command(*arguments)
        assert client.read_object(*kept.contents) == b"kept through " + place.encode()
        assert client.get(f"/o/{next(iter(lost.contents))}").status_code == 404
        assert key(next(iter(lost.contents))) not in {
            row[0] for row in read_tables(hub.data_dir, ("objects",))["objects"]
        }
        assert not own_file(hub, next(iter(lost.contents))).exists()
        assert read_tables(hub.data_dir, ("garbage",))["garbage"] == []
    hub.stop()
