"""``museui hub …``: becomes the hub's own program, which has verbs, options and help of its own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from ...local.programs import program_command, program_environment, require_hub
from ..context import Context

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COMPLETE_S = 10.0


class HubCommand(click.Command):
    """The verb, which asks the hub's program what could stand next when a shell completes."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        return _complete(ctx, self.params[0], incomplete)


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    import shlex
    import subprocess

    from click.shell_completion import CompletionItem

    words = ["hub", *(ctx.params.get("arguments") or ())]
    asked = {"COMP_WORDS": shlex.join([*words, incomplete]), "COMP_CWORD": str(len(words))}
    environment = {**program_environment(), **asked, "_MUSEUI HUB_COMPLETE": "bash_complete"}
    try:
        done = subprocess.run(
            program_command("hubstub"), env=environment, capture_output=True, text=True, timeout=_COMPLETE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    pairs = [line.partition(",") for line in done.stdout.splitlines()]
    return [CompletionItem(value, type=kind) for kind, _, value in pairs]


@click.command(
    "hub",
    cls=HubCommand,
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=_complete)
@click.pass_obj
def command(context: Context, arguments: tuple[str, ...]) -> NoReturn:
    """Run and administer a hub."""
    require_hub()
    os.chdir(context.cwd)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, program_command("hubstub", *arguments), program_environment())
