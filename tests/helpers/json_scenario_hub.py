"""Every ``museui hub`` command that has ``--json``, but for ``minio-setup``, run for real; what each printed."""

from __future__ import annotations

import io
import json
import os
from collections import defaultdict
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from hubstub.cli.main import run
from museui.repo.keys import generate_signing_key
from tests.helpers.hub import HubProcess
from tests.helpers.json_scenario import Printed
from tests.helpers.push_client import PushClient
from tests.helpers.records import make_history


class HubRecorder:
    """Run commands on one hub's folder and keep what they print, by the command's name, such as ``hub repo list``."""

    def __init__(self, data: Path) -> None:
        self.printed: dict[str, list[Printed]] = defaultdict(list)
        self._data = data

    def run(self, command: str, *arguments: str, expect: int = 0) -> Any:
        """Run the command with ``--json``, which must end with ``expect``; its document."""
        out, err, mask = io.StringIO(), io.StringIO(), os.umask(0o077)
        words = [*command.split(), *arguments, "--data", str(self._data), "--json"]
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run(words)
        except SystemExit as exc:
            code = int(exc.code or 0)
        finally:
            os.umask(mask)
        assert code == expect, f"{words}: exit {code}, not {expect}\n{out.getvalue()}\n{err.getvalue()}"
        (line,) = out.getvalue().splitlines()
        return self.keep(command, code, json.loads(line))

    def keep(self, command: str, code: int, document: Any) -> Any:
        """Keep what a command printed elsewhere."""
        self.printed[f"hub {command}"].append(Printed(code, document))
        return document


def record_hub(folder: Path) -> dict[str, list[Printed]]:
    """Return what every command printed; ``folder`` is empty and stays behind."""
    data = folder / "hub"
    recorder = HubRecorder(data)
    recorder.run("init", "--owner", "ada")
    recorder.run("init")
    _people(recorder, generate_signing_key(folder / "key").public)
    with HubProcess(data_dir=data) as hub:
        recorder.keep("serve", 0, hub.ready)
        hub.token = recorder.run("token create", "ada", "--expires", "30d")["token"]
        with PushClient(hub) as client:
            client.push(make_history({"a": b"one"}))
        recorder.run("stats")
        recorder.run("repo audit", "ada/song")
        recorder.run("repo list")
    _upkeep(recorder, data)
    return dict(recorder.printed)


def _people(recorder: HubRecorder, public_key: str) -> None:
    run = recorder.run
    run("user create", "bob")
    run("user list")
    run("user quota", "bob", "2GiB")
    run("user quota", "bob", "default")
    token = run("token create", "bob", "--scope", "read")["token"]
    run("token revoke", token.split("_")[1])
    run("token list")
    run("repo create", "ada/song")
    run("repo visibility", "ada/song", "public")
    run("repo quota", "ada/song", "none")
    run("repo policy", "ada/song")
    run("repo collaborator add", "ada/song", "bob", "--access", "read")
    run("repo collaborator list", "ada/song")
    run("repo collaborator remove", "ada/song", "bob")
    run("repo protect", "ada/song", "release/*")
    run("repo protect", "ada/song")
    run("repo unprotect", "ada/song", "release/*")
    key = run("key add", "ada", public_key)["key"]["key_id"]
    run("key list")
    run("key revoke", "ada", key)
    run("key list")
    run("user remove", "bob")
    run("repo create", "ada/other")
    run("repo delete", "ada/other", "--yes")
    run("repo policy", "ada/nothing", expect=1)


def _upkeep(recorder: HubRecorder, data: Path) -> None:
    run = recorder.run
    run("gc")
    run("gc", "--apply")
    run("fsck")
    for file in (data / "store" / "bundles").rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(bytes(file.stat().st_size))
    for file in (data / "store" / "objects").rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(b"damaged")
    run("fsck", expect=1)
    run("stats")
    run("adopt")
