"""The frame around every verb: what is imported, what goes where, and the exit codes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module, metadata
from pathlib import Path

import click
import pytest

from museui.cli import main as program
from museui.core.errors import Busy, Conflict, Denied, Integrity, MuseError, Unreachable
from tests.helpers.program import Museui


def test_help_lists_every_verb_and_the_exit_codes_and_imports_none(museui: Museui) -> None:
    answer = museui("--help")
    assert answer.code == 0 and answer.err == ""
    text = " ".join(answer.out.split())
    for verb, line in program.VERBS.items():
        assert f"{verb} {line}" in text
    assert program.EXIT_CODES in text
    assert museui("-h").out == answer.out


@pytest.mark.parametrize("verb", sorted(program.VERBS))
def test_every_verb_is_a_command_with_help_in_one_module_of_its_name(verb: str) -> None:
    command = import_module(f"museui.cli.verbs.{verb}").command
    assert isinstance(command, click.Command)
    assert command.help


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], ["museui.repo", "museui.hub", "museui.sync", "httpx", "rich", "cryptography", "asyncio"]),
        (["init", "x"], ["httpx", "rich", "cryptography", "asyncio", "tomlkit", "museui.hub", "museui.sync"]),
        (["log"], ["httpx", "rich", "cryptography", "asyncio", "tomlkit", "museui.hub", "museui.sync"]),
        (["status"], ["httpx", "rich", "cryptography", "asyncio", "tomlkit", "museui.hub", "museui.sync"]),
        (["snapshot", "-m", "x"], ["httpx", "rich", "cryptography", "asyncio", "tomlkit", "pathspec", "museui.sync"]),
    ],
)
def test_a_verb_imports_only_what_it_needs(song: Path, home: Path, arguments: list[str], absent: list[str]) -> None:
    script = f"import sys; from museui.cli.main import run; run({arguments!r}); sys.stderr.write('|'.join(sys.modules))"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=song, env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.splitlines()[-1].split("|"))
    assert "museui.cli.main" in loaded
    assert sorted(loaded & set(absent)) == []


def test_the_version_is_that_of_the_distribution(museui: Museui) -> None:
    try:
        expected = f"museui {metadata.version('museui')}\n"
    except metadata.PackageNotFoundError:
        expected = "museui (run from its source, not installed)\n"
    answer = museui("--version")
    assert (answer.code, answer.out, answer.err) == (0, expected, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["--frobnicate"],
        ["log", "--frobnicate"],
        ["log", "-n", "many"],
        ["snapshot"],
        ["remote", "frobnicate"],
        ["remote", "add", "origin"],
        ["-C", "/nowhere/at/all", "log"],
    ],
)
def test_a_wrong_command_line_is_2_with_words_on_stderr(museui: Museui, arguments: list[str]) -> None:
    answer = museui(*arguments)
    assert answer.code == 2 and answer.out == ""
    assert answer.err.startswith("error: ")
    as_json = museui(*arguments, "--json")
    assert as_json.code == 2 and as_json.err == ""
    assert as_json.document["ok"] is False and as_json.document["error"]["code"] == "usage"


@pytest.mark.parametrize("arguments", [[], ["remote"], ["keys"]])
def test_no_verb_at_all_shows_the_help_on_stderr(museui: Museui, arguments: list[str]) -> None:
    answer = museui(*arguments)
    assert answer.code == 2 and answer.out == ""
    assert "Usage: museui" in answer.err and "error" not in answer.err


def test_json_after_the_dashes_is_not_the_option(museui: Museui) -> None:
    answer = museui("log", "--", "--json")
    assert answer.code == 2 and answer.out == "" and "error: " in answer.err


def test_another_folder_can_be_given_once_or_in_steps(museui: Museui, song: Path, tmp_path: Path) -> None:
    (song / "deep").mkdir()
    expected = museui("log", cwd=song).out
    assert expected
    assert museui("-C", song, "log").out == expected
    assert museui("-C", "song", "log", cwd=tmp_path).out == expected
    assert museui("-C", "song", "-C", "deep", "log", cwd=tmp_path).out == expected


class Failing:
    """Makes one verb fail in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        from museui.cli.verbs import status

        monkeypatch.setattr(
            status,
            "command",
            click.Command("status", callback=fail, params=[click.Option(["--json", "as_json"], is_flag=True)]),
        )


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
def test_each_error_has_its_exit_code_and_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: MuseError, code: int
) -> None:
    Failing(monkeypatch, error)
    assert program.run(["status"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else "")
    assert program.run(["status", "--json"]) == code
    said = capsys.readouterr()
    assert said.err == "" and f'"code": "{error.code}"' in said.out


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError(), click.Abort()])
def test_an_interrupt_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    Failing(monkeypatch, error)
    assert program.run(["status"]) == 130
    assert capsys.readouterr().err.strip() == "error: interrupted"
    assert program.run(["status", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "interrupted"


def test_the_unexpected_is_one_line_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Failing(monkeypatch, ZeroDivisionError("division by zero"))
    assert program.run(["status"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: this should not have happened: ZeroDivisionError: division by zero\nhint: ")
    assert program.run(["status", "--json"]) == 1
    assert '"code": "internal"' in capsys.readouterr().out
    monkeypatch.setenv("MUSEUI_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        program.run(["status"])


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (errno.EACCES, 2, "ls -ld"),
        (errno.ENAMETOOLONG, 2, "shorter"),
        (errno.ENOSPC, 3, "Make room"),
        (errno.EMFILE, 3, "ulimit"),
        (errno.ELOOP, 2, "Look at"),
    ],
)
def test_what_the_system_refuses_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, code: int, word: str
) -> None:
    Failing(monkeypatch, OSError(number, os.strerror(number), "/some/file" * 1000))
    assert program.run(["status"]) == code
    said = capsys.readouterr().err
    assert said.startswith("error: cannot use '/some/file") and word in said and len(said) < 600
    assert program.run(["status", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_name_no_file_can_have_is_refused(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("verify", "push", "doctor", "init"):
        assert program.run(["-C", str(song), verb, "x" * 5000]) == 2
        assert "too long" in capsys.readouterr().err


@pytest.mark.parametrize("redirection", [">&-", "<&-", "2>&-", ">&- <&- 2>&-"])
def test_a_closed_stream_is_an_empty_one(song: Path, home: Path, redirection: str) -> None:
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    shell = ["sh", "-c", f'"$0" -m museui config path {redirection}', sys.executable]
    done = subprocess.run(shell, cwd=song, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_under_stdout_is_said(song: Path, home: Path) -> None:
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "museui", "log"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=song, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert done.stderr.decode().splitlines()[0] == "error: the system refuses: No space left on device"


def test_a_document_that_stdout_does_not_take_is_words_on_stderr(song: Path, home: Path) -> None:
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "museui", "log", "nope", "--json"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=song, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: there is no branch 'nope'")


def test_a_full_disk_under_stderr_changes_nothing(song: Path, home: Path) -> None:
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "museui", "verify"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=song, env=environment, stdout=subprocess.PIPE, stderr=full, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_message_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Failing(monkeypatch, Integrity("a\x1b[31mb\x07c\x9bd\u202ee", hint="e\x1b]0;title\x07"))
    program.run(["status"])
    assert capsys.readouterr().err == "error: a\\x1b[31mb\\x07c\\x9bd\\x202ee\nhint: e\\x1b]0;title\\x07\n"


def test_a_reader_who_leaves_makes_no_noise(song: Path, home: Path) -> None:
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "museui", "log"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, cwd=song, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_process_ends_with_130_and_no_traceback(song: Path, home: Path, number: signal.Signals) -> None:
    """The snapshot waits for a lock somebody else holds; the interrupt comes while it waits."""
    import fcntl

    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    folder = os.open(song / ".muse", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        command = [sys.executable, "-m", "museui", "snapshot", "-m", "x"]
        process = subprocess.Popen(command, cwd=song, env=environment, stderr=subprocess.PIPE)
        links = Path(f"/proc/{process.pid}/fd")
        while not any(os.path.realpath(link).endswith("/.muse") for link in links.iterdir()):
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate()
    finally:
        os.close(folder)
    assert process.returncode == 130
    assert said.decode().strip() == "error: interrupted"


def test_a_failpoint_is_armed_from_the_environment(museui: Museui, song: Path) -> None:
    (song / "verse.txt").write_text("other")
    before = (song / ".muse/refs/heads/main").read_text()
    answer = museui("-C", song, "snapshot", "-m", "x", MUSEUI_FAILPOINT="snapshot.commit_written")
    assert answer.code == -signal.SIGKILL
    assert (song / ".muse/refs/heads/main").read_text() == before


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1"])
def test_names_and_messages_are_utf_8_in_any_locale(museui: Museui, song: Path, locale: str) -> None:
    odd = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    (song / "träne.txt").write_text("x")
    taken = museui("-C", song, "snapshot", "-m", "träne", "--json", **odd)
    assert taken.code == 0 and taken.document["added"] == ["träne.txt"]
    assert "träne" in museui("-C", song, "log", **odd).out
    os.close(os.open(os.fsencode(song) + b"/bad\xff", os.O_CREAT | os.O_WRONLY))
    refused = museui("-C", song, "snapshot", "-m", "x", **odd)
    assert refused.code == 1 and "bad\\xff" in refused.err
