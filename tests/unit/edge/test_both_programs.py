"""The command-line edge, the same for ``museui`` and ``museui hub``."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click
import pytest

from museui.core import early
from museui.core.errors import Busy, Conflict, Denied, Integrity, Interrupted, MuseError, Unreachable

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Program:
    """One of the two programs, and a verb of it that a test can replace."""

    module: str
    name: str
    group: str
    verb: str
    misspelt: str
    run: Callable[[Sequence[str]], int]

    def start(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the program in a process of its own."""
        return subprocess.run(self.command(*arguments), cwd=cwd, env=environment(cwd), capture_output=True, text=True)

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", self.module, *map(str, arguments)]


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


def programs() -> list[Program]:
    from hubstub.cli import main as hub
    from museui.cli import main as museui

    return [
        Program("museui", "museui", "museui", "status", "stauts", museui.run),
        Program("hubstub", "museui hub", "hub", "stats", "stast", hub.run),
    ]


PROGRAMS = programs()


@pytest.fixture(params=PROGRAMS, ids=lambda program: program.name)
def program(request: pytest.FixtureRequest) -> Program:
    assert isinstance(request.param, Program)
    return request.param


def failing(program: Program, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have the program's verb raise ``error``."""

    def fail(*_: object, **__: object) -> None:
        raise error

    params: list[click.Parameter] = [click.Option(["--json", "as_json"], is_flag=True)]
    params.append(click.Argument(["words"], nargs=-1))
    command = click.Command(program.verb, callback=fail, params=params)
    if program.module == "museui":
        monkeypatch.setattr(import_module("museui.cli.verbs.status"), "command", command)
    else:
        monkeypatch.setitem(import_module("hubstub.cli.main").hub.commands, program.verb, command)


@pytest.fixture(autouse=True)
def _umask() -> None:
    """Leave the umask as it is in this process: the hub's command line sets its own."""
    os.umask(0o077)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Integrity("broken", hint="mend it"), 1),
        (Unreachable("no line"), 3),
        (Busy("wait"), 3),
        (Conflict("moved"), 4),
        (Denied("no"), 5),
    ],
)
def test_an_error_is_words_on_stderr_or_a_document_on_stdout(
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: MuseError,
    code: int,
) -> None:
    failing(program, monkeypatch, error)
    assert program.run([program.verb]) == code
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""),
    )
    assert program.run([program.verb, "--json"]) == code
    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == ({"ok": False, "error": error.to_json()}, "")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError(), click.Abort()])
def test_an_interrupt_is_130_and_a_document_with_json(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    failing(program, monkeypatch, error)
    assert program.run([program.verb]) == 130
    assert capsys.readouterr().err.strip() == "error: interrupted"
    assert program.run([program.verb, "--json"]) == 130
    said = capsys.readouterr()
    assert json.loads(said.out) == {"ok": False, "error": Interrupted("interrupted").to_json()}
    assert said.err.strip() == ""


def test_json_after_two_dashes_is_an_argument(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(program, monkeypatch, Integrity("broken"))
    assert program.run([program.verb, "--", "--json"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "error: broken\n")


def test_a_message_cannot_steer_the_terminal(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(program, monkeypatch, Integrity("a\x1b[31mb\x07c\x9bd\u202ee", hint="e\x1b]0;title\x07"))
    program.run([program.verb])
    assert capsys.readouterr().err == "error: a\\x1b[31mb\\x07c\\x9bd\\x202ee\nhint: e\\x1b]0;title\\x07\n"


def test_an_argument_in_a_usage_error_cannot_steer_the_terminal(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["a\x1b[31mb"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_an_unexpected_exception_is_one_line_unless_debugging(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(program, monkeypatch, ZeroDivisionError("division by zero"))
    assert program.run([program.verb]) == 1
    assert capsys.readouterr().err == (
        "error: this should not have happened: ZeroDivisionError: division by zero\n"
        "hint: MUSEUI_DEBUG=1 shows where; please report it.\n"
    )
    monkeypatch.setenv("MUSEUI_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        program.run([program.verb])


def test_a_misspelt_verb_gets_a_suggestion(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([program.misspelt]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: No such command '{program.misspelt}'.")
    assert re.search(rf"Did you mean .*'{program.verb}'", said)
    assert f"hint: '{program.name} --help' shows how.\n" in said


def test_help_shows_the_help_of_the_program_and_of_a_verb(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    for words, usage in ((["help"], ["--help"]), (["help", program.verb], [program.verb, "--help"])):
        assert program.run(words) == 0
        shown = capsys.readouterr().out
        assert shown.startswith(f"Usage: {program.name} ")
        assert program.run(usage) == 0
        assert capsys.readouterr().out == shown


def test_help_for_a_verb_that_does_not_exist_is_a_usage_error(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["help", "nope"]) == 2
    assert capsys.readouterr().err.startswith("error: No such command 'nope'.")


def test_a_folder_of_c_that_does_not_exist_is_a_usage_error(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["-C", str(tmp_path / "nope"), program.verb]) == 2
    assert capsys.readouterr().err == f"error: cannot change to '{tmp_path / 'nope'}': no such folder\n"


def test_a_relative_path_is_seen_from_the_folder_of_c(tmp_path: Path) -> None:
    museui, hub = PROGRAMS
    (tmp_path / "here").mkdir()
    done = museui.start("-C", "here", "init", "song", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["repo"] == str(tmp_path / "here" / "song")
    done = hub.start("-C", "here", "init", "--data", "hub", "--owner", "ada", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "hub").is_dir()


def test_a_reader_who_leaves_causes_no_message(program: Program, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        program.command("--help"), cwd=tmp_path, env=environment(tmp_path), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupt_while_the_program_is_imported_is_told_as_asked_for(program: Program, as_json: bool) -> None:
    script = (
        "import os, signal; from museui.core.early import end_on_interrupt; "
        f"end_on_interrupt(['{program.verb}', *{['--json'] if as_json else []}]); os.kill(os.getpid(), signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 130
    if as_json:
        assert json.loads(done.stdout) == {"ok": False, "error": Interrupted("interrupted").to_json()}
        assert done.stderr == ""
    else:
        assert (done.stdout, done.stderr) == ("", "error: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [([], False), (["log", "--json"], True), (["log", "--", "--json"], False), (["--json", "--"], True)],
)
def test_json_is_wanted_before_two_dashes_alone(arguments: list[str], wanted: bool) -> None:
    assert early.wants_json(arguments) is wanted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_process_that_is_interrupted_ends_with_130(
    program: Program, tmp_path: Path, number: signal.Signals, as_json: bool
) -> None:
    """The program waits in a verb that a test has replaced."""
    waiting = tmp_path / "waiting"
    place = (
        "from museui.cli.verbs import status as module; module.command = command"
        if program.module == "museui"
        else f"from hubstub.cli.main import hub; hub.add_command(command, {program.verb!r})"
    )
    script = f"""
import time, click, sys
from pathlib import Path
from museui.edge.program import run_program
@click.command()
@click.option("--json", "as_json", is_flag=True)
def command(as_json):
    Path({str(waiting)!r}).touch()
    time.sleep(60)
{place}
from {"museui" if program.module == "museui" else "hubstub"}.cli.main import run
run_program(run)
"""
    options = ["--json"] if as_json else []
    process = subprocess.Popen(
        [sys.executable, "-c", script, program.verb, *options],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not waiting.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130
    if as_json:
        assert json.loads(out)["error"]["code"] == "interrupted"
        assert err.strip() == ""
    else:
        assert (out, err.strip()) == ("", "error: interrupted")
