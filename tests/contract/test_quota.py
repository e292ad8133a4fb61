"""Quotas: refused before a byte is sent, and again when what arrived is more than was said; what is used stays true."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.push_client import PushClient, compress, error_code
from tests.helpers.records import History, commit_record, make_history, pack

KIB = 1024


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess("--repository-quota", "10K", "--user-quota", "1M") as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    slug = request.node.name[:90].replace("[", "-").strip("]")
    hub.command("repo", "create", f"ada/{slug}")
    with PushClient(hub, slug) as made:
        yield made


def _frames(history: History) -> bytes:
    """The body of ``push/stream``."""
    frames: list[Any] = [["H", {"branch": "main", "head": history.head, "force": False}]]
    frames += [["S", record] for record in history.snapshots]
    frames += [["O", [object_id, content]] for object_id, content in history.contents.items()]
    frames += [*(["C", record] for record in history.commits), ["E", {}]]
    return b"".join(map(pack, frames))


def _history(*sizes: int, salt: bytes = b"") -> History:
    """Commits that each add one object of that many bytes."""
    files: dict[str, bytes] = {}
    trees: list[dict[str, bytes]] = []
    for number, size in enumerate(sizes):
        files[f"f{number}"] = (salt + b"%d " % number).ljust(size, b"x")
        trees.append(dict(files))
    return make_history(*trees)


def _stored_bytes(client: PushClient) -> int:
    with closing(sqlite3.connect(f"file:{client.hub.data_dir / 'hub.sqlite3'}?mode=ro", uri=True)) as connection:
        query = "SELECT stored_bytes FROM repositories WHERE slug = ?"
        return int(connection.execute(query, (client.url.rpartition("/")[2],)).fetchone()[0])


def test_an_upload_that_cannot_fit_is_refused_before_a_byte_is_sent(client: PushClient) -> None:
    with unchanged(client.hub):
        status, answer = client.presign(b"x" * 11 * KIB)
        assert (status, error_code(answer)) == (507, "quota")
        assert answer["error"]["details"] == {"quota_bytes": 10 * KIB, "asked_bytes": 11 * KIB}
        assert client.presign(b"x", raw_bytes=11 * KIB)[0] == 507


def test_a_repository_that_is_not_there_yet_is_not_made_for_what_it_has_no_room_for(hub: HubProcess) -> None:
    with PushClient(hub, "never") as client, unchanged(hub):
        assert client.presign(b"x" * 11 * KIB)[0] == 507


def test_single_objects_that_cannot_fit_are_refused_before_one_is_sent(client: PushClient, hub: HubProcess) -> None:
    ids = list(_history(KIB, KIB).contents)
    with unchanged(client.hub):
        for sizes in ([11 * KIB, KIB], [6 * KIB, 5 * KIB]):
            status, answer = client.post("push/presign", {"object_ids": ids, "sizes": sizes})
            assert (status, error_code(answer)) == (507, "quota")
        assert client.post("push/presign", {"object_ids": ids, "sizes": [4 * KIB, 4 * KIB]})[0] == 200
    with PushClient(hub, "never-either") as nowhere:
        assert nowhere.post("push/presign", {"object_ids": ids, "sizes": [11 * KIB, 1]})[0] == 507


def test_open_uploads_reserve_their_room_once(client: PushClient) -> None:
    assert client.presign(b"a" * 6 * KIB)[0] == 200
    assert client.presign(b"b" * 6 * KIB)[0] == 507
    assert client.presign(b"a" * 6 * KIB)[0] == 200
    assert client.presign(b"c" * 3 * KIB)[0] == 200


@pytest.mark.parametrize("way", ["bundle", "stream", "unpack"])
def test_more_than_was_said_is_refused_at_the_end_and_changes_nothing(client: PushClient, way: str) -> None:
    history = _history(11 * KIB)
    wire = compress(pack(history.bundle()))
    if way == "bundle":
        upload = client.upload(wire)
    with unchanged(client.hub):
        if way == "bundle":
            status, answer = client.confirm(wire, history.head, upload_id=upload["upload_id"])
        elif way == "unpack":
            status, answer = client.post_bytes(f"push/unpack?branch=main&head={history.head}", wire)
        else:
            status, answer = client.post_bytes("push/stream", _frames(history))
        assert (status, error_code(answer)) == (507, "quota")
    assert client.heads() == {}


def test_what_is_used_counts_each_object_once(client: PushClient) -> None:
    first, second = _history(3 * KIB), _history(3 * KIB, 4 * KIB)
    assert client.push(first)[0] == 200
    assert _stored_bytes(client) == 3 * KIB
    assert client.push(second)[0] == 200
    assert client.push(second, "other")[0] == 200
    assert _stored_bytes(client) == 7 * KIB
    assert client.push(_history(3 * KIB, 4 * KIB, 4 * KIB))[0] == 507
    assert _stored_bytes(client) == 7 * KIB


@pytest.mark.parametrize("way", ["bundle", "stream"])
def test_a_push_that_adds_records_alone_counts_too(client: PushClient, way: str) -> None:
    full = _history(7 * KIB)
    assert client.push(full)[0] == 200
    client.hub.command_here("repo", "quota", "ada/" + client.url.rpartition("/")[2], "4K")
    again = commit_record(full.snapshots[0]["snapshot_id"], [full.head], "the same once more")
    more = History([again], [], {})
    with unchanged(client.hub):
        if way == "stream":
            status, answer = client.post_bytes("push/stream", _frames(more))
        else:
            status, answer = client.presign(compress(pack(more.bundle())), raw_bytes=KIB, objects=0)
        assert (status, error_code(answer)) == (507, "quota")
    assert client.heads() == {"main": full.head}


def test_what_is_used_stays_true_when_the_same_objects_come_from_many_sides_at_once(client: PushClient) -> None:
    history = _history(KIB, KIB)
    wires = [compress(pack({**history.bundle(), "meta": {"number": number}})) for number in range(8)]
    uploads = [client.upload(wire) for wire in wires]
    answers: list[int] = []

    def confirm(number: int) -> None:
        with PushClient(client.hub, client.url.rpartition("/")[2]) as other:
            upload_id = uploads[number]["upload_id"]
            answers.append(other.confirm(wires[number], history.head, f"b{number}", upload_id=upload_id)[0])

    threads = [threading.Thread(target=confirm, args=(number,)) for number in range(len(wires))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * len(wires)
    assert _stored_bytes(client) == 2 * KIB


def test_a_quota_of_ones_own_goes_before_the_hub_s(client: PushClient) -> None:
    name = "ada/" + client.url.rpartition("/")[2]
    command = client.hub.command
    assert json.loads(command("repo", "quota", name, "20K", "--json"))["quota_bytes"] == 20 * KIB
    assert client.push(_history(11 * KIB))[0] == 200
    listed = next(line for line in command("repo", "list").splitlines() if line.startswith(name + " "))
    assert listed.endswith("11.0 KiB of 20.0 KiB")
    command("repo", "quota", name, "none")
    assert client.presign(b"y" * 30 * KIB)[0] == 200
    command("repo", "quota", name, "default")
    assert client.presign(b"z" * KIB)[0] == 507


def test_one_is_told_what_one_s_own_repositories_take_and_nothing_of_others(hub: HubProcess) -> None:
    token = hub.new_user("eve")
    hub.command_here("user", "quota", "eve", "20K")
    for slug, size in (("large", 5 * KIB), ("small", KIB)):
        with PushClient(hub, slug, owner="eve", token=token) as client:
            assert client.push(_history(size, salt=b"eve"))[0] == 200
            client.wait_promoted()

    def storage(token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return httpx.get(f"{hub.url}/user/storage", headers=headers).json()

    whole = {"repositories": {"eve/large": 5 * KIB, "eve/small": KIB}, "count": 2}
    told = storage(token)
    used_bytes = told.pop("used_bytes")
    assert 6 * KIB < used_bytes < 8 * KIB, "the records, too"
    assert told == {**whole, "quota_bytes": 20 * KIB, "waiting_bundles": 0, "waiting_bytes": 0}
    hub.command_here("user", "quota", "eve", "none")
    assert storage(token)["quota_bytes"] is None
    one = storage(hub.command_here("token", "create", "eve", "--repo", "eve/small", "--scope", "read"))
    assert (one["repositories"], one["quota_bytes"]) == ({"eve/small": KIB}, None)
    assert KIB < one["used_bytes"] < used_bytes
    nothing = storage(hub.new_user("mallory"))
    assert (nothing["repositories"], nothing["count"], nothing["used_bytes"]) == ({}, 0, 0)
    assert nothing["quota_bytes"] == KIB * KIB
    assert storage("nonsense")["error"]["code"] == "unauthorized"


def test_a_user_s_quota_holds_for_all_of_their_repositories_together(hub: HubProcess) -> None:
    token = hub.new_user("bob")
    hub.command_here("user", "quota", "bob", "6K")
    with (
        PushClient(hub, "one", owner="bob", token=token) as one,
        PushClient(hub, "two", owner="bob", token=token) as two,
    ):
        assert one.push(_history(4 * KIB, salt=b"bob"))[0] == 200
        status, answer = two.push(_history(4 * KIB, salt=b"again"))
        assert (status, error_code(answer)) == (507, "quota")
        assert two.presign(b"x" * 3 * KIB)[0] == 507
        hub.command_here("user", "quota", "bob", "none")
        assert two.presign(b"x" * 3 * KIB)[0] == 200


def test_no_repository_is_made_for_what_its_owner_has_no_room_for(hub: HubProcess) -> None:
    token = hub.new_user("full")
    hub.command_here("user", "quota", "full", "12K")
    history = _history(4 * KIB, salt=b"another")
    contents = [{"object_id": object_id, "content": content} for object_id, content in history.contents.items()]
    with (
        PushClient(hub, "one", owner="full", token=token) as one,
        PushClient(hub, "two", owner="full", token=token) as two,
    ):
        sizes = [len(content) for content in history.contents.values()]
        assert two.put_objects(history.contents, sizes=sizes)[0] == 200
        assert one.push(_history(4 * KIB, salt=b"full"))[0] == 200
        one.wait_promoted()
        hub.command_here("user", "quota", "full", "6K")
        with unchanged(hub):
            for status, answer in (
                two.presign(b"x" * 4 * KIB),
                two.presign_objects(["e" * 64], sizes=[4 * KIB]),
                two.confirm_objects(history),
                two.post_bytes("push/stream", _frames(history)),
                two.post_bytes(f"push/unpack?branch=main&head={history.head}", pack(history.bundle())),
                two.post("push/objects", {"objects": contents}),
                two.post("push", {"bundle": history.bundle(), "branch": "main", "force": False}),
                two.post("push", {"bundle": history.bundle(objects=[]), "branch": "main", "force": False}),
            ):
                assert (status, error_code(answer)) == (507, "quota")
            assert two.get("refs").status_code == 404


@pytest.mark.parametrize("words", ["10X", "-1", "", "1.5G", "9" * 30])
def test_what_is_no_size_is_an_error(hub: HubProcess, words: str) -> None:
    hub_command("user", "quota", "--data", hub.data_dir, "--", "ada", words, expect=1)
    hub_command("serve", "--data", hub.data_dir, f"--user-quota={words}", expect=2)
