"""The program ``museui``: finds the verb, runs it, turns what went wrong into words and an exit code.

A verb's module is imported when that verb runs and not before: imports are latency.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..core import failpoints
from ..core.early import raise_on_interrupt
from ..core.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, Internal, Interrupted, MuseError, Usage
from ..core.system import error_from_system
from ..edge.output import print_error, talk
from ..edge.signals import ignore_signals
from .context import Context

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERBS: Mapping[str, str] = {
    "bench": "Measure a hub: the reference work as one bundle and one object at a time.",
    "branch": "Make a branch at what is checked out.",
    "clone": "Make a local copy of a repository on a hub.",
    "completion": "What a shell needs to complete commands.",
    "config": "Your settings: where they are, what holds, what is wrong.",
    "daemon": "What watches repositories and pushes by itself.",
    "demo": "Everything at once in a temporary folder; leaves nothing behind.",
    "doctor": "What keeps commits from being safe, each with its fix.",
    "fetch": "Bring a remote's commits here; the work tree stays as it is.",
    "history": "What was pushed, and how long it took.",
    "hub": "Run and administer a hub.",
    "init": "Make a new, empty repository.",
    "keys": "Signing keys.",
    "log": "Show the history.",
    "login": "Sign in to a hub with a token.",
    "pull": "Fetch, then move the branch and the work tree forward.",
    "push": "Send commits to the hub, and see that they arrived.",
    "queue": "What waits to be pushed, and why.",
    "remote": "The hubs a repository is pushed to.",
    "repair": "Heal what is damaged, from the work tree or from the hub.",
    "snapshot": "Commit the work tree.",
    "status": "What is safe on the hub, and what is not.",
    "untrack": "Drop files from the record; they stay where they are.",
    "verify": "Check every id, signature and object.",
    "watch": "What the daemon looks after.",
}
"""Every verb with its line in ``--help``. ``museui/cli/verbs/<verb>.py`` holds it as ``command``."""

_GC_THRESHOLD = 50_000
"""A verb allocates what it imports and keeps it: Python's own 700 would look through it again and again."""

EXIT_CODES = "0 done, 1 failed, 2 usage or configuration, 3 worth a retry, 4 conflict, 5 denied, 130 interrupted."


class VerbGroup(click.Group):
    """A group that imports the module of the one verb that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f".verbs.{cmd_name}", __package__).command
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(verb, help=line) for verb, line in VERBS.items() if verb.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_text(EXIT_CODES)


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"museui {version('museui')}")
        except PackageNotFoundError:
            click.echo("museui (run from its source, not installed)")
        ctx.exit()


@click.group(
    cls=VerbGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-C", "folders", metavar="DIR", multiple=True, type=click.Path(), help="Run as if started in DIR.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show it.")
@click.pass_context
def museui(ctx: click.Context, folders: tuple[str, ...]) -> int | None:
    """Sync Muse repositories to a hub you own, and see that it happened.

    Without a command, on a terminal: the terminal interface.
    """
    if ctx.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.exceptions.NoArgsIsHelpError(ctx)
        from ..tui.start import run

        return run()
    cwd = Path.cwd().joinpath(*folders)
    if not cwd.is_dir():
        raise Usage(f"cannot change to {str(cwd)!r}: no such folder")
    ctx.obj = Context(cwd)
    return None


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever went wrong has been said."""
    before_dashes = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in before_dashes
    try:
        result: Any = museui.main(list(arguments), prog_name="museui", standalone_mode=False)
        sys.stdout.flush()
    except MuseError as error:
        print_error(error, as_json)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as exc:
        talk(exc.format_message())
        return EXIT_USAGE
    except click.ClickException as exc:
        print_error(Usage(exc.format_message(), hint=_usage_hint(exc)), as_json)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        print_error(Interrupted("interrupted"), as_json)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as exc:
        if os.environ.get("MUSEUI_DEBUG"):
            raise
        if isinstance(exc, OSError) and (refusal := error_from_system(exc)):
            print_error(refusal, as_json)
            return refusal.exit_code
        print_error(
            Internal(
                f"this should not have happened: {type(exc).__name__}: {exc}"[:500],
                hint="MUSEUI_DEBUG=1 shows where; please report it.",
            ),
            as_json,
        )
        return EXIT_FAILED
    return result if isinstance(result, int) else EXIT_OK


def _usage_hint(exc: click.ClickException) -> str:
    context = getattr(exc, "ctx", None)
    return f"'{context.command_path} --help' shows how." if context else "'museui --help' shows how."


def _use_utf8() -> None:
    """Start over in UTF-8 mode where the locale says otherwise: paths and messages are UTF-8 in every repository."""
    if sys.getfilesystemencoding().lower() != "utf-8" and not sys.flags.utf8_mode and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _open_closed_streams() -> None:
    """A standard stream that whoever started us has closed is an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _flush(stream: TextIO) -> bool:
    """Whether all that was said has gone out. If not, it is dropped: it must not raise again when Python ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


def _raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that came where nothing can be raised, in a destructor: it must not be lost."""
    if unraisable.exc_type is KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)


def main() -> None:
    """The program; :mod:`.entry` is the console script."""
    _use_utf8()
    _open_closed_streams()
    gc.set_threshold(_GC_THRESHOLD)
    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    raise_on_interrupt()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)  # so that what is half done is cleared away
    sys.unraisablehook = _raise_again
    try:
        code = run(sys.argv[1:])
    except BrokenPipeError:
        code = EXIT_FAILED
    except KeyboardInterrupt:  # a second one, while the first was being told
        code = EXIT_INTERRUPTED
    ignore_signals()
    if not _flush(sys.stdout):
        code = code or EXIT_FAILED
    _flush(sys.stderr)
    if code == EXIT_INTERRUPTED:
        os._exit(code)  # a thread may still wait for an answer; nobody else does
    gc.freeze()  # Python would look for garbage in all that was imported before it goes: a sixth of a small push
    sys.exit(code)


if __name__ == "__main__":
    main()
