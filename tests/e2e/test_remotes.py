"""What is noted of a remote, and when: only what is known, and never under a name that is another hub's."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def test_a_bare_url_has_no_name_to_be_noted_under(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    token = {"MUSEUI_TOKEN": hub.token}
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"1"})
    assert museui("-C", builder.root, "remote", "add", "origin", hub.repository("ours")).code == 0
    for verb in ("push", "fetch", "pull"):
        answer = museui(verb, builder.root, "--remote", hub.repository("others"), "--json", **token)
        assert answer.code == 0 and answer.document["remote"] is None
        assert not (builder.muse / "remotes").exists()


def test_what_cannot_be_noted_is_said_with_what_the_hub_has(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    head = builder.commit({"a": b"1"})
    assert museui("-C", builder.root, "remote", "add", "origin", hub.repository("noted")).code == 0
    (builder.muse / "remotes").write_text("in the way")
    answer = museui("push", builder.root, "--json", MUSEUI_TOKEN=hub.token)
    error = answer.document["error"]
    assert answer.code == 2 and error["message"].startswith(f"the hub has {head[:12]}, but that cannot be noted here: ")
    assert [phase["ok"] for phase in answer.document["phases"]] == [True] * 5
    spool = tmp_path / "home/.cache/museui/spool"
    assert not list(spool.iterdir())


def test_on_a_terminal_a_clone_says_how_much_has_come(
    hub: HubProcess, museui: Museui, home: Path, tmp_path: Path
) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"1"})
    url = hub.repository("seen")
    assert museui("push", builder.root, "--remote", url, MUSEUI_TOKEN=hub.token).code == 0
    leader, follower = pty.openpty()
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2]), "MUSEUI_TOKEN": hub.token}
    program = [sys.executable, "-m", "museui", "clone", url, "copy"]
    with subprocess.Popen(program, cwd=tmp_path, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        seen = b""
        with suppress(OSError):  # what Linux says at the end of a terminal
            while piece := os.read(leader, 4096):
                seen += piece
    os.close(leader)
    assert process.returncode == 0
    assert b"receiving and checking" in seen and b"cloned into" in seen


def test_a_folder_whose_name_is_no_text_is_pushed_too(hub: HubProcess, museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / os.fsdecode(b"b\xff"))
    builder.commit({"a": b"1"})
    answer = museui("push", builder.root, "--remote", hub.repository("bytes"), MUSEUI_TOKEN=hub.token)
    assert answer.code == 0, answer.err


def test_the_hub_s_commands_run_where_they_are_told_to(hub: HubProcess, museui: Museui) -> None:
    answer = museui("-C", hub.data_dir.parent, "hub", "user", "list", "--data", hub.data_dir.name, "--json")
    assert answer.code == 0 and [user["name"] for user in answer.document["users"]] == ["ada"]
