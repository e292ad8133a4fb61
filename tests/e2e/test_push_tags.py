"""``museui push --tags``: the tags of what was pushed are on the hub, and come back with a clone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder, unpack_song


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def write_tag(builder: RepositoryBuilder, name: str, commit_id: str) -> Path:
    record = {"tag_id": name, "repo_id": "r", "commit_id": commit_id, "tag": name, "created_at": "2026-01-01"}
    path = builder.muse / "tags" / "r" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    return path


def tags_on(hub: HubProcess, slug: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{hub.repository(slug)}/tags", headers={**hub.headers, "Accept": "application/json"})
    found: list[dict[str, Any]] = answer.json()["tags"]
    return found


def test_tags_go_once_and_come_back_as_they_were(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    song, url = unpack_song(tmp_path), hub.repository("song")
    command = ("push", song, "--remote", url, "--all-branches", "--tags")
    assert museui(*command, "--json", MUSEUI_TOKEN=hub.token).document["tags"] == 1
    again = museui(*command, MUSEUI_TOKEN=hub.token)
    assert again.code == 0 and again.out.splitlines()[-1] == "tags: 0 new"
    assert museui("clone", url, tmp_path / "clone", MUSEUI_TOKEN=hub.token).code == 0
    (file,) = (song / ".muse/tags").rglob("*.json")
    (copy,) = (tmp_path / "clone/.muse/tags").rglob("*.json")
    assert json.loads(copy.read_text()) == json.loads(file.read_text())


def test_only_what_the_pushed_branch_leads_to_is_sent(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    first = builder.commit({"a": b"1"})
    builder.commit({"a": b"2"})
    write_tag(builder, "early", first)
    write_tag(builder, "aside", builder.commit({"a": b"3"}, branch="side", parents=[first]))
    push = ("push", builder.root, "--remote", hub.repository("some"), "--json")
    assert "tags" not in museui(*push, MUSEUI_TOKEN=hub.token).document
    assert tags_on(hub, "some") == []
    assert museui(*push, "--tags", MUSEUI_TOKEN=hub.token).document["tags"] == 1
    assert [tag["tag"] for tag in tags_on(hub, "some")] == ["early"]
    assert museui(*push, "--tags", "--all-branches", MUSEUI_TOKEN=hub.token).document["tags"] == 1
    assert [tag["tag"] for tag in tags_on(hub, "some")] == ["early", "aside"]


def test_damaged_tags_are_named_and_the_others_are_sent(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    write_tag(builder, "good", builder.commit({"a": b"1"}))
    write_tag(builder, "torn", builder.heads["main"]).write_text('{"tag_id"')
    write_tag(builder, "empty", builder.heads["main"]).write_text("")
    answer = museui(
        "push", builder.root, "--remote", hub.repository("torn"), "--tags", "--json", MUSEUI_TOKEN=hub.token
    )
    assert answer.code == 1
    assert answer.document["error"]["code"] == "integrity"
    said = [error["message"] for error in answer.document["tag_errors"]]
    assert len(said) == 2 and "empty.json" in said[0] and "torn.json" in said[1]
    assert answer.document["ok"] is False and answer.document["tags"] == 1
    assert answer.document["head"] == f"sha256:{builder.heads['main']}", "what moved is told"
    assert len(answer.document["phases"]) == 5
    assert [tag["tag"] for tag in tags_on(hub, "torn")] == ["good"]
    again = museui("push", builder.root, "--remote", hub.repository("torn"), "--tags", MUSEUI_TOKEN=hub.token)
    assert again.code == 1 and "main" in again.out and again.err.count("error: tags: ") == 2


def test_tags_and_a_dry_run_exclude_each_other(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    builder.commit({"a": b"1"})
    answer = museui("push", builder.root, "--remote", hub.repository("dry"), "--tags", "--dry-run")
    assert answer.code == 2 and "exclude each other" in answer.err
