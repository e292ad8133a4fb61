"""``museui hub fsck``: whatever is damaged or missing is named; what the hub has somewhere is put back."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator

import pytest

from hubstub.maintenance.findings import Part
from hubstub.store.keys import object_key
from hubstub.store.s3 import S3Store
from museui.core.errors import Invalid
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.hub_contents import read_tables
from tests.helpers.minio import MinioHub, MinioProcess
from tests.helpers.push_client import PushClient, compress, wait_until
from tests.helpers.records import History, make_history, pack
from tests.helpers.upkeep import change_index, check, check_and_repair, found, key, own_file

HISTORY = make_history(
    {"a": b"one", "b": b"two", "large": bytes(range(256)) * 8192},
    {"a": b"three", "b": b"two", "empty": b""},
)


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    """A hub with a promoted repository."""
    with HubProcess() as process:
        with PushClient(process) as client:
            assert client.push(HISTORY)[0] == 200
            client.wait_promoted()
        wait_until(lambda: not read_tables(process.data_dir, ("jobs",))["jobs"])
        yield process


@pytest.fixture
def stuck() -> Iterator[HubProcess]:
    """A hub that died before it promoted anything of its one bundle."""
    with HubProcess(failpoint="promote.object") as process:
        with PushClient(process) as client:
            client.push(HISTORY, wire=compress(pack(HISTORY.bundle())))
        process.wait_killed()
        process.failpoint = ""
        yield process


def bare(object_id: str) -> str:
    return object_id.removeprefix("sha256:")


def object_of(content: bytes, history: History = HISTORY) -> str:
    return next(bare(item) for item, held in history.contents.items() if held == content)


def test_a_sound_hub_is_clean_and_says_what_it_looked_at(hub: HubProcess) -> None:
    document = json.loads(hub.command("fsck", "--json"))
    assert document["ok"] is True and document["findings"] == document["leftovers"] == []
    assert document["checked"] == {
        "commits": 2,
        "snapshots": 2,
        "repositories": 1,
        "objects": 5,
        "bytes": sum(map(len, HISTORY.contents.values())),
    }


@pytest.mark.parametrize("store", ["embedded", "minio"])
def test_each_object_that_is_flipped_or_shortened_or_gone_is_named(store: str, request: pytest.FixtureRequest) -> None:
    minio: MinioProcess | None = request.getfixturevalue("minio") if store == "minio" else None
    with MinioHub(minio.new_store()) if minio else HubProcess() as hub, PushClient(hub) as client:
        client.push(HISTORY)
        client.wait_promoted()
        for object_id, content in HISTORY.contents.items():
            flipped = content[:-1] + bytes([content[-1] ^ 1]) if content else b"\0"
            for damaged in (flipped, content[:-1] if content else b"longer", None):
                _write(hub, object_id, damaged)
                report = check(hub)
                assert found(report) == {("object", bare(object_id))}
                assert report.findings["object", bare(object_id)].where == object_key(bare(object_id))
            _write(hub, object_id, content)
        assert found(check(hub)) == set()


def _write(hub: HubProcess, object_id: str, content: bytes | None) -> None:
    """Change what lies under the key of an object behind the hub's back."""
    if isinstance(hub, MinioHub):
        store, where = S3Store(hub.place, b""), object_key(bare(object_id))
        asyncio.run(store.put([(where, content)]) if content is not None else store.delete([where]))
    elif content is None:
        own_file(hub, object_id).unlink()
    else:
        own_file(hub, object_id).write_bytes(content)


def test_the_command_names_damage_and_exits_with_one(hub: HubProcess) -> None:
    own_file(hub, object_of(b"two")).unlink()
    done = hub_command("fsck", "--data", hub.data_dir, expect=1)
    assert f"object {object_of(b'two')}\n" in done.stdout
    assert "it is missing" in done.stdout and "fsck --repair" in done.stdout
    document = json.loads(hub.command("fsck", "--json", "--repair", expect=1))
    assert document["ok"] is False and "next push" in document["findings"][0]["repaired"]
    ((kind, subject, reason, _),) = read_tables(hub.data_dir, ("damage",))["damage"]
    assert (kind, subject) == ("object", object_of(b"two")) and "missing" in reason


@pytest.mark.parametrize("how", ["truncated", "flipped", "gone"])
def test_a_damaged_bundle_is_named_with_the_objects_that_are_lost(stuck: HubProcess, how: str) -> None:
    (bundle,) = (stuck.data_dir / "store/bundles").iterdir()
    stored = bundle.read_bytes()
    if how == "gone":
        bundle.unlink()
    elif how == "truncated":
        bundle.write_bytes(stored[:-10])
    else:
        bundle.write_bytes(stored[:100] + bytes([stored[100] ^ 1]) + stored[101:])
    report = check(stuck)
    assert ("bundle", bundle.name) in found(report)
    if how != "flipped":  # what was flipped may be in none of them
        assert {item for kind, item in found(report) if kind == "object"} >= {object_of(b"one"), object_of(b"three")}


def test_a_row_without_an_object_is_named(hub: HubProcess) -> None:
    victim = object_of(b"three")
    change_index(hub, "DELETE FROM objects WHERE id = ?", key(victim))
    assert found(check(hub)) == {("object", victim)}
    assert check_and_repair(hub) == {victim: "its own file was whole"}
    assert found(check(hub)) == set()
    change_index(hub, "DELETE FROM repository_objects WHERE object_id = ?", key(victim))
    ((kind, subject),) = found(check(hub))
    assert kind == "member" and subject.endswith(victim)
    check_and_repair(hub)
    assert found(check(hub)) == set()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE branches SET head = zeroblob(32)", "branch"),
        ("UPDATE commits SET generation = generation + 1", "commit"),
        ("UPDATE commits SET snapshot_id = zeroblob(32)", "commit"),
        ("DELETE FROM commits WHERE generation = 1", "commit"),
        ("DELETE FROM snapshots", "commit"),
        ("UPDATE commits SET chunk_offset = chunk_offset + 1", "commit"),
        ("UPDATE snapshots SET chunk_size = chunk_size - 1", "snapshot"),
        ("UPDATE chunks SET data = x'28b52ffd'", "chunk"),
        ("DELETE FROM chunks", "chunk"),
        ("INSERT INTO tags SELECT id, 't', 'v1', zeroblob(32), '{}', 1.0 FROM repositories", "tag"),
        ("INSERT INTO releases SELECT id, 'r', '', 0, zeroblob(32), '{}', 1.0 FROM repositories", "release"),
    ],
)
def test_an_index_that_does_not_hold_together_is_named(shared: HubProcess, statement: str, kind: str) -> None:
    with PushClient(shared, f"broken-{zlib.crc32(statement.encode())}") as client:
        client.push(HISTORY)
        assert found(check(shared)) == set()
        change_index(shared, statement)
        assert kind in {kind for kind, _ in found(check(shared))}
        assert client.http.delete(client.url).status_code == 204


@pytest.fixture(scope="module")
def shared() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def test_records_of_others_are_no_records_of_these(hub: HubProcess) -> None:
    change_index(
        hub,
        "UPDATE snapshots SET chunk_offset = 0, chunk_size = (SELECT min(chunk_offset) FROM snapshots "
        "WHERE chunk_offset > 0)",
    )
    assert {kind for kind, _ in found(check(hub))} == {"snapshot"}


def test_parts_of_the_objects_are_all_of_them(hub: HubProcess) -> None:
    for object_id in HISTORY.contents:
        own_file(hub, object_id).unlink()
    parts = [found(check(hub, Part(number, 3))) for number in (1, 2, 3)]
    assert set.union(*parts) == {("object", bare(item)) for item in HISTORY.contents}
    assert sum(map(len, parts)) == len(HISTORY.contents)
    for text in ("0/3", "4/3", "1/0", "a/b", "1/3x"):
        assert "not a part" in hub.command("fsck", "--subset", text, "--json", expect=1)
    with pytest.raises(Invalid):
        Part(2, 1)


def test_an_object_is_put_back_from_a_bundle_that_still_holds_it(hub: HubProcess) -> None:
    victim = object_of(b"three")
    (hub.data_dir / "store/bundles/kept").write_bytes(compress(pack(HISTORY.bundle())))
    own_file(hub, victim).write_bytes(b"eerht")
    assert check_and_repair(hub) == {victim: "put back from a stored bundle"}
    assert own_file(hub, victim).read_bytes() == b"three"
    assert found(check(hub)) == set()


def test_what_a_damaged_bundle_and_the_store_both_had_is_put_back(stuck: HubProcess) -> None:
    (bundle,) = (stuck.data_dir / "store/bundles").iterdir()
    bundle.write_bytes(b"")
    for object_id, content in HISTORY.contents.items():
        own_file(stuck, object_id).parent.mkdir(exist_ok=True)
        own_file(stuck, object_id).write_bytes(content)
    assert set(check_and_repair(stuck).values()) == {"its own file was whole"}
    stuck.start()
    with PushClient(stuck) as client:
        client.wait_promoted()
        for object_id, content in HISTORY.contents.items():
            assert client.read_object(object_id) == content
    assert found(check(stuck)) == set()


def test_a_push_that_comes_again_brings_what_is_missing(hub: HubProcess) -> None:
    victim = object_of(b"three")
    own_file(hub, victim).write_bytes(b"eerht")
    with PushClient(hub) as client:
        assert client.get(f"/o/{victim}").status_code == 500
        check_and_repair(hub)
        assert client.get(f"/o/{victim}").status_code == 404
        later = make_history({"a": b"three", "c": b"does not matter"})
        del later.contents["sha256:" + victim]
        status, answer = client.push(later, "other")
        assert status == 422 and victim in str(answer), "the hub does not claim to have it"
        assert client.push(HISTORY)[0] == 200
        assert client.read_object(victim) == b"three"
        client.wait_promoted()
    assert own_file(hub, victim).read_bytes() == b"three"
    assert found(check(hub)) == set()


def test_a_repair_that_dies_is_finished_by_the_next(hub: HubProcess) -> None:
    victim = object_of(b"three")
    own_file(hub, victim).write_bytes(b"eerht")
    for failpoint in ("fsck.marked", "gc.deleted"):
        hub_command("fsck", "--repair", "--data", hub.data_dir, expect=-9, failpoint=failpoint)
    change_index(hub, "UPDATE garbage SET since = since - 3600")
    hub.restart()
    with PushClient(hub) as client:
        assert client.push(HISTORY)[0] == 200
        client.wait_promoted()
        assert client.read_object(victim) == b"three"
    assert found(check(hub)) == set()
