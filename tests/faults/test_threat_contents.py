"""Bundles that are whole and lie: wrong ids, parts that are missing or another repository's, what is no msgpack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.helpers.attacks import BASE, WAYS, attacked_hub, check_refused, next_history, send, stream_body
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import MSGPACK, PushClient, compress, read_answer
from tests.helpers.records import History, commit_record, digest, make_history, pack

ATTACK = next_history()
COMMIT, TREE = ATTACK.commits[0], ATTACK.snapshots[0]
CONTENT = b"attack"
UNKNOWN = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[PushClient]:
    with PushClient(hub) as made:
        yield made


def _tree(manifest: Any, **extra: Any) -> dict[str, Any]:
    """A bundle whose snapshot has exactly this manifest (path → id), under its right id."""
    lines = sorted(f"{path}\0{str(item).removeprefix('sha256:')}" for path, item in manifest.items())
    snapshot_id = digest("\0".join(lines).encode("utf-8", "surrogatepass"))
    tree = {"snapshot_id": snapshot_id, "manifest": manifest, **extra}
    commit = commit_record(snapshot_id, [BASE.head])
    return {"commits": [commit], "snapshots": [tree], "objects": ATTACK.bundle()["objects"]}


def _commit(**changed: Any) -> dict[str, Any]:
    """A bundle whose commit was changed and keeps its id."""
    return ATTACK.bundle(commits=[{**COMMIT, **changed}])


def _object(**changed: Any) -> dict[str, Any]:
    return ATTACK.bundle(objects=[{"object_id": digest(CONTENT), "content": CONTENT, **changed}])


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "an object's bytes": (_object(content=b"something else"), "integrity"),
    "an object's bytes, one bit": (_object(content=b"attacj"), "integrity"),
    "an object's bytes, none": (_object(content=b""), "integrity"),
    "an object's id": (_object(object_id=UNKNOWN), "integrity"),
    "a snapshot's id": (ATTACK.bundle(snapshots=[{**TREE, "snapshot_id": UNKNOWN}]), "integrity"),
    "a snapshot's path": (ATTACK.bundle(snapshots=[{**TREE, "manifest": {"other": digest(CONTENT)}}]), "integrity"),
    "a snapshot's object": (ATTACK.bundle(snapshots=[{**TREE, "manifest": {"attack": digest(b"la")}}]), "integrity"),
    "a snapshot with one file more": (
        ATTACK.bundle(snapshots=[{**TREE, "manifest": {**TREE["manifest"], "b": digest(b"la")}}]), "integrity",
    ),
    "a snapshot emptied": (ATTACK.bundle(snapshots=[{**TREE, "manifest": {}}]), "integrity"),
    "a commit's id": (_commit(commit_id=UNKNOWN), "integrity"),
    "a commit's message": (_commit(message="another attack"), "integrity"),
    "a commit's time, another spelling of it": (_commit(committed_at="2026-01-01T00:00:00Z"), "integrity"),
    "a commit's snapshot": (_commit(snapshot_id=BASE.snapshots[0]["snapshot_id"]), "integrity"),
    "a commit's parent": (_commit(parent_commit_id=BASE.commits[0]["commit_id"]), "integrity"),
    "a commit's parent left out": (_commit(parent_commit_id=None), "integrity"),
    "a commit with one parent more": (_commit(parent2_commit_id=BASE.commits[0]["commit_id"]), "integrity"),
    "a commit that is its own parent": (_commit(parent_commit_id=COMMIT["commit_id"]), "invalid"),
    "a commit that is its own other parent": (_commit(parent2_commit_id=COMMIT["commit_id"]), "invalid"),
    "a commit with a NUL in its message": (
        ATTACK.bundle(commits=[commit_record(TREE["snapshot_id"], [BASE.head], "a\0b")]), "invalid",
    ),
    "an object twice": (ATTACK.bundle(objects=ATTACK.bundle()["objects"] * 2), "invalid"),
    "a snapshot twice": (ATTACK.bundle(snapshots=[TREE, TREE]), "invalid"),
    "a commit twice": (ATTACK.bundle(commits=[COMMIT, COMMIT]), "invalid"),
    "no object": (ATTACK.bundle(objects=[]), "integrity"),
    "no snapshot": (ATTACK.bundle(snapshots=[]), "integrity"),
    "no commit": (ATTACK.bundle(commits=[]), "integrity"),
    "nothing": ({}, "integrity"),
    "a record that is no map": (ATTACK.bundle(commits=[[1]]), "invalid"),
    "a snapshot that is no map": (ATTACK.bundle(snapshots=["x"]), "invalid"),
    "a commit without fields": (ATTACK.bundle(commits=[{}]), "invalid"),
    "a snapshot without a manifest": (ATTACK.bundle(snapshots=[{"snapshot_id": TREE["snapshot_id"]}]), "invalid"),
    "an id in capitals": (_commit(commit_id=COMMIT["commit_id"].upper()), "invalid"),
    "an id that is too short": (_commit(commit_id=COMMIT["commit_id"][:-1]), "invalid"),
    "an id of bytes": (_commit(snapshot_id=bytes.fromhex(TREE["snapshot_id"][7:])), "invalid"),
    "an id that is a number": (_object(object_id=7), "invalid"),
    "bytes where JSON has none": (_commit(metadata={"a": b"bytes"}), "invalid"),
    "a number that is none": (_commit(structured_delta=[float("nan")]), "invalid"),
    "a number without end": (_commit(structured_delta=float("inf")), "invalid"),
    "a key that is a number": (_commit(metadata={1: "a"}), "invalid"),
    "content that is text": (_object(content="attack"), "invalid"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_what_does_not_match_its_id_or_is_missing_is_refused(hub: HubProcess, client: PushClient, name: str) -> None:
    bundle, code = LIES[name]
    with unchanged(hub):
        for way in ("unpack", "stream"):
            error = check_refused(send(client, way, bundle, ATTACK.head), code)
            assert code != "integrity" or "rule" in error["details"]


def test_a_lie_is_named(hub: HubProcess, client: PushClient) -> None:
    with unchanged(hub):
        for name, field, value in (
            ("an object's bytes", "object_id", digest(CONTENT)),
            ("a snapshot's path", "snapshot_id", TREE["snapshot_id"]),
            ("a commit's message", "commit_id", COMMIT["commit_id"]),
            ("no object", "missing", digest(CONTENT)),
            ("no snapshot", "missing", TREE["snapshot_id"]),
            ("no commit", "missing", COMMIT["commit_id"]),
        ):
            for way in WAYS:
                error = check_refused(send(client, way, LIES[name][0], ATTACK.head), "integrity")
                assert error["details"][field].removeprefix("sha256:") == value[7:]
                assert value[7:] in error["message"]


def test_one_bad_record_among_many_good_ones_refuses_all(hub: HubProcess, client: PushClient) -> None:
    trees = [{f"file-{number}": b"%d" % number for number in range(count)} for count in range(1, 31)]
    good = make_history(*trees)
    for number in (0, 15, 29):
        commits = list(good.commits)
        commits[number] = {**commits[number], "message": "changed"}
        objects = good.bundle()["objects"]
        objects[number] = {**objects[number], "content": b"changed"}
        with unchanged(hub):
            for way in WAYS:
                check_refused(send(client, way, good.bundle(commits=commits), good.head), "integrity")
                if way != "objects":  # of these the right bytes have arrived by now, and others are not asked for
                    check_refused(send(client, way, good.bundle(objects=objects), good.head), "integrity")


def test_one_key_twice_is_refused_wherever_it_stands(hub: HubProcess, client: PushClient) -> None:
    raw = pack(ATTACK.bundle(meta={"aaa": 1, "bbb": 1}))
    two_ids = b"\x83" + (pack("object_id") + pack(digest(CONTENT))) * 2 + pack("content") + pack(CONTENT)
    with unchanged(hub):
        for wire in (
            raw.replace(pack("bbb"), pack("aaa")),
            raw.replace(pack("author"), pack("branch")),
            pack(_tree({"aaaa": digest(CONTENT), "bbbb": digest(CONTENT)})).replace(pack("bbbb"), pack("aaaa")),
            b"\x81" + pack("objects") + b"\x91" + two_ids,
            b"\x82" + (pack("commits") + pack([])) * 2,
            b"\x82" + (pack("unknown") + pack([])) * 2,
        ):
            assert wire != raw
            check_refused(send(client, "bundle", compress(wire), ATTACK.head), "invalid")
            check_refused(send(client, "unpack", wire, ATTACK.head), "invalid")


def test_extensions_and_what_is_no_msgpack_are_refused(hub: HubProcess, client: PushClient) -> None:
    extensions = [b"\xd4\x05a", b"\xd8\x05" + b"a" * 16, b"\xc7\x03\x05abc", b"\xc7\x00\x05"]
    times = [b"\xd6\xff\x00\x00\x00\x01", b"\xd7\xff" + b"\x01" * 8, b"\xc7\x05\xffabcde"]
    raw = pack(_commit(metadata={"sentinel": "sentinel"}))
    with unchanged(hub):
        for value in [*extensions, *times, b"\xc1"]:
            for sent in (
                raw.replace(b"\xa8sentinel\xa8sentinel", b"\xa8sentinel" + value),
                b"\x81" + pack("meta") + b"\x81\xa1a" + value,
                b"\x81" + value + b"\xc0",
                b"\x81" + pack("commits") + value,
                value,
            ):
                check_refused(send(client, "unpack", sent, ATTACK.head), "invalid")
                check_refused(send(client, "unpack", compress(sent), ATTACK.head), "invalid")


Cut = Callable[[str], tuple[dict[str, Any], str]]
"""A bundle, and its head, that needs a thing of this id."""


def _needs_parent(item: str) -> tuple[dict[str, Any], str]:
    commit = commit_record(TREE["snapshot_id"], [item])
    return ATTACK.bundle(commits=[commit]), commit["commit_id"]


def _needs_other_parent(item: str) -> tuple[dict[str, Any], str]:
    commit = commit_record(TREE["snapshot_id"], [BASE.head, item])
    return ATTACK.bundle(commits=[commit]), commit["commit_id"]


def _needs_snapshot(item: str) -> tuple[dict[str, Any], str]:
    commit = commit_record(item, [BASE.head])
    return ATTACK.bundle(commits=[commit]), commit["commit_id"]


def _needs_object(item: str) -> tuple[dict[str, Any], str]:
    bundle = _tree({"attack": digest(CONTENT), "borrowed": item})
    return bundle, bundle["commits"][0]["commit_id"]


def _needs_head(item: str) -> tuple[dict[str, Any], str]:
    return ATTACK.bundle(), item


@pytest.fixture(scope="module")
def elsewhere(hub: HubProcess) -> dict[str, History]:
    """What lies in another repository of ada's, in a private one of bob's, and in a public one of bob's."""
    token = hub.new_user("bob")
    found: dict[str, History] = {}
    for owner, slug in (("ada", "other"), ("bob", "private"), ("bob", "public")):
        history = found[f"{owner}/{slug}"] = make_history({"secret": f"what {owner} has in {slug}".encode()})
        with PushClient(hub, slug, owner=owner, token=token if owner == "bob" else None) as client:
            assert client.push(history)[0] == 200
            client.wait_promoted()
    hub.command("repo", "visibility", "bob/public", "public")
    return found


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        ("commit", _needs_parent),
        ("commit", _needs_other_parent),
        ("commit", _needs_head),
        ("snapshot", _needs_snapshot),
        ("object", _needs_object),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_another_repository_has_is_answered_like_what_nobody_has(
    hub: HubProcess, client: PushClient, elsewhere: dict[str, History], kind: str, needs: Cut
) -> None:
    with unchanged(hub):
        for way in WAYS:
            answers = []
            for history in (None, *elsewhere.values()):
                item = UNKNOWN
                if history is not None:
                    ids = {
                        "commit": history.head,
                        "snapshot": history.snapshots[0]["snapshot_id"],
                        "object": next(iter(history.contents)),
                    }
                    item = ids[kind]
                bundle, head = needs(item)
                answer = send(client, way, bundle, head)
                error = check_refused(answer, "integrity")
                assert error["details"]["rule"] == "closed_graph"
                assert error["details"]["missing"] == item[7:]
                answers.append(repr(answer).replace(item[7:], "that").replace(head[7:], "the commit"))
            assert answers == [answers[0]] * len(answers)


def test_what_it_was_told_of_elsewhere_does_not_help(
    hub: HubProcess, client: PushClient, elsewhere: dict[str, History]
) -> None:
    """Neither ``base_commits`` nor ``branch_heads`` nor force opens a door to another repository."""
    foreign = elsewhere["ada/other"]
    meta = {"mode": "incremental", "base_commits": [foreign.head], "format": 1}
    bundle, head = _needs_object(next(iter(foreign.contents)))
    with unchanged(hub):
        for way in ("bundle", "unpack"):
            hinted = {**bundle, "meta": meta, "branch_heads": {"main": foreign.head}}
            check_refused(send(client, way, hinted, head, force=True), "integrity")


def test_an_object_that_was_pushed_here_in_full_is_not_the_others(
    hub: HubProcess, client: PushClient, elsewhere: dict[str, History]
) -> None:
    """Whoever has the bytes may push them; that neither reveals nor touches that somebody else has them too."""
    history = elsewhere["bob/private"]
    with PushClient(hub, "mine-now") as mine, PushClient(hub, "control") as control:
        other = make_history({"secret": b"nobody has had this before"})
        answers = [mine.push(history), control.push(other)]
        assert [status for status, _ in answers] == [200, 200]
        counts = [{name: value for name, value in answer.items() if "_" in name} for _, answer in answers]
        for count in counts:
            del count["push_id"]
        assert counts[0] == counts[1]
        assert all(mine.read_object(object_id) == content for object_id, content in history.contents.items())


def test_json_says_the_same(hub: HubProcess, client: PushClient) -> None:
    """The error of a push comes in JSON too, with the very same words."""
    path = f"{client.url}/push/unpack?branch=attack&head={ATTACK.head}"
    wire = pack(LIES["no object"][0])
    with unchanged(hub):
        answers = [
            read_answer(client.http.post(path, content=wire, headers={"Accept": kind}))
            for kind in (MSGPACK, "application/json")
        ]
    assert answers[0] == answers[1]
    check_refused(answers[0], "integrity")


def test_a_stream_may_say_only_what_it_knows(hub: HubProcess, client: PushClient) -> None:
    body = stream_body(ATTACK.bundle(), branch="attack", head=ATTACK.head)
    header = pack(["H", {"branch": "attack", "head": ATTACK.head}])
    end = pack(["E", {}])
    assert body.startswith(header) and body.endswith(end)
    with unchanged(hub):
        for changed in (
            header + body,
            body[len(header) :],
            body + header,
            body[: -len(end)] + header + end,
            header + pack(["X", {}]) + body[len(header) :],
            header + pack([b"O", {}]) + body[len(header) :],
            header + pack(["O", {}]) + body[len(header) :],
            header + pack(["O", [digest(CONTENT), CONTENT, 1]]) + body[len(header) :],
            header + pack(["S"]) + body[len(header) :],
            header + pack(["E", {}]) + body[len(header) :],
            body + b"\0",
            pack(ATTACK.bundle()),
        ):
            check_refused(client.post_bytes("push/stream", changed), "invalid")
