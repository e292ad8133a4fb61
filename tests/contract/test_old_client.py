"""The published 0.1.x client, played message by message, works unchanged against this hub; so does ours beside it."""

from __future__ import annotations

import ast
import contextlib
import sys
import tarfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import old_client
from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub, MinioProcess
from tests.helpers.old_client import OldClient, OldRepository, Refused, put
from tests.helpers.program import Museui

SONG = Path(__file__).parents[1] / "fixtures" / "song-muse-0.1.5.tar.gz"
BRANCHES = ("main", "feat/bridge")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


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


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> OldClient:
    """The owner's client of an empty repository of its own."""
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    client = OldClient(hub.url, hub.token)
    client.ask("POST", "repos", {"owner": "ada", "slug": slug})
    return OldClient(hub.repository(slug), hub.token)


@pytest.fixture
def song(tmp_path: Path) -> OldRepository:
    with tarfile.open(SONG) as archive:
        archive.extractall(tmp_path, filter="data")
    return OldRepository(tmp_path / "song")


def _files(root: Path, *folders: str) -> dict[str, bytes]:
    """Every file below ``folders`` of ``root``, byte for byte."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def _history(repository: OldRepository) -> dict[str, bytes]:
    return _files(repository.muse, "commits", "snapshots", "objects")


def test_it_knows_only_the_protocol() -> None:
    tree = ast.parse(Path(old_client.__file__).read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "msgpack"}


@pytest.mark.parametrize("objects", ["chunks", "presigned", "bundle"])
def test_a_repository_goes_up_and_comes_back_byte_for_byte(
    client: OldClient, song: OldRepository, tmp_path: Path, objects: str
) -> None:
    for branch in BRANCHES:
        answer = client.push(song, branch, objects=objects)
        assert (answer["ok"], answer["remote_head"]) == (True, song.heads()[branch])
        assert answer["message"]
    assert answer["branch_heads"] == client.refs()["branch_heads"] == song.heads()
    assert client.refs()["default_branch"] == "main"

    clone = client.clone(tmp_path / "clone")
    assert _history(clone) == _history(song)
    assert clone.heads() == song.heads()
    files = _files(clone.root, "notes", "tracks")
    assert files == _files(song.root, "notes", "tracks")
    assert files["notes/empty.txt"] == b""
    assert clone.object_path(EMPTY).read_bytes() == b""
    assert "notes/café.txt" in files


def test_more_commits_are_refused_forced_fetched_and_pulled(
    client: OldClient, song: OldRepository, tmp_path: Path
) -> None:
    client.push(song, "main")
    other = client.clone(tmp_path / "other")
    first = song.heads()["main"]

    second = song.commit("main", {"notes/verse.txt": b"take three", "notes/empty.txt": b""}, "third take")
    assert client.push(song, "main")["remote_head"] == second
    assert client.push(song, "main")["remote_head"] == second, "pushed again, it is as it was"

    aside = other.commit("main", {"aside.txt": b"aside"}, "something else", first)
    with pytest.raises(Refused) as refused:
        client.push(other, "main")
    assert refused.value.status == 409
    assert refused.value.document["error"]["code"] == "non_fast_forward"
    assert refused.value.document["detail"] == refused.value.document["error"]["message"]
    assert client.refs()["branch_heads"] == {"main": second}

    assert client.fetch(other) == {"main": second}
    assert (other.muse / "remotes/origin/main").read_text() == second
    assert other.heads() == {"main": aside}

    forced = client.push(other, "main", force=True)
    assert forced["remote_head"] == forced["branch_heads"]["main"] == aside
    assert client.refs()["branch_heads"] == {"main": aside}

    late = other.commit("main", {"aside.txt": b"aside", "late.txt": b"late"}, "late")
    client.push(other, "main")
    third = client.clone(tmp_path / "third")
    assert {path.stem for path in (third.muse / "commits").iterdir()} == {
        commit["commit_id"] for commit in other.ancestors([late])
    }
    last = other.commit("main", {"aside.txt": b"again"}, "last")
    client.push(other, "main")
    client.pull(third, "main")
    assert third.heads() == {"main": last}
    assert third.ancestors([last]) == other.ancestors([last])


def test_other_bytes_in_the_place_of_an_object_are_never_pushed(client: OldClient, song: OldRepository) -> None:
    right = song.commit("alone", {"a": b"right"}, "alone", song.heads()["main"])
    client.push(song, "main")
    object_id = song.record("snapshots", song.record("commits", right)["snapshot_id"])["manifest"]["a"]
    presigned = client.ask("POST", "presign", {"object_ids": [object_id], "direction": "put"})["presigned"]
    with contextlib.suppress(urllib.error.HTTPError):  # a store that looks at the bytes refuses them at once
        put(presigned[object_id], b"wrong")
    commit = song.record("commits", right)
    bundle = {"commits": [commit], "snapshots": [song.record("snapshots", commit["snapshot_id"])], "objects": []}
    message = {"bundle": {**bundle, "branch_heads": {"alone": right}}, "branch": "alone", "force": False}
    with pytest.raises(Refused) as refused:
        client.ask("POST", "push", message)
    assert (refused.value.status, refused.value.document["error"]["code"]) == (422, "integrity")
    assert object_id in refused.value.document["detail"]
    assert set(client.refs()["branch_heads"]) == {"main"}
    assert client.push(song, "alone", objects="presigned")["remote_head"] == right


def test_negotiation_acknowledges_in_bare_ids(client: OldClient, song: OldRepository) -> None:
    client.push(song, "main")
    head = song.heads()["main"]
    answer = client.ask("POST", "negotiate", {"want": [head], "have": [head, "f" * 64]})
    assert (answer["ack"], answer["common_base"], answer["ready"]) == ([head], head, True)


@pytest.mark.parametrize("presign", [False, True])
def test_the_owner_s_first_push_makes_the_repository(hub: HubProcess, song: OldRepository, presign: bool) -> None:
    client = OldClient(hub.repository(f"made-by-a-push-{presign}"), hub.token)
    with pytest.raises(Refused) as missing:
        client.refs()
    assert missing.value.status == 404
    head = song.heads()["main"]
    snapshots = {commit["snapshot_id"]: None for commit in song.ancestors([head])}
    records = [song.record("snapshots", snapshot_id) for snapshot_id in snapshots]
    client.send_objects(song, sorted({item for record in records for item in record["manifest"].values()}), presign)
    bundle = {"commits": song.ancestors([head]), "snapshots": records, "objects": [], "branch_heads": {"main": head}}
    assert client.ask("POST", "push", {"bundle": bundle, "branch": "main", "force": False})["ok"]
    refs = client.refs()
    assert (refs["branch_heads"], refs["default_branch"]) == ({"main": head}, "main")


def test_tags_and_releases_are_kept(client: OldClient, song: OldRepository) -> None:
    client.push(song, "main")
    assert client.push_tags(song) == 1
    assert client.push_tags(song) in (0, 1), "again is no error"
    release = {"tag": "v1.0.0", "commit_id": song.heads()["main"], "channel": "stable", "is_draft": False, "notes": "é"}
    draft = {**release, "tag": "v1.1.0", "is_draft": True}
    for record in (release, draft):
        client.ask("POST", "releases", record)
    assert client.releases(channel="stable") == [release]
    assert {item["tag"] for item in client.releases(include_drafts="1")} == {"v1.0.0", "v1.1.0"}
    assert client.releases(channel="nightly", include_drafts="1") == []
    client.ask("DELETE", "releases/v1.0.0")
    assert client.releases() == []


def test_what_it_pushed_museui_clones_and_verifies(
    hub: HubProcess, client: OldClient, song: OldRepository, museui: Museui, tmp_path: Path
) -> None:
    for branch in BRANCHES:
        client.push(song, branch)
    client.push_tags(song)
    cloned = museui("clone", client.url, "theirs", MUSEUI_TOKEN=hub.token)
    assert cloned.code == 0, cloned.err
    clone = OldRepository(tmp_path / "theirs")
    assert _history(clone) == _history(song)
    for folder in ("notes", "tracks", ".muse/tags"):
        assert _files(clone.root, folder) == _files(song.root, folder) != {}
    verified = museui("-C", "theirs", "verify", "--json")
    assert verified.code == 0, verified.err
    checked = verified.document["checked"]
    assert (checked["commits"], checked["signatures"]["unverifiable"]) == (6, 1)


def test_what_museui_pushed_it_clones(
    hub: HubProcess, client: OldClient, song: OldRepository, museui: Museui, tmp_path: Path
) -> None:
    pushed = museui("-C", song.root, "push", "--remote", client.url, "--all-branches", MUSEUI_TOKEN=hub.token)
    assert pushed.code == 0, pushed.err
    clone = client.clone(tmp_path / "clone")
    assert _history(clone) == _history(song)
    assert clone.heads() == song.heads()
