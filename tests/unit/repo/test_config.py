"""config.toml: read with defaults, edited without losing a byte that is not ours to change."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from museui.core.errors import Invalid, NotFound, Usage
from museui.repo.config import Config, Remote, parse_config, read_config, remove_remote, set_remote
from museui.repo.remotes import choose_remote

TEXT = """\
# mine
[user]
name = 'Ada'   # me
email = "ada@example.org"

[remotes]   # where to

[remotes.origin]
url = "https://hub.example.org/ada/song"   # home
branch = "main"
unknown = [ 1,
  2 ]

[somebody.elses]
x = 1
"""


def test_what_is_there_is_read_and_what_is_not_is_empty(tmp_path: Path) -> None:
    config = parse_config(TEXT)
    assert (config.user_name, config.bare) == ("Ada", False)
    assert config.remotes == {"origin": Remote("origin", "https://hub.example.org/ada/song", "main")}
    assert parse_config("") == Config() == read_config(str(tmp_path / "none"))
    assert parse_config("[core]\nbare = true").bare


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[remotes\nx = 1", "line 1"),
        ("x = 1\nx = 2\ny = 3", "line 2"),
        ("remotes = 3", "[remotes] is not a table"),
        ("[user]\nname = 3", "[user] name is not text"),
        ("[core]\nbare = 'yes'", "bare is neither true nor false"),
        ("x = " + "[" * 100_000, "not valid TOML"),
        ("x = " + "9" * 5000, "not valid TOML"),
    ],
)
def test_rubbish_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(Usage) as caught:
        read_config(str(path))
    assert str(path) in caught.value.message and said in caught.value.message


@pytest.mark.parametrize(
    ("name", "entry", "said"),
    [
        ("bad", "bad = 'http://x'", "[remotes.bad] is not a table"),
        ("bad", "bad = {branch = 'main'}", "[remotes.bad] has no url"),
        ("bad", "bad = {url = 3}", "[remotes.bad] url is not text"),
        ("my hub", "'my hub' = {url = 'http://x/a/b'}", "remote is not a name"),
    ],
)
def test_a_remote_that_makes_no_sense_is_named_and_stops_no_other(
    tmp_path: Path, name: str, entry: str, said: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[remotes]\n{entry}\n[remotes.origin]\nurl = 'http://x/a/b'\n")
    remotes = read_config(str(path)).remotes
    assert remotes == {"origin": Remote("origin", "http://x/a/b")}
    (fault,) = remotes.faults.values()
    assert list(remotes.faults) == [name] and str(path) in fault.message and said in fault.message
    assert f"museui remote remove {shlex.quote(name)}" in fault.hint
    assert choose_remote(remotes, None).name == "origin"
    with pytest.raises(Usage, match=r"config\.toml"):
        choose_remote(remotes, name)
    remove_remote(str(path), name)
    assert read_config(str(path)).remotes.faults == {}


@pytest.mark.parametrize(
    "text", ["[remotes", "x = 1\nx = 2", "remotes = 3", "[remotes]\norigin = 'http://x'", "x = " + "[" * 100_000]
)
def test_what_cannot_be_edited_safely_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(Usage):
        set_remote(str(path), Remote("origin", "http://127.0.0.1/a/b"))
    assert path.read_text() == text


def test_a_damaged_remote_can_be_mended_or_removed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[remotes.origin]\nbranch = 'main'\n\n[remotes.other]\n")
    set_remote(str(path), Remote("origin", "http://127.0.0.1/a/b"))
    remove_remote(str(path), "other")
    assert read_config(str(path)).remotes == {"origin": Remote("origin", "http://127.0.0.1/a/b", "main")}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\xff", "name = 'é'".encode("latin-1")])
def test_what_is_not_utf_8_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(Usage, match="UTF-8"):
        read_config(str(path))


def test_an_edit_keeps_comments_order_and_unknown_keys(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    set_remote(str(path), Remote("origin", "https://elsewhere.example.org/ada/song"))
    assert path.read_text() == TEXT.replace("hub.example.org", "elsewhere.example.org")


def test_a_remote_added_and_removed_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    set_remote(str(path), Remote("backup", "http://127.0.0.1:8750/ada/song", "feat/x"))
    assert list(read_config(str(path)).remotes) == ["origin", "backup"]
    remove_remote(str(path), "backup")
    assert path.read_text() == TEXT


def test_a_file_is_made_when_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    set_remote(str(path), Remote("origin", "http://127.0.0.1/a/b"))
    assert read_config(str(path)).remotes == {"origin": Remote("origin", "http://127.0.0.1/a/b")}


def test_the_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    path.chmod(0o604)
    set_remote(str(path), Remote("origin", "http://127.0.0.1/a/b"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_is_read_but_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text(TEXT)
    path = tmp_path / "config.toml"
    path.symlink_to(target)
    assert read_config(str(path)).user_name == "Ada"
    with pytest.raises(Usage, match="symbolic link"):
        set_remote(str(path), Remote("origin", "http://127.0.0.1/a/b"))
    assert target.read_text() == TEXT and path.is_symlink()


def test_a_fifo_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    with pytest.raises(Exception, match="is a FIFO"):
        read_config(str(tmp_path / "config.toml"))


@pytest.mark.parametrize("remote", [Remote("../x", "http://h/a/b"), Remote("x", "http://h/a/b", "a..b")])
def test_names_are_checked(tmp_path: Path, remote: Remote) -> None:
    with pytest.raises(Invalid):
        set_remote(str(tmp_path / "config.toml"), remote)
    assert not (tmp_path / "config.toml").exists()


def test_a_remote_that_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="origin"):
        remove_remote(str(tmp_path / "config.toml"), "origin")


@pytest.mark.parametrize("url", ['http://h/a/b"\n[user]\nname = "Eve', "http://h/\t/b", "http://h/\u00e9/'''"])
def test_a_url_cannot_break_out_of_its_quotes(tmp_path: Path, url: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    set_remote(str(path), Remote("x", url))
    config = read_config(str(path))
    assert config.remotes["x"].url == url and config.user_name == "Ada"
