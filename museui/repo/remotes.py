"""Choosing one of a repository's remotes, and naming one that is known by its URL."""

from __future__ import annotations

from ..core.errors import Usage
from .config import Remote, Remotes
from .repository import Repository

_FIRST_NAME = "origin"
_FURTHER_NAME = "hub"


def choose_remote(remotes: Remotes, wanted: str | None) -> Remote:
    """The remote called ``wanted``, or without a name the only one, or ``origin``.

    Raises :class:`Usage` when there is none, or when it is not clear which is meant.
    """
    name = wanted
    if name is None:
        name = "origin" if "origin" in remotes or len(remotes) != 1 else next(iter(remotes))
    if name in remotes:
        return remotes[name]
    if fault := remotes.faults.get(name) or (None if remotes else next(iter(remotes.faults.values()), None)):
        raise fault
    if not remotes:
        hint = "Add one: `museui remote add origin https://hub.example.org/ada/song`."
    else:
        hint = f"There are: {', '.join(sorted(remotes))}. Choose one with --remote."
    raise Usage(f"there is no remote {name!r}", hint=hint)


def name_remote(repository: Repository, url: str) -> str:
    """Return the name of the remote at ``url``, which is added to the repository's ``[remotes]`` when it is not there.

    Raises :class:`Usage` for a ``config.toml`` that is damaged, and what writing raises.
    """
    remotes = repository.remotes()
    for remote in remotes.values():
        if remote.url.rstrip("/") == url:
            return remote.name
    names = [_FURTHER_NAME, *(f"{_FURTHER_NAME}{number}" for number in range(2, len(remotes) + 2))]
    name = next(name for name in names if name not in remotes) if remotes else _FIRST_NAME
    repository.set_remote(Remote(name, url))
    return name
