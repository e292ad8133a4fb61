"""Which of a repository's remotes is meant."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import Usage
from .config import Remote


def choose_remote(remotes: Mapping[str, Remote], wanted: str | None) -> Remote:
    """The remote called ``wanted``, or without a name the only one, or ``origin``.

    Raises :class:`Usage` when there is none, or when it is not clear which is meant.
    """
    name = wanted
    if name is None:
        name = "origin" if "origin" in remotes or len(remotes) != 1 else next(iter(remotes))
    if name in remotes:
        return remotes[name]
    if not remotes:
        hint = "Add one: `museui remote add origin https://hub.example.org/ada/song`."
    else:
        hint = f"There are: {', '.join(sorted(remotes))}. Choose one with --remote."
    raise Usage(f"there is no remote {name!r}", hint=hint)
