"""The empty object is always there: the published client drops it from what it fetches, and nothing fails for that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from museui.core.ids import EMPTY_OBJECT, hash_object, qualified
from tests.helpers.hub import HubProcess
from tests.helpers.old_client import OldClient
from tests.helpers.program import Museui
from tests.helpers.push_client import PushClient
from tests.helpers.records import make_history
from tests.helpers.workload import RepositoryBuilder

EMPTY = qualified(EMPTY_OBJECT)
TREE = {"a.txt": b"one", "nothing": b"", "folder/nothing either": b""}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def dropped(tmp_path: Path) -> RepositoryBuilder:
    """A repository as the published client leaves it after a fetch."""
    made = RepositoryBuilder(tmp_path / "dropped")
    made.commit(TREE)
    made.commit({**TREE, "a.txt": b"two"})
    made.object_file(EMPTY_OBJECT).unlink()
    return made


def test_it_is_the_hash_of_nothing() -> None:
    assert hash_object(b"") == hashlib.sha256().hexdigest() == EMPTY_OBJECT


@pytest.mark.parametrize("strategy", ["bundle", "stream", "objects", "auto"])
def test_a_repository_without_its_file_is_whole_pushed_and_cloned(
    hub: HubProcess, museui: Museui, dropped: RepositoryBuilder, tmp_path: Path, strategy: str
) -> None:
    url = hub.repository(f"dropped-{strategy}")
    assert museui("verify", dropped.root).code == 0
    pushed = museui("push", dropped.root, "--remote", url, "--strategy", strategy, MUSEUI_TOKEN=hub.token)
    assert pushed.code == 0, pushed.err
    assert museui("clone", url, tmp_path / "copy", MUSEUI_TOKEN=hub.token).code == 0
    assert (tmp_path / "copy/folder/nothing either").read_bytes() == b""
    assert museui("verify", tmp_path / "copy").code == 0


def test_a_pull_where_it_was_dropped_writes_the_empty_files(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    """The published client fetched the second commit without its empty object; the pull builds on that."""
    url = hub.repository("pulled")
    ada = RepositoryBuilder(tmp_path / "ada")
    ada.commit({"a.txt": b"one"})
    assert museui("push", ada.root, "--remote", url, MUSEUI_TOKEN=hub.token).code == 0
    bob = tmp_path / "bob"
    assert museui("clone", url, bob, MUSEUI_TOKEN=hub.token).code == 0
    ada.commit(TREE)
    assert museui("push", ada.root, "--remote", url, MUSEUI_TOKEN=hub.token).code == 0
    assert museui("fetch", bob, MUSEUI_TOKEN=hub.token).code == 0
    (bob / f".muse/objects/{EMPTY_OBJECT[:2]}/{EMPTY_OBJECT[2:]}").unlink()
    ada.commit({**TREE, "another": b""})
    assert museui("push", ada.root, "--remote", url, MUSEUI_TOKEN=hub.token).code == 0
    pulled = museui("pull", bob, MUSEUI_TOKEN=hub.token)
    assert pulled.code == 0, pulled.err
    assert [(bob / name).read_bytes() for name in ("nothing", "another")] == [b"", b""]
    assert museui("verify", bob).code == 0
    (bob / "mine").write_bytes(b"")
    assert museui("-C", bob, "snapshot", "-m", "x").code == 0
    assert museui("push", bob, MUSEUI_TOKEN=hub.token).code == 0


def test_a_snapshot_keeps_its_file_for_other_programs(museui: Museui, dropped: RepositoryBuilder) -> None:
    for path, content in TREE.items():
        (dropped.root / path).parent.mkdir(exist_ok=True)
        (dropped.root / path).write_bytes(content)
    assert museui("-C", dropped.root, "snapshot", "-m", "x").code == 0
    assert dropped.object_file(EMPTY_OBJECT).read_bytes() == b""


@pytest.mark.parametrize("others", [True, False], ids=["with others", "alone"])
def test_a_hub_takes_a_push_that_leaves_it_out_and_gives_it_back(
    hub: HubProcess, museui: Museui, tmp_path: Path, others: bool
) -> None:
    history = make_history(TREE if others else {"nothing": b""})
    del history.contents[EMPTY]
    slug = f"left-out-{others}"
    with PushClient(hub, slug) as client:
        status, answer = client.push(history, expected_head=None)
        assert status == 200, answer
        assert client.get(f"/o/{EMPTY_OBJECT}").content == b""
    assert museui("clone", hub.repository(slug), tmp_path / "copy", MUSEUI_TOKEN=hub.token).code == 0
    assert (tmp_path / "copy/nothing").read_bytes() == b""
    hub.command("fsck")
    old = OldClient(hub.repository(slug), hub.token).clone(tmp_path / "old")
    assert old.object_path(EMPTY_OBJECT).read_bytes() == b""


def test_what_else_is_left_out_is_still_missed(hub: HubProcess) -> None:
    history = make_history(TREE)
    missing = next(object_id for object_id, content in history.contents.items() if content == b"one")
    del history.contents[EMPTY], history.contents[missing]
    with PushClient(hub, "missed") as client:
        status, answer = client.push(history, expected_head=None)
    assert status == 422 and missing.removeprefix("sha256:")[:12] in str(answer)


def test_it_is_given_only_to_who_may_read_a_repository_that_names_it(hub: HubProcess) -> None:
    url = f"{hub.url}/o/{EMPTY_OBJECT}"
    assert httpx.get(url, trust_env=False).status_code in (401, 404)
