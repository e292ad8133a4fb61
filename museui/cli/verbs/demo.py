"""``museui demo``: everything at once in a temporary folder: the terminal interface on it, or a summary."""

from __future__ import annotations

import os
import sys

import click

from ...edge.output import json_option, quiet_option
from ...local.programs import require_hub

_PACE_S = 4.0


@click.command()
@json_option
@quiet_option
@click.option("--summary", is_flag=True, help="Do it once and say what came of it; that is so without a terminal.")
@click.option(
    "--pace",
    "pace_s",
    metavar="SECONDS",
    type=click.FloatRange(0.05, 3600),
    default=_PACE_S,
    show_default=True,
    help="How long from one thing that happens to the next.",
)
def command(as_json: bool, quiet: bool, summary: bool, pace_s: float) -> int:
    """See it work: everything at once on this machine, offline; nothing is left behind.

    On a terminal: the terminal interface, with pushes, a conflict and a hub that is gone for a while.
    """
    require_hub()
    if as_json or quiet or summary or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from ...demo.summary import demonstrate
        from ..progress import render_result

        demonstrate(render_result, as_json=as_json, quiet=quiet)
        return 0
    from ...demo.theatre import open_demo

    return open_demo(pace_s, os.environ)
