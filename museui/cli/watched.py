"""Finding the watched repository that a folder belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.errors import NotFound
from ..local.client import LocalClient


def find_watched(client: LocalClient, folder: Path) -> dict[str, Any]:
    """The watched repository that ``folder`` is or lies in, which may be gone. Raises :class:`NotFound`."""
    here = folder.resolve()
    views = {view["path"]: view for view in client.get("repositories")["repositories"]}
    for path in (here, *here.parents):
        if str(path) in views:
            found: dict[str, Any] = views[str(path)]
            return found
    raise NotFound(f"{folder} is not watched", hint="`museui watch list` shows what is; `museui watch add` adds it.")
