"""Names nobody may use: paths that no work tree may hold, branches that lead elsewhere, heads that are no ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.attacks import BASE, WAYS, attacked_hub, check_refused, next_history, send
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, compress
from tests.helpers.records import commit_record, digest, pack

ATTACK = next_history()
CONTENT = b"attack"


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


def _object(**changed: Any) -> dict[str, Any]:
    return ATTACK.bundle(objects=[{"object_id": digest(CONTENT), "content": CONTENT, **changed}])


BAD_PATHS: list[Any] = [
    "..", "../x", "a/../b", "a/..", ".", "./a", "a/.", "a/./b", "/etc/passwd", "/", "//a", "a//b", "a/", "",
    ".muse", ".muse/config.toml", "a/.muse/b", ".MUSE/x", "a\\b", "..\\x", "\\\\host\\share", "a\0b", "a\nb", "\x1b[2J",
    "a\x7f", "C:/x", "c:x", "C:", "x" * 4097, "é" * 2049, "a/" * 2048 + "aa",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: ascii(path)[:30])
def test_a_path_that_no_work_tree_may_hold_is_refused(hub: HubProcess, client: PushClient, path: str) -> None:
    bundle = _tree({path: digest(CONTENT)})
    folder = _tree({"fine": digest(CONTENT)}, directories=[path])
    with unchanged(hub):
        for way in ("unpack", "stream"):
            check_refused(send(client, way, bundle, bundle["commits"][0]["commit_id"]), "invalid")
        check_refused(send(client, "unpack", folder, folder["commits"][0]["commit_id"]), "invalid")
        check_refused(send(client, "unpack", _object(path=path), ATTACK.head), "invalid")


FOLDERS: list[tuple[dict[str, int], Any]] = [
    ({"a": 1, "a/b": 1}, []),
    ({"a/b/c": 1, "x": 1, "a/b": 1}, []),
    ({"a": 1, "a!": 1, "a/b": 1}, []),
]
FOLDERS += [({"a": 1}, ["a/b"]), ({"a": 1}, ["a"]), ({"x": 1}, "a")]


@pytest.mark.parametrize(("files", "folders"), FOLDERS)
def test_a_file_that_is_a_folder_too_is_refused(hub: HubProcess, client: PushClient, files: Any, folders: Any) -> None:
    bundle = _tree(dict.fromkeys(files, digest(CONTENT)), directories=folders)
    with unchanged(hub):
        for way in WAYS:
            check_refused(send(client, way, bundle, bundle["commits"][0]["commit_id"]), "invalid")


def test_paths_that_are_not_text_are_refused(hub: HubProcess, client: PushClient) -> None:
    raw = pack(_tree({"sentinel": digest(CONTENT)}))
    texts = [b"\xc4\x08sentinel", b"\xa8\xff\xfe\xed\xa0\x80abc", b"\xa8\xed\xa0\x80abcde", b"\x07", b"\xc0", b"\x90"]
    with unchanged(hub):
        for text in texts:
            wire = raw.replace(b"\xa8sentinel", text)
            assert wire != raw
            for sent in (wire, compress(wire)):
                check_refused(send(client, "bundle", sent, ATTACK.head), "invalid")


BAD_BRANCHES: list[Any] = [
    "", ".", "..", "a..b", "@{", "a@{b", "-a", ".a", "a/.b", " a", "a ", "a /b", "a/ b", "a\tb",
    "a\x01", "a\x7f", "a\0b", "a\\b", "/a", "a/", "a//b",
    "x" * 256, "é" * 128, None, 7, b"main", ["main"], {"main": 1}, True,
]  # fmt: skip


@pytest.mark.parametrize("branch", BAD_BRANCHES, ids=lambda branch: ascii(branch)[:30])
def test_a_branch_that_no_folder_or_terminal_should_hold_is_refused(
    hub: HubProcess, client: PushClient, branch: Any
) -> None:
    wire = pack(ATTACK.bundle())
    client.upload(wire)
    with unchanged(hub):
        check_refused(client.confirm(wire, ATTACK.head, branch), "invalid")
        if branch is not None:
            check_refused(client.presign(wire, branch=branch), "invalid")
        check_refused(send(client, "stream", ATTACK.bundle(), ATTACK.head, branch), "invalid")
        if isinstance(branch, str):
            check_refused(send(client, "unpack", wire, ATTACK.head, branch), "invalid")
        if not isinstance(branch, (list, dict)):
            heads = ATTACK.bundle(branch_heads={branch: ATTACK.head})
            check_refused(send(client, "unpack", heads, ATTACK.head), "invalid")


@pytest.mark.parametrize("head", ["", "main", "sha256:", "a" * 63, "A" * 64, None, 7, ["a" * 64]])
def test_a_head_that_is_no_id_is_refused(hub: HubProcess, client: PushClient, head: Any) -> None:
    wire = pack(ATTACK.bundle())
    client.upload(wire)
    with unchanged(hub):
        check_refused(client.confirm(wire, head, "attack"), "invalid")
        check_refused(send(client, "stream", ATTACK.bundle(), head), "invalid")
        if isinstance(head, str):
            check_refused(send(client, "unpack", wire, head), "invalid")
