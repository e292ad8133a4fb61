"""Where a verb that talks to a hub talks to: the repository, its remote, the address and the token."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from museui.hub.trust import HubTrust
from museui.hub.url import RepositoryUrl, parse_repository_url
from museui.repo.remotes import choose_remote
from museui.repo.repository import Repository
from museui.settings.hubs import find_trust
from museui.settings.tokens import note_named_hub, token_for

from ..edge.output import F, warn
from .completers import complete_remote


@dataclass(frozen=True, slots=True)
class HubTarget:
    """A repository and the hub it talks to; ``remote`` is ``None`` when a bare URL was given.

    ``trust``: what the user allows that hub.
    """

    repository: Repository
    remote: str | None
    url: RepositoryUrl
    token: str | None
    trust: HubTrust = field(default_factory=HubTrust)


def remote_option(what: str) -> Callable[[F], F]:
    """``--remote NAME|URL``, what :func:`open_target` takes. ``what`` begins its line in ``--help``."""
    return click.option(
        "--remote",
        shell_complete=complete_remote,
        metavar="NAME|URL",
        help=f"{what} (default: the only remote, or 'origin').",
    )


def open_target(path: Path, remote: str | None) -> HubTarget:
    """The repository at ``path`` and its ``remote`` (a name or a URL; ``None``: the only one, or ``origin``).

    Raises :class:`Usage` when there is no such repository or remote, or when it is not clear which is meant.
    """
    repository = Repository.open(path)
    if remote and "://" in remote:
        return _target(repository, None, remote)
    found = choose_remote(repository.remotes(), remote)
    return _target(repository, found.name, found.url)


def _target(repository: Repository, remote: str | None, text: str) -> HubTarget:
    url = parse_repository_url(text)
    named = remote is None
    if named:
        note_named_hub(url.base)
    token = token_for(url.base, os.environ, warn, named=named)
    return HubTarget(repository, remote, url, token, find_trust(url.base, os.environ))
