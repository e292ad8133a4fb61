"""The program ``museui``: its options and its verbs.

A verb's module is imported only when that verb runs: imports are latency.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ..edge.program import run_program
from ..edge.run import find_folder, folder_option, run_command_line
from ..edge.verbs import Group
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
    "help": "Show the help of a verb.",
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
"""Verb → its line in ``--help``. The module ``museui.cli.verbs.<verb>`` has it as ``command``."""

_GC_THRESHOLD = 50_000
"""Allocations between two garbage collections. Nearly all of them are imports, which stay: Python's 700 is too few."""

EXIT_CODES = "0 done, 1 failed, 2 usage or configuration, 3 worth a retry, 4 conflict, 5 denied, 130 interrupted."


class VerbGroup(Group):
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
@folder_option
@click.option(
    "--version",
    "-V",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
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
    ctx.obj = Context(find_folder(folders))
    return None


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors have been printed."""
    return run_command_line(museui, "museui", arguments)


def main() -> None:
    """Run the command line of this process and end the process."""
    gc.set_threshold(_GC_THRESHOLD)
    run_program(run, at_end=gc.freeze)  # without it, Python's end looks for garbage: a sixth of a small push
