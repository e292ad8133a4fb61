"""The other programs, which the client starts and never imports: the hub and the daemon."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def program_command(package: str, *arguments: str) -> list[str]:
    """The command line that runs ``package``; its environment is :func:`program_environment`."""
    return [sys.executable, "-P", "-m", package, *arguments]


def program_environment() -> dict[str, str]:
    """Ours, and where to find the programs when they are not among the installed ones."""
    environment = dict(os.environ)
    home = Path(__file__).resolve().parents[2]
    if home.name not in ("site-packages", "dist-packages"):
        rest = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{home}{os.pathsep}{rest}" if rest else str(home)
    return environment
