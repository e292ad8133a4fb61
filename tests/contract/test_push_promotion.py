"""The job ``bundle.index``: after it every object lies under its own key; until then and meanwhile it is there."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubstub.push import FAILPOINTS
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents, read_tables, stored_files
from tests.helpers.push_client import PushClient, compress, read_answer, wait_until
from tests.helpers.records import History, make_history, pack
from tests.helpers.upkeep import take_leftovers

FILES = {f"f{number}": b"content %d" % number for number in range(600)} | {
    "large": random.Random(1).randbytes(17 << 20),
    "empty": b"",
}
HISTORY = make_history(FILES)


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def _own_keys(data_dir: Path) -> dict[str, bytes]:
    """Object → content, of what lies under its own key."""
    root = data_dir / "store/objects"
    return {f"sha256:{path.parent.name}{path.name}": path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _is_promoted(hub: HubProcess, history: History) -> None:
    with PushClient(hub) as client:
        client.wait_promoted()
        tables, files = hub_contents(hub.data_dir)
        assert (tables["jobs"], tables["bundles"]) == ([], [])
        assert {path for path in files if not path.startswith("store/objects/")} == set()
        assert _own_keys(hub.data_dir) == history.contents
        for object_id in (min(history.contents), max(history.contents)):
            assert client.read_object(object_id) == history.contents[object_id]


@pytest.mark.parametrize("wire", [pack(HISTORY.bundle()), compress(pack(HISTORY.bundle()))], ids=["plain", "zstd"])
def test_every_object_gets_its_own_key_and_the_bundle_goes(hub: HubProcess, wire: bytes) -> None:
    with PushClient(hub) as client:
        client.push(HISTORY, wire=wire)
        assert read_answer(client.get("pushes"))[1]["pushes"][0]["promotion"] == "pending"
    _is_promoted(hub, HISTORY)


def test_readers_never_notice_the_move(hub: HubProcess) -> None:
    ids = random.Random(2).sample(sorted(HISTORY.contents), 60)
    stop = threading.Event()
    wrong: list[str] = []
    read = 0
    with PushClient(hub) as client:
        client.push(HISTORY)

        def keep_reading() -> None:
            nonlocal read
            with PushClient(hub) as reader:
                while not stop.is_set():
                    for object_id in ids:
                        response = reader.get(f"/o/{object_id}")
                        if response.status_code != 200 or response.content != HISTORY.contents[object_id]:
                            wrong.append(f"{response.status_code} {object_id}")
                        read += 1

        thread = threading.Thread(target=keep_reading)
        thread.start()
        client.wait_promoted()
        stop.set()
        thread.join()
    assert wrong == []
    assert read > 0
    assert "failed" not in hub.log


def test_two_bundles_with_the_same_objects_are_promoted(hub: HubProcess) -> None:
    with PushClient(hub) as client, PushClient(hub, "second") as second:
        client.push(HISTORY)
        second.push(HISTORY)
        second.wait_promoted()
    _is_promoted(hub, HISTORY)


@pytest.mark.parametrize("failpoint", [name for name in FAILPOINTS if name.startswith("promote.")])
def test_a_hub_that_dies_goes_on_where_it_was(failpoint: str) -> None:
    with HubProcess(failpoint=failpoint) as hub:
        with PushClient(hub) as client:
            assert client.push(HISTORY)[0] == 200
        hub.wait_killed()
        hub.failpoint = ""
        hub.start()
        with PushClient(hub) as client:
            for object_id in random.Random(3).sample(sorted(HISTORY.contents), 40):
                assert client.read_object(object_id) == HISTORY.contents[object_id]
        _is_promoted(hub, HISTORY)


def test_a_damaged_bundle_never_becomes_an_object(tmp_path: Path) -> None:
    with HubProcess(data_dir=tmp_path / "hub", failpoint="promote.object") as hub:
        with PushClient(hub) as client:
            client.push(HISTORY, wire=pack(HISTORY.bundle()))
        hub.wait_killed()
        (bundle,) = (hub.data_dir / "store/bundles").iterdir()
        stored = bundle.read_bytes()
        at = stored.index(b"content 333")
        bundle.write_bytes(stored[:at] + b"CONTENT 333" + stored[at + 11 :])
        hub.failpoint = ""
        hub.start()
        victim = next(object_id for object_id, content in HISTORY.contents.items() if content == b"content 333")
        wait_until(lambda: read_tables(hub.data_dir, ("jobs",))["jobs"][0][3] == "failed")
        (job,) = read_tables(hub.data_dir, ("jobs",))["jobs"]
        assert victim[7:] in job[9]
        sound = {object_id: content for object_id, content in HISTORY.contents.items() if object_id != victim}
        assert _own_keys(hub.data_dir) == sound
        with PushClient(hub) as client:
            assert read_answer(client.get("pushes"))[1]["pushes"][0]["promotion"] == "pending"
            assert client.get(f"/o/{victim}").status_code == 500
            storage = read_answer(client.get("/user/storage"))[1]
            assert (storage["waiting_bundles"], storage["waiting_bytes"]) == (1, bundle.stat().st_size)
        assert bundle.exists()


def test_a_start_clears_away_what_was_being_written_and_nothing_else(hub: HubProcess) -> None:
    waiting = pack(make_history({"still": b"wanted"}).bundle())
    with PushClient(hub) as client:
        client.push(HISTORY)
        client.wait_promoted()
        client.upload(waiting)
    before = hub_contents(hub.data_dir)
    hub.stop()
    unnamed = {"store/staging/" + "0" * 32, "store/bundles/" + "0" * 32}
    for name in ("spool/half", "store/tmp/half", *unnamed):
        (hub.data_dir / name).write_bytes(b"left over")
    connection = sqlite3.connect(hub.data_dir / "hub.sqlite3")
    connection.execute("UPDATE jobs SET state = 'running', leased_until = 1e12")
    connection.commit()
    connection.close()
    hub.start()
    wait_until(lambda: stored_files(hub.data_dir) == before[1] | unnamed)
    take_leftovers(hub)
    assert hub_contents(hub.data_dir) == before
    with PushClient(hub) as client:
        assert client.presign(waiting)[1]["already_present"] is True
