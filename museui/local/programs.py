"""The other programs, which the client starts and never imports: the hub and the daemon."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..core.errors import Usage


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


HUB_PACKAGES = ("alembic", "granian", "jinja2", "prometheus_client", "sqlalchemy", "starlette")
"""Packages that only the hub needs: the extra ``museui[hub]``."""


def require_hub() -> None:
    """Raise :class:`Usage` unless the packages that the hub needs are installed. No package is imported."""
    from importlib.util import find_spec

    missing = next((name for name in HUB_PACKAGES if find_spec(name) is None), None)
    if missing:
        raise Usage(f"a hub needs the package {missing}", hint="Install it with: pip install 'museui[hub]'")
