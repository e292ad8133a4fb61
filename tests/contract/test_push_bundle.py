"""A bundle pushed through presign, PUT and confirm, against a running hub."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents, read_tables, stored_files
from tests.helpers.push_client import PushClient, compress, error_code, read_answer, wait_until
from tests.helpers.records import History, commit_record, digest, make_history, pack, snapshot_record

TREES = (
    {"a.txt": b"one", "folder/b.bin": bytes(range(256))},
    {"a.txt": b"two", "folder/b.bin": bytes(range(256)), "e": b""},
)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A repository of its own for each test."""
    slug = request.node.name.replace("[", "-").replace("]", "")[:90]
    with PushClient(hub, "".join(char if char.isalnum() else "-" for char in slug)) as made:
        yield made


def _next(history: History, **files: bytes) -> History:
    """A history of one more commit, alone, on top of ``history``."""
    snapshot = snapshot_record(files)
    commit = commit_record(snapshot["snapshot_id"], [history.head], f"then {sorted(files)}")
    return History([commit], [snapshot], {digest(content): content for content in files.values()})


@pytest.mark.parametrize("compressed", [True, False])
def test_a_bundle_becomes_a_branch(client: PushClient, compressed: bool) -> None:
    history = make_history(*TREES)
    raw = pack(history.bundle())
    status, answer = client.push(history, wire=compress(raw) if compressed else raw, expected_head=None)
    assert status == 200
    timings = answer.pop("timings")
    push_id = answer.pop("push_id")
    assert answer == {
        "ok": True,
        "branch": "main",
        "head": history.head,
        "previous_head": None,
        "stored_commits": 2,
        "stored_snapshots": 2,
        "stored_objects": 4,
        "already_present_objects": 0,
        "promotion": "pending",
    }
    assert timings.keys() == {"read", "verify", "store", "index", "advance", "total"}
    assert all(seconds >= 0 for seconds in timings.values())
    refs = read_answer(client.get("refs"))[1]
    assert (refs["branch_heads"], refs["default_branch"]) == ({"main": history.head[7:]}, "main")
    assert read_answer(client.get(f"pushes/{push_id}"))[1]["head"] == history.head
    for object_id, content in history.contents.items():
        assert client.read_object(object_id) == content
    client.wait_promoted()
    for object_id, content in history.contents.items():
        assert client.read_object(object_id) == content


def test_the_aliases_do_the_same(client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    status, presigned = client.post("push/bundle-presign", {"bundle_id": digest(wire), "size_bytes": len(wire)})
    assert status == 200
    assert client.put(presigned["presigned_url"], wire)[0] == 200
    message = {"bundle_id": digest(wire), "branch": "main", "head": history.head}
    assert client.post("push/unpack-bundle", message)[0] == 200
    assert client.heads() == {"main": history.head}


def test_a_second_push_stores_only_what_is_new(client: PushClient) -> None:
    first = make_history(*TREES)
    client.push(first)
    more = _next(first, **{"a.txt": b"three", "e": b""})
    status, answer = client.push(more, expected_head=first.head)
    assert status == 200
    assert (answer["stored_commits"], answer["stored_snapshots"]) == (1, 1)
    assert (answer["stored_objects"], answer["already_present_objects"]) == (1, 1)
    assert answer["previous_head"] == first.head
    only_known = _next(more, **{"a.txt": b"three"})
    only_known.contents.clear()
    status, answer = client.push(only_known)
    assert (status, answer["stored_objects"], answer["promotion"]) == (200, 0, "done")


def test_pushing_the_same_again_changes_nothing(client: PushClient) -> None:
    history = make_history(*TREES)
    _, first = client.push(history)
    client.wait_promoted()
    before = hub_contents(client.hub.data_dir)
    assert client.push(history, expected_head=None) == (200, {**first, "promotion": "done"})
    assert hub_contents(client.hub.data_dir) == before


def test_confirm_again_gives_the_same_answer(client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    upload_id = client.upload(wire)["upload_id"]
    first = client.confirm(wire, history.head, upload_id=upload_id)
    client.wait_promoted()
    before = hub_contents(client.hub.data_dir)
    for fields in ({"upload_id": upload_id}, {}):
        status, answer = client.confirm(wire, history.head, **fields)
        assert (status, answer) == (200, {**first[1], "promotion": "done"})
    assert hub_contents(client.hub.data_dir) == before


def test_confirms_at_once_give_the_same_answer(client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    client.upload(wire)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.confirm(wire, history.head), range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["push_id"] for _, answer in answers}) == 1
    assert len(read_answer(client.get("pushes"))[1]["pushes"]) == 1


def test_a_confirmed_upload_is_used_up_for_any_other_purpose(client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    client.upload(wire)
    client.confirm(wire, history.head)
    for head, branch in ((history.head, "other"), (history.commits[0]["commit_id"], "main")):
        status, answer = client.confirm(wire, head, branch)
        assert (status, error_code(answer)) == (410, "upload_expired")
    assert client.heads() == {"main": history.head}


def test_an_upload_that_is_not_ones_own_looks_like_none(hub: HubProcess, client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    upload_id = client.upload(wire)["upload_id"]
    bob_token = hub.new_user("bob")
    with PushClient(hub, "elsewhere") as elsewhere, PushClient(hub, "own", owner="bob", token=bob_token) as bob:
        for other in (elsewhere, bob):
            other.push(make_history({"x": b"x"}))
        announced = make_history({"never": b"arrived"})
        never = pack(announced.bundle())
        elsewhere.presign(never)
        answers = [
            client.confirm(pack(announced.bundle()), announced.head),
            client.confirm(wire, history.head, upload_id="0" * 32),
            elsewhere.confirm(never, announced.head),
            elsewhere.confirm(wire, history.head, upload_id=upload_id),
            bob.confirm(wire, history.head, upload_id=upload_id),
        ]
    assert {status for status, _ in answers} == {404}
    assert all(answer == answers[0][1] for _, answer in answers)
    assert client.heads() == {}


def test_an_upload_that_arrived_is_not_asked_for_again(client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    first = client.presign(wire)[1]
    again = client.presign(wire, unknown_field=[1, {"x": None}])[1]
    assert (first["already_present"], again["already_present"]) == (False, False)
    assert again["upload_id"] == first["upload_id"]
    assert client.put(again["presigned_url"], wire)[0] == 200
    third = client.presign(wire)[1]
    assert (third["already_present"], third["upload_id"]) == (True, first["upload_id"])
    assert client.confirm(wire, history.head)[0] == 200
    assert client.presign(wire)[1]["already_present"] is False


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"size_bytes": (4 << 30) + 1}, 413, "too_large"),
        ({"size_bytes": 0}, 422, "invalid"),
        ({"size_bytes": "7"}, 422, "invalid"),
        ({"bundle_id": "no"}, 422, "invalid"),
        ({"branch": "a..b"}, 422, "invalid"),
        ({"branch": "main", "expected_head": "sha256:" + "a" * 64}, 409, "stale_lease"),
    ],
)
def test_presign_refuses_before_any_byte(client: PushClient, fields: dict[str, Any], status: int, code: str) -> None:
    before = hub_contents(client.hub.data_dir)
    answer = client.presign(b"bytes", **fields)
    assert (answer[0], error_code(answer[1])) == (status, code)
    after = hub_contents(client.hub.data_dir)
    assert after == before


def test_a_stale_lease_says_where_the_branch_is(client: PushClient) -> None:
    first = make_history(*TREES)
    client.push(first)
    more = _next(first, x=b"x")
    wire = pack(more.bundle())
    for expected in (None, more.head):
        for status, answer in (
            client.presign(wire, branch="main", head=more.head, expected_head=expected),
            client.push(more, expected_head=expected),
        ):
            assert (status, error_code(answer)) == (409, "stale_lease")
            details = {"branch": "main", "expected": expected, "head": first.head}
            assert answer["error"]["details"] == details
    assert client.presign(wire, branch="main", head=more.head)[0] == 200
    assert client.push(more, expected_head=first.head)[0] == 200


def test_only_force_goes_where_the_branch_does_not_lead(client: PushClient) -> None:
    first = make_history(*TREES)
    client.push(first)
    side = make_history({"other": b"root"})
    status, answer = client.push(side)
    assert (status, error_code(answer)) == (409, "non_fast_forward")
    assert answer["error"]["details"] == {"branch": "main", "head": first.head}
    assert "merge" in answer["error"]["hint"]
    assert client.heads() == {"main": first.head}
    back = first.commits[0]["commit_id"]
    assert client.push(side, "side")[0] == 200
    status, answer = client.push(side, "main", wire=compress(pack(side.bundle(meta={"tool": "again"}))), force=True)
    assert (status, answer["previous_head"]) == (200, first.head)
    wire = pack({"meta": {"format": 1}})
    client.upload(wire)
    assert client.confirm(wire, back, "older")[0] == 200
    assert client.heads() == {"main": side.head, "side": side.head, "older": back}


def test_a_branch_follows_commits_that_are_on_the_hub_already(client: PushClient) -> None:
    first = make_history(*TREES)
    client.push(first)
    oldest = first.commits[0]["commit_id"]
    wire = pack({"meta": {"format": 1}})
    client.upload(wire)
    assert client.confirm(wire, oldest, "behind")[0] == 200
    wire = pack({"meta": {"format": 1, "tool": "second"}})
    client.upload(wire)
    status, answer = client.confirm(wire, first.head, "behind", expected_head=oldest)
    assert (status, answer["previous_head"], answer["stored_commits"]) == (200, oldest, 0)
    wire = pack({"meta": {"format": 1, "tool": "third"}})
    client.upload(wire)
    status, answer = client.confirm(wire, oldest, "behind")
    assert (status, error_code(answer)) == (409, "non_fast_forward")


def test_a_merge_is_a_descendant_of_both_sides(client: PushClient) -> None:
    base = make_history({"f": b"0"})
    left, right = _next(base, f=b"left"), _next(base, f=b"right")
    tree = snapshot_record({"f": b"both"})
    merge = commit_record(tree["snapshot_id"], [left.head, right.head], "merge")
    client.push(base)
    client.push(left)
    client.push(right, "right")
    merged = History([right.commits[0], merge], [*right.snapshots, tree], {**right.contents, digest(b"both"): b"both"})
    for branch in ("main", "right"):
        meta = {"format": 1, "tool": branch}
        status, answer = client.push(merged, branch, wire=pack(merged.bundle(meta=meta)))
        assert status == 200, answer
    assert client.heads() == {"main": merge["commit_id"], "right": merge["commit_id"]}


def test_a_branch_cannot_be_a_folder_of_another(client: PushClient) -> None:
    history = make_history({"f": b"0"})
    client.push(history, "a/b")
    for branch in ("a", "a/b/c"):
        wire = pack({"meta": {"format": 1, "tool": branch}})
        client.upload(wire)
        status, answer = client.confirm(wire, history.head, branch)
        assert (status, error_code(answer)) == (422, "invalid")
    wire = pack({"meta": {"format": 1, "tool": "fine"}})
    client.upload(wire)
    assert client.confirm(wire, history.head, "A")[0] == 200


def _missing_object(history: History) -> dict[str, Any]:
    return history.bundle(objects=[{"object_id": digest(b"two"), "content": b"two"}])


def _missing_snapshot(history: History) -> dict[str, Any]:
    return history.bundle(snapshots=history.snapshots[:1])


def _missing_parent(history: History) -> dict[str, Any]:
    return history.bundle(commits=history.commits[1:])


@pytest.mark.parametrize("cut", [_missing_object, _missing_snapshot, _missing_parent])
def test_what_only_another_repository_has_is_missing(hub: HubProcess, client: PushClient, cut: Any) -> None:
    history = make_history(*TREES)
    with PushClient(hub, "the-other-one") as other:
        assert other.push(history)[0] == 200
        other.wait_promoted()
    client.push(make_history({"own": b"thing"}), "own")
    client.wait_promoted()
    before = hub_contents(hub.data_dir)
    status, answer = client.push(history, wire=pack(cut(history)))
    assert (status, error_code(answer)) == (422, "integrity")
    assert answer["error"]["details"]["rule"] == "closed_graph"
    after = hub_contents(hub.data_dir)
    assert after[0] == before[0]
    assert {path for path in after[1] - before[1] if not path.startswith("store/staging/")} == set()


def test_the_head_must_be_a_commit_that_is_there(client: PushClient) -> None:
    history = make_history(*TREES)
    wire = pack(history.bundle())
    client.upload(wire)
    status, answer = client.confirm(wire, "sha256:" + "a" * 64)
    assert (status, error_code(answer)) == (422, "integrity")
    assert client.confirm(wire, history.head)[0] == 200


def test_a_bundle_is_refused_in_whole(client: PushClient) -> None:
    history = make_history(*TREES)
    client.push(make_history({"own": b"thing"}), "own")
    client.wait_promoted()
    before = hub_contents(client.hub.data_dir)
    bad = history.bundle()
    bad["objects"][-1] = {"object_id": digest(b"one thing"), "content": b"another"}
    wire = compress(pack(bad))
    for _ in range(2):
        status, answer = client.push(history, wire=wire)
        assert (status, error_code(answer)) == (422, "integrity")
        assert digest(b"one thing")[7:] in answer["error"]["message"]
    after = hub_contents(client.hub.data_dir)
    assert after[0] == before[0]
    assert len(after[1] - before[1]) == 1, "the upload is kept until it expires"


def test_nothing_is_left_lying_about(client: PushClient) -> None:
    history = make_history(*TREES)
    client.push(history)
    client.wait_promoted()
    files = stored_files(client.hub.data_dir)
    assert not {path for path in files if path.startswith(("spool/", "store/tmp/", "store/bundles/"))}
    tables = read_tables(client.hub.data_dir)
    assert (tables["bundles"], tables["jobs"]) == ([], [])


def test_each_step_of_a_push_is_one_line_of_the_log(client: PushClient) -> None:
    history = make_history(*TREES)
    _, answer = client.push(history)
    name = client.url.removeprefix(client.hub.url + "/")

    def lines(step: str) -> list[str]:
        return [line for line in client.hub.log.splitlines() if f" {step} repository={name} " in line]

    wait_until(lambda: bool(lines("push/bundle/confirm")))
    (presign,), (confirm,) = lines("push/bundle/presign"), lines("push/bundle/confirm")
    assert "already_present=False" in presign
    assert f"push_id={answer['push_id']} " in confirm
    assert all(f" {step}_s=" in confirm for step in ("read", "verify", "store", "index", "advance", "total"))
