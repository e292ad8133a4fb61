"""The parts of a running hub, handed to whatever serves a request or runs a job."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from museui.core.errors import Invalid

from .limits.budget import Budget
from .limits.rates import RateLimiter
from .push.desk import PushParts

_MESSAGES_BYTES = 24 << 20

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?").fullmatch


@dataclass(frozen=True, slots=True)
class HubState(PushParts):
    """One hub, whole. Only what serves a request or runs a job knows it; everything below gets the parts it needs."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the hub takes no new work."""
    messages: Budget = field(default_factory=lambda: Budget(_MESSAGES_BYTES))
    """Maximum of bytes of long messages in memory, of all requests together; decoded, they take some times that."""
    rates: RateLimiter = field(init=False)
    """How often whom may ask, in this process."""
    worker: str = field(default_factory=lambda: secrets.token_hex(16))
    """Who takes jobs here; the same after a restart on the same folder."""
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    """This process; clients look again at a hub that was started anew, since it may be an older copy of itself."""

    def __post_init__(self) -> None:
        limiter = RateLimiter(self.settings.requests_per_minute, self.settings.request_burst)
        object.__setattr__(self, "rates", limiter)


def hub_of(request: HTTPConnection) -> HubState:
    """The hub that serves ``request``."""
    state: HubState = request.app.state.hub
    return state


def base_url(request: HTTPConnection) -> str:
    """What this hub is called, ``scheme://host[:port]``: its public URL, or the name the client used.

    Raises :class:`Invalid` when the client used no name a URL can hold.
    """
    public = hub_of(request).settings.public_url
    if public:
        return public
    host = request.headers.get("host", "")
    url = f"{request.scope['scheme']}://{host}"
    try:
        known = _HOST(host) and urlsplit(url).port != 0
    except ValueError:  # as of `[:::]`, or of port 99999
        known = False
    if not known:
        raise Invalid("the Host header is not a host", details={"field": "Host"})
    return url
