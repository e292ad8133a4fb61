"""`museui completion`: real bash completes from the parsers; for zsh and fish the script is what those shells read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from museui.cli.main import VERBS, run

ROOT = Path(__file__).parents[3]
ASK = """
eval "$(museui completion bash)"
compopt() { :; }
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _museui_completion museui
    echo "${COMPREPLY[*]}"
}
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which ``museui`` is this one."""
    program = tmp_path / "bin" / "museui"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m museui "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_bash_completes_verbs_options_remotes_branches_and_the_hub_s_verbs(path: str, song: Path, home: Path) -> None:
    (song / ".muse" / "config.toml").write_text('[remotes.origin]\nurl = "http://127.0.0.1:1/ada/song"\n')
    asked = [
        'museui ""',
        "museui pu",
        "museui push --fo",
        f"museui -C {song} push --remote o",
        f"museui -C {song} fetch --branch ''",
        f"museui -C {song} remote remove ''",
        "museui config ''",
        "museui hub f",
    ]
    script = ASK + "\n".join(f"ask {words}" for words in asked)
    environment = {"PATH": path, "HOME": str(home)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    said = [line.split() for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert said == [
        list(VERBS),
        ["pull", "push"],
        ["--force-with-lease", "--force"],
        ["origin"],
        ["main"],
        ["origin"],
        ["author", "path", "show", "validate"],
        ["fsck"],
    ]


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", ["complete -o nosort -F _museui_completion museui", "_MUSEUI_COMPLETE=bash_complete"]),
        ("zsh", ["#compdef museui", "compdef _museui_completion museui", "_MUSEUI_COMPLETE=zsh_complete"]),
        ("fish", ["complete --no-files --command museui", "_MUSEUI_COMPLETE=fish_complete"]),
    ],
)
def test_each_shell_gets_a_script_that_it_can_read(
    shell: str, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in words)
    assert script.count("{") == script.count("}") and script.count("(") == script.count(")")
    if shutil.which(shell):
        file = tmp_path / "script"
        file.write_text(script)
        subprocess.run([shell, "-n", str(file)], check=True)
    assert run(["completion", shell, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["script"].strip() == script.strip() and shell in document["install"]


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err
