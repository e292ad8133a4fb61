"""The parts of a running hub, handed to whatever serves a request or runs a job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from .config import HubSettings
from .index.database import Database
from .push.desk import PushDesk

if TYPE_CHECKING:
    from .store.base import ObjectStore


@dataclass(frozen=True, slots=True)
class HubState:
    """One hub: settings, index, object store and the clock.

    ``now`` gives Unix seconds.
    """

    settings: HubSettings
    database: Database
    store: ObjectStore
    now: Callable[[], float] = time.time
    jobs_waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever puts a job in the table, so that the runner looks at once."""
    desk: PushDesk = field(default_factory=PushDesk)
    """What the pushes of this process share."""


def hub_of(request: HTTPConnection) -> HubState:
    """The hub that serves ``request``."""
    state: HubState = request.app.state.hub
    return state


def base_url(request: HTTPConnection) -> str:
    """What this hub is called, ``scheme://host[:port]``: its public URL, or the name the client used."""
    public = hub_of(request).settings.public_url
    return public or f"{request.url.scheme}://{request.url.netloc}"
