"""``museui hub gc``: what nobody needs goes once its grace is over; all else stays, whoever pushes meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.hub_contents import hub_contents, read_tables, stored_files
from tests.helpers.push_client import PushClient, error_code
from tests.helpers.records import History, commit_record, make_history, pack, snapshot_record
from tests.helpers.upkeep import DAY_S, change_index, collect, key, own_file


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    with PushClient(hub, request.node.name.split("[")[0][5:60].replace("_", "-")) as made:
        yield made
        made.http.delete(made.url)
    collect(hub, 0.0)


def let_pass(hub: HubProcess, seconds: float) -> None:
    """Garbage has been marked for so much longer."""
    change_index(hub, "UPDATE garbage SET since = since - ?", seconds)


def add_commit(parent: History, files: dict[str, bytes]) -> History:
    """A history of one commit on top of ``parent``, of whose objects it brings those it needs."""
    history = History()
    history.snapshots.append(snapshot_record(files))
    history.commits.append(commit_record(history.snapshots[0]["snapshot_id"], [parent.head], "on top"))
    made = make_history(files)
    history.contents.update(made.contents)
    return history


def rows_of(hub: HubProcess, table: str, column: int = 0) -> set[Any]:
    return {row[column] for row in read_tables(hub.data_dir, (table,))[table]}


def test_a_hub_without_garbage_keeps_everything(hub: HubProcess, client: PushClient) -> None:
    history = make_history({"a": b"kept 1"}, {"a": b"kept 2", "b": b""})
    assert client.push(history)[0] == 200
    client.wait_promoted()
    before = hub_contents(hub.data_dir)
    answer = json.loads(hub.command("gc", "--apply", "--grace", "0", "--force", "--json"))
    assert answer == {"ok": True, "applied": True, "grace_seconds": 0.0, "taken": {}, "waiting": {}, "skipped": []}
    assert hub_contents(hub.data_dir) == before


def test_what_a_forced_push_replaced_can_be_had_until_its_grace_is_over(hub: HubProcess, client: PushClient) -> None:
    base = make_history({"shared": b"in both"})
    old = add_commit(base, {"shared": b"in both", "old": b"only before"})
    new = add_commit(base, {"shared": b"in both", "new": b"only after"})
    for history in (base, old):
        assert client.push(history)[0] == 200
    assert client.push(new, force=True)[0] == 200
    client.wait_promoted()
    (only,) = (item for item, content in old.contents.items() if content == b"only before")

    collect(hub)
    assert collect(hub, apply=False)["waiting"]["commits"]["count"] == 1
    let_pass(hub, 13 * DAY_S)
    collect(hub)
    assert client.read_object(only) == b"only before"
    assert client.post("fetch", {"want": [old.head], "have": []})[0] == 200

    let_pass(hub, 2 * DAY_S)
    dry = collect(hub, apply=False)
    assert dry["taken"]["commits"]["count"] == 1 and dry["taken"]["objects"] == {"count": 1, "bytes": 11}
    assert own_file(hub, only).exists() and key(old.head) in rows_of(hub, "commits", 1)

    done = collect(hub)
    assert done["taken"]["commits"]["count"] == done["taken"]["snapshots"]["count"] == 1
    assert done["taken"]["objects"] == {"count": 1, "bytes": 11}
    assert not own_file(hub, only).exists()
    assert client.get(f"/o/{only}").status_code == 404
    assert client.post("fetch", {"want": [old.head], "have": []})[0] == 404
    assert rows_of(hub, "garbage") == set()
    status, bundle = client.post("fetch", {"want": [new.head], "have": []})
    assert status == 200 and len(bundle["commits"]) == 2

    assert client.push(old, force=True)[0] == 200, "what is gone can come again"
    assert client.read_object(only) == b"only before"


def test_a_commit_out_of_reach_keeps_what_it_builds_on(hub: HubProcess, client: PushClient) -> None:
    base = make_history({"a": b"base of both"})
    first = add_commit(base, {"a": b"first lost"})
    second = add_commit(first, {"a": b"second lost"})
    assert client.push(base)[0] == 200
    assert client.push(first, "side")[0] == 200
    assert client.push(base, "side", force=True)[0] == 200
    collect(hub)
    let_pass(hub, 20 * DAY_S)
    assert client.push(second, "side", force=True)[0] == 200
    assert client.push(base, "side", force=True)[0] == 200
    done = collect(hub)
    assert "commits" not in done["taken"], "the first is an ancestor of the second, whose grace has only begun"
    let_pass(hub, 20 * DAY_S)
    assert collect(hub)["taken"]["commits"]["count"] == 2


def test_tags_and_releases_keep_what_they_name(hub: HubProcess, client: PushClient) -> None:
    base = make_history({"a": b"not tagged"})
    tagged, released = (add_commit(base, {"a": b"kept by a " + what}) for what in (b"tag", b"release"))
    for history in (tagged, released, base):
        assert client.push(base if history is base else history, force=True, wire=_whole(base, history))[0] == 200
    repository = int(max(rows_of(hub, "repositories")))
    change_index(hub, "INSERT INTO tags VALUES (?, 't1', 'v1', ?, '{}', 1.0)", repository, key(tagged.head))
    change_index(hub, "INSERT INTO releases VALUES (?, 'r1', '', 0, ?, '{}', 1.0)", repository, key(released.head))
    assert collect(hub, 0.0)["taken"] == {}
    change_index(hub, "DELETE FROM tags WHERE repository_id = ?", repository)
    assert collect(hub, 0.0)["taken"]["commits"]["count"] == 1
    assert client.post("fetch", {"want": [released.head], "have": []})[0] == 200


def _whole(base: History, top: History) -> bytes:
    if top is base:
        return pack(base.bundle())
    commits, snapshots = base.commits + top.commits, base.snapshots + top.snapshots
    objects = [{"object_id": i, "content": c} for i, c in {**base.contents, **top.contents}.items()]
    return pack(top.bundle(commits=commits, snapshots=snapshots, objects=objects))


def test_objects_of_a_deleted_repository_go_unless_another_holds_them(hub: HubProcess, client: PushClient) -> None:
    mine = make_history({"a": b"held by two", "b": b"held by one"})
    theirs = make_history({"a": b"held by two"})
    with PushClient(hub, "survivor") as other:
        assert client.push(mine)[0] == other.push(theirs)[0] == 200
        client.wait_promoted()
        other.wait_promoted()
        assert client.http.delete(client.url).status_code == 204
        assert collect(hub)["waiting"]["objects"] == {"count": 1, "bytes": 11}
        let_pass(hub, 15 * DAY_S)
        assert collect(hub)["taken"]["objects"] == {"count": 1, "bytes": 11}
        for object_id, content in mine.contents.items():
            assert own_file(hub, object_id).exists() == (content == b"held by two")
        assert other.read_object(*theirs.contents) == b"held by two"


def test_files_that_no_row_names_go_once_they_are_old(hub: HubProcess, client: PushClient) -> None:
    assert client.push(make_history({"a": b"named"}))[0] == 200
    client.wait_promoted()
    before = stored_files(hub.data_dir)
    strays = ["objects/ab/" + "0" * 62, "objects/ab/no-object", "bundles/" + "1" * 32, "staging/" + "2" * 32]
    for name in strays:
        path = hub.data_dir / "store" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left over")
        os.utime(path, (1.0, 1.0))
    assert collect(hub, 0.0, apply=False)["taken"] == {}
    assert collect(hub, 0.0)["taken"] == {}, "they may be part of what is going on, however old their bytes are"
    let_pass(hub, 3599.0)
    assert collect(hub, 0.0)["taken"] == {}
    let_pass(hub, 3600.0)
    assert collect(hub)["taken"] == {}, "seen for less than the grace"
    assert collect(hub, 3600.0, apply=False)["taken"]["files"] == {"count": 4, "bytes": 36}
    assert stored_files(hub.data_dir) - before == {"store/" + name for name in strays}
    assert collect(hub, 3600.0)["taken"]["files"] == {"count": 4, "bytes": 36}
    assert stored_files(hub.data_dir) == before
    assert rows_of(hub, "garbage") == set()


def test_no_grace_at_all_needs_force(hub: HubProcess) -> None:
    answer = json.loads(hub.command("gc", "--grace", "0", "--json", expect=2))
    assert answer["error"]["code"] == "usage" and "--force" in answer["error"]["hint"]
    assert "not a length of time" in hub.command("gc", "--grace", "soon", "--json", expect=1)


def test_a_folder_without_a_hub_is_refused(hub: HubProcess, tmp_path: Path) -> None:
    assert "there is no hub" in hub_command("gc", "--data", tmp_path, expect=2).stderr


def test_records_that_cannot_be_read_keep_everything(hub: HubProcess, client: PushClient) -> None:
    base = make_history({"a": b"unreadable history"})
    lost = add_commit(base, {"a": b"unreadable, and lost"})
    assert client.push(base)[0] == client.push(lost)[0] == client.push(base, force=True)[0] == 200
    repository = int(max(rows_of(hub, "repositories")))
    change_index(hub, "UPDATE chunks SET data = x'00' WHERE repository_id = ?", repository)
    done = collect(hub, 0.0)
    assert done["taken"] == {} and "fsck" in done["skipped"][0]


def test_a_push_that_builds_on_what_was_just_collected_is_told_so(hub: HubProcess, client: PushClient) -> None:
    base = make_history({"a": b"base that stays"})
    lost = add_commit(base, {"a": b"about to go"})
    assert client.push(base)[0] == client.push(lost)[0] == client.push(base, force=True)[0] == 200
    assert collect(hub, 0.0)["taken"]["commits"]["count"] == 1
    status, answer = client.push(add_commit(lost, {"a": b"on top of what went"}), force=True)
    assert (status, error_code(answer)) == (422, "integrity")
    assert lost.head[7:] in str(answer)
    assert [head[-64:] for head in client.heads().values()] == [base.head[-64:]]
