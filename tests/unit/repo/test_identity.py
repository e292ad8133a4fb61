"""Tokens: found for the right hub only, kept from others' eyes, never quoted in an error."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from museui.core.errors import Usage
from museui.repo.identity import (
    Identity,
    host_keys,
    identity_path,
    read_identities,
    write_identity,
)
from museui.settings.tokens import token_for

SECRET = "muse_very_secret_token"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return identity_path()


def write_raw(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_it_is_where_the_muse_client_has_it(path: Path, tmp_path: Path) -> None:
    assert path == tmp_path / ".muse/identity.toml"


def test_the_environment_comes_first_and_is_an_argument(path: Path) -> None:
    write_identity(Identity("hub.example.org", "from-file"), path)
    url = "https://hub.example.org/ada/song"
    assert token_for(url, {"MUSEUI_TOKEN": "from-environment"}) == "from-environment"
    assert token_for(url, {"MUSEUI_TOKEN": ""}) == token_for(url, {}) == "from-file"


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("https://hub.example.org/a/b", ["hub.example.org", "hub.example.org:443"]),
        ("https://hub.example.org:443/a/b", ["hub.example.org", "hub.example.org:443"]),
        ("http://HUB.example.org/a/b", ["hub.example.org", "hub.example.org:80"]),
        ("https://hub.example.org:8443/a/b", ["hub.example.org:8443"]),
        ("http://127.0.0.1:8750", ["127.0.0.1:8750"]),
        ("http://[::1]:8750/a/b", ["[::1]:8750"]),
    ],
)
def test_a_token_belongs_to_one_host_and_port(url: str, keys: list[str]) -> None:
    assert host_keys(url) == keys


def test_a_token_is_not_given_to_another_host_or_port(path: Path) -> None:
    write_identity(Identity("hub.example.org", SECRET), path)
    write_identity(Identity("127.0.0.1:8750", "other"), path)
    assert token_for("https://hub.example.org/a/b", {}) == SECRET
    assert token_for("http://127.0.0.1:8750/a/b", {}) == "other"
    for url in (
        "https://hub.example.org:8443/a/b",
        "https://hub.example.org.evil.example/a/b",
        "https://evil.example/hub.example.org/b",
        "http://127.0.0.1:8751/a/b",
        "http://127.0.0.1/a/b",
    ):
        assert token_for(url, {}) is None


def test_what_the_muse_client_wrote_is_read(path: Path) -> None:
    write_raw(
        path,
        '["hub.local:8750"]\ntype = "human"\nname = "ada"\nid = "u1"\ntoken = "t1"\ncapabilities = ["push"]\n\n'
        '[Plain.example.org]\ntoken = "t2"\n',
    )
    found = read_identities(path)
    assert found["hub.local:8750"] == Identity("hub.local:8750", "t1", "ada", "u1", "human", ("push",))
    assert token_for("https://plain.example.org/a/b", {}) == "t2"


def test_nobody_is_nobody(path: Path) -> None:
    assert token_for("https://hub.example.org/a/b", {}) is None
    assert read_identities(path) == {}


def test_the_file_is_written_for_its_owner_alone_and_keeps_what_it_had(path: Path) -> None:
    write_raw(path, '# mine\n["a.example"]\ntoken = "a"   # first\nfuture = [1]\n', 0o644)
    identity = Identity("b.example:99", "b", "ada", "u1", "agent", ("push", "pull"))
    write_identity(identity, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith('# mine\n["a.example"]\ntoken = "a"   # first\nfuture = [1]\n')
    assert read_identities(path)["b.example:99"] == identity
    write_identity(Identity("a.example", "a2"), path)
    assert "future = [1]" in path.read_text()
    assert token_for("https://a.example/x/y", {}) == "a2"


def test_folder_and_file_are_private_from_the_start_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        write_identity(Identity("a.example", "a"), path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_token_is_never_in_a_file_that_others_may_read(path: Path) -> None:
    """Every file system call that creates a file is watched while the identity is written."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "modes = []\n"
        "def watch(event, args):\n"
        "    if event == 'open' and isinstance(args[0], str) and args[2] & os.O_CREAT and '.muse' in args[0]:\n"
        "        print(args[0].rsplit('/', 1)[1][:8], args[2] & os.O_EXCL != 0)\n"
        "os.umask(0)\n"
        "sys.addaudithook(watch)\n"
        "from museui.repo.identity import Identity, write_identity\n"
        "from museui.repo import atomic\n"
        "fsync = os.fsync\n"
        "def seen(fd):\n"
        "    print('mode', oct(os.fstat(fd).st_mode & 0o777)) if not os.path.isdir(f'/proc/self/fd/{fd}') else None\n"
        "    fsync(fd)\n"
        "os.fsync = seen\n"
        "write_identity(Identity('a.example', 'a'), Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == [".museui- True", "mode 0o600"]


def test_a_link_is_read_but_never_written_through(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    write_raw(target, '["a.example"]\ntoken = "a"\n')
    path.parent.mkdir()
    path.symlink_to(target)
    assert token_for("https://a.example/x/y", {}) == "a"
    with pytest.raises(Usage, match="symbolic link"):
        write_identity(Identity("b.example", SECRET), path)
    assert SECRET not in target.read_text() and path.is_symlink()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_file_that_others_can_read_is_warned_about(path: Path, mode: int) -> None:
    write_raw(path, '["a.example"]\ntoken = "a"\n', mode)
    said: list[str] = []
    assert token_for("https://a.example/x/y", {}, said.append) == "a"
    assert len(said) == 1 and f"chmod 600 {path}" in said[0]
    path.chmod(0o600)
    said.clear()
    assert token_for("https://a.example/x/y", {}, said.append) == "a"
    assert said == []


@pytest.mark.parametrize(
    "text",
    [
        f'["a.example"]\ntoken = "{SECRET}\n',
        f'["a.example"\ntoken = "{SECRET}"\n',
        f'["a.example"]\ntoken = {SECRET}\n',
        f'["a.example"]\ntoken = ["{SECRET}"]\n',
        f'["a.example"]\ntoken = "{SECRET}"\ncapabilities = "push"\n',
        f'["a.example"]\ntoken = "{SECRET} "\n',
        f'["a.example"]\ntoken = "{SECRET}\\n"\n',
    ],
)
def test_a_damaged_file_is_named_and_its_content_never_shown(path: Path, text: str) -> None:
    write_raw(path, text)
    with pytest.raises(Usage) as caught:
        token_for("https://a.example/x/y", {})
    assert str(path) in caught.value.message
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value.details}"


def test_a_table_that_makes_no_sense_stops_no_other_hub(path: Path) -> None:
    write_raw(path, f'["bad.example"]\ntoken = 3\n["good.example"]\ntoken = "{SECRET}"\n')
    assert token_for("https://good.example/ada/song", {}) == SECRET
    with pytest.raises(Usage, match=r"identity\.toml") as caught:
        token_for("https://bad.example/ada/song", {})
    assert "museui login" in caught.value.hint
    write_identity(Identity("bad.example", "new"), path)
    assert token_for("https://bad.example/ada/song", {}) == "new"


def test_a_file_that_is_not_text_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(Usage, match="not valid UTF-8"):
        token_for("https://a.example/x/y", {})


def test_an_edit_of_a_damaged_file_changes_nothing_and_shows_nothing(path: Path) -> None:
    text = f'["a.example"]\ntoken = "{SECRET}\n'
    write_raw(path, text)
    with pytest.raises(Usage) as caught:
        write_identity(Identity("b.example", "b"), path)
    assert SECRET not in str(caught.value) and path.read_text() == text


@pytest.mark.parametrize("token", ["", "a b", "a\n", "ä", "a\x00", "x" * 5000])
def test_an_impossible_token_is_refused_without_being_shown(path: Path, token: str) -> None:
    if token:
        with pytest.raises(Usage, match="MUSEUI_TOKEN") as caught:
            token_for("https://a.example/x/y", {"MUSEUI_TOKEN": token})
        assert repr(token) not in caught.value.message
    with pytest.raises(Usage):
        write_identity(Identity("a.example", token), path)
    assert not path.exists()


def test_an_identity_does_not_show_its_token() -> None:
    assert SECRET not in repr(Identity("a.example", SECRET))
