"""What could stand next on a command line, for shells that complete: remotes and branches of the repository there."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import MuseError


def complete_remote(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of remotes."""
    from museui.repo.repository import Repository

    try:
        return [name for name in Repository.open(_folder(ctx)).remotes() if name.startswith(incomplete)]
    except (MuseError, OSError):
        return []


def complete_branch(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of branches."""
    from museui.repo.repository import Repository

    try:
        return [name for name in Repository.open(_folder(ctx)).branches() if name.startswith(incomplete)]
    except (MuseError, OSError):
        return []


def _folder(ctx: click.Context) -> Path:
    """Where the command would run: ``-C``, and the verb's own ``REPO``."""
    root = Path.cwd().joinpath(*(ctx.find_root().params.get("folders") or ()))
    return root / (ctx.params.get("repo") or "")
