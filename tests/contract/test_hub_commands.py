"""``museui hub init|user|token|repo``: what they print, and that they work whether the hub runs or not."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.helpers.hub import ROOT, HubProcess, hub_command

TOKEN = re.compile(r"muse_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n").fullmatch


@pytest.fixture
def data(tmp_path: Path) -> str:
    """The folder of a hub that does not run, with the user ``ada``."""
    folder = str(tmp_path / "hub")
    hub_command("init", "--data", folder, "--owner", "ada")
    return folder


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, shared by tests that change nothing."""
    folder = tmp_path_factory.mktemp("hub")
    hub_command("init", "--data", folder, "--owner", "ada")
    return folder


def _dump(folder: Path) -> list[str]:
    """Everything in the index."""
    with closing(sqlite3.connect(folder / "hub.sqlite3")) as connection:
        return list(connection.iterdump())


def test_init_prints_the_token_once(tmp_path: Path) -> None:
    first = hub_command("init", "--data", tmp_path / "hub", "--owner", "ada")
    assert TOKEN(first.stdout)
    again = hub_command("init", "--data", tmp_path / "hub", "--owner", "ada")
    assert again.stdout == "" and "already" in again.stderr
    document = json.loads(hub_command("init", "--data", tmp_path / "hub", "--owner", "bob", "--json").stdout)
    assert document["owner"] == "bob" and TOKEN(document["token"] + "\n")


def test_served_hub_knows_the_user_of_init(data: str) -> None:
    token = hub_command("token", "create", "ada", "--data", data).stdout.strip()
    with HubProcess(data_dir=Path(data)) as hub:
        assert hub.ready["token"] is None
        answer = httpx.get(hub.url + "/repos", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        assert answer.status_code == 200


def test_token_create_prints_a_token_and_nothing_else(data: str) -> None:
    done = hub_command("token", "create", "ada", "--data", data)
    assert TOKEN(done.stdout) and done.stderr == ""


def test_token_list_shows_everything_but_the_secret(data: str) -> None:
    hub_command("repo", "create", "ada/song", "--data", data)
    options = ["--scope", "read", "--repo", "ada/song", "--expires", "30d", "--label", "laptop"]
    made = json.loads(hub_command("token", "create", "ada", "--data", data, *options, "--json").stdout)
    listed = hub_command("token", "list", "--data", data, "--json").stdout
    assert made["token"].split("_", 2)[2] not in listed
    first, second = json.loads(listed)["tokens"]
    assert (first["scope"], first["label"], first["repository"]) == ("admin", "first token", None)
    assert (second["scope"], second["label"], second["repository"]) == ("read", "laptop", "ada/song")
    lifetime = datetime.fromisoformat(second["expires_at"]) - datetime.fromisoformat(second["created_at"])
    assert lifetime.total_seconds() == pytest.approx(30 * 86400)
    table = hub_command("token", "list", "--data", data, "--user", "ada").stdout
    assert "laptop" in table and "ada/song" in table
    assert hub_command("token", "list", "--data", data, "--user", "bob").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["token", "create", "bob"], 1),
        (["token", "create", "ada", "--scope", "root"], 2),
        (["token", "create", "ada", "--expires", "soon"], 1),
        (["token", "create", "ada", "--expires", "0d"], 1),
        (["token", "create", "ada", "--repo", "ada/none"], 1),
        (["token", "revoke", "0123456789abcdef"], 1),
        (["user", "create", "ada"], 1),
        (["user", "create", "ADA"], 1),
        (["user", "create", "../x"], 1),
        (["repo", "create", "bob/song"], 1),
        (["repo", "create", "song"], 1),
        (["repo", "create", "ada/a/b"], 1),
        (["repo", "delete", "ada/none", "--yes"], 1),
        (["repo", "visibility", "ada/none", "public"], 1),
        (["repo", "collaborator", "add", "ada/none", "ada"], 1),
        (["repo", "protect", "ada/none", "main"], 1),
        (["repo", "policy", "ada/none", "some"], 2),
        (["key", "add", "ada", "rubbish"], 1),
        (["key", "revoke", "ada", "0123456789abcdef"], 1),
        (["user", "remove", "bob"], 1),
        (["repo", "visibility", "ada/none", "secret"], 2),
        (["token"], 2),
        (["nonsense"], 2),
    ],
)
def test_what_cannot_be_is_an_error_and_changes_nothing(used: Path, arguments: list[str], code: int) -> None:
    before = _dump(used)
    document = json.loads(hub_command(*arguments, "--data", used, "--json", expect=code).stdout)
    assert document["ok"] is False
    assert document["error"].keys() == {"code", "message", "hint", "retryable", "details"}
    assert _dump(used) == before


def test_error_without_json_is_words_on_stderr(used: Path) -> None:
    done = hub_command("token", "create", "bob", "--data", used, expect=1)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and "\nhint: " in done.stderr
    assert hub_command(expect=2).stderr.startswith("Usage: museui hub")


@pytest.mark.parametrize("arguments", [["user", "list"], ["token", "create", "ada"], ["repo", "list"]])
def test_folder_without_a_hub_stays_without_one(tmp_path: Path, arguments: list[str]) -> None:
    done = hub_command(*arguments, "--data", tmp_path, "--json", expect=2)
    assert json.loads(done.stdout)["error"]["code"] == "usage"
    assert list(tmp_path.iterdir()) == []


def test_repository_goes_only_with_a_yes(data: str) -> None:
    made = json.loads(hub_command("repo", "create", "ada/song", "--data", data, "--domain", "music", "--json").stdout)
    assert made["repository"]["visibility"] == "private" and made["repository"]["domain"] == "music"
    hub_command("repo", "visibility", "ada/song", "public", "--data", data)
    hub_command("repo", "delete", "ada/song", "--data", data, expect=2)
    (listed,) = json.loads(hub_command("repo", "list", "--data", data, "--json").stdout)["repositories"]
    assert (listed["slug"], listed["visibility"]) == ("song", "public")
    hub_command("repo", "delete", "ada/song", "--data", data, "--yes")
    assert hub_command("repo", "list", "--data", data).stdout == ""


def test_commands_work_while_the_hub_serves_and_writes() -> None:
    with HubProcess() as hub, httpx.Client(base_url=hub.url, headers=hub.headers, trust_env=False) as client:
        stop = threading.Event()
        statuses: set[int] = set()
        made = 0

        def write() -> None:
            nonlocal made
            while not stop.is_set():
                made += 1
                statuses.add(client.post("/repos", json={"owner": "ada", "slug": f"r{made}"}).status_code)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            tokens = [hub.command("token", "create", "ada") for _ in range(4)]
        finally:
            stop.set()
            thread.join()
        assert statuses == {201}
        for token in tokens:
            assert client.get("/repos", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert len(json.loads(hub.command("repo", "list", "--json"))["repositories"]) == made


def test_museui_hub_becomes_this_program(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "museui",
        "hub",
        "init",
        "--data",
        str(tmp_path / "hub"),
        "--owner",
        "ada",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert TOKEN(done.stdout)
    for help_flag in (["--help"], ["token", "--help"]):
        shown = subprocess.run(
            [*command[:4], *help_flag], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert shown.returncode == 0 and shown.stdout.startswith("Usage: museui hub")
    wrong = subprocess.run([*command[:4], "nonsense"], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert wrong.returncode == 2
