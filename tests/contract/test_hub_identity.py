"""An index and a store know each other: what one of them lacks is never taken for a reason to delete."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from hubstub.store.s3_settings import S3Settings
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.hub_contents import read_rows, stored_files
from tests.helpers.minio import MinioHub, MinioProcess, stored_entries
from tests.helpers.minio import minio as minio
from tests.helpers.push_client import PushClient, compress, error_code, wait_until
from tests.helpers.records import make_history, pack
from tests.helpers.upkeep import change_index, check, collect, own_file

OLD = make_history({"a": b"pushed before the copy", "b": b""})
NEW = make_history({"a": b"pushed before the copy", "b": b""}, {"a": b"pushed after the copy"})


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def refused(hub: HubProcess, *words: str, verb: str = "serve") -> str:
    """What the hub says instead of starting; nothing in its folder has changed."""
    before = files_of(hub)
    options = ("--port", "0") if verb == "serve" else ()
    done = hub_command(verb, "--json", "--data", hub.data_dir, *options, *hub.options, expect=2)
    error = json.loads(done.stdout)["error"]
    assert files_of(hub) == before
    for word in (*words, "museui hub adopt", "backup"):
        assert word in error["message"] + error["hint"], error
    return str(error["message"])


def files_of(hub: HubProcess) -> dict[str, bytes]:
    every = (path for path in hub.data_dir.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(hub.data_dir)): path.read_bytes() for path in every}


def remove_index(hub: HubProcess) -> None:
    for path in hub.data_dir.glob("hub.sqlite3*"):
        path.unlink()


def copy_index(hub: HubProcess, to: Path) -> None:
    with closing(sqlite3.connect(hub.data_dir / "hub.sqlite3")) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def put_back(hub: HubProcess, copy: Path) -> None:
    remove_index(hub)
    shutil.copyfile(copy, hub.data_dir / "hub.sqlite3")


def stats(hub: HubProcess) -> dict[str, Any]:
    return dict(json.loads(hub.command("stats", "--json")))


@pytest.mark.parametrize("state", ["missing", "empty", "without tables"])
def test_a_store_without_its_index_is_not_served(hub: HubProcess, state: str, tmp_path: Path) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        copy_index(hub, tmp_path / "copy")
        hub.stop()
        remove_index(hub)
        if state != "missing":
            (hub.data_dir / "hub.sqlite3").touch()
        if state == "without tables":
            with closing(sqlite3.connect(hub.data_dir / "hub.sqlite3")) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        refused(hub, "hub.sqlite3", "--data")
        if state != "without tables":
            refused(hub, "hub.sqlite3", verb="init")
        put_back(hub, tmp_path / "copy")
        hub.start()
        assert client.read_object(next(iter(OLD.contents))) == b"pushed before the copy"


def test_a_bundle_that_waits_is_not_removed_with_its_index(tmp_path: Path) -> None:
    with HubProcess(failpoint="promote.object") as hub, PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        hub.wait_killed()
        (bundle,) = (path for path in stored_files(hub.data_dir) if path.startswith("store/bundles/"))
        for path in hub.data_dir.glob("hub.sqlite3*"):
            path.rename(tmp_path / path.name)
        refused(hub)
        for path in tmp_path.glob("hub.sqlite3*"):
            path.rename(hub.data_dir / path.name)
        assert (hub.data_dir / bundle).exists()
        hub.restart()
        client.wait_promoted()
        assert client.read_object(next(iter(OLD.contents))) == b"pushed before the copy"


def test_the_index_of_another_store_is_refused_by_every_verb_that_deletes(hub: HubProcess) -> None:
    with HubProcess() as other, PushClient(hub) as client, PushClient(other) as others:
        assert client.push(OLD)[0] == others.push(NEW)[0] == 200
        client.wait_promoted()
        others.wait_promoted()
        hub.stop()
        other.stop()
        shutil.copyfile(other.data_dir / "hub.sqlite3", hub.data_dir / "hub.sqlite3")
        refused(hub, "another hub's")
        before = stored_files(hub.data_dir)
        for command in (("gc", "--apply", "--grace", "0", "--force", "--large"), ("fsck", "--repair")):
            assert "another hub's" in hub.command(*command, "--json", expect=2)
        assert stored_files(hub.data_dir) == before
        rows = read_rows(hub.data_dir, "SELECT count(*) FROM objects")
        assert rows == [(len(NEW.contents),)], "no row is dropped because its object is not here"


def test_an_index_whose_store_is_gone_is_refused(hub: HubProcess) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
    hub.stop()
    (hub.data_dir / "store").rename(hub.data_dir / "elsewhere")
    done = hub_command("serve", "--json", "--data", hub.data_dir, "--port", "0", expect=2)
    error = json.loads(done.stdout)["error"]
    assert "mounted" in error["hint"] and "museui hub adopt" in error["hint"]
    assert "nothing of what" in hub.command("fsck", "--repair", "--json", expect=2)
    shutil.rmtree(hub.data_dir / "store")
    (hub.data_dir / "elsewhere").rename(hub.data_dir / "store")
    hub.start()


def test_a_hub_from_before_there_were_ids_starts_by_itself(hub: HubProcess) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        hub.stop()
        forget_ids(hub)
        hub.start()
        assert client.read_object(next(iter(OLD.contents))) == b"pushed before the copy"
        assert "older_copy" not in hub.ready
        hub.stop()
        remove_index(hub)
        refused(hub)


def forget_ids(hub: HubProcess) -> None:
    change_index(hub, "DELETE FROM settings WHERE name IN ('hub id', 'starts', 'behind')")
    (hub.data_dir / "store" / "hub.json").unlink()


def test_an_index_without_objects_beside_a_store_of_before_there_were_ids_is_refused(hub: HubProcess) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
    hub.stop()
    forget_ids(hub)
    with HubProcess() as fresh:
        fresh.stop()
        forget_ids(fresh)
        shutil.copyfile(fresh.data_dir / "hub.sqlite3", hub.data_dir / "hub.sqlite3")
    refused(hub, "another hub's")


@pytest.mark.parametrize("pushes_since", [1, 2])
def test_an_older_copy_of_the_index_serves_and_says_so(hub: HubProcess, tmp_path: Path, pushes_since: int) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        copy_index(hub, tmp_path / "copy")
        for number in range(pushes_since):
            assert client.push(NEW, f"new-{number}")[0] == 200
        client.wait_promoted()
        hub.kill() if pushes_since == 2 else hub.stop()
        put_back(hub, tmp_path / "copy")
        before = stored_files(hub.data_dir)
        hub.start()
        assert hub.ready["older_copy"]["moves"] < hub.ready["older_copy"]["stored_moves"]
        assert "older copy" in hub.log
        assert client.heads() == {"main": OLD.head}
        unnamed = len(NEW.contents) - len(OLD.contents)
        wait_until(lambda: (stats(hub)["unnamed_files"] or {}).get("count") == unnamed)
        assert "museui hub adopt" in hub.command("stats")
        assert "museui_hub_older_copy 1.0" in client.get("/metrics").text
        refusal = json.loads(hub.command("gc", "--apply", "--grace", "0", "--force", "--large", "--json", expect=2))
        assert "older copy" in refusal["error"]["message"] and "adopt" in refusal["error"]["hint"]
        hub.restart()
        assert hub.ready["older_copy"], "until somebody has decided"
        assert stored_files(hub.data_dir) == before

        assert client.push(NEW, "again")[0] == 200
        client.wait_promoted()
        hub.stop()
        adopted = json.loads(hub.command("adopt", "--json"))
        assert (adopted["ok"], adopted["token"], adopted["kept"]) == (True, None, {})
        hub.start()
        assert "older_copy" not in hub.ready and stats(hub)["older_copy"] is None
        for object_id, content in NEW.contents.items():
            assert client.read_object(object_id) == content
        assert not check(hub).findings


def test_an_older_copy_is_known_again_when_it_is_put_back_again(hub: HubProcess, tmp_path: Path) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        hub.restart()
        copy_index(hub, tmp_path / "copy")
        assert client.push(NEW, "new")[0] == 200
        hub.stop()
        for _ in range(2):
            put_back(hub, tmp_path / "copy")
            hub.start()
            assert hub.ready["older_copy"]
            hub.stop()
            hub.command("adopt")
            hub.start()
            assert "older_copy" not in hub.ready
            hub.stop()


def test_an_older_copy_that_is_put_back_under_a_running_hub_is_noticed(tmp_path: Path) -> None:
    with HubProcess("--look-every", "1s") as hub, PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        copy_index(hub, tmp_path / "copy")
        assert client.push(NEW, "new")[0] == 200
        client.wait_promoted()
        mark = hub.data_dir / "store" / "hub.json"
        wait_until(lambda: json.loads(mark.read_text())["moves"] == 2)
        with (
            closing(sqlite3.connect(tmp_path / "copy")) as source,
            closing(sqlite3.connect(hub.data_dir / "hub.sqlite3", timeout=30)) as target,
        ):
            source.backup(target)
        hub.wait_for_log("older copy")
        assert stats(hub)["older_copy"]["stored_moves"] == 2
        assert client.push(NEW, "new")[0] == 200
        hub.restart()
        assert hub.ready["older_copy"]


def test_marks_of_garbage_in_an_older_copy_begin_anew(hub: HubProcess, tmp_path: Path) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        assert client.http.delete(client.url).status_code == 204
        hub.command("gc", "--apply")
        change_index(hub, "UPDATE garbage SET since = since - 1300000")
        copy_index(hub, tmp_path / "copy")
        assert client.push(OLD, "main")[0] == 200, "what was garbage is needed again, and the copy does not know"
        client.wait_promoted()
        hub.stop()
        put_back(hub, tmp_path / "copy")
        hub.start()
        hub.stop()
        hub.command("adopt")
        assert json.loads(hub.command("gc", "--apply", "--grace", "10d", "--json"))["taken"] == {}
        assert all(own_file(hub, object_id).exists() for object_id in OLD.contents)


def test_a_lost_index_is_adopted_from_the_store(hub: HubProcess) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        hub.stop()
        remove_index(hub)
        damaged = own_file(hub, next(iter(OLD.contents)))
        damaged.write_bytes(b"others")
        adopted = json.loads(hub.command("adopt", "--owner", "ada", "--json"))
        assert adopted["objects"] == len(OLD.contents) - 1 and adopted["bundles"] == 0
        assert list(adopted["kept"]) == [str(damaged.relative_to(hub.data_dir / "store"))]
        hub.token = adopted["token"]
        hub.start()
    with PushClient(hub) as client:
        for object_id in OLD.contents:
            assert client.get(f"/o/{object_id}").status_code == 404, "they are nobody's"
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        for object_id, content in OLD.contents.items():
            assert client.read_object(object_id) == content
        assert not check(hub).findings


def test_a_lost_index_of_an_empty_store_is_no_new_hub_by_itself_either(hub: HubProcess) -> None:
    hub.stop()
    remove_index(hub)
    refused(hub)
    assert json.loads(hub.command("adopt", "--json"))["objects"] == 0
    hub.start()


def test_bundles_are_adopted_with_their_commits_for_the_owner_alone(hub: HubProcess, tmp_path: Path) -> None:
    bob = hub.new_user("bob")
    with PushClient(hub, owner="ada") as client, PushClient(hub, "theirs", owner="bob", token=bob) as theirs:
        assert theirs.push(OLD)[0] == 200
        theirs.wait_promoted()
        copy_index(hub, tmp_path / "copy")
        hub.restart(failpoint="promote.object")
        assert theirs.push(NEW)[0] == 200
        hub.wait_killed()
        put_back(hub, tmp_path / "copy")
        adopted = json.loads(hub.command("adopt", "--owner", "ada", "--json"))
        assert (adopted["bundles"], adopted["commits"], adopted["kept"]) == (1, len(NEW.commits), {})
        (name,) = adopted["repositories"]
        hub.restart()
        assert "older_copy" not in hub.ready
        with PushClient(hub, name.partition("/")[2], owner="ada") as mine:
            assert set(mine.heads().values()) == {NEW.head}
            mine.wait_promoted()
            status, bundle = mine.post("fetch", {"want": [NEW.head], "have": []})
            assert status == 200 and len(bundle["commits"]) == len(NEW.commits)
        with PushClient(hub, name.partition("/")[2], owner="ada", token=bob) as stranger:
            assert stranger.heads() == {}
            (only,) = NEW.contents.keys() - OLD.contents.keys()
            assert stranger.get(f"/o/{only}").status_code == 404
        assert client.heads() == {}
        assert theirs.heads() == {"main": OLD.head}, "nobody's branch moves"
        assert not check(hub).findings
        assert not any(path.startswith("store/bundles/") for path in stored_files(hub.data_dir))


@pytest.mark.parametrize("fault", ["removed", "replaced", "log removed"])
def test_a_database_that_is_removed_under_a_hub_confirms_nothing_more(hub: HubProcess, fault: str) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        assert client.get("/readyz").status_code == 200
        path = hub.data_dir / ("hub.sqlite3-wal" if fault == "log removed" else "hub.sqlite3")
        aside = hub.data_dir / "aside"
        path.rename(aside)
        if fault == "replaced":
            shutil.copyfile(aside, path)
        status, answer = client.presign(b"new")
        assert status == 503 and error_code(answer) == "unavailable"
        assert "removed or replaced" in answer["error"]["message"] and "backup" in answer["error"]["hint"]
        if fault != "log removed":
            ready = client.get("/readyz")
            assert ready.status_code == 503 and b"database" in ready.content
            assert "removed or replaced" in hub.log
        if fault == "removed":
            assert not path.exists(), "no empty database comes into being because somebody asks"
        aside.rename(path)
        assert client.get("/readyz").status_code == 200
        assert client.push(NEW, "new")[0] == 200


def test_a_crash_leaves_its_bundle_until_a_collection_has_seen_it_for_its_grace() -> None:
    with HubProcess(failpoint="confirm.stored") as hub, PushClient(hub) as client:
        wire = compress(pack(OLD.bundle()))
        client.upload(wire)
        with pytest.raises(httpx.HTTPError):
            client.confirm(wire, OLD.head)
        hub.wait_killed()
        (left,) = (path for path in stored_files(hub.data_dir) if path.startswith("store/bundles/"))
        os.utime(hub.data_dir / left, (1.0, 1.0))
        for _ in range(2):
            hub.restart()
            assert left in stored_files(hub.data_dir), "its age says nothing"
        assert collect(hub, 0.0)["taken"] == {}
        change_index(hub, "UPDATE garbage SET since = since - 3601 WHERE kind = 'bundle'")
        assert collect(hub, 0.0)["taken"]["files"]["count"] == 1
        assert left not in stored_files(hub.data_dir)
        assert client.confirm(wire, OLD.head)[0] == 200, "the upload is still there"


def test_a_push_that_is_as_old_as_its_upload_is_no_leftover(hub: HubProcess) -> None:
    with PushClient(hub) as client:
        wire = compress(pack(OLD.bundle()))
        upload = client.upload(wire)
        os.utime(hub.data_dir / "store" / "staging" / upload["upload_id"], (1.0, 1.0))
        hub.restart(failpoint="confirm.before_commit")
        with pytest.raises(httpx.HTTPError):
            client.confirm(wire, OLD.head)
        hub.wait_killed()
        hub.command("gc", "--apply", "--grace", "1h")
        hub.restart()
        hub.command("gc", "--apply", "--grace", "1h")
        assert client.confirm(wire, OLD.head)[0] == 200
        hub.command("gc", "--apply", "--grace", "1h")
        for object_id, content in OLD.contents.items():
            assert client.read_object(object_id) == content


@pytest.mark.parametrize("lost", ["repository_objects", "branches", "objects"])
def test_a_collection_of_much_that_nobody_let_go_of_needs_a_person(hub: HubProcess, lost: str) -> None:
    with PushClient(hub) as client:
        assert client.push(NEW)[0] == 200
        client.wait_promoted()
        change_index(hub, f"DELETE FROM {lost}")
        if lost == "objects":
            change_index(hub, "DELETE FROM repository_objects")
        before = stored_files(hub.data_dir)
        once = ("gc", "--apply", "--grace", "1s", "--json")
        hub.command_here("gc", "--apply")
        change_index(hub, "UPDATE garbage SET since = since - 1300000")
        error = json.loads(hub.command(*once, expect=2))["error"]
        assert "nobody has let go" in error["message"] and "--large" in error["hint"]
        hub.stop()
        hub.options = ("--gc-every", "1s", "--gc-grace", "1s", "--look-every", "1s")
        hub.start()
        hub.wait_for_log("collected nothing")
        wait_until(lambda: bool((stats(hub)["last_gc"] or {}).get("result")))
        assert stats(hub)["last_gc"]["result"]["objection"]
        assert "museui_hub_gc_waits 1.0" in client.get("/metrics").text
        assert "--large" in hub.command("stats")
        assert stored_files(hub.data_dir) == before
        hub.stop()
        assert json.loads(hub.command(*once, "--large"))["taken"]
        assert stored_files(hub.data_dir) < before


def test_a_file_that_a_repository_needs_gets_its_row_back(hub: HubProcess) -> None:
    with PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        change_index(hub, "DELETE FROM objects")
        assert collect(hub, 0.0)["taken"] == {}
        for object_id, content in OLD.contents.items():
            assert client.read_object(object_id) == content


def test_a_store_that_another_hub_has_taken_over_is_left_alone() -> None:
    with HubProcess("--gc-every", "1s", "--gc-grace", "1s", "--look-every", "1s") as hub, PushClient(hub) as client:
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        mark = hub.data_dir / "store" / "hub.json"
        theirs = json.dumps({**json.loads(mark.read_text()), "hub": "f" * 32})
        mark.write_text(theirs)
        before = stored_files(hub.data_dir)
        assert client.http.delete(client.url).status_code == 204
        with PushClient(hub, "other") as other:
            assert other.push(OLD)[0] == 200, "which is told to the store"
        hub.wait_for_log("taken over by another hub, or replaced: nothing is collected")
        hub.wait_for_log("collected nothing: the store has been taken over")
        assert before <= stored_files(hub.data_dir)
        assert mark.read_text() == theirs


def test_nothing_is_adopted_beside_a_running_hub(hub: HubProcess) -> None:
    assert "another hub serves" in hub.command("adopt", "--json", expect=3)


def test_a_second_hub_on_the_same_bucket_is_refused(minio: MinioProcess) -> None:
    place = minio.new_store()
    with MinioHub(place) as hub, PushClient(hub) as client:
        second = MinioHub(place)
        try:
            with pytest.raises(AssertionError, match="holds what a hub has stored"):
                second.start()
        finally:
            second.close()
        assert client.push(OLD)[0] == 200
        client.wait_promoted()
        hub.restart()
        assert client.read_object(next(iter(OLD.contents))) == b"pushed before the copy"


def test_another_hubs_database_removes_nothing_from_a_bucket(minio: MinioProcess) -> None:
    place = minio.new_store()
    with MinioHub(place) as hub, PushClient(hub) as client:
        hub.restart(failpoint="promote.object")
        assert client.push(OLD)[0] == 200
        hub.wait_killed()
        before = run_entries(place)
        assert any(key.startswith("bundles/") for key in before)
        second = MinioHub(place)
        try:
            with pytest.raises(AssertionError, match="museui hub adopt"):
                second.start()
        finally:
            second.close()
        assert run_entries(place) == before
        hub.restart()
        client.wait_promoted()
        assert client.read_object(next(iter(OLD.contents))) == b"pushed before the copy"


def run_entries(place: S3Settings) -> dict[str, bytes]:
    return asyncio.run(stored_entries(place))
