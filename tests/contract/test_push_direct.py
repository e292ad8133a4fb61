"""``push/stream`` and ``push/unpack``: the request carries the push, and the hub does what it does with a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents, read_tables, stored_files
from tests.helpers.push_client import PushClient, compress, error_code, read_answer
from tests.helpers.records import History, commit_record, digest, make_history, pack, snapshot_record

HISTORY = make_history({"a": b"one", "b": b""}, {"a": b"two", "b": b""})
MiB = 1 << 20


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        yield made


def _frames(history: History, **header: Any) -> list[Any]:
    frames: list[Any] = [["H", {"branch": "main", "head": history.head, "force": False, **header}]]
    frames += [["S", record] for record in history.snapshots]
    frames += [["O", [object_id, content]] for object_id, content in history.contents.items()]
    frames += [["C", record] for record in history.commits]
    return [*frames, ["E", {}]]


def _body(frames: list[Any]) -> bytes:
    return b"".join(map(pack, frames))


def _without_measures(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("push_id", "timings")}


def test_every_way_in_gives_the_same_answer_and_the_same_index(hub: HubProcess) -> None:
    answers: list[Any] = []
    held: list[Any] = []
    for way in ("bundle", "stream", "stream-zstd", "unpack", "unpack-zstd"):
        with PushClient(hub, f"way-{way}") as client:
            if way == "bundle":
                answer = client.push(HISTORY, expected_head=None)
            elif way.startswith("stream"):
                body = _body(_frames(HISTORY, expected_head=None))
                answer = client.post_bytes("push/stream", compress(body) if "zstd" in way else body)
            else:
                body = pack(HISTORY.bundle())
                query = f"branch=main&head={HISTORY.head}&expected_head="
                answer = client.post_bytes(f"push/unpack?{query}", compress(body) if "zstd" in way else body)
            assert answer[0] == 200, answer
            answers.append(_without_measures(answer[1]))
            held.append(client.heads())
            listed = read_answer(client.get("pushes"))[1]["pushes"]
            assert [push["strategy"] for push in listed] == [way.partition("-")[0]]
            client.wait_promoted()
            assert all(client.read_object(object_id) == content for object_id, content in HISTORY.contents.items())
    assert all(answer == answers[0] for answer in answers)
    assert all(heads == {"main": HISTORY.head} for heads in held)
    assert not any(path.startswith("spool/") for path in stored_files(hub.data_dir))
    members = [row[0] for row in read_tables(hub.data_dir)["repository_objects"]]
    assert len(members) == 5 * len(HISTORY.contents)


@pytest.mark.parametrize("way", ["stream", "unpack"])
def test_lease_and_fast_forward_hold(client: PushClient, way: str) -> None:
    def push(history: History, branch: str, **fields: Any) -> tuple[int, Any]:
        if way == "stream":
            return client.post_bytes("push/stream", _body(_frames(history, branch=branch, **fields)))
        query = "&".join(f"{name}={value or ''}" for name, value in {"head": history.head, **fields}.items())
        return client.post_bytes(f"push/unpack?branch={branch}&{query}", pack(history.bundle()))

    assert push(HISTORY, "main", expected_head=None)[0] == 200
    tree = snapshot_record({"a": b"three"})
    commit = commit_record(tree["snapshot_id"], [HISTORY.head], "on top")
    more = History([commit], [tree], {digest(b"three"): b"three"})
    status, answer = push(more, "main", expected_head=None)
    assert (status, error_code(answer)) == (409, "stale_lease")
    side = make_history({"x": b"elsewhere"})
    status, answer = push(side, "main")
    assert (status, error_code(answer)) == (409, "non_fast_forward")
    assert client.heads() == {"main": HISTORY.head}
    assert push(more, "main", expected_head=HISTORY.head)[0] == 200
    assert push(side, "main", force="true" if way == "unpack" else True)[0] == 200
    assert client.heads() == {"main": side.head}


def test_a_lost_answer_does_no_harm(client: PushClient) -> None:
    body = _body(_frames(HISTORY, expected_head=None))
    first = client.post_bytes("push/stream", body)
    client.wait_promoted()
    before = hub_contents(client.hub.data_dir)
    again = client.post_bytes("push/stream", body)
    assert again == (200, {**first[1], "promotion": "done"})
    assert hub_contents(client.hub.data_dir) == before


@pytest.mark.parametrize("way", ["stream", "unpack", "bundle", "objects"])
def test_the_same_push_many_times_is_one_push(client: PushClient, way: str) -> None:
    slug = client.url.rpartition("/")[2]
    wire = pack(HISTORY.bundle())
    if way == "objects":
        client.put_objects(HISTORY.contents)

    def push(_: int) -> tuple[int, Any]:
        with PushClient(client.hub, slug) as other:
            if way == "stream":
                return other.post_bytes("push/stream", _body(_frames(HISTORY, expected_head=None)))
            if way == "unpack":
                return other.post_bytes(f"push/unpack?branch=main&head={HISTORY.head}", wire)
            if way == "objects":
                return other.confirm_objects(HISTORY, expected_head=None)
            return other.push(HISTORY, wire=wire, expected_head=None)

    with ThreadPoolExecutor(1 if way == "bundle" else 4) as pool:  # at once they would share one upload
        answers = list(pool.map(push, range(4)))
    answers.append(push(0))
    assert [status for status, _ in answers] == [200] * 5
    assert {answer["push_id"] for _, answer in answers} == {answers[0][1]["push_id"]}
    assert (answers[0][1]["previous_head"], answers[0][1]["stored_commits"]) == (None, 2)
    client.wait_promoted()
    assert len(read_answer(client.get("pushes"))[1]["pushes"]) == 1
    assert not [path for path in stored_files(client.hub.data_dir) if path.startswith("store/bundles/")], "litter"


def test_a_push_whose_answer_was_lost_is_answered_though_others_built_on_it(client: PushClient) -> None:
    body = _body(_frames(HISTORY, expected_head=None))
    first = client.post_bytes("push/stream", body)
    tree = snapshot_record({"a": b"three"})
    commit = commit_record(tree["snapshot_id"], [HISTORY.head], "on top")
    more = History([commit], [tree], {digest(b"three"): b"three"})
    assert client.post_bytes("push/stream", _body(_frames(more, expected_head=HISTORY.head)))[0] == 200
    client.wait_promoted()
    assert client.post_bytes("push/stream", body) == (200, {**first[1], "promotion": "done"})
    other = _body(_frames(HISTORY, expected_head=None, note="not the same bytes"))
    status, answer = client.post_bytes("push/stream", other)
    assert (status, error_code(answer)) == (409, "stale_lease")
    assert client.heads() == {"main": more.head}


@pytest.mark.parametrize("way", ["unpack", "objects"])
def test_bytes_that_came_before_are_no_answer_once_the_branch_has_left_them(client: PushClient, way: str) -> None:
    wire = pack(HISTORY.bundle())
    if way == "objects":
        client.put_objects(HISTORY.contents)

    def push(expected_head: str | None) -> tuple[int, Any]:
        if way == "objects":
            return client.confirm_objects(HISTORY, expected_head=expected_head)
        query = f"branch=main&head={HISTORY.head}&expected_head={expected_head or ''}"
        return client.post_bytes(f"push/unpack?{query}", wire)

    first = push(None)
    side = make_history({"x": b"elsewhere"})
    assert client.push(side, expected_head=HISTORY.head, force=True)[0] == 200
    status, answer = push("ab" * 32)
    assert (status, error_code(answer)) == (409, "stale_lease")
    assert push(None)[1]["push_id"] == first[1]["push_id"]
    assert client.heads() == {"main": side.head}


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([], "invalid"),
        (_frames(HISTORY)[:-1], "invalid"),
        (_frames(HISTORY)[1:], "invalid"),
        ([*_frames(HISTORY), ["E", {}]], "invalid"),
        ([["H", {}], *_frames(HISTORY)[1:]], "invalid"),
        ([["H", {"branch": "a..b", "head": HISTORY.head}], *_frames(HISTORY)[1:]], "invalid"),
        ([frame for frame in _frames(HISTORY) if frame[0] != "S"], "integrity"),
        ([frame for frame in _frames(HISTORY) if frame[0] != "O"], "integrity"),
        ([["H", {"branch": "main", "head": "f" * 64}], *_frames(HISTORY)[1:]], "integrity"),
    ],
)
def test_a_stream_that_is_not_right_changes_nothing(client: PushClient, frames: list[Any], code: str) -> None:
    before = hub_contents(client.hub.data_dir)
    status, answer = client.post_bytes("push/stream", _body(frames))
    assert (status, error_code(answer)) == (422, code)
    assert hub_contents(client.hub.data_dir) == before


def test_a_stream_stays_under_the_limits_that_refs_shows(client: PushClient) -> None:
    client.push(HISTORY)
    before = hub_contents(client.hub.data_dir)
    limits = read_answer(client.get("refs"))[1]["limits"]
    many = make_history({f"file-{number}": b"%d" % number for number in range(limits["stream_max_objects"] + 1)})
    large = make_history({"large": bytes(limits["stream_max_bytes"])})
    for history in (many, large):
        for body in (_body(_frames(history, branch="other")), compress(_body(_frames(history, branch="other")))):
            status, answer = client.post_bytes("push/stream", body)
            assert (status, error_code(answer)) == (413, "too_large")
    assert hub_contents(client.hub.data_dir) == before


@pytest.mark.parametrize(
    "query",
    ["", "branch=main", "branch=main&head=xyz", "branch=a..b&head={head}", "branch=main&head={head}&force=perhaps"],
)
def test_unpack_names_what_is_wrong_in_its_query(client: PushClient, query: str) -> None:
    path = f"push/unpack?{query.format(head=HISTORY.head)}"
    status, answer = client.post_bytes(path, pack(HISTORY.bundle()))
    assert (status, error_code(answer)) == (422, "invalid")
    assert client.heads() == {}


def test_unpack_answers_json_too(client: PushClient) -> None:
    url = f"{client.url}/push/unpack?branch=main&head={HISTORY.head[7:]}"
    headers = {**client.hub.headers, "Accept": "application/json", "Content-Type": "application/zstd"}
    response = httpx.post(url, content=compress(pack(HISTORY.bundle())), headers=headers, trust_env=False)
    assert (response.status_code, response.json()["head"]) == (200, HISTORY.head)


def test_nobody_pushes_without_the_right_to(hub: HubProcess, client: PushClient) -> None:
    client.push(HISTORY)
    reader = hub.command("token", "create", "ada", "--scope", "read")
    eve = hub.new_user("eve")
    before = hub_contents(hub.data_dir)
    for token, status, code in (
        (reader, 403, "forbidden"),
        (eve, 404, "not_found"),
        ("muse_" + "0" * 16 + "_" + "a" * 43, 401, "unauthorized"),
    ):
        with PushClient(hub, client.url.rpartition("/")[2], token=token) as other:
            wire = pack(HISTORY.bundle())
            for answer in (
                other.presign(wire),
                other.confirm(wire, HISTORY.head),
                other.post_bytes("push/stream", _body(_frames(HISTORY))),
                other.post_bytes(f"push/unpack?branch=main&head={HISTORY.head}", wire),
            ):
                assert (answer[0], error_code(answer[1])) == (status, code)
    assert hub_contents(hub.data_dir) == before
