"""``museui login`` and ``museui keys enrol`` against a hub: what is tried before it is kept, and what is never sent."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.program import Answer, Museui


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def _login(home: Path, hub: str, token: str, *options: str, **variables: str) -> Answer:
    """``museui login`` with ``token`` on stdin."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "museui", "login", hub, *options]
    done = subprocess.run(
        command, input=token.encode(), cwd=home, env=environment, capture_output=True, check=False, timeout=60
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def _identity(home: Path) -> Path:
    return home / ".muse" / "identity.toml"


def test_a_token_that_is_good_is_kept_for_its_owner_alone_and_then_used(
    hub: HubProcess, home: Path, museui: Museui, tmp_path: Path
) -> None:
    answer = _login(home, hub.url + "/", hub.token + "\n", "--json")
    assert answer.document == {
        "ok": True,
        "hub": hub.url,
        "name": "ada",
        "scope": "admin",
        "repository": None,
        "expires_at": None,
    }
    path = _identity(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    host = hub.url.removeprefix("http://")
    assert tomllib.loads(path.read_text())[host] == {
        "type": "human",
        "name": "ada",
        "id": "",
        "token": hub.token,
        "capabilities": ["admin"],
    }
    song = tmp_path / "song"
    assert museui("init", song).code == 0
    (song / "verse").write_text("la")
    museui("snapshot", "-m", "one", cwd=song)
    museui("remote", "add", "origin", hub.repository("by-login"), cwd=song)
    assert museui("push", cwd=song).code == 0
    assert hub.token not in answer.out + answer.err


def test_signing_in_again_replaces_the_token_and_leaves_the_other_hubs(hub: HubProcess, home: Path) -> None:
    path = _identity(home)
    path.parent.mkdir()
    path.write_text('# mine\n["hub.example.org"]\ntoken = "other"\n')
    reader = hub.command("token", "create", "ada", "--scope", "read", "--expires", "1d")
    for token in (hub.token, reader):
        assert _login(home, hub.url.removeprefix("http://"), token).code == 0
    document = tomllib.loads(path.read_text())
    assert document["hub.example.org"] == {"token": "other"} and path.read_text().startswith("# mine\n")
    assert document[hub.url.removeprefix("http://")]["token"] == reader
    said = _login(home, hub.url, reader, MUSEUI_TOKEN="another").err
    assert "signed in to" in said and "may read, until " in said and "MUSEUI_TOKEN is set" in said


@pytest.mark.parametrize(
    ("token", "code"),
    [("", 2), ("\n", 2), ("two words", 2), ("x" * 5000, 2), ("\x1b[31m", 2), ("muse_wrong", 5)],
    ids=["nothing", "a line", "two words", "too long", "control characters", "unknown"],
)
def test_what_is_no_token_of_the_hub_is_not_kept(hub: HubProcess, home: Path, token: str, code: int) -> None:
    answer = _login(home, hub.url, token, "--json")
    assert answer.code == code
    assert answer.document["ok"] is False and answer.document["error"]["hint"]
    assert not _identity(home).exists()
    assert not token.strip() or token not in answer.out + answer.err


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://hub.example.org", 2),
        ("ftp://127.0.0.1", 2),
        ("http://ada:secret@127.0.0.1", 2),
        ("http://127.0.0.1:1", 3),
        ("", 2),
        ("{hub}/ada/song", 2),
    ],
)
def test_a_hub_that_is_none_gets_no_token_kept(hub: HubProcess, home: Path, address: str, code: int) -> None:
    answer = _login(home, address.format(hub=hub.url), hub.token, "--json")
    assert answer.code == code, answer
    assert "secret" not in answer.out + answer.err
    assert not _identity(home).exists()


def test_a_file_that_is_damaged_or_a_link_is_left_alone(hub: HubProcess, home: Path) -> None:
    path = _identity(home)
    path.parent.mkdir()
    path.write_text("damaged [")
    assert _login(home, hub.url, hub.token).code == 2
    assert path.read_text() == "damaged ["
    path.unlink()
    (home / "elsewhere").write_text("")
    path.symlink_to(home / "elsewhere")
    assert _login(home, hub.url, hub.token).code == 2
    assert (home / "elsewhere").read_text() == ""


def test_on_a_terminal_the_token_is_asked_for_and_not_shown(hub: HubProcess, home: Path) -> None:
    leader, follower = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    program = [sys.executable, "-m", "museui", "login", hub.url]
    process = subprocess.Popen(
        program, stdin=follower, stdout=follower, stderr=follower, env=environment, start_new_session=True
    )
    os.close(follower)
    seen = b""
    try:
        while b"Token for" not in seen:
            seen += os.read(leader, 4096)
        os.write(leader, hub.token.encode() + b"\n")
        while b"signed in to" not in seen:
            seen += os.read(leader, 4096)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    assert hub.token.encode() not in seen
    assert _identity(home).exists()


def test_the_public_key_is_enrolled_and_nothing_else_is_sent(
    hub: HubProcess, home: Path, museui: Museui, tmp_path: Path
) -> None:
    none_yet = museui("keys", "enrol", hub.url)
    assert none_yet.code == 1 and "museui keys generate" in none_yet.err
    made = museui("keys", "generate", "--json").document
    signed_out = museui("keys", "enrol", hub.url)
    assert signed_out.code == 5 and f"museui login {hub.url}" in signed_out.err
    nowhere = museui("keys", "enrol", cwd=tmp_path)
    assert nowhere.code == 2 and "which hub?" in nowhere.err
    assert _login(home, hub.url, hub.token).code == 0
    enrolled = museui("keys", "enrol", hub.url, "--label", "laptop", "--json").document
    assert (enrolled["name"], enrolled["public_key"], enrolled["key_id"]) == ("ada", made["public_key"], made["key_id"])
    (known,) = httpx.get(hub.url + "/user/keys", headers=hub.headers, trust_env=False).json()["keys"]
    assert (known["public_key"], known["label"]) == (made["public_key"], "laptop")

    hub.command("repo", "create", "ada/trusting")
    hub.command("repo", "policy", "ada/trusting", "trusted")
    song = tmp_path / "song"
    museui("init", song)
    (song / "verse").write_text("la")
    museui("snapshot", "-m", "one", cwd=song)
    museui("remote", "add", "origin", hub.repository("trusting"), cwd=song)
    assert museui("keys", "enrol", cwd=song).code == 0
    assert museui("push", cwd=song).code == 0
    hub.command("key", "revoke", "ada", made["key_id"])
    (song / "verse").write_text("la la")
    museui("snapshot", "-m", "two", cwd=song)
    refused = json.loads(museui("push", "--json", cwd=song).out)
    assert refused["error"]["code"] == "bad_signature" and "museui keys enrol" in refused["error"]["hint"]
    again = museui("keys", "enrol", cwd=song)
    assert again.code == 1 and "revoked" in again.err
    writer = hub.command("token", "create", "ada")
    narrow = museui("keys", "enrol", hub.url, MUSEUI_TOKEN=writer)
    assert narrow.code == 5 and "admin" in narrow.err
