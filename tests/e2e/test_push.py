"""``museui push`` as a person or a script runs it: real program, real hub, real repositories."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents
from tests.helpers.minio import MinioHub, MinioProcess, stored_entries
from tests.helpers.program import Answer, Museui
from tests.helpers.push_client import wait_until
from tests.helpers.workload import RepositoryBuilder, unpack_song

SONG_HEAD = "1006f0fdae2b39752a2947a0124317ff1cf4a3add3634674ce1c366d62043973"
PHASES = ["negotiate", "pack", "transfer", "index", "advance_ref"]
DOCUMENT_KEYS = {
    "ok", "repo", "remote", "url", "branch", "head", "previous_head", "up_to_date", "strategy", "push_id", "bundle_id",
    "commits", "snapshots", "objects", "already_present_objects", "raw_bytes", "wire_bytes", "phases", "total_seconds",
}  # fmt: skip
"""What the document must have; it may have more."""


embedded_only = pytest.mark.parametrize("hub", ["embedded"], indirect=True, scope="module")
"""For what never gets as far as the object store."""


@pytest.fixture(scope="module", params=["embedded", "minio", "postgresql"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    if request.param == "embedded":
        made = HubProcess()
    elif request.param == "postgresql":
        made = HubProcess(database=request.getfixturevalue("postgresql").new_database())
    else:
        server: MinioProcess = request.getfixturevalue("minio")
        made = MinioHub(server.new_store())
    with made as process:
        yield process


@dataclass
class Remote:
    """A repository on the hub, and the client's way there."""

    hub: HubProcess
    url: str
    run: Museui

    def push(self, repository: Path, *options: str, **variables: str) -> Answer:
        return self.run(
            "push", repository, "--remote", self.url, *options, **{"MUSEUI_TOKEN": self.hub.token, **variables}
        )

    def get(self, path: str) -> httpx.Response:
        where = f"{self.hub.url}{path}" if path.startswith("/") else f"{self.url}/{path}"
        return httpx.get(where, headers={**self.hub.headers, "Accept": "application/json"})

    def heads(self) -> dict[str, str]:
        return {name: head[7:] for name, head in self.get("refs").json()["branch_heads"].items()}

    def stored(self) -> dict[str, bytes]:
        """Everything in the hub's object store: key → bytes."""
        if isinstance(self.hub, MinioHub):
            return asyncio.run(stored_entries(self.hub.place))
        return files_below(self.hub.data_dir / "store")

    def wait_promoted(self) -> None:
        wait_until(lambda: all(push["promotion"] == "done" for push in self.get("pushes").json()["pushes"]))


@pytest.fixture
def remote(hub: HubProcess, museui: Museui, request: pytest.FixtureRequest) -> Remote:
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return Remote(hub, hub.repository(slug[:90]), museui)


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    made = RepositoryBuilder(tmp_path / "work")
    made.commit({"a.txt": b"one", "folder/b.bin": bytes(range(256))})
    made.commit({"a.txt": b"two", "folder/b.bin": bytes(range(256)), "empty": b""})
    return made


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("strategy", ["auto", "bundle", "stream", "objects"])
def test_the_fixture_arrives_whole_and_a_second_push_is_one_request(
    remote: Remote, tmp_path: Path, strategy: str
) -> None:
    song = unpack_song(tmp_path)
    before = files_below(song)
    answer = remote.push(song, "--json", "--strategy", strategy)
    assert answer.code == 0, answer.err
    document = answer.document
    assert document.keys() >= DOCUMENT_KEYS
    assert [phase["name"] for phase in document["phases"]] == PHASES
    assert all(phase["ok"] and phase["seconds"] >= 0 and phase["gate_seconds"] for phase in document["phases"])
    assert (document["ok"], document["up_to_date"], document["previous_head"]) == (True, False, None)
    assert document["head"] == f"sha256:{SONG_HEAD}"
    assert (document["commits"], document["snapshots"], document["objects"]) == (6, 6, 8)
    assert document["strategy"] == ("stream" if strategy == "auto" else strategy)
    assert (document["bundle_id"] is not None) == (strategy == "bundle")
    assert document["raw_bytes"] > document["wire_bytes"] > 0
    assert remote.heads() == {"main": SONG_HEAD}

    objects = {
        hashlib.sha256(p.read_bytes()).hexdigest(): p for p in (song / ".muse/objects").rglob("*") if p.is_file()
    }
    on_main = {i for i in objects if remote.get(f"/o/sha256:{i}").status_code == 200}
    assert len(on_main) == 8
    for _ in ("at once", "after promotion"):
        for object_id in on_main:
            assert remote.get(f"/o/{object_id}").content == objects[object_id].read_bytes()
        remote.wait_promoted()
    stored = remote.stored()
    assert {key.partition("/")[0] for key in stored} - {"hub.json"} == {"objects"}, "beside the mark of the store"
    for object_id in on_main:
        assert stored[f"objects/{object_id[:2]}/{object_id[2:]}"] == objects[object_id].read_bytes()

    again = remote.push(song, "--json").document
    assert (again["ok"], again["up_to_date"], again["requests"]) == (True, True, 1)
    assert files_below(song) == before, "a push by URL writes nothing in the repository"


@pytest.mark.parametrize("strategy", ["bundle", "objects"])
def test_large_objects_and_many_arrive_by_every_way(remote: Remote, tmp_path: Path, strategy: str) -> None:
    builder = RepositoryBuilder(tmp_path / "many")
    files = {f"folder/{number}": b"%d" % number for number in range(1100)} | {"large": os.urandom(3 << 20)}
    builder.commit(files)
    document = remote.push(builder.root, "--json", "--strategy", strategy).document
    assert (document["ok"], document["strategy"], document["objects"]) == (True, strategy, 1101), document
    for name in ("large", "folder/0", "folder/1099"):
        assert remote.get(f"/o/{hashlib.sha256(files[name]).hexdigest()}").content == files[name]
    if strategy == "objects":
        assert document["requests"] == 1 + 2 + 1101 + 1
        assert document["phases"][2]["detail"]["objects_sent"] == 1101


def test_only_what_is_new_is_sent(remote: Remote, builder: RepositoryBuilder) -> None:
    assert remote.push(builder.root, "--json").document["objects"] == 4
    builder.commit({"a.txt": b"three", "folder/b.bin": bytes(range(256)), "empty": b"", "new": b"one"})
    document = remote.push(builder.root, "--json").document
    # "one" was the content of a.txt two commits ago: no base snapshot holds it, so it goes again.
    assert (document["commits"], document["snapshots"], document["objects"]) == (1, 1, 2)
    assert document["already_present_objects"] == 1
    assert document["requests"] == 2
    assert document["previous_head"] != document["head"]


def test_a_named_remote_gets_its_tracking_ref_and_nothing_else_changes(
    remote: Remote, builder: RepositoryBuilder
) -> None:
    assert remote.run("-C", builder.root, "remote", "add", "origin", remote.url).code == 0
    before = files_below(builder.root)
    answer = remote.run("-C", builder.root, "push", MUSEUI_TOKEN=remote.hub.token)
    assert answer.code == 0, answer.err
    after = files_below(builder.root)
    assert after.pop(".muse/remotes/origin/main").decode().strip() == builder.heads["main"]
    assert json.loads(after.pop(".muse/seen/origin.json"))["main"]["head"] == builder.heads["main"]
    assert after == before
    for name in (*PHASES, "total"):
        assert name in answer.out


def test_the_token_of_the_identity_file_is_used(remote: Remote, builder: RepositoryBuilder, home: Path) -> None:
    identity = home / ".muse" / "identity.toml"
    identity.parent.mkdir()
    host = remote.hub.url.removeprefix("http://")
    identity.write_text(f'["{host}"]\ntype = "human"\nname = "ada"\ntoken = "{remote.hub.token}"\n')
    identity.chmod(0o600)
    assert remote.run("push", builder.root, "--remote", remote.url).code == 0
    assert remote.heads() == builder.heads


def diverge(builder: RepositoryBuilder, remote: Remote) -> tuple[str, str]:
    """Push one head, then make ``main`` another one that does not descend from it: (hub's, ours)."""
    theirs = builder.commit({"a.txt": b"theirs"})
    assert remote.push(builder.root).code == 0
    record = json.loads(builder.commit_file(theirs).read_text())
    builder.set_branch("main", record["parent_commit_id"])
    ours = builder.commit({"a.txt": b"ours"}, message="another way")
    return theirs, ours


def test_a_branch_that_diverged_is_refused_and_replaced_only_under_a_lease(
    remote: Remote, builder: RepositoryBuilder
) -> None:
    theirs, ours = diverge(builder, remote)
    refused = remote.push(builder.root, "--json")
    assert refused.code == 4
    assert refused.document["error"]["code"] == "non_fast_forward"
    assert refused.document["error"]["hint"]
    assert [phase["name"] for phase in refused.document["phases"]] == ["negotiate"]
    stale = remote.push(builder.root, f"--force-with-lease={ours}", "--json")
    assert (stale.code, stale.document["error"]["code"]) == (4, "stale_lease")
    assert remote.heads() == {"main": theirs}
    forced = remote.push(builder.root, f"--force-with-lease=sha256:{theirs}", "--json")
    assert forced.code == 0, forced.out
    assert forced.document["previous_head"] == f"sha256:{theirs}"
    assert remote.heads() == {"main": ours}


def test_the_lease_without_an_id_is_what_was_last_seen(remote: Remote, builder: RepositoryBuilder) -> None:
    def push(*options: str) -> Answer:
        return remote.run("-C", builder.root, "push", *options, MUSEUI_TOKEN=remote.hub.token)

    assert remote.run("-C", builder.root, "remote", "add", "origin", remote.url).code == 0
    assert push("--force-with-lease").code == 2, "nothing was seen yet"
    assert push().code == 0
    theirs, ours = diverge(builder, remote)
    assert push("--force-with-lease", "--json").document["error"]["code"] == "stale_lease"
    assert remote.run("-C", builder.root, "fetch", MUSEUI_TOKEN=remote.hub.token).code == 0
    assert push("--force-with-lease").code == 0
    assert remote.heads() == {"main": ours} != {"main": theirs}


def test_force_replaces_whatever_is_there(remote: Remote, builder: RepositoryBuilder) -> None:
    _, ours = diverge(builder, remote)
    assert remote.push(builder.root, "--force").code == 0
    assert remote.heads() == {"main": ours}


def test_a_branch_behind_the_hub_says_so(remote: Remote, builder: RepositoryBuilder) -> None:
    first = builder.heads["main"]
    builder.commit({"a.txt": b"more"})
    assert remote.push(builder.root).code == 0
    builder.set_branch("main", first)
    answer = remote.push(builder.root)
    assert answer.code == 4
    assert "behind" in answer.err and "museui pull" in answer.err


def test_a_head_of_the_hub_that_is_not_here_is_negotiated_around(
    remote: Remote, builder: RepositoryBuilder, tmp_path: Path
) -> None:
    assert remote.push(builder.root).code == 0
    clone = tmp_path / "clone"
    assert remote.run("clone", remote.url, clone, MUSEUI_TOKEN=remote.hub.token).code == 0
    (clone / "by-another").write_text("hand")
    assert remote.run("-C", clone, "snapshot", "-m", "elsewhere").code == 0
    assert remote.run("-C", clone, "push", MUSEUI_TOKEN=remote.hub.token).code == 0
    behind = remote.push(builder.root, "--json")
    assert (behind.code, behind.document["error"]["code"]) == (4, "non_fast_forward")
    assert "museui fetch" in behind.document["error"]["hint"]
    for number in range(3):
        builder.commit({"a.txt": b"topic %d" % number}, branch="topic", parents=[builder.heads["main"]])
    document = remote.push(builder.root, "--branch", "topic", "--json").document
    assert document["ok"], document
    assert document["phases"][0]["detail"]["rounds"] >= 1
    assert (document["commits"], document["objects"]) == (1, 1)


def test_all_branches_go_one_after_the_other(remote: Remote, builder: RepositoryBuilder) -> None:
    builder.commit({"a.txt": b"side"}, branch="feat/side")
    answer = remote.push(builder.root, "--all-branches", "--json")
    assert answer.code == 0, answer.out
    assert [push["branch"] for push in answer.document["pushes"]] == ["main", "feat/side"]
    assert remote.heads() == builder.heads
    again = remote.push(builder.root, "--all-branches", "--json").document
    assert [push["up_to_date"] for push in again["pushes"]] == [True, True]
    assert remote.get("refs").json()["default_branch"] == "main"


def test_one_refused_branch_does_not_hide_the_others(remote: Remote, builder: RepositoryBuilder) -> None:
    diverge(builder, remote)
    builder.commit({"a.txt": b"side"}, branch="zz-side")
    answer = remote.push(builder.root, "--all-branches", "--json")
    assert (answer.code, answer.document["ok"]) == (4, False)
    assert [push["ok"] for push in answer.document["pushes"]] == [False, True]
    assert remote.heads()["zz-side"] == builder.heads["zz-side"]


@embedded_only
def test_a_dry_run_counts_and_changes_nothing(remote: Remote, builder: RepositoryBuilder) -> None:
    before = hub_contents(remote.hub.data_dir)
    document = remote.push(builder.root, "--dry-run", "--json").document
    assert (document["ok"], document["dry_run"], document["commits"], document["objects"]) == (True, True, 2, 4)
    assert remote.get("refs").status_code == 404
    assert hub_contents(remote.hub.data_dir) == before


@pytest.mark.parametrize("strategy", ["auto", "bundle", "objects"])
def test_a_new_branch_at_a_commit_that_the_hub_has_sends_no_commit(
    remote: Remote, builder: RepositoryBuilder, strategy: str
) -> None:
    assert remote.push(builder.root).code == 0
    builder.set_branch("release", builder.heads["main"])
    document = remote.push(builder.root, "--branch", "release", "--strategy", strategy, "--json").document
    assert (document["ok"], document["commits"], document["objects"]) == (True, 0, 0)
    assert remote.heads() == {"main": builder.heads["main"], "release": builder.heads["main"]}


def test_a_branch_goes_back_only_by_force(remote: Remote, builder: RepositoryBuilder) -> None:
    first = builder.heads["main"]
    builder.commit({"a.txt": b"more"})
    assert remote.push(builder.root).code == 0
    builder.set_branch("main", first)
    assert remote.push(builder.root).code == 4
    assert remote.push(builder.root, "--force").code == 0
    assert remote.heads() == {"main": first}


def test_an_object_over_the_hub_s_limit_is_named_before_anything_is_sent(
    museui: Museui, builder: RepositoryBuilder
) -> None:
    builder.commit({"large.bin": b"x" * 5000})
    with HubProcess("--max-object-bytes", "4096") as hub:
        answer = museui("push", builder.root, "--remote", hub.repository(), "--json", MUSEUI_TOKEN=hub.token)
        assert (answer.code, answer.document["error"]["code"]) == (1, "too_large")
        assert hashlib.sha256(b"x" * 5000).hexdigest() in answer.document["error"]["message"]
        assert "POST" not in hub.log


@embedded_only
@pytest.mark.parametrize(
    ("spoil", "code", "error"),
    [
        (lambda b: b.object_file(hashlib.sha256(b"two").hexdigest()).write_bytes(b"TWO"), 1, "integrity"),
        (lambda b: b.object_file(hashlib.sha256(b"two").hexdigest()).unlink(), 1, "integrity"),
        (lambda b: b.snapshot_file(b.snapshot_of(b.heads["main"])).write_text("{"), 1, "integrity"),
        (lambda b: b.snapshot_file(b.snapshot_of(b.heads["main"])).unlink(), 1, "integrity"),
        (lambda b: b.commit_file(b.heads["main"]).write_text("[]"), 1, "integrity"),
        (lambda b: b.set_branch("main", "f" * 64), 1, "integrity"),
    ],
    ids=["object-damaged", "object-gone", "snapshot-damaged", "snapshot-gone", "commit-damaged", "commit-gone"],
)
def test_a_damaged_repository_is_named_before_anything_is_sent(
    remote: Remote,
    builder: RepositoryBuilder,
    home: Path,
    spoil: Callable[[RepositoryBuilder], Any],
    code: int,
    error: str,
) -> None:
    spoil(builder)
    before = hub_contents(remote.hub.data_dir)
    answer = remote.push(builder.root, "--json", "--strategy", "bundle")
    assert (answer.code, answer.document["error"]["code"]) == (code, error)
    assert [phase["name"] for phase in answer.document["phases"]] == ["negotiate", "pack"]
    assert hub_contents(remote.hub.data_dir) == before
    assert not [path for path in home.rglob("spool/*") if path.is_file()]


def test_a_snapshot_that_lies_is_refused_by_the_hub_and_is_not_sent_again_once_mended(
    remote: Remote, builder: RepositoryBuilder
) -> None:
    path = builder.snapshot_file(builder.snapshot_of(builder.heads["main"]))
    sound = path.read_text()
    record = json.loads(sound)
    record["manifest"]["a.txt"] = hashlib.sha256(b"one").hexdigest()
    path.write_text(json.dumps(record))
    answer = remote.push(builder.root, "--json", "--strategy", "bundle")
    assert (answer.code, answer.document["error"]["code"]) == (1, "integrity")
    assert path.stem in answer.document["error"]["message"]
    path.write_text(sound)
    assert remote.push(builder.root, "--strategy", "bundle").code == 0
    assert remote.heads() == builder.heads


@embedded_only
@pytest.mark.parametrize(
    ("variables", "options", "code", "word"),
    [
        ({"MUSEUI_TOKEN": ""}, (), 5, "token"),
        ({"MUSEUI_TOKEN": "muse_0123456789abcdef_" + "x" * 43}, (), 5, "token"),
        ({}, ("--branch", "nosuch"), 2, "nosuch"),
        ({}, ("--branch", "nosuch", "--all-branches"), 2, "exclude"),
        ({}, ("--force", "--force-with-lease"), 2, "exclude"),
        ({}, ("--force-with-lease=xyz",), 2, "id"),
        ({}, ("--strategy", "pigeon"), 2, "pigeon"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    remote: Remote,
    builder: RepositoryBuilder,
    variables: dict[str, str],
    options: tuple[str, ...],
    code: int,
    word: str,
) -> None:
    answer = remote.push(builder.root, *options, **variables)
    assert (answer.code, answer.out) == (code, ""), answer.err
    assert word in answer.err
    assert "hint:" in answer.err
    assert remote.get("refs").status_code == 404


@pytest.mark.parametrize(
    ("url", "code", "word"),
    [
        ("http://127.0.0.1:9/ada/song", 3, "cannot reach"),
        ("http://hub.example.org/ada/song", 2, "plain HTTP"),
        ("nosuch", 2, "no remote"),
        ("ftp://x/ada/song", 2, "not the URL"),
    ],
)
def test_a_remote_that_is_no_good_is_said(
    museui: Museui, builder: RepositoryBuilder, url: str, code: int, word: str
) -> None:
    answer = museui("push", builder.root, "--remote", url, MUSEUI_TOKEN="muse_0123456789abcdef_" + "x" * 43)
    assert answer.code == code, answer.err
    assert word in answer.err and "hint:" in answer.err


def test_a_stranger_cannot_push_and_cannot_tell_what_is_there(
    remote: Remote, builder: RepositoryBuilder, hub: HubProcess
) -> None:
    stranger = hub.new_user(f"u{hashlib.sha256(remote.url.encode()).hexdigest()[:8]}")
    assert remote.push(builder.root).code == 0
    builder.commit({"a.txt": b"mine now"})
    there = remote.push(builder.root, "--json", MUSEUI_TOKEN=stranger).document["error"]
    elsewhere = Remote(hub, remote.url + "-nosuch", remote.run)
    nowhere = elsewhere.push(builder.root, "--json", MUSEUI_TOKEN=stranger).document["error"]
    assert there["code"] == nowhere["code"] == "not_found"
    assert there["message"].replace(remote.url.rpartition("/")[2], "") == nowhere["message"].replace(
        elsewhere.url.rpartition("/")[2], ""
    )


def test_a_clone_is_the_same_repository(remote: Remote, tmp_path: Path) -> None:
    song = unpack_song(tmp_path)
    assert remote.push(song, "--all-branches").code == 0
    clone = tmp_path / "clone"
    answer = remote.run("clone", remote.url, clone, "--json", MUSEUI_TOKEN=remote.hub.token)
    assert answer.code == 0, answer.err
    assert answer.document["branch"] == "main"
    for kind in ("commits", "snapshots"):
        assert files_below(clone / ".muse" / kind) == files_below(song / ".muse" / kind)
    assert files_below(clone / ".muse/objects") == files_below(song / ".muse/objects")
    work = {name: content for name, content in files_below(clone).items() if not name.startswith(".muse/")}
    assert work == {name: content for name, content in files_below(song).items() if not name.startswith(".muse/")}
    assert remote.run("-C", clone, "verify").code == 0
    assert remote.run("-C", clone, "push", "--json", MUSEUI_TOKEN=remote.hub.token).document["up_to_date"]


def test_a_pull_moves_branch_and_work_tree_and_spares_what_was_changed(
    remote: Remote, builder: RepositoryBuilder, tmp_path: Path
) -> None:
    assert remote.push(builder.root).code == 0
    clone = tmp_path / "clone"
    token = {"MUSEUI_TOKEN": remote.hub.token}
    assert remote.run("clone", remote.url, clone, **token).code == 0
    head = builder.commit({"a.txt": b"newer", "folder/c": b"added"})
    assert remote.push(builder.root).code == 0
    (clone / "a.txt").write_text("changed here")
    refused = remote.run("-C", clone, "pull", "--json", **token)
    assert (refused.code, refused.document["error"]["details"]["paths"]) == (4, ["a.txt"])
    assert (clone / "a.txt").read_text() == "changed here"
    (clone / "a.txt").write_text("two")
    pulled = remote.run("-C", clone, "pull", "--json", **token).document
    assert (pulled["ok"], pulled["head"], pulled["files"]) == (True, f"sha256:{head}", 4)
    work = {name: content for name, content in files_below(clone).items() if not name.startswith(".muse/")}
    assert work == {"a.txt": b"newer", "folder/c": b"added"}
    assert remote.run("-C", clone, "pull", "--json", **token).document["up_to_date"]
