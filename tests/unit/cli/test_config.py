"""`museui config`: where the settings are, what holds, and what is wrong with them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from museui.cli.main import run
from museui.settings.config import Config, parse_config

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the present user's ``config.toml`` would be."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "MUSEUI_TOKEN", "MUSEUI_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".config" / "museui" / "config.toml"
    file.parent.mkdir(parents=True)
    return file


def document(capsys: Captured) -> Any:
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


def test_the_path_is_told_whether_there_is_a_file_or_not(config: Path, capsys: Captured) -> None:
    assert run(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{config}\n"
    assert run(["config", "path", "--json"]) == 0
    places = document(capsys)
    assert places["config"] == str(config) and places["identity"] == str(config.parents[2] / ".muse" / "identity.toml")


def test_without_a_file_the_defaults_are_shown_and_are_a_configuration(config: Path, capsys: Captured) -> None:
    assert run(["config", "show"]) == 0
    assert parse_config(capsys.readouterr().out) == Config()


def test_what_the_file_says_is_shown_over_the_defaults(
    config: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSEUI_TOKEN", "muse_secret")
    text = '[daemon]\nupload_limit = "2 MiB/s"\n[[repositories]]\npath = "/a"\npaused_until = inf\n[keys]\npush = "P"\n'
    config.write_text(text)
    assert run(["config", "show"]) == 0
    shown = capsys.readouterr().out
    assert parse_config(shown) == parse_config(text) and tomllib.loads(shown)["keys"] == {"push": "P"}
    assert "# MUSEUI_TOKEN is set" in shown and "secret" not in shown
    assert run(["config", "show", "--json"]) == 0
    settings = document(capsys)["settings"]
    assert settings["daemon"]["upload_limit"] == "2 MiB/s" and settings["repositories"][0]["paused_until"] == "inf"


def test_a_broken_file_is_refused_by_show_and_explained_by_validate(config: Path, capsys: Captured) -> None:
    config.write_text("[daemon]\nparallel_pushes = 0\nhistory_day = 1\n")
    assert run(["config", "show", "--json"]) == 2
    assert document(capsys)["error"]["code"] == "usage"
    assert run(["config", "validate"]) == 2
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    assert first.startswith(f"{config}:2: daemon.parallel_pushes: ") and "from 1 to 64" in first
    assert second.startswith(f"{config}:3: daemon.history_day: ") and "history_days" in second
    assert "2 mistakes" in said.err
    assert run(["config", "validate", "--json"]) == 2
    answer = document(capsys)
    assert answer["ok"] is False
    assert [fault["line"] for fault in answer["faults"]] == [2, 3]


def test_validate_looks_at_tokens_and_at_the_repository_here(
    config: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = config.parents[2] / ".muse" / "identity.toml"
    assert run(["init", "song"]) == 0
    assert run(["-C", "song", "config", "validate"]) == 0
    assert "all good" in capsys.readouterr().err
    identity.parent.mkdir(exist_ok=True)
    identity.write_text('[hub]\ntoken = 3 # muse_secret\n["x"\n')
    (config.parents[2] / "song" / ".muse" / "config.toml").write_text("[remotes.origin]\nurl = 3\n")
    assert run(["-C", "song", "config", "validate"]) == 2
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{identity}:3: ") and "secret" not in first
    assert "remotes.origin" in second


def test_another_file_can_be_named(config: Path, capsys: Captured) -> None:
    other = config.with_name("other.toml")
    assert run(["config", "validate", str(other)]) == 1
    assert "there is no" in capsys.readouterr().err
    other.write_bytes(b"\xff")
    assert run(["config", "validate", str(other)]) == 2
    assert "UTF-8" in capsys.readouterr().err
    other.write_text("[notify]\ndesktop = 1\n")
    assert run(["config", "validate", str(other), "--quiet"]) == 2
    said = capsys.readouterr()
    assert said.out.startswith(f"{other}:2: notify.desktop: ") and said.err == ""
