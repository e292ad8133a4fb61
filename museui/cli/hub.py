"""``museui hub …``: becomes the hub's own program, which has verbs, options and help of its own."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from ..local.programs import program_command, program_environment


@click.command(
    "hub",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> NoReturn:
    """Run and administer a hub."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, program_command("hubstub", *arguments), program_environment())
