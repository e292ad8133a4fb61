"""One push of the queue, through the same use-case as `museui push`: never by force, and failures go back at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from museui.core.ids import CommitId
from museui.core.phases import PhaseEvent
from museui.hub.client import HubClient
from museui.hub.retry import RetryPolicy
from museui.hub.url import RepositoryUrl, parse_repository_url
from museui.repo.repository import Repository
from museui.settings.tokens import token_for
from museui.sync.kept_bundles import kept_bundles_folder
from museui.sync.push import Push
from museui.sync.push_request import Environment, PushRequest
from museui.sync.throttle import SpeedLimit

from ..queue.entry import Target
from ..repositories.look import find_remote

_ONCE = RetryPolicy(tries=1)
"""A push that fails goes back into the queue, which waits, tells why, and lets others go first."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A push that can begin: the hub's address and how to reach it."""

    repository: Repository
    url: RepositoryUrl
    token: str | None
    remote: str | None


def prepare_push(target: Target, token: str | None = None) -> Prepared:
    """Find out where to push; blocks while it reads. ``token`` goes before the one of the identity file.

    Raises :class:`Usage`, :class:`Integrity`, :class:`Denied`.
    """
    repository = Repository.open_at(Path(target.repository))
    remote = find_remote(repository, target.remote)
    url = parse_repository_url(remote.url)
    name = None if remote.name == remote.url else remote.name
    return Prepared(repository, url, token or token_for(url.base, os.environ), name)


def make_push(
    prepared: Prepared,
    client: HubClient,
    branch: str,
    head: CommitId,
    listener: Callable[[PhaseEvent], None],
    limit: SpeedLimit,
    *,
    by_itself: bool,
) -> Push:
    """The push. ``listener`` may be called from another thread; ``limit`` is kept by all pushes together.

    ``by_itself``: no person asked for it, so it brings nothing back that a person took away on the hub.
    """
    request = PushRequest(branch=branch, head=head, remote=prepared.remote, by_itself=by_itself)
    return Push(prepared.repository, client, request, Environment(kept_bundles_folder(), _ONCE, limit=limit), listener)
