"""``museui hub …``: becomes the hub's own program, which has verbs, options and help of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click


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
    os.execve(sys.executable, [sys.executable, "-P", "-m", "hubstub", *arguments], _environment())


def _environment() -> dict[str, str]:
    """Ours, and where to find the hub's program when it is not among the installed ones."""
    environment = dict(os.environ)
    home = Path(__file__).resolve().parents[2]
    if home.name not in ("site-packages", "dist-packages"):
        rest = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{home}{os.pathsep}{rest}" if rest else str(home)
    return environment
