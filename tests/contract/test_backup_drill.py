"""The backup of ``docs/operations.md``, word for word, while pushes arrive and are promoted; and the way back."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.push_client import PushClient
from tests.helpers.records import make_history
from tests.helpers.upkeep import change_index

_SQLITE = """#!{python}
import re, sqlite3, sys
source, target = sqlite3.connect(sys.argv[1]), sqlite3.connect(re.fullmatch(r"\\.backup '(.*)'", sys.argv[2])[1])
source.backup(target)
"""


def documented(hub: Path, backup: Path) -> str:
    """The commands, for these folders."""
    page = (ROOT / "docs" / "operations.md").read_text()
    found = re.search(r"<!-- ci: backup -->\n```sh\n(.*?)```", page, re.S)
    assert found
    return found[1].replace("~/hub", str(hub)).replace("/backup", str(backup))


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """An environment with a ``sqlite3``, which knows what the backup asks of it."""
    program = tmp_path / "bin" / "sqlite3"
    program.parent.mkdir()
    program.write_text(_SQLITE.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("has_file", [False, True], ids=["without hub.toml", "with hub.toml"])
def test_a_backup_made_while_pushes_arrive_is_whole(tmp_path: Path, tools: dict[str, str], has_file: bool) -> None:
    backup = tmp_path / "copy"
    acknowledged: dict[str, bytes] = {}
    with HubProcess() as hub, PushClient(hub) as client:
        if has_file:
            (hub.data_dir / "hub.toml").write_text("[serve]\nlog-level = 'info'\n")
            (hub.data_dir / "hub.toml").chmod(0o600)
        enough, ended = threading.Event(), threading.Event()
        failures: list[object] = []

        def keep_pushing() -> None:
            number = 0
            with PushClient(hub) as other:
                while not ended.is_set() and not failures:
                    history = make_history({f"f{at}": b"%d of %d" % (at, number) for at in range(20)})
                    status, answer = other.push(history, f"branch-{number}")
                    if status != 200:
                        failures.append(answer)
                    elif not enough.is_set():
                        acknowledged.update(history.contents)
                    number += 1
                    if number == 5:
                        enough.set()

        pusher = threading.Thread(target=keep_pushing)
        pusher.start()
        assert enough.wait(60)
        done = subprocess.run(
            ["sh", "-e", "-c", documented(hub.data_dir, backup)], env=tools, capture_output=True, text=True, timeout=60
        )
        ended.set()
        pusher.join()
        assert done.returncode == 0, done.stderr
        assert failures == []
        assert (backup / "hub.toml").exists() == has_file
        token = hub.token

    with HubProcess(data_dir=backup) as restored:
        restored.token = token
        with PushClient(restored) as client:
            for object_id, content in acknowledged.items():
                assert client.read_object(object_id) == content
            for head in client.heads().values():
                assert client.post("fetch", {"want": [head], "have": []})[0] == 200
            assert json.loads(restored.command("fsck", "--json"))["findings"] == []
            client.wait_promoted()
            assert json.loads(restored.command("fsck", "--json"))["ok"] is True


def test_an_object_whose_bundle_was_promoted_after_the_copy_is_read_under_its_own_key(
    tmp_path: Path, tools: dict[str, str]
) -> None:
    backup = tmp_path / "copy"
    history = make_history({"small": b"in the bundle of the copy", "large": os.urandom(6 << 20), "empty": b""})
    first, rest = documented(tmp_path / "hub", backup).split("cp -a", 1)
    with HubProcess(data_dir=tmp_path / "hub", failpoint="promote.object") as hub, PushClient(hub) as client:
        assert client.push(history)[0] == 200
        hub.wait_killed()
        subprocess.run(["sh", "-e", "-c", first], env=tools, check=True, timeout=60)
        hub.restart()
        client.wait_promoted()
        hub.stop()
        subprocess.run(["sh", "-e", "-c", "cp -a" + rest], env=tools, check=True, timeout=60)
        token = hub.token
    copy = HubProcess(data_dir=backup)
    assert json.loads(copy.command("fsck", "--json"))["findings"] == []
    change_index(
        copy, "UPDATE jobs SET leased_until = leased_until - 60"
    )  # the hub that was killed has it for a minute
    with copy as restored:
        restored.token = token
        with PushClient(restored) as client:
            for object_id, content in history.contents.items():
                assert client.read_object(object_id) == content
            assert client.post("fetch", {"want": [history.head], "have": []})[0] == 200
            client.wait_promoted()
            assert json.loads(restored.command("fsck", "--json"))["ok"] is True
            for object_id, content in history.contents.items():
                assert client.read_object(object_id) == content
