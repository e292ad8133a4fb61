"""The commands of README's "People", word for word, for a hub that was made as its first section says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.push_client import PushClient
from tests.helpers.records import make_history

README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def commands(text: str) -> list[str]:
    """The lines that stand behind a prompt."""
    return [line[2:] for block in re.findall(r"```console\n(.*?)```", text, re.S) for line in block.splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder without anything."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def run(command: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MUSEUI_", "XDG_"))}
    environment = {**kept, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **more}
    return subprocess.run(["sh", "-c", command], cwd=home, env=environment, capture_output=True, text=True, timeout=120)


def test_the_commands_do_what_they_say_for_a_hub_in_a_folder_of_its_own(home: Path) -> None:
    (serve,) = (line for line in commands(section("Five minutes")) if line.startswith("museui hub serve"))
    words = shlex.split(serve)
    folder = home / words[words.index("--data") + 1].removeprefix("~/")
    with HubProcess(data_dir=folder, owner=words[words.index("--owner") + 1]) as hub, PushClient(hub) as client:
        assert client.push(make_history({"verse.txt": b"la la la\n"}))[0] == 200
        lines = commands(section("People"))
        assert len(lines) > 5
        for line in lines:
            done = run(line.replace("http://127.0.0.1:8750", hub.url), home, MUSEUI_TOKEN=hub.token)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert "bob" in hub.command("user", "list")
        assert not (home / ".local" / "share" / "museui" / "hub").exists(), "no second hub"

        bare = run("museui hub user create eve", home)
        assert bare.returncode == 2
        assert "--data" in bare.stderr and "MUSEUI_HUB_DATA" in bare.stderr
        assert "hub init" not in bare.stderr and "hub serve" not in bare.stderr, "that would be a second hub"
        found = run("museui hub user create eve", home, MUSEUI_HUB_DATA=str(folder))
        assert found.returncode == 0, found.stderr

        elsewhere = run(f"museui hub token create nobody --data {folder}", home)
        assert f"museui hub user list --data {folder}" in elsewhere.stderr, "a hint leads to the same hub"
    gone = home / "gone"
    gone.mkdir()
    adopt = run(f"museui hub adopt --data {gone}", home)
    assert adopt.returncode == 2 and "nothing to adopt" in adopt.stderr
    assert not any(gone.glob("hub.sqlite3*"))


def test_hints_of_a_lost_database_name_the_folder(home: Path) -> None:
    folder = home / "hub"
    with HubProcess(data_dir=folder) as hub, PushClient(hub) as client:
        assert client.push(make_history({"a": b"one"}))[0] == 200
        client.wait_promoted()
        hub.stop()
    for path in folder.glob("hub.sqlite3*"):
        path.unlink()
    for verb in ("serve --port 0", "init", "user list", "gc --apply"):
        done = run(f"museui hub {verb} --data ~/hub", home)
        assert done.returncode == 2
        assert f"museui hub adopt --data {folder}" in done.stderr, done.stderr
        assert not any(folder.glob("hub.sqlite3*"))
